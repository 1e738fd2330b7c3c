#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The units under a systemd of their own.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/machine.bash
. tests/e2e/machine.bash && machine_begin "$@" || exit 1

is_refused() {
	local said start=$SECONDS
	said=$(ask agents.slice) && {
		echo "$said"
		return 1
	}
	[ $((SECONDS - start)) -le 30 ] && machine test ! -e /run/seen # in half of the time that curl has
}

is_active() {
	machine systemctl is-active awsmaskd.service || {
		machine journalctl --no-pager -n 20 -u awsmaskd.service
		return 1
	}
}

# The unit's own filter must let the worker give things up.
is_confined() {
	! machine journalctl --no-pager | grep -E 'event=(not-confined|kernel-lacks)'
}

# From within the unit's sandbox, to a real journald, which /dev/log leads to, too.
records_reach() { # journald|syslog
	local before
	machine sh -c "echo 'audit: {forward: $1}' >/etc/awsmask/awsmask.yaml" && as_unit awsmaskctl reload || return 1
	before=$(records_forwarded)
	is_masked && wait_for 60 more_forwarded "$before" &&
		machine sh -c 'awsmaskctl metrics | grep -qx "awsmask_audit_unforwarded_total 0"'
}

records_forwarded() {
	machine journalctl --quiet --no-pager -o cat -t awsmask-audit | grep -c '^{"v":1,.*"verdict":"masked".*"hash":"[0-9a-f]*"}$'
}

more_forwarded() { # THAN
	[ "$(records_forwarded)" -gt "$1" ]
}

# By readiness, which Type=notify waits for.
start() {
	machine systemctl start awsmaskd.service
	is_active && machine awsmaskctl status
}

stop() {
	machine systemctl stop awsmaskd.service &&
		[ "$(machine systemctl show -P Result awsmaskd.service)" = success ]
}

enroll() {
	# A slice without a unit has no cgroup yet.
	machine systemctl start agents.slice plain.slice && as_unit awsmaskctl enroll agents.slice
}

# A client that was connected before its slice was enrolled, in a network namespace of its own: it has to notice.
older_is_ended() {
	machine systemd-run --quiet --unit=older --slice=late.slice --property=PrivateNetwork=yes \
		python3 -c 'if True:
			import socket, subprocess
			subprocess.run(["ip", "addr", "add", "198.51.100.8/32", "dev", "lo"])
			server = socket.create_server(("198.51.100.8", 80))
			client = socket.create_connection(("198.51.100.8", 80))
			open("/run/connected", "w").close()
			try:
			    client.recv(1)
			except ConnectionAbortedError:
			    open("/run/ended", "w").close()' &&
		wait_for 60 machine test -e /run/connected && as_unit awsmaskctl enroll late.slice &&
		wait_for 60 machine test -e /run/ended
}

restart() {
	machine systemctl reset-failed awsmaskd.service # many in a row are no attack here
	machine systemctl restart awsmaskd.service && is_active
}

main_pid() {
	machine systemctl show -P MainPID awsmaskd.service
}

another_main() {
	local now
	now=$(main_pid)
	[ "$now" != 0 ] && [ "$now" != "$1" ] && machine systemctl is-active awsmaskd.service
}

killed() {
	local before
	before=$(main_pid)
	machine systemctl kill --signal=KILL awsmaskd.service
	wait_for 60 another_main "$before"
}

directories() {
	[ "$(machine stat -c '%a %U %G' /var/lib/awsmask /run/awsmask /var/log/awsmask)" = \
		$'1771 root awsmask\n755 root root\n700 root root' ] &&
		[ "$(machine stat -c '%a %U %G' /run/awsmask/worker.sock /run/awsmask/control.sock)" = $'600 root root\n660 root awsmask' ]
}

# Tenths: the monitor has to hold many a privilege, the workers hold none.
exposure() { # UNIT AT-MOST
	machine systemd-analyze security --no-pager --threshold="$2" "$1"
}

