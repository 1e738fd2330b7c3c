#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The audit log: what is recorded of whom, in one chain, over restarts, files and full disks; and never a value.

load helpers

LOGS=/var/log/awsmask

setup_file() {
	place_new && settings 64MiB && place_daemon
}

settings() { # SIZE
	echo "audit: {size: $1, keep: 40}" >"$PLACE/awsmask.yaml"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || place_in admin tail -n 5 $LOGS/audit.jsonl || true
	check_stored $LOGS
}

records() { # audit-show-arguments...: as JSON, one a line
	place_ctl audit show --json "$@"
}

how_many() {
	records "$@" | wc -l
}

# There are so many, or will be.
comes_to() { # COUNT audit-show-arguments...
	local wanted=$1
	shift
	place_wait 10 test_count "$wanted" "$@" || expect "records with $*" "$wanted" "$(how_many "$@")"
}

test_count() {
	local wanted=$1
	shift
	[ "$(how_many "$@")" = "$wanted" ]
}

sound() {
	place_ctl audit verify "$@" >"$T/verify" || {
		cat "$T/verify"
		return 1
	}
}

send() { # TEXT curl-arguments...
	body --stream "$1" >"$T/body"
	shift
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" "$@"
	expect "the status" 200 "$(cat "$T/here.status")"
}

@test "I8: requests and flows are recorded with who, where, what became of them, and tokens" {
	send "$SENTENCE"
	comes_to 1 --verdict masked
	record=$(records --verdict masked)
	expect_match "who" "\"event\":\"request\",\"uid\":0,\"pid\":[0-9]+,\"comm\":\"curl\",\"cgroup\":\"$PLACE_CGROUP/client\"" "$record"
	expect_match "where" "\"target\":\"$TARGET\",\"port\":443,\"method\":\"POST\",\"path\":\"/v1/messages\",\"verdict\":\"masked\",\"status\":200,\"stream\":true" "$record"
	expect_match "what" '"masked":\{"EC2_INSTANCE":1,.*"placeholders":\["EC2_INSTANCE_001",.*"restored":7' "$record"
	expect_match "sizes" "\"bytes_in\":$(stat -c %s "$T/body"),\"bytes_out\":$(stat -c %s "$T/here.answer"),\"duration_ms\":[0-9]+,\"added_us\":[0-9]+" "$record"
	expect_match "tokens" '"model":"stand-in","usage":\{"input":[1-9][0-9]*,"output":[1-9]' "$record"
	# The same model said so in one JSON object, and in a compressed one.
	body "nothing to hide" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" --compressed -H "x-scenario: echo gzip=1"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -d '{"x":'
	ask here "https://$OTHER/"
	comes_to 2 --verdict passed
	comes_to 1 --verdict refused
	comes_to 1 --verdict spliced
	[ "$(records --verdict passed | grep -c '"model":"stand-in","usage":{"input":')" = 2 ]
	expect_match "the reason" '"path":"/v1/messages","verdict":"refused","reason":"not-json","status":400' "$(records --verdict refused)"
	expect_match "any other host" '"event":"flow".*"target":"other".*"bytes":[1-9][0-9]{2}' "$(records --verdict spliced)"
	expect "starts" 1 "$(how_many --event start)"
	expect_match "who enrolled" '"uid":0,"pid":[0-9]+,"comm":"awsmaskctl","subject":".*/client","verdict":"done"' \
		"$(records --event enroll)"
	sound
}

