#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whose values are whose: by default each uid has its own.

load helpers

# ask_as UID SCENARIO TEXT: the answer's text
ask_as() {
	body --stream "$3" | place_as "$1" curl -sSN --max-time 20 "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: $2" \
		--data-binary @- >"$T/answer"
	joined "$T/answer" | sed -n 's/.*"text": "\(.*\)", "type": "text".*/\1/p'
}

@test "I6: a placeholder of one uid is not restored for another" {
	expect "one's own" "mine is $INSTANCE" "$(ask_as 4001 echo "mine is $INSTANCE")"
	placeholder=$(grep -oE "$PLACEHOLDER" "$(place_received plain)" | head -n 1)
	[ -n "$placeholder" ]
	expect "to its owner" "it is $INSTANCE" "$(ask_as 4001 "$(say "it is $placeholder")" "which?")"
	expect "to another" "it is $placeholder" "$(ask_as 4002 "$(say "it is $placeholder")" "which?")"
	expect "to root" "it is $placeholder" "$(ask_as 0 "$(say "it is $placeholder")" "which?")"
}

@test "I6: each uid counts for itself, and gets its own value for the same placeholder" {
	expect "the first one's" "see $VPC" "$(ask_as 4003 echo "see $VPC")"
	one=$(grep -oE "$PLACEHOLDER" "$(place_received plain)" | head -n 1)
	expect "the second one's" "see vpc-0ffee1d2c3b4a5968" "$(ask_as 4004 echo "see vpc-0ffee1d2c3b4a5968")"
	two=$(grep -oE "$PLACEHOLDER" "$(place_received plain)" | head -n 1)
	expect "the placeholder" "$one" "$two"
	expect "to the first" "$VPC" "$(ask_as 4003 "$(say "$one")" "?")"
	expect "to the second" "vpc-0ffee1d2c3b4a5968" "$(ask_as 4004 "$(say "$one")" "?")"
	no_leak vpc-0ffee1d2c3b4a5968
}

@test "a placeholder that nobody was given stays as it is" {
	expect "unknown" "EC2_INSTANCE_987654 and NOT_A_TYPE_001" "$(ask_as 4001 "$(say "EC2_INSTANCE_987654 and NOT_A_TYPE_001")" "?")"
	place_wait 10 has_counted_more unknown_placeholders 0
}

@test "I4: placeholders survive a restart" {
	ask_as 4005 echo "keep $INSTANCE and s3://$BUCKET" >/dev/null
	grep -oE "$PLACEHOLDER" "$(place_received plain)" >"$T/before"
	place_daemon_stop
	place_daemon_start
	ask_as 4005 echo "keep $INSTANCE and s3://$BUCKET" >"$T/text"
	grep -oE "$PLACEHOLDER" "$(place_received plain)" >"$T/after"
	cmp "$T/before" "$T/after"
	expect "the text" "keep $INSTANCE and s3://$BUCKET" "$(cat "$T/text")"
}

@test "I4: what context revealed once is masked wherever it stands, before and after, and after a restart" {
	ask_as 4006 echo "tell me of $ROLE, $ACCOUNT and $BUCKET: $SENTENCE" >"$T/text"
	expect "the text" "tell me of $ROLE, $ACCOUNT and $BUCKET: $SENTENCE" "$(cat "$T/text")"
	place_daemon_stop
	place_daemon_start
	ask_as 4006 echo "more of $ROLE, $ACCOUNT and $BUCKET please" >"$T/text"
	expect "the text" "more of $ROLE, $ACCOUNT and $BUCKET please" "$(cat "$T/text")"
	expect "placeholders" 3 "$(grep -oE "$PLACEHOLDER" "$(place_received plain)" | sort -u | wc -l)"
}

@test "I11: an unenrolled cgroup is as it was" {
	place_ctl unenroll "$PLACE_CGROUP/client"
	place_client curl -sSv --max-time 20 -o /dev/null "https://$TARGET/text" 2>&1 | grep -q "issuer:.*the origin's authority"
	place_enroll
	place_client curl -sSv --max-time 20 -o /dev/null "https://$TARGET/text" 2>&1 | grep -q "issuer:.*awsmask"
}

# hold WHAT: have an enrolled-to-be process keep a connection to the origin, and write down what becomes of it
hold() {
	place_client python3 -B - "$ORIGIN4" "$T/$1" <<-'END' &
		import os, socket, sys
		s = socket.create_connection((sys.argv[1], 443), 5)
		open(sys.argv[2] + ".ready", "w").close()
		s.settimeout(8)
		try:
		    outcome = "ended" if s.recv(1) == b"" else "bytes"
		except OSError as e:
		    outcome = type(e).__name__
		with open(sys.argv[2] + ".new", "w") as f:
		    f.write(outcome)
		os.rename(sys.argv[2] + ".new", sys.argv[2])
	END
	place_wait 10 test -e "$T/$1.ready"
}

@test "I1: connections older than enrolment are closed and counted; those of who only observes are not" {
	place_ctl unenroll "$PLACE_CGROUP/client"
	hold older
	place_ctl enroll --mode observe --json "$PLACE_CGROUP/client" >"$T/said"
	grep -qE '"closed": ?0\b' "$T/said"
	[ ! -e "$T/older" ]
	hold newer
	place_ctl enroll "$PLACE_CGROUP/client" >"$T/said"
	grep -q '^1 older connection' "$T/said" # the other one came after enrolment, so through awsmaskd
	place_wait 10 test -e "$T/older"
	expect "the older one" ConnectionAbortedError "$(cat "$T/older")"
	[ ! -e "$T/newer" ]
	wait
}

enrolled_at() { # PATH
	place_ctl list --json | grep -qF "\"$1\""
}

@test "a job's cgroup is enrolled when it appears and released when it is removed, over a restart too" {
	echo "enroll: ['$PLACE_CGROUP/jobs/*']" >"$PLACE/awsmask.yaml"
	place_daemon_stop
	mkdir -p "$PLACE_CGROUP/jobs/one"
	place_daemon_start
	enrolled_at "$PLACE_CGROUP/jobs/one"
	mkdir "$PLACE_CGROUP/jobs/two"
	place_wait 10 enrolled_at "$PLACE_CGROUP/jobs/two"
	for job in one two; do
		place_in "jobs/$job" curl -sSv --max-time 20 -o /dev/null "https://$TARGET/text" 2>&1 | grep -q "issuer:.*awsmask"
	done
	rmdir "$PLACE_CGROUP/jobs/two"
	place_wait 10 fails enrolled_at "$PLACE_CGROUP/jobs/two"
	enrolled_at "$PLACE_CGROUP/jobs/one"
	enrolled_at "$PLACE_CGROUP/client" # by hand, before
	place_ctl unenroll "$PLACE_CGROUP/jobs/one"
	echo >"$PLACE/awsmask.yaml"
	place_daemon_stop
	place_daemon_start
}

@test "I11: after --release and ca remove the host is as it was" {
	place_daemon_stop
	place_in admin "$BUILD/awsmaskd" --release
	[ -z "$(place_in admin find /sys/fs/bpf -name '*awsmask*')" ]
	place_ctl ca remove
	[ -z "$(place_in admin sh -c 'grep -rl awsmask /usr/local/share/ca-certificates /etc/ssl/certs /etc/pki' 2>/dev/null)" ]
	place_client curl -sSv --max-time 20 -o /dev/null "https://$TARGET/text" 2>&1 | grep -q "issuer:.*the origin's authority"
}

@test "no sanitizer complained" {
	sanitizer_silent
}
