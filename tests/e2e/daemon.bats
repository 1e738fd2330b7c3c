#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The daemon as a process: what it costs at rest, under a rush, and when a part of it dies.

setup_file() {
	load helpers
	place_new && place_daemon
}

setup() {
	load helpers
	CROWD=(python3 -B "$LIB_DIR/crowd.py")
}

teardown() {
	check_after
}

teardown_file() {
	load helpers
	place_end
}

# Hundredths of a second of CPU that a process has used.
ticks() {
	awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

# quiet SECONDS: the worker uses next to nothing for so long
quiet() {
	local worker before used
	worker=$(worker_of)
	before=$(ticks "$worker")
	sleep "$1"
	used=$(($(ticks "$worker") - before))
	[ "$used" -le 15 ] || {
		echo "the worker used $used hundredths of a second of CPU within $1 s"
		return 1
	}
}

works() {
	body "$SENTENCE" >"$T/works"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/works" && [ "$(cat "$T/here.status")" = 200 ]
}

# origin_side CMD...: beside the origin, in its network namespace, until the place ends
origin_side() {
	in_background "$PLACE/side.log" origin nsenter -t "$(<"$PLACE/origin.pid")" -n -- "$@"
}

listening() { # PORT: somebody does, beside the origin
	grep -q ":$(printf %04X "$1") 00000000:0000 0A" "/proc/$(<"$PLACE/origin.pid")/net/tcp"
}

@test "seventy connections that wait, in every state there is, cost no CPU" {
	place_client "${CROWD[@]}" idle "$TARGET" "$OTHER" 8 "$T/ready" 3>&- &
	place_wait 15 test -e "$T/ready"
	sleep 0.5
	quiet 3
	wait $!
	works
}

@test "a tunnel that its proxy ends, or in which it talks first, costs no CPU while the client waits" {
	for mode in close chat; do
		port=$([ $mode = close ] && echo 8080 || echo 8888)
		origin_side "${CROWD[@]}" proxy "$ORIGIN4" "$port" "$mode"
		place_wait 5 listening "$port"
		place_client python3 - "$port" "$T/ready$mode" <<-'END' 3>&- &
			import socket, sys, time
			held = []
			for _ in range(4):
			    s = socket.create_connection(("proxy.example", int(sys.argv[1])))
			    s.sendall(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
			    s.recv(1000)
			    held.append(s)
			time.sleep(0.5)
			open(sys.argv[2], "w").close()
			time.sleep(3)
		END
		place_wait 10 test -e "$T/ready$mode"
		quiet 2
		wait $!
	done
}

@test "five hundred connections at once are all answered, by the same worker" {
	before=$(worker_of)
	expect "answered" 500 "$(place_client "${CROWD[@]}" burst "$TARGET" 500)"
	expect "the worker" "$before" "$(worker_of)"
}