@test "show: by user, cgroup, type, placeholder and time, as a table too" {
	send "$SENTENCE"
	place_as 4217 curl -sS -o /dev/null "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "$(body "On $VPC")"
	comes_to 1 --user 4217
	expect "its type" 1 "$(how_many --user 4217 --type VPC)"
	expect "no other" 0 "$(how_many --user 4217 --type S3_BUCKET)"
	expect "by placeholder" 1 "$(how_many --user 4217 --placeholder VPC_001)"
	expect "by another" 0 "$(how_many --placeholder VPC_999)"
	expect "by cgroup" 0 "$(how_many --cgroup /nowhere)"
	[ "$(how_many --cgroup "$PLACE_NAME/client")" -ge 2 ]
	[ "$(how_many --since 5m)" -ge 2 ]
	expect "until then" 0 "$(how_many --until 2020-01-01)"
	place_ctl audit show --user 4217 >"$T/table"
	expect_match "the head" '^TIME  +USER ' "$(head -n 1 "$T/table")"
	expect_match "the row" ' 4217 +curl +request +masked +api.anthropic.com +POST /v1/messages; status 200; masked VPC 1; restored 1; ' \
		"$(tail -n 1 "$T/table")"
	run -2 place_ctl audit show --since yesterday
	run -2 place_ctl audit show --head 00
	run -2 place_ctl audit verify --user 1
	run -2 place_ctl audit verify --head 00
	run -2 place_ctl audit burn
	run -1 place_ctl audit show /nowhere
}

@test "who may change nothing is recorded with why" {
	place_in client "$BUILD/awsmaskctl" unenroll "$PLACE_CGROUP/client" || true
	comes_to 1 --event unenroll
	expect_match "refused" '"verdict":"refused","reason":"' "$(records --event unenroll)"
}

@test "tampering is found, and a head that the daemon's log keeps finds a cut end" {
	before=$(how_many)
	send "$SENTENCE"
	comes_to $((before + 1))
	place_in admin cp $LOGS/audit.jsonl "$T/copy"
	sound "$T/copy"
	head=$(awk '/^head/ { print $2 }' "$T/verify")
	sound "$T/copy" --head "$head"
	sed -i '3s/"time":"2/"time":"3/' "$T/copy"
	run -1 place_ctl audit verify "$T/copy"
	expect_match "which line" "^broken: $T/copy, line 3: it was changed" "$output"
	place_in admin sh -c "head -n -1 $LOGS/audit.jsonl >$T/copy"
	sound "$T/copy"
	run -1 place_ctl audit verify "$T/copy" --head "$head"
	expect_match "the head" "does not lead through this head" "$output"
	run -1 place_ctl audit verify --json "$T/copy" --head "$head"
	expect_match "as JSON" '"ok":false' "$output"
}

@test "nobody but workers hands records over" {
	before=$(how_many)
	place_in admin python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/awsmask/control.sock.audit")
s.send(b"x" * 100000)'
	place_wait 5 grep -q 'event=audit-refused uid=0' "$PLACE/daemon.log"
	run -1 place_as 4217 python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/awsmask/control.sock.audit")'
	expect "records" "$before" "$(how_many)"
}

# A stream that lasts until after what is done meanwhile.
amid_a_stream() { # CMD...
	rm -f "$T/stream"
	body --stream "$SENTENCE" >"$T/body"
	PLACE_TIMEOUT=30 place_client curl -sSN --max-time 20 -o "$T/stream" "$MESSAGES" "${JSON_TYPE[@]}" \
		-H 'x-scenario: pings n=15 pause=0.1' --data-binary "@$T/body" &
	place_wait 10 test -s "$T/stream"
	"$@"
	wait
}

replaced() {
	place_daemon_start --replace
	place_wait 10 one_monitor
}

one_monitor() {
	[ "$(monitor_of | wc -l)" = 1 ]
}

killed() {
	kill -9 "$(monitor_of)"
	place_daemon_start
}

@test "a stream that outlives its monitor is recorded by the next one, in the same chain" {
	before=$(how_many --verdict masked)
	amid_a_stream replaced
	comes_to $((before + 1)) --verdict masked
	amid_a_stream killed
	comes_to $((before + 2)) --verdict masked
	sound
	expect "stops" 1 "$(how_many --event stop)"
	expect "starts" 3 "$(how_many --event start)"
	expect "lost" '' "$(records | grep '"lost"' || true)"
}

