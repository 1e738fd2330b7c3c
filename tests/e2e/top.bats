#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What people see of a running awsmask: `awsmaskctl top` on terminals and without, colours, harmless names.

load helpers

CTL=$BUILD/awsmaskctl
HELD=$BATS_FILE_TMPDIR/held

# Three connections that wait, and two streams amid their answers, for as long as a file is there; and one whose
# program's name would clear the screen, move the cursor and set the title.
setup_file() {
	place_with_daemon '' || return 1
	PLACE_TIMEOUT=120 place_client python3 -B "$LIB_DIR/crowd.py" hold "$TARGET" 3 "$HELD" 2 3>&- &
	PLACE_TIMEOUT=120 place_client python3 -B "$LIB_DIR/crowd.py" named "$TARGET" "$HELD.named" 3>&- &
	place_wait 30 test -e "$HELD" -a -e "$HELD.named"
}

teardown() {
	tm kill-server 2>/dev/null || true
}

teardown_file() {
	rm -f "$HELD" "$HELD.named"
	place_end
}

# A terminal of its own, which can be read.
tm() {
	PLACE_ENV=("TMUX_TMPDIR=$T" "TERM=xterm-256color") place_in admin tmux -L t -f /dev/null "$@" 3>&-
}

# terminal COLUMNS LINES COMMAND: it runs there; its status and what the terminal was before and after are in $T
terminal() {
	tm new-session -d -x "$1" -y "$2" \
		"stty -g >$T/before; $3; echo \$? >$T/rc; stty -g >$T/after; cat >$T/rest"
}

screen() {
	tm capture-pane -p
}

on_screen() { # PATTERN
	screen | grep -qE -- "$1"
}

shows() { # PATTERN, within a few seconds
	place_wait 20 on_screen "$1" || {
		echo "no $1 on the screen:"
		screen
		return 1
	}
}

restored() { # STATUS
	place_wait 20 test -s "$T/after"
	expect "the terminal's settings" "$(cat "$T/before")" "$(cat "$T/after")"
	expect "the status" "$1" "$(cat "$T/rc")"
	expect "the cursor" 1 "$(tm display-message -p '#{cursor_flag}')"
	expect "the other screen" 0 "$(tm display-message -p '#{alternate_on}')"
}

ctl_process() {
	pgrep -f "^$CTL top" | while read -r pid; do
		grep -qF "$PLACE_NAME" "/proc/$pid/cgroup" && echo "$pid"
	done
}

@test "printed once: who, what, where to, how fast" {
	works
	place_ctl top --once --delay 0.2 >"$T/out"
	cat "$T/out"
	grep -qE '^awsmask [0-9.]+ +enforce, fail closed +up [0-9a-z]+ +memory [0-9.]+ MB +1 worker$' "$T/out"
	grep -qE '^flows 6 open ' "$T/out"
	expect "idle connections" 3 "$(grep -cE "^python3 .* $TARGET .* idle " "$T/out")"
	expect "streams" 2 "$(grep -cE "^python3 +[0-9]+ +0 .*/client +$TARGET .* (streaming|waiting) [0-9]+s " "$T/out")"
	grep -qE '^EC2_INSTANCE +[0-9.]+ +[1-9]' "$T/out"
	grep -qE "enforce +closed +6 +.*/client$" "$T/out"
	grep -qE '^ +since the start +[1-9][0-9]* +[0-9.]+ ms' "$T/out"
	place_ctl metrics | grep -qE '^awsmask_stream_events_total [1-9]'
	expect "the worker" "$(worker_of)" "$(awk '/ serving / { print $1 }' "$T/out")"
}

@test "printed again and again: rates are of the time between" {
	(while works; do :; done) 3>&- &
	local busy=$!
	place_ctl top --batch 2 --delay 1 --filter EC2 >"$T/out"
	kill "$busy"
	expect "how often" 2 "$(grep -c '^awsmask ' "$T/out")"
	expect_match "the rate" 'requests [0-9.]*[1-9]' "$(grep '^flows ' "$T/out" | tail -n 1)"
	expect_match "the type's" '^EC2_INSTANCE +[0-9.]*[1-9]' "$(grep '^EC2_INSTANCE' "$T/out" | tail -n 1)"
	expect "flows that hold it" 0 "$(grep -c '^python3' "$T/out")"
}

@test "names of processes do nothing to a terminal" {
	place_ctl top --once --delay 0.1 >"$T/out"
	grep -qF '?[2J?]0;x' "$T/out"
	expect "lines with controls" 0 "$(grep -c '[[:cntrl:]]' "$T/out")"
	terminal 100 30 "$CTL top --delay 0.3"
	shows '\?\[2J'
	shows '^awsmask '
	expect "the title" "" "$(tm display-message -p '#{pane_title}' | grep -x x || true)"
	tm send-keys q
	restored 0
}

@test "a terminal of 80 by 24: keys, and q leaves it as it was" {
	terminal 80 24 "$CTL top --delay 0.3"
	shows 'PROGRAM +PID'
	shows 'python3 .* api.anthropic.com .* streaming'
	shows '\[1 flows\]'
	expect "lines" 24 "$(screen | wc -l)"
	tm send-keys 2
	shows 'TYPE +PER SECOND'
	tm send-keys Tab
	shows 'CGROUP OR PROGRAM'
	tm send-keys 4
	shows 'until the first event'
	tm send-keys 1 s
	shows 'by bytes'
	tm send-keys /
	shows 'show lines with:'
	tm send-keys idle Enter
	shows '/idle'
	expect "lines of streams" 0 "$(screen | grep -c streaming)"
	tm send-keys / Enter '?'
	shows 'pause, and go on'
	tm send-keys x p
	shows PAUSED
	tm send-keys q
	restored 0
}

