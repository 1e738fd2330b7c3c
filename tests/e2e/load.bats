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

@test "$IDLE idle connections and $STREAMS streams stay below their share of 300 MB" {
	PLACE_TIMEOUT=400 place_client prlimit --nofile=20000 \
		python3 -B "$LIB_DIR/crowd.py" hold "$TARGET" "$IDLE" "$T/held" "$STREAMS" &
	place_wait 400 test -e "$T/held"
	now=$(resident)
	expect "open connections" $((IDLE + STREAMS)) "$(place_ctl status --json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["counters"]["flows_active"])')"
	works
	rm "$T/held"
	wait
	echo "$now MiB"
	[ "$now" -le $((60 + IDLE * 36 / 1000 + STREAMS * 30 / 100)) ]
}

@test "no sanitizer complained" {
	sanitizer_silent
}
