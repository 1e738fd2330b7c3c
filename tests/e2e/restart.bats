#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Processes come and go, wanted or not, and nobody at work notices.

load helpers

another_worker() {
	local now
	now=$(worker_of)
	[ -n "$now" ] && [ "$now" != "$1" ]
}

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

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
