#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The daemon as a process: what it costs at rest, under a rush, and when a part of it dies.

load helpers
CROWD=(python3 -B "$LIB_DIR/crowd.py")

setup_file() {
	place_with_daemon 'proxy_ports: [3128, 8080, 8081, 8888]'
}

# Hundredths of a second of CPU that a process has used.
ticks() {
	awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

# quiet SECONDS: the worker uses next to nothing for so long. It may still have been at work before: what
# spins does so for ever.
quiet() {
	quiet_now "$1" || quiet_now "$1"
}

quiet_now() {
	local worker before used
	worker=$(worker_of)
	before=$(ticks "$worker")
	sleep "$1" # what is measured
	used=$(($(ticks "$worker") - before))
	[ "$used" -le 15 ] || {
		echo "the worker used $used hundredths of a second of CPU within $1 s"
		return 1
	}
}

# origin_side CMD...: beside the origin, in its network namespace, until the place ends
origin_side() {
	in_background "$PLACE/side.log" origin nsenter -t "$(<"$PLACE/origin.pid")" -n -- "$@"
}

listening() { # PORT: somebody does, beside the origin
	grep -q ":$(printf %04X "$1") 00000000:0000 0A" "/proc/$(<"$PLACE/origin.pid")/net/tcp"
}

# Whether a saved session is resumed: resumed CA-FILE
resumed() {
	place_client sh -c '
		session() {
			printf "GET /text HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: close\r\n\r\n" |
				openssl s_client -ign_eof -connect api.anthropic.com:443 -servername api.anthropic.com "$@" 2>&1
		}
		session -sess_out "$0" >/dev/null
		session -sess_in "$0"' "$T/session" | grep -q '^Reused'
}

@test "sessions are resumed, the client's and the origin's" {
	resumed
	# Each answer ends the pooled connection, so that the next request but a thread's first needs another one.
	before=$(find "$PLACE/log" -name 'conn-*-443.raw' | wc -l)
	for _ in 1 2 3 4 5 6; do
		body --stream "$SENTENCE" | ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'x-scenario: echo frame=close' --data-binary @-
	done
	[ "$(find "$PLACE/log" -name 'conn-*-443.raw' | wc -l)" -ge $((before + 4)) ]
	grep -q resumed "$PLACE/log/handshakes"
}

@test "seventy connections that wait, in every state there is, cost no CPU" {
	place_client "${CROWD[@]}" idle "$TARGET" "$OTHER" "$T/ready" 3>&- &
	place_wait 15 test -e "$T/ready"
	quiet 3
	rm "$T/ready"
	wait $!
	works
}

@test "a tunnel that its proxy ends, or in which it talks first, costs no CPU while the client waits" {
	for mode in close chat; do
		port=$([ $mode = close ] && echo 8080 || echo 8081)
		origin_side "${CROWD[@]}" proxy "$ORIGIN4" "$port" "$mode" "$PLACE/go.$mode"
		place_wait 5 listening "$port"
		before=$(counter flows_accepted)
		place_client "${CROWD[@]}" tunnels "$TARGET" "$port" "$PLACE/ready.$mode" 3>&- &
		place_wait 10 test -e "$PLACE/ready.$mode"
		place_wait 5 has_counted_more flows_accepted "$before"
		touch "$PLACE/go.$mode"
		place_wait 10 test ! -e "$PLACE/go.$mode"
		quiet 2
		rm "$PLACE/ready.$mode"
		wait $!
	done
}

@test "five hundred connections at once are all answered, by the same worker" {
	before=$(worker_of)
	through requests place_client "${CROWD[@]}" burst "$TARGET" 500 >"$T/answered"
	expect "answered" 500 "$(cat "$T/answered")"
	expect "the worker" "$before" "$(worker_of)"
}

@test "a proxy's refusal reaches the client with its body" {
	origin_side "${CROWD[@]}" proxy "$ORIGIN4" 8888 407
	place_wait 5 listening 8888
	place_client python3 - <<-'END'
		import socket
		s = socket.create_connection(("proxy.example", 8888))
		s.sendall(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
		said = b""
		while piece := s.recv(4096):
		    said += piece
		assert said.startswith(b"HTTP/1.1 407 "), said
		assert said.endswith(b"\r\n\r\nwho are you?\n"), said
	END
}

@test "I1: with the vault's disk full a new user is refused in words, and nothing was sent" {
	works
	vault_disk_full
	before=$(place_requests)
	body "$SENTENCE" >"$T/body"
	chmod 755 "$T" && place_as 4711 curl -sS --max-time 20 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary @- <"$T/body" \
		>"$T/here.answer" 2>"$T/here.error" -w '\n%{http_code}' || true
	vault_disk_free
	cat "$T/here.answer" "$T/here.error"
	expect "the status" 400 "$(tail -n 1 "$T/here.answer")"
	grep -q '"api_error".*vault' "$T/here.answer"
	expect "requests at the origin" "$before" "$(place_requests)"
	works
}

@test "I10: the worker is nobody in particular, and knows nothing of root's surroundings" {
	worker=$(worker_of)
	status=$(cat "/proc/$worker/status")
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		expect_match "$set" "^$set:[[:space:]]+0+\$" "$status"
	done
	expect_match "privileges" "^NoNewPrivs:[[:space:]]+1\$" "$status"
	expect_match "groups" "^Groups:[[:space:]]*\$" "$status"
	for task in /proc/"$worker"/task/*; do
		expect_match "the filter of ${task##*/}" "^Seccomp:[[:space:]]+2\$" "$(cat "$task/status")"
	done
	expect "the environment" "" "$(tr '\0' '\n' <"/proc/$worker/environ" | grep -vE '^(JOURNAL_STREAM|[ATU]B?SAN_OPTIONS|UBSAN_OPTIONS)=')"
	fails grep -qE "$ACCOUNT|$INSTANCE|$BUCKET|$KEY" "$PLACE/daemon.log"
}

@test "a second daemon says what is wrong and leaves the first one alone" {
	worker=$(worker_of)
	run -1 place_in admin timeout 10 "$BUILD/awsmaskd" --config "$PLACE/awsmask.yaml"
	expect_match "the sentence" "another awsmaskd is running" "$output"
	echo 'control: {socket: /run/awsmask/second.sock}' >"$PLACE/second.yaml"
	run -1 place_in admin timeout 10 "$BUILD/awsmaskd" --config "$PLACE/second.yaml"
	expect_match "the sentence" "another awsmaskd is running" "$output"
	printf '%s\n' 'listen: {transparent: 0, explicit: "127.0.0.1:8085"}' >"$PLACE/second.yaml"
	run -1 place_in admin timeout 10 "$BUILD/awsmaskd" --config "$PLACE/second.yaml"
	expect_match "the sentence" "another awsmaskd is running" "$output"
	place_ctl status >/dev/null
	expect "the worker" "$worker" "$(worker_of)"
	works
}

@test "a worker that dies is replaced, ever later, and is missed in the log" {
	for _ in 1 2 3; do
		worker=$(worker_of)
		kill -9 "$worker"
		place_wait 15 another_worker "$worker"
	done
	place_wait 2 works
	[ "$(grep -c 'event=worker-ended signal=9' "$PLACE/daemon.log")" -ge 3 ]
}

@test "SIGTERM amid streams ends everything within seconds" {
	body --stream "$SENTENCE" >"$T/body"
	for n in 1 2 3 4 5 6; do
		ask "here$n" "$MESSAGES" "${JSON_TYPE[@]}" -H 'x-scenario: pings n=200 pause=0.1' --data-binary "@$T/body" 3>&- &
	done
	for n in 1 2 3 4 5 6; do
		place_wait 15 test -s "$T/here$n.answer"
	done
	start=$SECONDS
	place_daemon_stop
	[ $((SECONDS - start)) -le 4 ]
	wait || true
	place_daemon_start
	works
}

@test "the explicit listener: plain HTTP in, a tunnel, and nothing else" {
	place_daemon_stop
	echo 'listen: {explicit: "127.0.0.1:8082"}' >"$PLACE/awsmask.yaml"
	place_daemon_start
	body "$SENTENCE" >"$T/body"
	ask_twin twin "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	place_direct curl -sS --max-time 20 http://127.0.0.1:8082/v1/messages "${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/here.answer"
	expect "the content" "$(joined "$T/twin.answer")" "$(joined "$T/here.answer")"
	place_direct curl -sS --max-time 20 -x http://127.0.0.1:8082 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/here.answer"
	expect "the content" "$(joined "$T/twin.answer")" "$(joined "$T/here.answer")"
	before=$(place_requests)
	expect "another host's request" 403 "$(place_direct curl -sS --max-time 20 -o /dev/null -w '%{http_code}' -x http://127.0.0.1:8082 "http://$OTHER/text")"
	expect "requests at the origin" "$before" "$(place_requests)"
	expect_match "another host's tunnel" "issuer: .*origin's authority" \
		"$(place_direct curl -sSv --max-time 20 -o /dev/null -x http://127.0.0.1:8082 "https://$OTHER/text" 2>&1)"
	expect_match "who it was" 'uid=0 pid=[0-9]+ comm=curl cgroup=/' "$(grep -m 1 'event=flow-refused' "$PLACE/daemon.log")"
}

@test "origin.address stands for the target, through the client's proxy, too" {
	place_daemon_stop
	echo "origin: {address: \"$TWIN4:443\"}" >"$PLACE/awsmask.yaml"
	place_daemon_start
	before=$(place_requests)
	works
	body "$SENTENCE" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -x http://proxy.example:3128 --data-binary "@$T/body"
	expect "the status" 200 "$(cat "$T/here.status")"
	expect "requests at the other origin" "$before" "$(place_requests)"
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
