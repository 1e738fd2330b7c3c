#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Processes come and go, wanted or not, and nobody at work notices.

load helpers

# Leaves $T/slow.answer of a stream that takes SECONDS, and its process in $stream.
begin_stream() { # SECONDS
	body --stream "$SENTENCE" | ask slow "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: pings n=$(($1 * 10)) pause=0.1" \
		--data-binary @- 3>&- &
	stream=$!
	place_wait 10 grep -q ping "$T/slow.answer"
}

stream_is_whole() {
	wait $stream
	joined "$T/slow.answer" | grep -qF "$SENTENCE"
}

@test "I1: without its monitor clients are refused, and the worker ends when its streams have" {
	begin_stream 3
	kill -9 "$(monitor_of)"
	place_wait 5 refused
	[ -n "$(worker_of)" ]
	stream_is_whole
	place_wait 5 grep -q '^populated 0' "$PLACE_CGROUP/$DAEMON_CGROUP/cgroup.events"
	place_daemon_start
	works
}

refused() {
	fails ask here "https://$TARGET/text" && grep -q '^curl: (7)' "$T/here.error"
}

@test "the parent of the workers dies: streams end in order, and a new one starts a new worker" {
	worker=$(worker_of)
	begin_stream 2
	kill -9 "$(host_of)"
	place_wait 15 another_worker "$worker"
	place_wait 10 works
	stream_is_whole
	grep -q 'event=worker-host-lost' "$PLACE/daemon.log"
}

# Another awsmaskd takes over from the one that runs.
replace_daemon() {
	local before
	before=$(monitor_of)
	place_daemon_start --replace && place_wait 15 is_over "$before"
}

is_over() { # PID: it has ended, and another one is there
	local now
	now=$(monitor_of)
	[ "$now" != "$1" ] && [ "$(wc -l <<<"$now")" = 1 ]
}

@test "--replace amid streams, each time by another program: none is cut, no connect is refused" {
	export PLACE_AWSMASKD=$PLACE/awsmaskd
	begin_load "${AWSMT_STREAMS:-20}"
	for _ in $(seq "${AWSMT_RESTARTS:-3}"); do
		cp "$BUILD/awsmaskd" "$PLACE_AWSMASKD.new" && mv "$PLACE_AWSMASKD.new" "$PLACE_AWSMASKD" # as packages do
		replace_daemon
	done
	end_load
	works
	place_wait 10 one_worker
	grep -q 'event=succeeded' "$PLACE/daemon.log"
}

one_worker() {
	[ "$(workers_of | wc -l)" = 1 ]
}

@test "clients that keep their connections come to the new worker by themselves: none is cut, and the old one ends soon" {
	begin_load 10 2 keep
	for _ in $(seq "${AWSMT_RESTARTS:-2}"); do
		replace_daemon
		place_wait 10 one_worker
	done
	end_load
	replace_daemon
	place_wait 10 one_worker
}

@test "a successor that cannot start leaves the one that runs as it was" {
	worker=$(worker_of) monitor=$(monitor_of)
	printf '%s\n' "origin: {ca_file: $PLACE/no-such-file.pem}" 'ports: [444]' >"$PLACE/bad.yaml"
	run -1 place_in admin timeout 20 "$BUILD/awsmaskd" --config "$PLACE/bad.yaml" --replace
	place_wait 5 grep -q 'event=successor-failed' "$PLACE/daemon.log"
	expect "the worker and the monitor" "$worker $monitor" "$(worker_of) $(monitor_of)"
	works
	place_ctl status >/dev/null
	replace_daemon
	works
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
