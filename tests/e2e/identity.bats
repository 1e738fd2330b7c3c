#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who is who: in the log, in the report, in scopes; and who may change something.

load helpers

CONTAINER=docker-4be0c1d27f3a9586e01b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071.scope

setup_file() {
	place_with_daemon ''
	mkdir -p "$PLACE_CGROUP/client/$CONTAINER/job" "$PLACE_CGROUP/client/other"
}

# exchange CGROUP UID SCENARIO TEXT [CMD...]: the answer's text; CMD runs what asks
exchange() {
	local cgroup=$1 uid=$2 scenario=$3 text=$4
	shift 4
	body --stream "$text" | place_in "$cgroup" setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@" \
		curl -sSN --max-time 20 "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: $scenario" --data-binary @- >"$T/answer"
	joined "$T/answer" | sed -n 's/.*"text": "\(.*\)", "type": "text".*/\1/p'
}

last_placeholder() {
	grep -oE "$PLACEHOLDER" "$(place_received plain)" | head -n 1
}

reloaded_with() { # LINE
	echo "$1" >"$PLACE/awsmask.yaml"
	place_ctl reload >/dev/null
}

@test "a line of the log says who: uid, pid, program, cgroup and container" {
	install -m 0666 /dev/null "$PLACE/pid"
	place_in "client/$CONTAINER/job" setpriv --reuid 4021 --regid 4021 --clear-groups sh -c \
		'echo $$ >"$1/pid"; exec curl -sS -o /dev/null --max-time 20 -H "content-type: application/octet-stream" --data-binary "$(head -c 9 /dev/zero | tr "\0" "\377")" "$2"' \
		sh "$PLACE" "$MESSAGES" 2>/dev/null || true
	line=$(grep 'event=request-refused' "$PLACE/daemon.log" | tail -n 1)
	pid=$(cat "$PLACE/pid")
	expect_match "the line" \
		"uid=4021 pid=$pid comm=curl cgroup=$PLACE_CGROUP/client/$CONTAINER/job container=docker:4be0c1d27f3a why=\"" "$line"
}

@test "the report tells containers apart below what is enrolled, and nothing finer" {
	exchange "client/$CONTAINER/job" 4021 echo "see $INSTANCE" >/dev/null
	exchange client/other 4021 echo "see $INSTANCE" >/dev/null
	place_ctl report --by cgroup --json >"$T/report"
	grep -qF "\"$PLACE_CGROUP/client/$CONTAINER\"" "$T/report"
	grep -qF "\"$PLACE_CGROUP/client\"" "$T/report"
	fails grep -qE "client/other|$CONTAINER/job" "$T/report"
}

@test "I6: root of a user namespace has the scope of who it is on this host" {
	expect "there" "mine is $VPC" "$(exchange client 4022 echo "mine is $VPC" unshare -U -r)"
	placeholder=$(last_placeholder)
	[ -n "$placeholder" ]
	expect "outside of it" "it is $VPC" "$(exchange client 4022 "$(say "it is $placeholder")" "?")"
	expect "for root" "it is $placeholder" "$(exchange client 0 "$(say "it is $placeholder")" "?")"
}

@test "I6: scope cgroup is the enrolled cgroup, whoever asks in it; scope host is everybody" {
	mkdir -p "$PLACE_CGROUP/second"
	place_ctl enroll "$PLACE_CGROUP/second" >/dev/null
	reloaded_with 'scope: cgroup'
	expect "one" "see $INSTANCE" "$(exchange client 4023 echo "see $INSTANCE")"
	placeholder=$(last_placeholder)
	expect "another uid" "it is $INSTANCE" "$(exchange client/other 4024 "$(say "it is $placeholder")" "?")"
	expect "another cgroup" "it is $placeholder" "$(exchange second 4023 "$(say "it is $placeholder")" "?")"
	reloaded_with 'scope: host'
	expect "one" "see $KEY" "$(exchange client 4023 echo "see $KEY")"
	placeholder=$(last_placeholder)
	expect "everybody" "it is $KEY" "$(exchange second 4025 "$(say "it is $placeholder")" "?")"
	place_ctl unenroll "$PLACE_CGROUP/second" >/dev/null
}

@test "I1: who is enrolled may ask and change nothing, root included; what it would run is masked already" {
	for command in reload "unenroll $PLACE_CGROUP/client" "enroll $PLACE_CGROUP/direct" "run -- true"; do
		# shellcheck disable=SC2086 # words
		run -1 place_in client/other "$BUILD/awsmaskctl" $command
		grep -qF "inside an enrolled cgroup itself ($PLACE_CGROUP/client): what it starts is masked already" <<<"$output"
	done
	place_in client/other "$BUILD/awsmaskctl" status >/dev/null
	place_ctl list | grep -qF "$PLACE_CGROUP/client"
}

@test "check says what the kernel has, each by its name" {
	place_ctl check --json >"$T/check" || true
	for word in bpf-connect netns-cookie landlock sock-destroy; do
		grep -qE "\"id\": ?\"$word\"" "$T/check"
	done
	fails grep -q 'event=not-confined' "$PLACE/daemon.log"
}

another_worker() {
	[ "$(worker_of)" != "$1" ] && place_ctl status >/dev/null
}

@test "a resolver's file that is replaced is in a new worker's reach" {
	old=$(worker_of)
	place_in admin sh -c 'cp /etc/hosts /etc/hosts.new && mv /etc/hosts.new /etc/hosts'
	place_wait 10 another_worker "$old"
	grep -q 'event=resolver-changed' "$PLACE/daemon.log"
	exchange client 4021 echo "see $INSTANCE" >/dev/null
	no_leak "$INSTANCE"
}

@test "no sanitizer complained" {
	sanitizer_silent
}
