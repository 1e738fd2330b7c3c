#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The whole corpus through the running daemon, as a coding agent would send it: what leaves is scored, and what
# comes back is what was sent.

setup_file() {
	load helpers
	place_new && place_daemon
	export SENT=$BATS_FILE_TMPDIR
	PLACE_TIMEOUT=100 place_client python3 -B "$LIB_DIR/agent.py" send "$TARGET" "$SENT" >"$SENT/said" 2>&1 || cat "$SENT/said"
}

setup() {
	load helpers
}

teardown() {
	check_after
}

teardown_file() {
	load helpers
	place_end
}

@test "I2: every document of the corpus comes back byte for byte, streamed or not" {
	cat "$SENT/said"
	python3 -c 'import json, sys
exact = json.load(open(sys.argv[1]))
wrong = sorted(name for name, good in exact.items() if not good)
sys.exit(f"not as sent: {wrong}" if wrong or len(exact) < 600 else 0)' "$SENT/exact.json"
}

@test "I1: what the origin received of the corpus keeps the limits of recall and of leaving alone" {
	python3 -B "$LIB_DIR/agent.py" received "$PLACE/log" "$SENT"
	python3 -B "$REPO/tests/corpus/score.py" --seed 1 --outcomes "$SENT/outcomes"
}

@test "the requests were of every kind: gzipped and plain, streamed and whole, several to a connection" {
	heads=("$PLACE"/log/*.head)
	[ "${#heads[@]}" -ge 40 ]
	gzipped=$(grep -lai '^content-encoding: gzip' "${heads[@]}" | wc -l)
	[ "$gzipped" -ge 10 ] && [ "$gzipped" -le 30 ]
	streamed=$(grep -la '"stream": *true' "$PLACE"/log/*.plain | wc -l)
	[ "$streamed" -ge 15 ] && [ "$streamed" -le 30 ]
	[ "$(find "$PLACE/log" -name 'conn-*-443.raw' | wc -l)" -lt 20 ]
}

@test "the daemon stops in order, and no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
