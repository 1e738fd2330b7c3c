#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests for long, and nothing may grow: tests/bench/soak.sh BUILD SECONDS
#
# Keep-alive connections and new ones, plain answers and streams, of values that the vault knows after the first of
# them. Resident memory, descriptors and the vault's size are sampled; what they are at the end is compared with what
# they were after the first quarter. Ten minutes are more than a million requests where two processors have nothing else
# to do. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${1:?"which build directory? (tests/bench/soak.sh BUILD SECONDS)"}
FOR=${2:?"how many seconds?"}
export BUILD
# shellcheck source=tests/e2e/helpers.bash
. tests/e2e/helpers.bash
# shellcheck source=tests/bench/place.bash
. tests/bench/place.bash

PASSED=0 FAILED=0
# A connection costs as much as several requests.
SHAPES=(16K 16K-stream 16K 16K-stream 16K 16K-stream 16K 16K-connect)

verdict() { # WHAT BEFORE AFTER MOST
	if [ "$3" -le "$4" ]; then
		PASSED=$((PASSED + 1))
		echo "ok: $1: $2, then $3"
	else
		FAILED=$((FAILED + 1))
		echo "NOT OK: $1: $2, then $3, more than $4"
	fi
}

resident() { # PID, in KiB
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

descriptors() {
	ls "/proc/$1/fd" | wc -l
}

vault_bytes() {
	place_ctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["vault"]["bytes"])'
}

# Once round the shapes.
ask_for() { # SECONDS-EACH
	local shape
	for shape in "${SHAPES[@]}"; do
		PLACE_TIMEOUT=$(($1 + 40)) place_client "$BUILD/bench/load" awsmaskd "$shape" $ORIGIN4 443 16 '5*' "$1" 1 \
			>>"$PLACE/lines" || echo '{"fail": "the clients failed"}' >>"$PLACE/lines"
	done
}

sample() {
	RESIDENT=$(resident "$WORKER") MONITORS=$(resident "$MONITOR") FDS=$(descriptors "$WORKER")
	MONITOR_FDS=$(descriptors "$MONITOR") VAULT=$(vault_bytes)
}

soak() {
	local each=$((FOR / (4 * ${#SHAPES[@]}))) quarter
	[ "$each" -ge 1 ] || each=1
	trap place_end EXIT
	trap 'exit 130' INT TERM
	place_new && bench_origin && place_daemon || return 1
	WORKER=$(worker_of) MONITOR=$(monitor_of)
	ask_for $each
	sample
	local before=("$RESIDENT" "$MONITORS" "$FDS" "$MONITOR_FDS" "$VAULT")
	for quarter in 2 3 4; do
		ask_for $each
		sample
		echo "quarter $quarter: worker $RESIDENT KiB, $FDS descriptors; monitor $MONITORS KiB; vault $VAULT bytes"
	done
	verdict "the worker's memory, KiB" "${before[0]}" "$RESIDENT" $((before[0] + before[0] / 10 + 4096))
	verdict "the monitor's memory, KiB" "${before[1]}" "$MONITORS" $((before[1] + 1024))
	verdict "the worker's descriptors" "${before[2]}" "$FDS" $((before[2] + 40))
	verdict "the monitor's descriptors" "${before[3]}" "$MONITOR_FDS" "${before[3]}"
	verdict "the vault, bytes" "${before[4]}" "$VAULT" $((before[4] + 65536))
	verdict "restarts of the worker" 0 "$([ "$(worker_of)" = "$WORKER" ] && echo 0 || echo 1)" 0
	verdict "failures among the answers" 0 "$(grep -c '"fail"' "$PLACE/lines")" 0
	python3 -c 'import json, sys
answered = sum(json.loads(line).get("requests", 0) for line in sys.stdin)
print(f"{answered} requests, {answered / float(sys.argv[1]):.0f} a second")' $((4 * ${#SHAPES[@]} * each)) <"$PLACE/lines"
}

soak || FAILED=$((FAILED + 1))
echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