restarts() { # TIMES: each time another program lies there, as after a package's upgrade
	local program=/usr/local/sbin/awsmaskd
	for _ in $(seq "$1"); do
		machine sh -c "cp $program $program.new && mv $program.new $program" && restart || return 1
	done
}

# With the workers gone as well, so that nobody accepts.
failing_start_refuses() {
	local status
	machine sh -c 'echo "mode: wrong" >/etc/awsmask/awsmask.yaml.new && cp /etc/awsmask/awsmask.yaml /etc/awsmask/awsmask.yaml.good &&
		mv /etc/awsmask/awsmask.yaml.new /etc/awsmask/awsmask.yaml'
	machine systemctl restart awsmaskd.service
	is_refused
	status=$?
	machine mv /etc/awsmask/awsmask.yaml.good /etc/awsmask/awsmask.yaml
	restart && return $status
}

workers() {
	machine pgrep -f 'awsmaskd --worker [0-9]'
}

# Their parent is killed, and all of them with it, as in a crash of the whole unit.
host_killed() {
	local before
	before=$(workers)
	machine systemctl kill --signal=KILL awsmask-worker.service
	wait_for 60 other_workers "$before" && wait_for 60 is_masked
}

other_workers() {
	local now
	now=$(workers)
	[ -n "$now" ] && [ "$now" != "$1" ]
}

# Without an awsmaskd the unit of the workers ends by itself, with the last of their streams.
workers_end() {
	wait_for 60 fails machine systemctl is-active awsmask-worker.service
}

released() {
	machine systemctl stop awsmaskd.service && machine awsmaskd --release && [[ "$(ask agents.slice)" == *"$VALUE"*"$VALUE" ]]
}

make -s install DESTDIR="$ROOT" && scripted_prepare && machine_boot || exit 1
check "the user and the directories are made" machine sh -c 'systemd-sysusers && systemd-tmpfiles --create && id awsmask'
check "a server beside it" serve
check "the units have no fault" machine systemd-analyze verify /usr/local/lib/systemd/system/awsmask{d.service,-worker.service,-worker.socket}
check "the service starts, and says when it is ready" start
check "its directories are as they should be" directories
check "nothing is redirected before it is enrolled" passes
check "no file but its own is in the worker's reach" is_confined
check "a slice is enrolled" enroll
check "what is enrolled is masked" is_masked
check "what is not still passes" passes
check "records of the audit log reach the journal" records_reach journald
check "and by syslog's way" records_reach syslog
check "connections older than their enrolment are ended" older_is_ended
check "it restarts" restart
check "enrolled as before" is_masked
check "killed, it comes back by itself" killed
check "enrolled as before" is_masked
check "its workers killed, it gets others" host_killed
STREAMS=${AWSMT_STREAMS:-50} RESTARTS=${AWSMT_RESTARTS:-50}
check "ten streams at a time" begin_load 10 40
check "killed amid them, it comes back by itself" killed
check "no stream was cut, no connect refused" end_load
check "$STREAMS streams at a time" begin_load "$STREAMS" 10
check "$RESTARTS restarts and upgrades" restarts "$RESTARTS"
check "no stream was cut, no connect refused" end_load
check "enrolled as before" is_masked
check "what waits for one that cannot start is refused" failing_start_refuses
check "enrolled as before" is_masked
check "it stops in order" stop
check "the workers end then, too" workers_end
check "what is enrolled is refused meanwhile (I1)" is_refused
check "what is not passes" passes
check "it starts again" start
check "enrolled as before" is_masked
check "the monitor's exposure is 3.0 at most" exposure awsmaskd.service 30
check "the workers' exposure is 2.0 at most" exposure awsmask-worker.service 20
check "released, nothing is left of it (I11)" released
[ $FAILED = 0 ] || machine journalctl --no-pager -n 40 -u 'awsmask*'
cases_sum
