#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that are enrolled by their paths, wherever they run; and what enrolling would do.
# shellcheck disable=SC2016 # it is inner shells that expand

load helpers

setup() {
	BIN=$PLACE/bin
	AGENT=$BIN/agent
	rm -rf "$BIN" && mkdir -p "$BIN"
	copy curl "$AGENT"
}

teardown() {
	local path
	place_ctl list --json >"$T/list" && facts "$T/list" '"\n".join(p["exe"] for p in j["programs"])' >"$T/exes"
	while read -r path; do
		[ -z "$path" ] || place_ctl unenroll --exe "$path" >/dev/null
	done <"$T/exes"
	check_after
}

copy() { # PROGRAM PATH
	cp "$(readlink -f "$(command -v "$1")")" "$2"
}

script() { # PATH LINE...
	printf '%s\n' "${@:2}" >"$1"
	chmod +x "$1"
}

enroll() { # PATH... [OPTION...]
	place_ctl enroll --exe "$@" >"$T/said"
}

facts() { # FILE EXPRESSION: of the JSON there, as j
	python3 -c 'import json,sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

# Who vouches for the target, as curl (or what runs it) sees it, in a cgroup that is not enrolled.
issuer() { # CMD...
	place_direct "$@" -sSv --max-time 10 -o /dev/null "https://$TARGET/text" 2>&1 | grep -i 'issuer:'
}

covered() {
	issuer "$@" | grep -q awsmask
}

uncovered() {
	issuer "$@" | grep -q "origin's authority"
}

@test "a program is masked in any cgroup and for any user, and nothing else is" {
	uncovered "$AGENT"
	enroll "$AGENT"
	grep -q "^enrolled the program $AGENT" "$T/said"
	covered "$AGENT"
	covered setpriv --reuid 4001 --regid 4001 --clear-groups "$AGENT"
	place_in admin "$AGENT" -sSv --max-time 10 -o /dev/null "https://$TARGET/text" 2>&1 | grep -i issuer: | grep -q awsmask
	uncovered curl
	body "$SENTENCE" >"$T/body"
	place_direct "$AGENT" -sS --max-time 10 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/answer"
	expect "leaks" "" "$(place_leaks "${VALUES[@]}")"
	grep -qF "$INSTANCE" "$T/answer"
}

@test "by a relative path, through links, and not a copy elsewhere" {
	enroll "$AGENT"
	covered sh -c 'cd "$0" && exec ./agent "$@"' "$BIN"
	covered sh -c 'cd "$0/.." && exec bin/agent "$@"' "$BIN"
	covered sh -c 'cd "$0" && exec ../bin/agent "$@"' "$BIN"
	covered env "PATH=$BIN" agent
	ln -s "$AGENT" "$T/link"
	covered "$T/link"
	cp "$AGENT" "$T/copy"
	uncovered "$T/copy"
}

@test "a script, by its path, relative to a directory, and through env" {
	script "$BIN/script" '#!/bin/sh' 'exec curl "$@"'
	script "$BIN/env" '#!/usr/bin/env -S sh -u' 'curl "$@"'
	enroll "$BIN/script" "$BIN/env"
	for name in script env; do
		covered "$BIN/$name"
		covered sh -c 'cd "$0" && exec "./$@"' "$BIN" "$name"
		covered sh -c 'PATH=$0:$PATH && "$@"' "$BIN" "$name"
	done
	uncovered sh -c 'curl "$@"' sh
}

@test "an update that switches a link is followed, the old version is let go" {
	mkdir "$BIN/versions"
	cp "$AGENT" "$BIN/versions/1"
	cp "$AGENT" "$BIN/versions/2"
	ln -s versions/1 "$BIN/claude"
	enroll "$BIN/claude"
	covered "$BIN/claude"
	covered "$BIN/versions/1"
	uncovered "$BIN/versions/2"
	ln -s versions/2 "$BIN/claude.new" && mv -T "$BIN/claude.new" "$BIN/claude"
	covered "$BIN/claude" # at once
	place_wait 5 covered "$BIN/versions/2"
	place_wait 5 uncovered "$BIN/versions/1"
}

@test "a file that is replaced, removed, and made anew" {
	ln -s "$AGENT" "$T/link" # so that only the file tells
	enroll "$AGENT"
	cp "$AGENT" "$BIN/new" && mv "$BIN/new" "$AGENT"
	covered "$AGENT"
	place_wait 5 covered "$T/link"
	rm -r "$BIN"
	mkdir "$BIN" && copy curl "$BIN/next" && mv "$BIN/next" "$AGENT"
	covered "$AGENT"
	place_wait 5 covered "$T/link"
}

@test "what is not there yet is covered when it is; a pattern's matches, too" {
	enroll "$PLACE/later/bin/agent" "$PLACE/homes/*/bin/agent" 2>"$T/noted"
	grep -q "no program $PLACE/later/bin/agent yet" "$T/noted"
	for dir in later homes/ann homes/bob; do
		mkdir -p "$PLACE/$dir/bin"
		cp "$AGENT" "$PLACE/$dir/bin/agent"
		ln -sfn "$PLACE/$dir/bin/agent" "$T/link"
		place_wait 5 covered "$PLACE/$dir/bin/agent"
		place_wait 5 covered "$T/link"
	done
	uncovered "$AGENT"
	rm -r "$PLACE/later" "$PLACE/homes"
}

@test "on an overlay, where stat(2) makes numbers up" {
	place_in admin cp "$AGENT" /usr/local/share/agent
	ln -s /usr/local/share/agent "$T/link"
	uncovered "$T/link"
	enroll /usr/local/share/agent
	covered "$T/link"
	place_in admin rm /usr/local/share/agent
}

@test "a user's link does not enroll another user's program" {
	mkdir "$BIN/own" && chown 4001 "$BIN/own"
	ln -s "$AGENT" "$BIN/own/agent" && chown -h 4001 "$BIN/own/agent"
	enroll "$BIN/own/agent"
	covered "$BIN/own/agent" # the path
	uncovered "$AGENT"       # the file
	chown -h 0 "$BIN/own/agent" && touch -h "$BIN/own/agent"
	place_wait 5 covered "$AGENT"
}

@test "children, threads, and what they run later are covered" {
	copy bash "$BIN/shell"
	cat >"$T/threads.py" <<-'END'
		import socket, ssl, sys, threading
		def ask(out):
		    with socket.create_connection((sys.argv[1], 443), 10) as s:
		        context = ssl.create_default_context()
		        with context.wrap_socket(s, server_hostname=sys.argv[1]) as t:
		            out.append(str(t.getpeercert()["issuer"]))
		out = []
		threads = [threading.Thread(target=ask, args=(out,)) for _ in range(4)]
		[t.start() for t in threads]; [t.join() for t in threads]
		print(sum("awsmask" in o for o in out))
	END
	expect "without" 0 "$(place_direct python3 "$T/threads.py" "$TARGET")"
	enroll "$BIN/shell"
	expect "threads" 4 "$(place_direct "$BIN/shell" -c 'python3 "$@"' sh "$T/threads.py" "$TARGET")"
	covered "$BIN/shell" -c 'curl "$@"' sh
	covered "$BIN/shell" -c 'setsid sh -c "env curl \"\$@\" &  wait" sh "$@"' sh
}

@test "in a network namespace of its own" {
	enroll "$AGENT"
	# The first connect may come before the listener.
	covered unshare -n sh -c 'ip link set lo up; for i in 1 2 3 4 5 6 7 8 9 10; do "$@" && break; sleep 0.1; done' sh "$AGENT"
}

# A shell that waits for a line, and asks then. Leaves its answer in $T/NAME.
waiting() { # NAME CMD...
	mkfifo "$T/$1.go"
	in_background "$T/$1.log" direct nsenter -t "$(<"$PLACE/host.pid")" -n -m -- "${@:2}" -c '
		echo ready >"$1"; read -r line <"$2"
		curl -sSv --max-time 10 -o /dev/null "$3" >"$1.all" 2>&1; mv "$1.all" "$1"' \
		bash "$T/$1" "$T/$1.go" "https://$TARGET/text"
	place_wait 10 test -s "$T/$1"
}

go_on() { # NAME PATTERN
	echo >"$T/$1.go"
	place_wait 10 grep -qi "issuer:.*$2" "$T/$1"
}

@test "what runs already is covered with its children, and its older connections are closed" {
	copy bash "$BIN/shell"
	script "$BIN/script.py" '#!/usr/bin/env python3' 'import socket, sys' \
		's = socket.create_connection((sys.argv[1], 443), 10)' 's.settimeout(30)' \
		'open(sys.argv[2], "w").write("connected")' \
		'try: s.recv(1); text = "ended"' 'except OSError as e: text = e.strerror' \
		'open(sys.argv[2], "w").write(text)'
	in_background "$T/script.log" direct nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		"$BIN/script.py" "$TARGET" "$T/script"
	place_wait 10 grep -q connected "$T/script"
	waiting native "$BIN/shell"
	waiting child "$BIN/shell" -c 'sh "$@"; :' sh
	place_ctl enroll --exe "$BIN/shell" "$BIN/script.py" --json >"$T/json"
	expect "processes" "[3, 1]" "$(facts "$T/json" '[p["processes"] for p in j["programs"]]')"
	expect "closed" 1 "$(facts "$T/json" 'j["programs"][1]["closed"]')"
	place_wait 10 grep -q abort "$T/script"
	go_on native awsmask
	go_on child awsmask
}

@test "unenroll lets go at once, what runs included; the number is not used again" {
	copy bash "$BIN/shell"
	enroll "$BIN/shell"
	waiting one "$BIN/shell"
	place_ctl list | grep -E "^ +[0-9]+  enforce  closed  exe:$BIN/shell$"
	place_ctl list --json >"$T/json"
	local first
	first=$(facts "$T/json" 'j["programs"][0]["id"]')
	place_ctl unenroll --exe "$BIN/shell" >"$T/said"
	grep -q "^released the program" "$T/said"
	go_on one "origin's authority"
	run -1 place_ctl unenroll --exe "$BIN/shell"
	expect_match "what is said" "is not enrolled" "$output"
	enroll "$BIN/shell"
	place_ctl list --json >"$T/json"
	[ "$(facts "$T/json" 'j["programs"][0]["id"]')" -gt "$first" ]
}

@test "without the daemon it is refused, and after a restart all goes on" {
	copy bash "$BIN/shell"
	enroll "$BIN/shell"
	waiting one "$BIN/shell"
	place_daemon_stop
	run -7 place_direct "$BIN/shell" -c 'curl "$@"' sh -sS --max-time 10 "https://$TARGET/text"
	rm "$BIN/shell" # meanwhile
	copy bash "$BIN/shell"
	ln -s "$BIN/shell" "$T/link"
	place_daemon_start
	go_on one awsmask
	covered "$BIN/shell" -c 'curl "$@"' sh
	covered "$T/link" -c 'curl "$@"' sh
	place_ctl list | grep -qF "exe:$BIN/shell"
}

@test "observe: opened, reported, and not changed" {
	enroll "$AGENT" --mode observe
	body "$SENTENCE" >"$T/body"
	place_direct "$AGENT" -sS --max-time 10 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/answer"
	cmp "$T/body" "$(place_received plain)"
	place_ctl list --json >"$T/json"
	grep -q "event=observed.* program=$(facts "$T/json" 'j["programs"][0]["id"]')\b" "$PLACE/daemon.log"
	# A cgroup that is enforced wins.
	place_in client "$AGENT" -sS --max-time 10 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/answer"
	fails grep -qF "$INSTANCE" "$(place_received plain)"
	rm -r "$PLACE/log"/* # the values that were only observed
}

@test "enroll: in the configuration, with a pattern, and a wrong one is refused" {
	printf 'enroll: ["exe:%s/homes/*/agent"]\n' "$PLACE" >"$PLACE/awsmask.yaml"
	mkdir -p "$PLACE/homes/ann" && cp "$AGENT" "$PLACE/homes/ann/agent"
	place_ctl reload
	covered "$PLACE/homes/ann/agent"
	place_ctl list | grep -qF "exe:$PLACE/homes/*/agent"
	place_ctl status | grep -qE '^programs +1$'
	echo 'enroll: ["exe:agent"]' >"$PLACE/awsmask.yaml"
	run -1 place_ctl reload
	expect_match "what is said" "absolute path of a program" "$output"
	: >"$PLACE/awsmask.yaml"
	rm -r "$PLACE/homes"
}

@test "who descends from an enrolled program changes nothing" {
	copy bash "$BIN/shell"
	enroll "$BIN/shell"
	run -1 place_direct "$BIN/shell" -c '"$@"' sh "$BUILD/awsmaskctl" unenroll --exe "$BIN/shell"
	expect_match "what is said" "descends from an enrolled program" "$output"
	run -1 place_ctl enroll --exe agent
	expect_match "what is said" "no absolute path" "$output"
}

@test "check proves it, here and live" {
	place_ctl check --json >"$T/json" || true
	expect "live" "['ok', 'ok']" "$(facts "$T/json" \
		'[c["state"] for c in j["checks"] if c["id"] in ("live", "program")]')"
	place_ctl list --json >"$T/json"
	expect "what is left" "[]" "$(facts "$T/json" 'j["programs"]')"
	place_client "$BUILD/awsmaskctl" check --here | grep -q '^ok'
	run -1 place_direct "$BUILD/awsmaskctl" check --here
	expect_match "what is said" "got a certificate of" "$output"
}

@test "dry run: says what would be covered, and changes nothing" {
	copy bash "$BIN/shell"
	waiting one "$BIN/shell"
	mkdir "$PLACE_CGROUP/client/below"
	place_ctl list --json >"$T/before"
	place_ctl enroll --dry-run --exe "$BIN/shell" "$PLACE/nothing" --mode observe --json >"$T/json"
	expect "the program" "('$BIN/shell', ['$BIN/shell'], 1, {'shell': 1}, 1, 0, 'observe', 'closed', None)" \
		"$(facts "$T/json" '(lambda t: (t["exe"], t["files"], t["processes"], t["programs"], t["namespaces"],
			t["connections"], t["mode"], t["fail"], t["enrolled"]))(j["targets"][0])')"
	expect "nothing" "([], 0)" "$(facts "$T/json" '(lambda t: (t["files"], t["processes"]))(j["targets"][1])')"
	place_ctl enroll --dry-run "$PLACE_CGROUP/client/below" --json >"$T/json"
	expect "the cgroup above" "[('$PLACE_CGROUP/client', 'above', 'enforce')]" \
		"$(facts "$T/json" '[(e["cgroup"], e["where"], e["mode"]) for e in j["targets"][0]["enrolled"]]')"
	place_ctl enroll --dry-run "$PLACE_NAME/cl*nt" | tee "$T/text"
	grep -q '^  enrolled     already (enforce, closed)' "$T/text"
	place_ctl enroll --dry-run "$PLACE_CGROUP/system" | grep -q "^  exempt       awsmaskd's own cgroup"
	place_ctl enroll --dry-run "$PLACE_CGROUP/$DAEMON_CGROUP" | grep -q '^  refused '
	run -1 place_ctl enroll --dry-run 'no-such-*'
	expect_match "what is said" "no cgroup matches" "$output"
	place_ctl list --json >"$T/after"
	cmp "$T/before" "$T/after"
	go_on one "origin's authority"
	rmdir "$PLACE_CGROUP/client/below"
}

