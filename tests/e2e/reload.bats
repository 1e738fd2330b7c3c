#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Another configuration, and nobody at work notices.

load helpers

setup() {
	SETTINGS=$PLACE/awsmask.yaml
}

settings() { # LINE...
	printf '%s\n' "$@" >"$SETTINGS"
}

one_worker() {
	[ "$(workers_of | wc -l)" = 1 ]
}

@test "a reload brings the new settings; the worker before it ends once its connections have" {
	settings 'other_hosts: splice'
	old=$(worker_of)
	stream_held place_client
	settings 'other_hosts: deny'
	place_ctl reload >"$T/said"
	grep -q '^reloaded' "$T/said"
	[ "$(workers_of | wc -l)" = 2 ] # the stream goes on
	fails place_client curl -sS --max-time 10 -o /dev/null "https://$OTHER/text"
	works
	stream_let_go
	place_wait 10 one_worker
	[ "$(worker_of)" != "$old" ]
	grep -q "event=worker-drained signal=0 status=0 pid=$old" "$PLACE/daemon.log"
}

@test "SIGHUP reloads too" {
	settings 'other_hosts: splice'
	old=$(worker_of)
	kill -HUP "$(monitor_of)"
	through flows_spliced place_wait 10 place_client curl -sS --max-time 10 -o /dev/null "https://$OTHER/text"
	place_wait 10 one_worker
	[ "$(worker_of)" != "$old" ]
}

@test "a configuration with an error is refused, and what was before stays" {
	worker=$(worker_of)
	settings 'other_hosts: maybe'
	run -1 place_ctl reload
	expect_match "what is said" "awsmask.yaml:1: other_hosts is 'maybe'" "$output"
	settings 'listen: {transparent: 15444}'
	run -1 place_ctl reload
	expect_match "what is said" "listen.transparent has changed, which takes a restart" "$output"
	settings 'targets: [api.anthropic.com, models.example.org]'
	run -1 place_ctl reload
	expect_match "what is said" "models.example.org is outside .*ca rotate" "$output"
	works
	expect "the worker" "$worker" "$(worker_of)"
	settings ''
}

@test "a worker that cannot start with the new settings leaves the old one at work" {
	worker=$(worker_of)
	settings "origin: {ca_file: $PLACE/origin-ca.pem}"
	mv "$PLACE/origin-ca.pem" "$PLACE/origin-ca.away"
	run -1 place_ctl reload
	mv "$PLACE/origin-ca.away" "$PLACE/origin-ca.pem"
	expect_match "what is said" "ended before it was ready" "$output"
	expect "the worker" "$worker" "$(worker_of)"
	works
	place_ctl reload # and the next one is not in its way
	works
	settings ''
	place_ctl reload
	place_wait 10 one_worker
}

@test "I4 I7: reloads amid a hundred streams: all of them are answered, each with its own value" {
	streams 77 100 10 &
	streams=$!
	for _ in 1 2 3 4 5 6; do
		place_wait 10 place_ctl reload
	done
	wait $streams
	seen=() values=()
	for n in {1..100}; do
		values+=("$(value_of 77 "$n")")
		seen+=("stream $n sees ${values[-1]}")
	done
	joined "$T"/answer.{1..100} | grep -oE 'stream [0-9]+ sees [^"]*' | diff <(printf '%s\n' "${seen[@]}") -
	no_leak "${values[@]}"
	place_wait 15 one_worker
}

@test "no sanitizer complained" {
	sanitizer_silent
}