@test "the chain goes on after a restart, and behind a line that a crash tore" {
	place_daemon_stop
	expect_match "the head at the end" 'event=audit-head seq=[0-9]+ hash="[0-9a-f]{64}"' \
		"$(tail -n 5 "$PLACE/daemon.log")"
	head=$(sed -n 's/.*event=audit-head .*hash="\(.*\)"/\1/p' "$PLACE/daemon.log" | tail -n 1)
	place_in admin sh -c "printf '{\"v\":1,\"seq\":' >>$LOGS/audit.jsonl"
	place_daemon_start
	comes_to 1 --event torn
	sound --head "$head"
	expect_match "what is said" "^1 torn lines" "$(cat "$T/verify")"
}

@test "follow goes over the change of a file, which goes by size; a reload is recorded" {
	settings 16KiB
	place_ctl reload
	comes_to 1 --event reload
	in_background "$T/followed" admin nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		"$BUILD/awsmaskctl" audit follow --json --config "$PLACE/awsmask.yaml" --event request
	place_wait 5 grep -q inotify <(ls -l /proc/$(pgrep -n -f "audit follow --json --config $PLACE/awsmask.yaml")/fd)
	before=$(how_many --event request)
	requests 60
	comes_to $((before + 60)) --event request
	# A file is changed when there is something for the next one.
	place_client curl -s -o /dev/null "$MESSAGES" -d '{}'
	comes_to $((before + 61)) --event request
	[ "$(place_in admin sh -c "ls $LOGS/audit.jsonl.[0-9]*" | wc -l)" -ge 1 ]
	sound
	place_wait 5 test_lines 61 "$T/followed"
	expect "each once" 61 "$(sed 's/.*"seq":\([0-9]*\),.*/\1/' "$T/followed" | sort -un | wc -l)"
	place_wait 5 grep -q 'event=audit-head' "$PLACE/daemon.log"
}

test_lines() { # COUNT FILE
	[ "$(wc -l <"$2")" = "$1" ]
}

# Some records still fit into what the file's last page has left.
fill_up() {
	place_in admin sh -c "dd if=/dev/zero of=$LOGS/filler bs=4k; dd if=/dev/zero of=$LOGS/filler.2 bs=1" 2>/dev/null || true
	requests 12
	place_wait 10 grep -q 'event=audit why=.*No space left' "$PLACE/daemon.log"
}

@test "a full disk is said once, and counted; requests go on, and the log when there is room" {
	before=$(how_many --event request)
	fill_up
	send "$SENTENCE"
	expect_match "status" '"audit":\{[^}]*"last_error"' "$(place_ctl status --json)"
	expect_match "metrics" '^awsmask_audit_failures_total [1-9]' "$(place_ctl metrics)"
	expect "said" 1 "$(grep -c 'event=audit why=.*No space left' "$PLACE/daemon.log")"
	place_in admin sh -c "rm $LOGS/filler*"
	comes_to $((before + 13)) --event request
	place_wait 5 grep -q 'event=audit then="it is written again"' "$PLACE/daemon.log"
	sound
	place_ctl status --json >"$T/status"
	fails grep -q '"audit":{[^}]*last_error' "$T/status"
}

@test "switched off, nothing is written, and nothing waits" {
	echo 'audit: {file: ""}' >"$PLACE/awsmask.yaml"
	place_ctl reload
	before=$(place_in admin cat $LOGS/audit.jsonl | wc -l)
	through requests send "$SENTENCE"
	place_daemon_stop
	# The record of the reload, and of the end, are the log's last words or its first omitted ones.
	after=$(place_in admin cat $LOGS/audit.jsonl | wc -l)
	[ $((after - before)) -le 1 ]
	place_daemon_start
	expect_match "status" '"audit":null' "$(place_ctl status --json)"
	run -1 place_ctl audit show --config "$PLACE/awsmask.yaml"
	expect_match "why" 'audit.file is ""' "$output"
}