@test "dry run: counts older connections and closes none" {
	place_direct python3 - "$TARGET" "$T/held" "$T/go" <<-'END' &
		import os, socket, sys, time
		s = socket.create_connection((sys.argv[1], 443), 10)
		os.mkfifo(sys.argv[3])
		open(sys.argv[2], "w").write("held")
		open(sys.argv[3]).read()
		s.send(b"\x15\x03\x01\x00\x02\x02\x00")
		open(sys.argv[2], "w").write("open still")
	END
	place_wait 10 grep -q held "$T/held"
	place_ctl enroll --dry-run "$PLACE_CGROUP/direct" --json >"$T/json"
	expect "connections" 1 "$(facts "$T/json" 'j["targets"][0]["connections"]')"
	: >"$T/go"
	wait
	grep -q 'open still' "$T/held"
}

@test "an ancestor of the daemon's own cgroup is enrolled, and the daemon goes on" {
	place_ctl enroll "$PLACE_CGROUP" >/dev/null
	works
	covered curl
	# The guard does not lock everybody out: a shell outside of it releases.
	run -1 place_ctl unenroll "$PLACE_CGROUP"
	expect_match "what is said" "inside an enrolled cgroup" "$output"
	nsenter -t "$(<"$PLACE/host.pid")" -n -m -- "$BUILD/awsmaskctl" unenroll "$PLACE_CGROUP"
	uncovered curl
}

@test "cgroups that went while no daemon ran are forgotten" {
	mkdir "$PLACE_CGROUP/short"
	place_ctl enroll "$PLACE_CGROUP/short" >/dev/null
	place_daemon_stop
	rmdir "$PLACE_CGROUP/short"
	place_daemon_start
	place_ctl list --json >"$T/json"
	expect "what is enrolled" "['$PLACE_CGROUP/client']" "$(facts "$T/json" '[e["cgroup"] for e in j["enrolled"]]')"
	grep -q 'event=pruned' "$PLACE/daemon.log"
}