@test "a terminal that grows and shrinks" {
	terminal 200 50 "$CTL top --delay 0.3"
	shows 'REQS MASKED RESTORED +WORKER'
	tm resize-window -x 60 -y 8
	shows '^ ?\[1 flows\]'
	expect "columns that have no room" 0 "$(screen | grep -c RESTORED)"
	tm resize-window -x 3 -y 2
	tm resize-window -x 200 -y 50
	shows 'REQS MASKED RESTORED +WORKER'
	expect "lines" 50 "$(screen | wc -l)"
	tm send-keys q
	restored 0
}

@test "signals leave the terminal as it was, and a shell gets it in between" {
	for signal in INT TERM QUIT; do
		rm -f "$T/after"
		terminal 80 24 "$CTL top --delay 0.3"
		shows 'PROGRAM +PID'
		[ "$signal" = INT ] && tm send-keys C-c || kill -"$signal" "$(ctl_process)"
		restored 0
		tm kill-server
	done
	rm -f "$T/after"
	tm new-session -d -x 80 -y 24 "set -m; stty -g >$T/before; $CTL top --delay 0.3; stty -g >$T/between; fg
		echo \$? >$T/rc; stty -g >$T/after; cat"
	shows 'PROGRAM +PID'
	tm send-keys C-z
	place_wait 20 test -s "$T/between"
	expect "the terminal's settings" "$(cat "$T/before")" "$(cat "$T/between")"
	tm send-keys 2
	shows 'TYPE +PER SECOND'
	tm send-keys q
	restored 0
}

nothing_missing() {
	! on_screen "is not running"
}

@test "a daemon that goes is told, and so is its return" {
	terminal 80 24 "$CTL top --delay 0.2"
	shows 'PROGRAM +PID'
	kill -STOP "$(worker_of)"
	tm send-keys Space 2 # heard whatever it waits for
	shows 'TYPE +PER SECOND'
	kill -CONT "$(worker_of)"
	place_daemon_stop
	shows 'as it was; now: awsmaskd is not running'
	place_daemon_start
	place_wait 20 nothing_missing
	tm send-keys q
	restored 0
}

nothing_streams() {
	[ "$(place_ctl top --once --delay 0.1 | grep -c streaming)" = 0 ]
}

@test "streams of a worker that drains are still shown" {
	rm -f "$HELD"
	place_wait 20 nothing_streams
	PLACE_TIMEOUT=60 place_client python3 -B "$LIB_DIR/crowd.py" hold "$TARGET" 0 "$HELD" 2 3>&- &
	place_wait 10 test -e "$HELD"
	local before
	before=$(worker_of)
	place_ctl reload
	place_ctl top --once --delay 0.1 >"$T/out"
	cat "$T/out"
	grep -qE '2 workers, 1 of them draining' "$T/out"
	expect "the streams" 2 "$(grep -cE "^python3 .* (streaming|waiting) .* $before\$" "$T/out")"
	expect "those of who drains" 2 "$(awk '/ draining / { print $4 }' "$T/out" | tail -n 1)"
}

@test "where there is no terminal, or arguments are wrong, it says what to do" {
	run -2 place_ctl top </dev/null
	[[ "$output" == *"--once"* ]]
	for term in dumb none-such; do
		run -1 place_in admin env TERM=$term script -qec "$CTL top" /dev/null
		[[ "$output" == *"TERM is '$term'"*"--once"* ]]
	done
	for words in "--delay 0" "--delay x" "--batch -1" "--sort colour"; do
		# shellcheck disable=SC2086 # a list of words
		run -2 place_ctl top --once $words
	done
	[[ "$output" == *"rate, bytes, age"* ]]
}

@test "colours: on terminals alone, and as one says" {
	local escape=$'\033'
	on_terminal() { # ENVIRONMENT... -- ARGUMENTS
		place_in admin env TERM=xterm "$@"
	}
	[[ "$(place_ctl status)" != *"$escape"* ]]
	[[ "$(place_ctl list)" != *"$escape"* ]]
	[[ "$(place_ctl status --color=always)" == *"${escape}["* ]]
	[[ "$(place_ctl --color=always top --once --delay 0.1)" == *"${escape}["* ]]
	[[ "$(on_terminal script -qec "$CTL status" /dev/null)" == *"${escape}[32menforce${escape}[0m"* ]]
	[[ "$(on_terminal script -qec "$CTL status --color=never" /dev/null)" != *"$escape"* ]]
	[[ "$(on_terminal NO_COLOR=1 script -qec "$CTL list" /dev/null)" != *"$escape"* ]]
	[[ "$(on_terminal TERM=dumb script -qec "$CTL list" /dev/null)" != *"$escape"* ]]
	[[ "$(on_terminal script -qec "$CTL list" /dev/null)" == *"$escape"* ]]
	run -2 place_ctl status --color=green
}

@test "no sanitizer complained" {
	sanitizer_silent
}
