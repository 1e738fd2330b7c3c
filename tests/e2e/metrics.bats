#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is counted, as whoever watches the host reads it.

load helpers

PORT=9464

setup_file() {
	place_new && settings && mkdir "$PLACE_CGROUP/taker" && place_daemon
}

settings() { # [METRICS]: the port only where it is asked for
	{
		echo "metrics: ${1:-{\}}"
		echo "types: {TICKET: {expression: 'TICK-[0-9]{6}'}}"
	} >"$PLACE/awsmask.yaml"
}

page() { # as an administrator; the samples alone
	place_in admin curl -sS --max-time 10 --unix-socket /run/awsmask/metrics.sock http://localhost/metrics | grep -v '^#'
}

# sample NAME [LABELS]: its number now
sample() {
	page | awk -v of="awsmask_$1${2:+{$2\}}" '$1 == of { print $2 }'
}

grew() { # BY NAME [LABELS]: since `before`
	local by=$1 old new
	shift
	old=$(awk -v of="awsmask_$1${2:+{$2\}}" '$1 == of { print $2 }' "$T/before")
	new=$(sample "$@")
	expect "awsmask_$*" "$by" "$((new - ${old:-0}))"
}

before() {
	page >"$T/before"
}

send() { # TEXT curl-arguments...
	body "$1" >"$T/body"
	shift
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" "$@"
}

open_on_port() {
	place_client curl -sS --max-time 10 "http://127.0.0.1:$PORT/metrics"
}

@test "what a request was is counted when it is over" {
	before
	send "On $INSTANCE is TICK-204817 and TICK-204817."
	place_wait 10 grew 1 requests_total
	grew 1 masked_values_total 'type="EC2_INSTANCE"'
	grew 2 masked_values_total 'type="TICKET"'
	grew 1 origin_answers_total 'code="2xx"'
	grew 1 request_added_seconds_count
	grew 0 stream_first_event_seconds_count
	grew "$(stat -c %s "$T/body")" request_bytes_total
	grew "$(stat -c %s "$T/here.answer")" answer_bytes_total
	expect "enrolled" 1 "$(sample enrolled_cgroups)"
	[ "$(sample kernel_connects_total 'reason="redirected"')" -gt 0 ]
	[ "$(sample vault_values)" -gt 0 ] && [ "$(sample vault_free_bytes)" -gt 0 ]
	[ "$(sample ca_not_after_timestamp_seconds)" -gt "$(date +%s)" ]
	[ "$(sample leaf_not_after_timestamp_seconds)" -gt "$(date +%s)" ]
	[ "$(sample start_time_seconds)" -le "$(date +%s)" ]
	grep -qx "awsmask_build_info{version=\"$("$BUILD/awsmaskctl" version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1)\"} 1" <(page)
}

@test "streams, refusals, answers that say no, and clients that trust nobody are told apart" {
	before
	place_client curl -sSN --max-time 30 -o "$T/stream" "$MESSAGES" "${JSON_TYPE[@]}" -H 'x-scenario: pings n=2 pause=0.1' \
		--data-binary "$(body --stream "slowly: $SENTENCE")"
	place_wait 10 grew 1 stream_first_event_seconds_count
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary '{"messages": [' # no JSON
	place_wait 10 grew 1 refusals_total 'reason="not-json"'
	send hello -H 'x-scenario: error status=403'
	expect "the status" 403 "$(cat "$T/here.status")"
	place_wait 10 grew 1 origin_answers_total 'code="403"'
	grew 0 origin_answers_total 'code="4xx"'
	fails place_client curl -sS --max-time 10 --cacert "$PLACE/origin-ca.pem" --capath /nowhere -o /dev/null "$MESSAGES"
	place_wait 10 grew 1 handshake_failures_total
	place_client curl -sS --max-time 10 -o "$T/spliced" "https://$OTHER/text"
	place_wait 10 grew 1 flows_spliced_total
	[ "$(sample spliced_bytes_total)" -gt "$(stat -c %s "$T/spliced")" ]
}

