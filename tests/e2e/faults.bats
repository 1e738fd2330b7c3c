#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Origins that lie, a worker that stands still, descriptors that run out, a vault that is damaged: nothing leaks, nothing
# that was sent is lost, and two seconds after it is over all is as before.

load helpers

# It works again, and what was known is known.
recovers() {
	place_wait 2 works
	body "$SENTENCE" >"$T/body"
	same "$T/body"
	no_leak
}

refusals() { # WORD
	place_ctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["refusals"].get(sys.argv[1], 0))' "$1"
}

@test "an origin that lies about its answer is told of, or cut where it broke off" {
	body --stream "$SENTENCE" >"$T/body"
	for what in long short chunk gzip fields head event nothing; do
		rc=0
		ask here "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: lie what=$what" --max-time 15 \
			--data-binary "@$T/body" || rc=$?
		echo "$what: curl $rc, status $(cat "$T/here.status")"
		[ "$rc" != 28 ] # it came to an end
		case $what in
		short) expect "the status" 200 "$(cat "$T/here.status")" ;;
		event) [ "$rc" = 0 ] || [ "$rc" = 18 ] ;;
		*) an_error 502 api_error "origin" ;;
		esac
	done
	[ "$(refusals origin-broken)" -ge 5 ]
	recovers
}

@test "an origin that resets or cuts a stream: the client sees that it is not all" {
	body --stream "$SENTENCE" >"$T/body"
	for how in cut reset; do
		fails ask here "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: $how" --data-binary "@$T/body"
		expect "the status" 200 "$(cat "$T/here.status")"
	done
	recovers
}

# How many descriptors the worker may have; it may say so itself.
may_open() { # COUNT
	setpriv --reuid "$(id -u awsmask 2>/dev/null || echo 64911)" --regid "$(id -g awsmask 2>/dev/null || echo 64911)" \
		--clear-groups prlimit --pid "$(worker_of)" --nofile="$1:$limit"
}

@test "descriptors run out: who has a connection goes on, no loop spins, and it ends by itself" {
	worker=$(worker_of)
	limit=$(awk '/open files/ { print $5 }' "/proc/$worker/limits")
	ticks() { awk '{ print $14 + $15 }' "/proc/$worker/stat"; }
	rm -f "$PLACE"/log/*
	streams 9 3 3 30 &
	streams=$!
	place_wait 10 sh -c "[ \$(ls $PLACE/log/*.plain | wc -l) = 3 ]"
	may_open $(($(find "/proc/$worker/fd" | wc -l) + 4))
	PLACE_TIMEOUT=20 place_client python3 -B "$LIB_DIR/crowd.py" hold "$TARGET" 20 "$T/held" &
	crowd=$!
	place_wait 10 grep -q 'event=accept' "$PLACE/daemon.log"
	before=$(ticks)
	wait $streams
	spent=$(($(ticks) - before))
	expect "answers" 3 "$(grep -l message_stop "$T"/answer.* | wc -l)"
	echo "$spent ticks in three seconds"
	[ "$spent" -lt 150 ]
	may_open "$limit"
	place_wait 10 test -e "$T/held"
	rm "$T/held"
	wait $crowd
	recovers
	expect "the worker" "$worker" "$(worker_of)"
}

# A connection waits to be accepted.
somebody_waits() {
	place_in admin grep -qE ':3C53 00000000:0000 0A [0-9A-F]{8}:0*[1-9A-F]' /proc/net/tcp
}

@test "I1: a worker that stands still: connections wait, later are refused, and all goes on with it" {
	body "$SENTENCE" >"$T/body"
	works
	worker=$(worker_of)
	kill -STOP "$worker"
	ask waits "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" &
	waits=$!
	place_wait 8 somebody_waits
	kill -CONT "$worker"
	wait $waits
	expect "who waited" 200 "$(cat "$T/waits.status")"
	kill -STOP "$worker"
	place_wait 20 grep -q 'event=listeners-withdrawn' "$PLACE/daemon.log"
	SECONDS=0
	fails ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	[ "$SECONDS" -le 4 ]
	kill -CONT "$worker"
	recovers
	grep -q 'event=worker-answers' "$PLACE/daemon.log"
	expect "the worker" "$worker" "$(worker_of)"
}

@test "I4 I7: a vault that is damaged is refused with a remedy, and after the repair as before" {
	works
	python3 -c 'print(" ".join("i-%017x" % (0xdef0000000 + 7919 * n) for n in range(2000)))' >"$T/many"
	body "$(cat "$T/many")" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	grep -ohE "$PLACEHOLDER" "$(place_received plain)" | sort -u >"$T/before"
	place_daemon_stop
	vault=/var/lib/awsmask/vault.db
	place_in admin dd if=/dev/urandom of=$vault bs=4096 seek=60 count=4 conv=notrunc,nocreat status=none
	run -1 place_ctl vault check
	expect_match "check" 'damaged; [0-9]+ mappings can be saved' "$output"
	fails place_daemon_start
	expect_match "the log" "awsmaskctl vault repair" "$(cat "$PLACE/daemon.log")"
	place_ctl vault repair >"$T/said"
	expect_match "repair" 'saved [0-9]+ mappings' "$(cat "$T/said")"
	floor=$(sed -n 's/.* above \([0-9]*\),.*/\1/p' "$T/said")
	[ "$floor" -gt 2000 ]
	place_ctl vault check
	# As if it had been killed before the new file had its name: who starts next gives it that.
	place_in admin sh -c "mv $vault $vault.repaired && cp -p $vault.damaged-1 $vault"
	place_daemon_start
	expect "what is left of it" "" "$(place_in admin sh -c "ls $vault.repaired 2>/dev/null")"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	grep -ohE "$PLACEHOLDER" "$(place_received plain)" | sort -u >"$T/after"
	# What is new to the vault has a number that was never used.
	comm -13 "$T/before" "$T/after" | sed 's/.*_//' >"$T/new"
	awk -v floor="$floor" '$1 + 0 <= floor { exit 1 }' "$T/new"
	[ "$(comm -12 "$T/before" "$T/after" | wc -l)" -gt 1000 ]
	no_leak i-00000000def000000
	run -1 place_ctl vault repair
	expect_match "while it runs" "stop it first" "$output"
	recovers
}

@test "no sanitizer complained" {
	sanitizer_silent
}
