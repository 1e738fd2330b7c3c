#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Policy per type and per target, types of one's own, lists in files that change while the daemon runs.

load helpers

# Made up, and none of the values that must never leave.
SEEN=vpc-0c5d83a1f7e264b90
LEFT=10.77.4.19

setup_file() {
	place_new && mkdir "$PLACE/lists" && printf '# names\nGrey Heron\n' >"$PLACE/lists/names" &&
		cat >"$PLACE/awsmask.yaml" <<-END &&
			types:
			  ACCESS_KEY_ID: block
			  VPC: observe
			  INTERNET_GATEWAY: {targets: {claude.ai: allow}}
			  TICKET: {expression: 'TICK-[0-9]{6}'}
			  CODENAME: {literals: [Falconet, Merlinet], file: $PLACE/lists/names}
			allow: {literals: ["$LEFT"]}
		END
		place_daemon
}

send() { # TEXT
	body "$1" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
}

# The text reaches the origin with a placeholder of this type instead of the value, and comes back whole.
is_masked() { # LABEL VALUE
	body "about $2 today" >"$T/body"
	same "$T/body" && no_leak "$2" &&
		expect_match "what the origin got" "about $1_[0-9]{3,} today" "$(cat "$(place_received plain)")"
}

reaches_origin() { # TEXT
	send "$1" && expect "the status" 200 "$(cat "$T/here.status")" &&
		grep -qF -e "$1" "$(place_received plain)"
}

counted() { # COUNTER LABEL
	place_ctl status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]].get(sys.argv[2], 0))' "$@"
}

@test "a blocked type: the client gets a sentence with 400, and nothing reaches the origin" {
	before=$(place_requests)
	send "my key is $KEY" || true
	an_error 400 invalid_request_error "type ACCESS_KEY_ID"
	fails grep -qF "$KEY" "$T/here.answer"
	expect "requests at the origin" "$before" "$(place_requests)"
	expect "refused" 1 "$(counted refusals blocked)"
	fails grep -qF "$KEY" "$PLACE/daemon.log"
	reaches_origin "and the next request passes"
}

@test "an own expression and own literals are masked, and restored in the answer" {
	is_masked TICKET TICK-940275
	is_masked CODENAME Falconet
	is_masked CODENAME "Grey Heron"
	reaches_origin "Falconets and TICK-9402751 are others"
}

@test "an observed type passes, and is counted" {
	before=$(counted observed_by_type VPC)
	reaches_origin "look at $SEEN please"
	expect "counted" $((before + 1)) "$(counted observed_by_type VPC)"
	expect "masked" 0 "$(counted masked_by_type VPC)"
}

@test "values that are allowed, and those of AWS's documentation, pass" {
	reaches_origin "the resolver $LEFT and the account 123456789012"
	is_masked PRIVATE_IPV4 10.77.4.20
}

@test "policy per target" {
	is_masked INTERNET_GATEWAY igw-0d1c3b5a79e8f6240
	body "about igw-0e8f62401c3b5a79d today" >"$T/body"
	ask here "https://claude.ai/v1/messages" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	grep -qF "about igw-0e8f62401c3b5a79d today" "$(place_received plain)"
}

# How often lists came into force since the daemon started.
loaded() {
	[ "$(grep -c 'event=lists-loaded' "$PLACE/daemon.log")" -ge "$1" ]
}

@test "a list's file that changes, in place or by another's taking its place, is in force soon" {
	reaches_origin "the Goshawk flies"
	printf 'Sparrowhawk\n' >>"$PLACE/lists/names"
	place_wait 10 loaded 1
	is_masked CODENAME Sparrowhawk
	printf 'Kingfisher\nSparrowhawk\n' >"$PLACE/lists/names.new"
	mv "$PLACE/lists/names.new" "$PLACE/lists/names"
	place_wait 10 loaded 2
	is_masked CODENAME Kingfisher
	is_masked CODENAME Merlinet
	reaches_origin "and the Grey Heron is no secret any more"
}

@test "a list's file that goes bad is an error in the log, and what it held stays in force" {
	printf 'King\0fisher\n' >"$PLACE/lists/names.new"
	mv "$PLACE/lists/names.new" "$PLACE/lists/names"
	place_wait 10 grep -q "list-refused.*lists/names:1" "$PLACE/daemon.log"
	is_masked CODENAME Kingfisher
	rm "$PLACE/lists/names"
	place_wait 10 grep -q "list-refused.*lists/names: cannot be opened" "$PLACE/daemon.log"
	is_masked CODENAME Sparrowhawk
	fails grep -qE "King|hawk" "$PLACE/daemon.log"
	printf 'Sparrowhawk\n' >"$PLACE/lists/names"
	place_wait 10 loaded 3
}

@test "a worker that takes a dead one's place has the lists as they are then" {
	kill -KILL "$(worker_of)"
	place_wait 20 is_masked CODENAME Sparrowhawk
}

@test "a reload brings other types and lists, whose files are watched from then on" {
	sed -i "s/  VPC: observe/  VPC: mask/; s|lists/names|lists/others|" "$PLACE/awsmask.yaml"
	printf 'Redstart\n' >"$PLACE/lists/others"
	place_ctl reload
	is_masked VPC vpc-0d90b1e64f7a2c538
	is_masked CODENAME Redstart
	echo Wheatear >>"$PLACE/lists/others"
	place_wait 10 loaded 4
	is_masked CODENAME Wheatear
	mv "$PLACE/lists/others" "$PLACE/lists/names"
	sed -i "s|lists/others|lists/names|" "$PLACE/awsmask.yaml"
	place_ctl reload
}

@test "the placeholders of a type that is configured no longer are restored" {
	is_masked TICKET TICK-771203
	known=$(grep -oE 'TICKET_[0-9]+' "$(place_received plain)" | tail -n 1)
	place_daemon_stop
	sed -i '/TICKET/d' "$PLACE/awsmask.yaml"
	place_daemon_start
	body "which was it?" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: $(say "it was $known.")" --data-binary "@$T/body"
	expect_match "the answer" "it was TICK-771203" "$(joined "$T/here.answer")"
}

@test "a bad file refuses to start" {
	place_daemon_stop
	printf 'x\n' >"$PLACE/lists/names"
	fails place_daemon_start
	grep -q "start-failed.*lists/names:1" "$PLACE/daemon.log"
}

@test "no sanitizer complained" {
	sanitizer_silent
}
