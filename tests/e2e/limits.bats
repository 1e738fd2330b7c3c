#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What one scope may hold, how many connections there may be, and what hostile requests cost the others.

load helpers

setup_file() {
	place_with_daemon 'limits: {body: 4MiB, scope_memory: 16MiB, memory: 32MiB, connections: 40, scope_connections: 20}'
}

CROWD=$LIB_DIR/crowd.py

# hold_connections UID COUNT: until $T/held is gone
hold_connections() {
	place_as "$1" python3 -B "$CROWD" hold "$TARGET" "$2" "$T/held" &
	place_wait 20 test -e "$T/held"
}

refusals() { # WORD
	place_ctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["refusals"].get(sys.argv[1], 0))' "$1"
}

resident() { # MiB of the worker
	awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$(worker_of)/status"
}

@test "a scope that holds too much is refused with 529 and retry-after, and is served again later" {
	place_client python3 -B "$CROWD" flood "$TARGET" 12 3900000 text >"$T/statuses"
	expect_match "the statuses" '529:[0-9]' "$(cat "$T/statuses")"
	expect_match "no other" '^(200:[0-9]+ )?529:[0-9]+$' "$(cat "$T/statuses")"
	[ "$(refusals memory)" -gt 0 ]
	body "$SENTENCE" >"$T/body"
	same "$T/body"
	no_leak
}

@test "one connection too many is refused in words, another scope goes on, and room comes back" {
	chmod 0777 "$T" "$T"/.. "$T"/../..
	hold_connections 5001 20
	body "$SENTENCE" >"$T/body"
	place_as 5001 curl -sSN --max-time 20 -o "$T/here.answer" -D "$T/here.head" -w '%{http_code}' "$MESSAGES" \
		"${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/here.status"
	an_error 529 overloaded_error "connections"
	grep -qi '^retry-after:' "$T/here.head"
	expect "refusals for connections" 1 "$(refusals connections)"
	fails place_as 5001 curl -sS --max-time 20 -o "$T/other" "https://$OTHER/text"
	same "$T/body"
	rm "$T/held"
	wait
	place_wait 10 place_as 5001 curl -sSf --max-time 20 -o "$T/other" "https://$OTHER/text"
}

@test "hostile bodies are refused or served, the memory stays bounded, and others do not wait" {
	place_client python3 -B "$CROWD" watch "$TARGET" "$T/enough" >"$T/slowest" &
	for kind in "chunks 300000" "gzip 3900000" "string 3900000" "text 3900000"; do
		read -r kind size <<<"$kind"
		place_as 5002 python3 -B "$CROWD" flood "$TARGET" "${AWSMT_CROWD:-10}" "$size" "$kind" >"$T/$kind"
		echo "$kind: $(cat "$T/$kind")"
		expect_match "$kind" '^(200:[0-9]+|529:[0-9]+|200:[0-9]+ 529:[0-9]+)$' "$(cat "$T/$kind")"
	done
	place_as 5002 python3 -B "$CROWD" flood "$TARGET" 4 20000000 gzip >"$T/bomb"
	expect "a bomb" "413:4" "$(cat "$T/bomb")"
	: >"$T/enough"
	wait
	read -r slowest median <"$T/slowest"
	echo "the slowest small request took $slowest ms, the median $median; resident: $(resident) MiB"
	# Far above what it takes here (50 and 1), for the machine may be busy with something else.
	[ "$slowest" -lt 1000 ] && [ "$median" -lt 100 ]
	[ "$(resident)" -lt 120 ]
}

@test "no sanitizer complained" {
	sanitizer_silent
}
