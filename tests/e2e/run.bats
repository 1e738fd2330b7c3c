#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# awsmaskctl run where no awsmaskd runs: it brings one of its own, and leaves nothing behind, however it ends.

load helpers

setup_file() {
	place_new
}

# Nobody's daemon, cgroup, file or certificate is left.
teardown() {
	place_wait 20 nothing_left || {
		leftovers
		place_kill admin # the next test is to begin with nothing
		false
	}
}

leftovers() {
	find "$PLACE_CGROUP" -type d -name 'awsmask-run-*'
	place_in direct find /run /tmp -maxdepth 1 -name 'awsmask-run-*'
	place_in direct find /sys/fs/bpf -name awsmask
	place_in direct find /usr/local/share/ca-certificates /etc/ssl/certs -name '*awsmask*'
	pgrep -af "^$BUILD/awsmaskctl run"
	return 0
}

nothing_left() {
	[ -z "$(leftovers)" ]
}

run_alone() {
	place_in admin "$BUILD/awsmaskctl" run "$@"
}

# One request of this text, answered, by a client that looks nowhere but where all of its kind do.
asked() { # RUN-OPTION...
	body "$SENTENCE" >"$T/body"
	run_alone "$@" -- curl -sS --max-time 20 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary @- <"$T/body" \
		>"$T/answer" 2>"$T/error"
}

# A command that says that it runs and waits; its awsmaskctl's pid is in $runner.
start_waiting() {
	rm -f "$T/up"
	in_background "$T/waiting" admin nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		"$BUILD/awsmaskctl" run -- sh -c "trap 'exit 7' TERM; echo \$\$ >'$T/up.new' && mv '$T/up.new' '$T/up'
			while :; do sleep 100 & wait; done"
	place_wait 20 test -s "$T/up"
	command=$(<"$T/up")
	runner=$(awk '/^PPid:/ { print $2 }' "/proc/$command/status")
	daemon=$(pgrep -f "^awsmaskd --config /run/awsmask-run-.*" --ns "$runner" --nslist net | head -n 1)
	keeper=$(awk '/^PPid:/ { print $2 }' "/proc/$daemon/status")
}

gone() { # PID
	! kill -0 "$1" 2>/dev/null
}

@test "I1 I2: a command is masked without any daemon, and its input and output are its own" {
	asked -v
	grep -q "$INSTANCE" "$T/answer"
	grep -qE "$PLACEHOLDER" "$(place_received plain)"
	[ -z "$(place_leaks "${VALUES[@]}")" ]
	grep -q '/awsmask-run-.* is enrolled (enforce), by an awsmaskd of its own' "$T/error"
	grep -qE 'requests to targets: 1, values found: [1-9][0-9]*, masked: [1-9][0-9]*, requests refused: 0' "$T/error"
}

# As a privileged container has them: its own processes, mounts, and root of the cgroups, whose files are mounted anew; and
# no user for the daemon's workers.
@test "it works in the namespaces of a container" {
	body "$SENTENCE" >"$T/body"
	place_direct grep -v '^awsmask:' /etc/passwd >"$PLACE/passwd"
	place_in admin unshare -m -C -p -i -u --fork --mount-proc sh -c 'mount --bind "$2" /etc/passwd && umount "$1" &&
		mount -t cgroup2 cgroup2 "$1" && shift 2 && exec "$@"' sh "$(cgroup2_mount)" "$PLACE/passwd" \
		"$BUILD/awsmaskctl" run -v -- curl -sS --max-time 20 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary @- \
		<"$T/body" >"$T/answer"
	grep -q "$INSTANCE" "$T/answer"
	[ -z "$(place_leaks "${VALUES[@]}")" ]
}

@test "the configured policy holds, and nothing else of the configuration is touched" {
	place_in direct sh -c 'mkdir -p /etc/awsmask && cat >/etc/awsmask/awsmask.yaml' <<-'END'
		types: {EC2_INSTANCE: block}
		enroll: [/]
	END
	asked
	place_in direct rm -r /etc/awsmask
	grep -q 'invalid_request_error' "$T/answer"
	[ -z "$(place_in direct find /var/lib/awsmask -mindepth 1)" ]
}

@test "the exit status and a signal are passed on" {
	run run_alone -- sh -c 'exit 42'
	[ "$status" -eq 42 ]
	[ -z "$output" ]
	start_waiting
	kill -TERM "$runner"
	place_wait 20 gone "$runner"
	gone "$command"
}

@test "it works with nothing open" {
	place_in admin sh -c "exec <&- >&- 2>&- && exec $BUILD/awsmaskctl run -- sh -c 'cat /run/awsmask-run-*/awsmaskd.log >/run/said'"
	place_in direct grep -q 'event=ready' /run/said
}

@test "the command has the terminal" {
	run place_in admin script -qec "$BUILD/awsmaskctl run -- sh -c 'test -t 0 && test -t 1 && ps -o stat= -p \$\$'" /dev/null
	[ "$status" -eq 0 ]
	[[ $output == *+* ]]
}

