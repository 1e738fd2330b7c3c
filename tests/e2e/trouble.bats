#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A disk that fails beneath the vault, a clock that is set while everything runs: nothing leaves that is not durable,
# what is known goes on, and two seconds after it is over all is as before.

load helpers

setup_file() {
	place_new
	"${CC:-cc}" -D_GNU_SOURCE -O1 -shared -fPIC -DTROUBLE="\"$PLACE/trouble\"" -o "$PLACE/trouble.so" "$LIB_DIR/trouble.c"
	head -c 16 /dev/zero >"$PLACE/trouble"
	# For the daemon's processes and for clients; the origin has another /etc.
	place_in admin sh -c "echo $PLACE/trouble.so >/etc/ld.so.preload"
	place_daemon
}

teardown_file() {
	place_end
	rmdir "$(memory_v1)/$PLACE_NAME" 2>/dev/null || true # of may_have
}

trouble() { # WRITING READING CLOCK, as in trouble.c
	python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as file:
	file.write(struct.pack("=iiq", *map(int, sys.argv[2:])))' "$PLACE/trouble" "$@"
}

EIO=5 ENOSPC=28 EROFS=30
DAY=86400

teardown() {
	trouble 0 0 0
	check_after
}

gets_200() { # BODY
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$1" && [ "$(cat "$T/here.status")" = 200 ]
}

# What the origin gets for this body.
masked() { # BODY
	gets_200 "$1" && cat "$(place_received plain)"
}

# What the vault failed of last.
vault_error() {
	place_ctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["vault"]["last_error"])'
}

@test "I4 I7: a vault whose disk takes no more: new values are refused in words, known ones go on, and it ends with the fault" {
	body "$SENTENCE" >"$T/known"
	masked "$T/known" >"$T/known.masked"
	for error in $EIO $ENOSPC $EROFS; do
		body "sees $(value_of 77 "$error")" >"$T/new.$error"
		before=$(place_requests)
		trouble "$error" 0 0
		ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/new.$error"
		an_error 400 api_error "vault"
		expect "requests at the origin" "$before" "$(place_requests)"
		expect_match "the vault's error" 'disk (is full|reports errors)|may not be written' "$(vault_error)"
		same "$T/known"
		masked "$T/known" | cmp - "$T/known.masked"
		trouble 0 0 0
		place_wait 2 gets_200 "$T/new.$error"
		masked "$T/new.$error" >"$T/new.$error.masked"
	done
	kill -9 "$(worker_of)"
	place_wait 2 works
	for name in known new.$EIO new.$ENOSPC new.$EROFS; do
		masked "$T/$name" | cmp - "$T/$name.masked"
	done
	no_leak "${VALUES[@]}" "i-0$(printf %08x 77)"
}

@test "I4 I7: a vault whose disk cannot be read: who is served is served right, and it ends with the fault" {
	body "$SENTENCE" >"$T/known"
	masked "$T/known" >"$T/known.masked"
	trouble 0 "$EIO" 0
	for n in 1 2; do
		body "sees $(value_of 78 $n)" >"$T/new"
		ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/new"
		[ "$(cat "$T/here.status")" = 200 ] || an_error 400 api_error "vault"
		ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/known"
		[ "$(cat "$T/here.status")" = 200 ] || an_error 400 api_error "vault"
	done
	# A worker that cannot open its vault serves nobody; one that can does so two seconds later.
	kill -9 "$(worker_of)"
	place_wait 10 grep -q 'event=worker-failed.*vault' "$PLACE/daemon.log"
	fails works
	trouble 0 0 0
	place_wait 2 works
	masked "$T/known" | cmp - "$T/known.masked"
	body "sees $(value_of 78 1)" >"$T/new"
	same "$T/new"
	no_leak "${VALUES[@]}" "i-0$(printf %08x 78)"
}

# Nobody gets a certificate, for this reason.
nobody_gets_through() { # PATTERN
	local before
	before=$(place_requests)
	fails works
	expect "requests at the origin" "$before" "$(place_requests)"
	place_wait 2 grep -qE "event=leaf-refused .*$1" "$PLACE/daemon.log"
}

@test "a clock that is set forward and back: certificates fit at once, and nothing else minds" {
	works
	worker=$(worker_of)
	for days in 40 0 2; do
		trouble 0 0 $((days * DAY))
		for _ in 1 2 3; do # each thread has its own certificates
			works
		done
	done
	trouble 0 0 $((5 * 365 * DAY))
	nobody_gets_through 'has expired'
	trouble 0 0 $((-40 * 365 * DAY))
	nobody_gets_through 'not valid yet'
	place_ctl status >/dev/null
	trouble 0 0 0
	place_wait 2 works
	expect "the worker" "$worker" "$(worker_of)"
	body "$SENTENCE" >"$T/body"
	same "$T/body"
}

memory_v1() {
	awk '/ - cgroup / && $NF ~ /(^|,)memory(,|$)/ { print $5 }' /proc/self/mountinfo
}

# The daemon's processes together may have so much. Where cgroup v1 has the controller it has a directory of its own.
may_have() { # BYTES
	local old dir file
	old=$(memory_v1)
	if [ -n "$old" ]; then
		dir=$old/$PLACE_NAME file=memory.limit_in_bytes
		mkdir -p "$dir"
		for pid in $(<"$PLACE_CGROUP/$DAEMON_CGROUP/cgroup.procs"); do echo "$pid" >"$dir/cgroup.procs"; done
	else
		dir=$PLACE_CGROUP/$DAEMON_CGROUP file=memory.max
		for above in "$(cgroup2_mount)" "$PLACE_CGROUP" "${dir%/*}"; do echo +memory >"$above/cgroup.subtree_control"; done
	fi
	echo "$1" >"$dir/$file"
}

killed_workers() {
	grep -c 'event=worker-ended signal=9' "$PLACE/daemon.log" || true
}

@test "I1 I7: memory runs out amid streams: the worker that is killed for it is replaced, and no value is out" {
	body "$SENTENCE" >"$T/known"
	masked "$T/known" >"$T/known.masked"
	processes=$(monitor_of; host_of || true)
	may_have 60M
	kill -9 "$(worker_of)" # what the next one has is counted
	place_wait 10 works
	before=$(killed_workers)
	streams 79 20 20 20 &
	streams=$!
	place_wait 10 sh -c "grep -qs ping $T/answer.*"
	place_client python3 -B "$LIB_DIR/crowd.py" flood "$TARGET" 2 50000000 text >"$T/flood" 2>&1 || true
	wait $streams || true
	[ "$(killed_workers)" -gt "$before" ]
	place_wait 2 works
	expect "the monitor and the workers' parent" "$processes" "$(monitor_of; host_of || true)"
	masked "$T/known" | cmp - "$T/known.masked"
	no_leak "${VALUES[@]}" "i-0$(printf %08x 79)"
}

@test "no sanitizer complained" {
	sanitizer_silent
}
