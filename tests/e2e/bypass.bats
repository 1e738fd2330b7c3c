#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# No way round: a battery of ways to reach the origin, each with the verdict that it must have.

load helpers

setup_file() {
	# The battery looks for values itself; 7778 and the like are unmasked ports.
	place_with_daemon ''
	rm -f "$PLACE/sink.ready"
	in_background "$PLACE/sink.log" origin nsenter -t "$(<"$PLACE/origin.pid")" -n -- \
		python3 -B "$LIB_DIR/bypass/sink.py" --log "$PLACE/log/sink.raw" --ready "$PLACE/sink.ready"
	place_wait 20 test -s "$PLACE/sink.ready"
}

# Values pass here on purpose: the battery says which may not.
teardown() {
	:
}

battery() {
	local PLACE_TIMEOUT=120 PLACE_ENV=("ORIGIN4=$ORIGIN4" "ORIGIN6=$ORIGIN6" "TARGET=$TARGET" "OTHER=$OTHER"
		"PLACE=$PLACE" "PLACE_CGROUP=$PLACE_CGROUP" "CTL=$BUILD/awsmaskctl")
	place_in admin python3 -B "$LIB_DIR/bypass/battery.py" "$@"
}

@test "I1: no way round" {
	run battery
	sed 's/^/# /' <<<"$output" >&3
	expect "the battery's exit status" 0 "$status"
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
