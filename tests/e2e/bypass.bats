#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# No way round: a battery of ways to reach the origin, each with the verdict that it must have.

load helpers

setup_file() {
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
	# shellcheck disable=SC2034 # place_in reads them
	local PLACE_TIMEOUT=120 PLACE_ENV=("ORIGIN4=$ORIGIN4" "ORIGIN6=$ORIGIN6" "TARGET=$TARGET" "OTHER=$OTHER"
		"PLACE=$PLACE" "PLACE_CGROUP=$PLACE_CGROUP" "CTL=$BUILD/awsmaskctl")
	place_in admin python3 -B "$LIB_DIR/bypass/battery.py" "$@"
}

@test "I1: no way round" {
	run battery
	sed 's/^/# /' <<<"$output" >&3
	expect "the battery's exit status" 0 "$status"
}

# States of the checks about ways round, sorted: "ok 14 warning 1"
bypass_states() {
	python3 -c 'import collections, json, sys
states = collections.Counter(c["state"] for c in json.load(sys.stdin)["checks"] if c["id"].startswith("bypass"))
print(*(f"{state} {count}" for state, count in sorted(states.items())))' <<<"$1"
}

@test "check --bypass: each way ends at awsmaskd or is refused, and nothing is left" {
	place_in admin ip route add 192.0.2.0/24 via "$ORIGIN4" # as every host has a way out
	run -0 place_ctl check --bypass --json
	expect "states" "ok 17" "$(bypass_states "$output")"
	run -0 place_ctl check --bypass
	expect_match "IPv4" "ok .*bypass-ipv4 +IPv4: ends at awsmaskd" "$output"
	expect_match "UDP" "ok .*bypass-udp +UDP, connected: refused" "$output"
	expect_match "the sum" "16 ways round were tried: 0 open, [0-9] not supported by this kernel" "$output"
	fails compgen -G "${PLACE_CGROUP%/*}/awsmask-bypass-*"
}

@test "check --bypass: what is open is said, and is a failure" {
	# The configuration leaves a gap: the network that is dialled.
	nsenter -t "$(<"$PLACE/origin.pid")" -n ip addr add 192.0.2.1/32 dev lo
	echo 'exclude: [192.0.2.0/24]' >"$PLACE/awsmask.yaml"
	place_ctl reload
	run -1 place_ctl check --bypass
	expect_match "UDP" "not ok .*bypass-udp +UDP, connected: it left an enrolled cgroup unopened" "$output"
	expect_match "the sum" "not ok .*bypass .* [3-9] open" "$output"
	run -1 place_in direct "$BUILD/awsmaskctl" --socket /nonexistent check --bypass
	expect_match "without a daemon" "not ok .*bypass +no way round can be tried without a daemon" "$output"
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
