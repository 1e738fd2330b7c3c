#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What one scope may hold, and how many connections there may be.

load helpers

setup_file() {
	place_with_daemon 'limits: {body: 4MiB, memory: 4MiB, connections: 20}'
}

@test "a scope that holds too much is refused with 529 and retry-after, and is served again later" {
	body --pad 3900000 "$SENTENCE" >"$T/big"
	before=$(place_requests)
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/big" || true
	an_error 529 overloaded_error "memory"
	grep -qi '^retry-after:' "$T/here.head"
	expect "requests at the origin" "$before" "$(place_requests)"
	body "$SENTENCE" >"$T/body"
	same "$T/body"
}

# 20 idle connections, then one more: it is closed at once, and room comes back when they go.
@test "one connection too many is refused, and room comes back" {
	place_client python3 -B - "$ORIGIN4" <<-'END'
		import socket, sys, time
		def opened():
		    s = socket.create_connection((sys.argv[1], 443), 5)
		    s.settimeout(2)
		    try:
		        return s, s.recv(1) == b""
		    except ConnectionError:
		        return s, True
		    except socket.timeout:
		        return s, False
		held = []
		for i in range(20):
		    s = socket.create_connection((sys.argv[1], 443), 5)
		    held.append(s)
		deadline = time.time() + 20
		while True: # one of the twenty may have met the last of the case before, and been refused
		    s, refused = opened()
		    if refused:
		        break
		    held.append(s)
		    assert len(held) < 30 and time.time() < deadline, "the limit did not hold"
		for s in held:
		    s.close()
		while opened()[1]:
		    assert time.time() < deadline, "no room came back"
	END
	body "$SENTENCE" >"$T/body"
	same "$T/body"
}

@test "no sanitizer complained" {
	sanitizer_silent
}