@test "no value stands in it (I8), and a machine reads it" {
	send "$SENTENCE"
	page >"$T/page"
	for value in "${VALUES[@]}"; do
		fails grep -qF -e "$value" "$T/page"
	done
	place_ctl metrics >"$T/printed"
	expect "the names" "$(sed 's/[{ ].*//' "$T/page" | sort -u)" "$(grep -v '^#' "$T/printed" | sed 's/[{ ].*//' | sort -u)"
	python3 -B "$LIB_DIR/metrics.py" "$T/printed" "$REPO"
}

@test "the socket is for root and the group alone" {
	expect "the socket" "660 root awsmask" "$(place_in admin stat -c '%a %U %G' /run/awsmask/metrics.sock)"
	fails place_as 1717 curl -sS --max-time 10 --unix-socket /run/awsmask/metrics.sock http://localhost/metrics
}

@test "a reload opens the port, moves the socket and closes both; an enrolled process may read" {
	fails open_on_port
	before
	settings "{listen: \"127.0.0.1:$PORT\"}"
	place_ctl reload
	open_on_port | grep -qx 'awsmask_enrolled_cgroups 1'
	settings "{socket: /run/awsmask/other.sock, listen: \"127.0.0.1:$PORT\"}"
	place_ctl reload
	fails place_in admin test -e /run/awsmask/metrics.sock
	place_in admin curl -sS --max-time 10 --unix-socket /run/awsmask/other.sock http://localhost/metrics |
		grep -qx 'awsmask_enrolled_cgroups 1'
	open_on_port >/dev/null
	settings '{socket: ""}'
	place_ctl reload
	fails place_in admin test -e /run/awsmask/other.sock
	fails open_on_port
	place_ctl metrics | grep -qx 'awsmask_enrolled_cgroups 1'
	settings '{listen: "0.0.0.0:9464"}'
	run -1 place_ctl reload
	expect_match "what is said" "metrics.listen is '0.0.0.0:9464'.*loopback address" "$output"
	settings
	place_ctl reload
	grew 0 worker_restarts_total
}

@test "a port that is taken leaves everything as it was" {
	in_background "$T/taker.log" taker nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		python3 -B -m http.server --bind 127.0.0.1 $PORT
	place_wait 10 open_on_port
	before
	settings "{socket: /run/awsmask/other.sock, listen: \"127.0.0.1:$PORT\"}"
	run -1 place_ctl reload
	expect_match "what is said" "metrics.listen is 127.0.0.1:$PORT, which cannot be listened on" "$output"
	fails place_in admin test -e /run/awsmask/other.sock
	settings
	place_kill taker
	send "$SENTENCE"
	place_wait 10 grew 1 requests_total
}

@test "what was counted stays when workers come and go, and a stream that drains is not lost" {
	before
	stream_held place_client
	place_ctl reload # it goes on in the worker before
	expect "draining" 1 "$(sample workers_draining)"
	send "$SENTENCE"
	stream_let_go
	place_wait 10 grew 2 requests_total
	kill -9 "$(worker_of)"
	place_wait 10 works
	place_wait 10 grew 3 requests_total
	grew 1 worker_restarts_total
}

@test "an awsmaskd that takes over goes on counting, and so does the one before for what it finishes" {
	before
	stream_held place_client
	place_daemon_start --replace
	stream_let_go
	place_wait 10 grew 1 requests_total
	works
	place_wait 10 grew 2 requests_total
	expect "the socket" "660 root awsmask" "$(place_in admin stat -c '%a %U %G' /run/awsmask/metrics.sock)"
	place_daemon_stop
	fails place_in admin test -e /run/awsmask/metrics.sock
}

@test "who took the port keeps nobody from being masked, and once it is free a reload opens it" {
	in_background "$T/taker.log" taker nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		python3 -B -m http.server --bind 127.0.0.1 $PORT
	place_wait 10 open_on_port
	settings "{listen: \"127.0.0.1:$PORT\"}"
	place_daemon_start
	grep -q "event=metrics why=.*127.0.0.1:$PORT" "$PLACE/daemon.log"
	works
	place_kill taker
	place_ctl reload
	open_on_port | grep -qx 'awsmask_enrolled_cgroups 1'
}
