#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The API's SDK for Node gets what it would get without awsmask.

load helpers

setup_file() {
	npm_packages sdk "$SDK_PACKAGE"
	place_with_daemon ''
}

# The same scenario by both ways. What the SDK prints must be the same, and speak of the values.
same_sdk() { # SCENARIO [PATTERN]
	place_sdk place_twin "$1" "$SENTENCE" >"$T/twin.json"
	place_sdk place_client "$1" "$SENTENCE" >"$T/here.json"
	expect "what the SDK got" "$(cat "$T/twin.json")" "$(cat "$T/here.json")"
	expect_match "what the SDK got" "${2:-$INSTANCE}" "$(cat "$T/here.json")"
}

@test "I1 I2: streaming" {
	same_sdk stream
}

@test "I1 I2: an answer in one piece" {
	same_sdk whole
}

@test "I1 I2 I4: a tool call over two turns" {
	same_sdk tool '"tool_use"'
	grep -q "$INSTANCE" "$T/here.json"
}

@test "count_tokens" {
	same_sdk count true
}

@test "each kind of error is the SDK's own" {
	same_sdk errors RateLimitError
}

@test "an error in the middle of a stream" {
	same_sdk late 'Overloaded'
}

@test "twenty streams at once" {
	same_sdk parallel
}

@test "I1: with the daemon stopped the SDK is refused a connection" {
	place_daemon_stop
	place_sdk place_client whole "$SENTENCE" >"$T/refused" 2>&1 || true
	expect_match "what the SDK says" "Connection error|ECONNREFUSED|EPERM" "$(cat "$T/refused")"
}
