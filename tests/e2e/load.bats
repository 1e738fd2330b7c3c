#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What many connections cost: AWSMT_IDLE of them wait, AWSMT_STREAMS are answered.

load helpers

IDLE=${AWSMT_IDLE:-300} STREAMS=${AWSMT_STREAMS:-40}

setup_file() {
	place_with_daemon 'limits: {connections: 10000, scope_connections: 8000}'
}

# Of the worker and the monitor together, in MiB.
resident() {
	cat "/proc/$(worker_of)/status" "/proc/$(monitor_of)/status" | awk '/^VmRSS/ { sum += $2 } END { print int(sum / 1024) }'
}

origin_has() { # COUNT: so many requests
	[ "$(find "$PLACE/log" -name '*.plain' | wc -l)" -ge "$1" ]
}

@test "$IDLE idle connections and $STREAMS streams stay below their share of 300 MB" {
	PLACE_TIMEOUT=300 place_client prlimit --nofile=20000 \
		python3 -B "$LIB_DIR/crowd.py" hold "$TARGET" "$IDLE" "$T/held" &
	place_wait 200 test -e "$T/held"
	idle=$(resident)
	streams 1 "$STREAMS" "$STREAMS" 10 &
	streams=$!
	place_wait 60 origin_has "$STREAMS"
	busy=$(resident)
	echo "idle: $idle MiB, with the streams: $busy MiB"
	[ "$idle" -le $((60 + IDLE * 36 / 1000)) ]
	[ "$busy" -le $((60 + IDLE * 36 / 1000 + STREAMS * 30 / 100)) ]
	wait $streams
	expect "answers" "$STREAMS" "$(grep -l message_stop "$T"/answer.* | wc -l)"
	rm "$T/held"
	wait
}

@test "no sanitizer complained" {
	sanitizer_silent
}
