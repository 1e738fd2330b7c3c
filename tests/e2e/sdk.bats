#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The API's SDK for Node gets what it would get without awsmask.

setup_file() {
	load helpers
	npm_packages sdk "$SDK_PACKAGE"
	place_new && place_daemon
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

# The same scenario by both ways. What the SDK prints must be the same, and speak of the values.
same_sdk() { # SCENARIO [PATTERN]
	PLACE_ENV=("NODE_EXTRA_CA_CERTS=$(place_bundle)")
	place_twin node "$LIB_DIR/sdk.mjs" "$REPO/build/npm/sdk" "$1" "$SENTENCE" >"$T/twin.json"
	place_client node "$LIB_DIR/sdk.mjs" "$REPO/build/npm/sdk" "$1" "$SENTENCE" >"$T/here.json"
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
	PLACE_ENV=("NODE_EXTRA_CA_CERTS=$(place_bundle)")
	place_daemon_stop
	place_client node "$LIB_DIR/sdk.mjs" "$REPO/build/npm/sdk" whole "$SENTENCE" >"$T/refused" 2>&1 || true
	expect_match "what the SDK says" "Connection error|ECONNREFUSED|EPERM" "$(cat "$T/refused")"
}
