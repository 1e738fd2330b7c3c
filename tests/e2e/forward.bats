#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Records of the audit log in the host's other logs: the journal's and syslog's. Neither holds up a request, nor the log.

load helpers

LOGS=/var/log/awsmask
JOURNAL=/run/systemd/journal/socket
SYSLOG=/dev/log

setup_file() {
	place_new && own_dev && settings syslog && place_daemon
}

# /dev/log would be the host's.
own_dev() {
	place_in admin sh -c "cd $PLACE/mnt && mkdir -p u/dev w/dev &&
		mount -t overlay overlay -o lowerdir=/dev,upperdir=u/dev,workdir=w/dev /dev && rm -f $SYSLOG"
}

settings() { # FORWARD
	echo "audit: {forward: $1}" >"$PLACE/awsmask.yaml"
}

forward() { # WHERE
	! grep -q "forward: $1}" "$PLACE/awsmask.yaml" || return 0
	settings "$1"
	place_ctl reload
}

# Who reads a socket, into $T/got; its process is $listener.
listen() { # SOCKET
	cat >"$T/listen.py" <<'LISTEN'
import os, socket, sys
path, out = sys.argv[1:]
os.makedirs(os.path.dirname(path), exist_ok=True)
if os.path.lexists(path):
    os.unlink(path)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(path)
with open(out + ".pid.new", "w") as f:
    f.write(str(os.getpid()))
os.rename(out + ".pid.new", out + ".pid")
while True:
    with open(out, "ab") as f:
        f.write(s.recv(65536) + b"\n")
LISTEN
	rm -f "$T/got.pid"
	in_background "$T/listen.log" admin nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		python3 -B "$T/listen.py" "$1" "$T/got"
	place_wait 20 test -s "$T/got.pid"
	listener=$(<"$T/got.pid")
}

teardown() {
	[ -z "${listener:-}" ] || kill -9 "$listener" 2>/dev/null || true
	place_in admin rm -f $SYSLOG $JOURNAL
	check_after
}

send() { # TEXT
	body --stream "$1" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	expect "the status" 200 "$(cat "$T/here.status")"
}

records() {
	place_in admin cat $LOGS/audit.jsonl | wc -l
}

come_to() { # COUNT COMMAND...: it prints so many, or will
	local wanted=$1
	shift
	place_wait 20 is_count "$wanted" "$@" || expect "$*" "$wanted" "$("$@")"
}

is_count() {
	[ "$("${@:2}")" = "$1" ]
}

got() {
	grep -c awsmask-audit "$T/got"
}

unforwarded() {
	place_ctl metrics | awk '$1 == "awsmask_audit_unforwarded_total" { print $2 }'
}

missed_more_than() { # COUNT
	[ "$(unforwarded)" -gt "$1" ]
}

accounted_for() {
	echo $(($(got) + $(unforwarded)))
}

no_value_among() {
	local value
	for value in "${VALUES[@]}"; do
		fails grep -aqF -e "$value" "$T/got" || return 1
	done
}

@test "the journal gets each record, with fields" {
	listen $JOURNAL
	forward journald
	send "$SENTENCE"
	place_wait 20 grep -q '^AWSMASK_VERDICT=masked' "$T/got"
	expect_match "its message" '^MESSAGE=\{"v":1,"seq":[0-9]+,.*"hash":"[0-9a-f]{64}"\}$' "$(grep MESSAGE "$T/got" | tail -n 1)"
	grep -q '^SYSLOG_IDENTIFIER=awsmask-audit' "$T/got"
	no_value_among
}

@test "syslog gets each record under a name, as the audit log has it, and more at once than its queue holds" {
	listen $SYSLOG
	forward syslog
	come_to 1 got # that it was reloaded
	send "$SENTENCE"
	requests 60
	come_to 62 got
	expect "in this form" 62 "$(grep -cE '^<86>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} awsmask-audit\[[0-9]+\]: \{"v":1,.*\}$' "$T/got")"
	expect "the lines" "$(place_in admin tail -n 62 $LOGS/audit.jsonl)" "$(sed 's/^[^{]*//' "$T/got")"
	no_value_among
	# Whoever listens is started anew.
	kill -9 "$listener"
	place_wait 20 fails kill -0 "$listener"
	listen $SYSLOG
	send "$SENTENCE"
	come_to 62 got
}

@test "a syslog that reads nothing holds up no request and no record; what it misses is counted, and said once" {
	forward syslog
	listen $SYSLOG
	before=$(records) missed=$(unforwarded)
	kill -STOP "$listener"
	requests 60
	send "$SENTENCE"
	come_to $((before + 61)) records
	place_wait 20 missed_more_than "$missed"
	expect "said" 1 "$(grep -c 'event=audit-forward' "$PLACE/daemon.log")"
	kill -CONT "$listener"
	come_to $((61 + missed)) accounted_for
	place_ctl audit verify
	send "$SENTENCE"
	come_to $((62 + missed)) accounted_for
}

@test "without a syslog requests go on, and the audit log has them" {
	forward syslog
	before=$(records) missed=$(unforwarded)
	send "$SENTENCE"
	come_to $((before + 1)) records
	come_to $((missed + 1)) unforwarded
	expect "said" 1 "$(grep -c 'event=audit-forward' "$PLACE/daemon.log")"
}