@test "two at a time do not disturb each other" {
	start_waiting
	asked
	grep -q "$INSTANCE" "$T/answer"
	kill -0 "$command"
	kill -TERM "$runner"
}

@test "kill -9 of awsmaskctl ends the command, the daemon and all that was made" {
	start_waiting
	kill -9 "$runner"
	place_wait 20 gone "$command"
	place_wait 20 gone "$daemon"
}

@test "I1: whose daemon or keeper is killed does not run on unmasked" {
	start_waiting
	kill -9 "$keeper"
	place_wait 20 gone "$command"
	place_wait 20 gone "$runner"
	grep -q 'was killed' "$T/waiting"
	place_wait 20 nothing_left
	: >"$T/waiting"
	start_waiting
	kill -9 "$daemon"
	place_wait 20 gone "$command"
	place_wait 20 gone "$runner"
	grep -q 'started for the command alone, has ended' "$T/waiting"
}

@test "I1: awsmaskctl and its keeper killed at once: the command does not run on unmasked, and the next run clears away" {
	start_waiting
	kill -STOP "$runner" "$keeper" # neither sees the other one end
	kill -9 "$runner" "$keeper"
	place_wait 20 gone "$command"
	place_wait 20 gone "$daemon"
	place_wait 20 check_names_it
	run run_alone -- true
	expect_match "what is said" 'an `awsmaskctl run` left that was killed is removed: /run/awsmask-run-' "$output"
	fails check_names_it
}

check_names_it() {
	place_ctl check | grep -q '^warning *left .*/run/awsmask-run-'
}

@test "all of them killed at once: what runs on is named by check, and ended by the next run" {
	start_waiting
	mapfile -t family < <(pgrep -f '^awsmaskd --' --ns "$runner" --nslist net)
	kill -STOP "$runner" "$keeper" "${family[@]}"
	kill -9 "$runner" "$keeper" "${family[@]}"
	place_wait 20 gone "$daemon"
	place_wait 20 check_names_it
	kill -0 "$command"
	run_alone -- true
	place_wait 20 gone "$command"
}

@test "what lies beside and is nobody's of root is left alone" {
	local beside=$PLACE/tmp/awsmask-run-other
	local PLACE_ENV=("TMPDIR=$PLACE/tmp")
	place_direct sh -c "mkdir -p $beside && echo $PLACE_CGROUP/awsmask-run-none >$beside/cgroup && : >$beside/awsmaskd.log &&
		chown -R 4217 $beside"
	run_alone -- true
	test -e "$beside/cgroup"
	place_direct chown -R 0 "$beside"
	run_alone -- true
	test ! -e "$beside"
}

@test "what the environment trusts already goes on being trusted, and a file that is not there is named" {
	place_in direct sh -c 'cat >/run/extra.pem' <"$PLACE/origin-ca.pem"
	PLACE_ENV=(NODE_EXTRA_CA_CERTS=/run/extra.pem)
	# shellcheck disable=SC2016 # variables of the command
	run_alone -- sh -c 'grep -c BEGIN "$NODE_EXTRA_CA_CERTS"; ls -l "$SSL_CERT_FILE" "$REQUESTS_CA_BUNDLE"' >"$T/out"
	[ "$(head -n 1 "$T/out")" -eq 2 ]
	# shellcheck disable=SC2034 # taken by place_in
	PLACE_ENV=(CURL_CA_BUNDLE=/run/nonesuch.pem)
	run run_alone -- true
	[ "$status" -eq 126 ]
	[[ $output == *"CURL_CA_BUNDLE"*"/run/nonesuch.pem"* ]]
}

@test "without the rights it says which are missing" {
	run place_in admin setpriv --bounding-set -bpf,-net_admin "$BUILD/awsmaskctl" run -- true
	[ "$status" -eq 1 ]
	[[ $output == *"CAP_BPF, CAP_NET_ADMIN are missing"*"--privileged"* ]]
	run place_in admin setpriv --reuid 1234 --regid 1234 --clear-groups "$BUILD/awsmaskctl" run -- true
	[ "$status" -eq 1 ]
	[[ $output == *"run this as root"* ]]
}

@test "a daemon that cannot start says why" {
	place_in direct sh -c 'mkdir -p /etc/awsmask && echo "types: {CODE: {file: /nonesuch}}" >/etc/awsmask/awsmask.yaml'
	run run_alone -- true
	place_in direct rm -r /etc/awsmask
	[ "$status" -eq 1 ]
	[[ $output == *"/nonesuch"* ]]
}

@test "a daemon that runs is used, and one that ended while it guards is not passed by" {
	place_daemon
	asked -v
	grep -q "$INSTANCE" "$T/answer"
	grep -q 'by the awsmaskd that runs here' "$T/error"
	place_daemon_stop
	run run_alone -- true
	[ "$status" -eq 1 ]
	[[ $output == *"still guarded"* ]]
	place_in admin "$BUILD/awsmaskd" --release
	place_ctl ca remove >/dev/null
}
