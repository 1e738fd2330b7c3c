#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What awsmask is not to open goes through as it is; what may hide a target does not.

load helpers

# Values pass here on purpose.
teardown() {
	:
}

issuer_of() { # curl-arguments...: who issued the certificate that the client was shown
	place_client curl -sSv --max-time 20 -o /dev/null "$@" 2>&1 | sed -n 's/^\* *issuer: //p'
}

@test "a host that is no target shows its own certificate, and its bytes pass untouched" {
	expect_match "the issuer" "the origin's authority" "$(issuer_of "https://$OTHER/text")"
	ask here "https://$OTHER/text" -H 'content-type: text/plain' --data-binary "$SENTENCE"
	expect "the answer" "$SENTENCE" "$(cat "$T/here.answer")"
	expect "what arrived" "$SENTENCE" "$(cat "$(place_received body)")"
}

@test "I1: a target shows awsmask's certificate" {
	expect_match "the issuer" "awsmask" "$(issuer_of "https://$TARGET/text")"
	expect_match "the issuer" "awsmask" "$(issuer_of "https://claude.ai/text")"
}

@test "plain HTTP to a host that is no target passes untouched" {
	ask here "http://$OTHER/text" -H 'content-type: text/plain' --data-binary "$SENTENCE"
	expect "the answer" "$SENTENCE" "$(cat "$T/here.answer")"
	expect "what arrived" "$SENTENCE" "$(cat "$(place_received body)")"
}

@test "I1: plain HTTP to a target is masked" {
	before=$(place_requests)
	ask here "http://$TARGET/text" -H 'content-type: text/plain' --data-binary "about $INSTANCE"
	[ "$(place_requests)" != "$before" ]
	expect "the answer" "about $INSTANCE" "$(cat "$T/here.answer")"
	expect_match "what arrived" "^about $PLACEHOLDER\$" "$(cat "$(place_received body)")"
}

@test "other ports are left alone: the origin sees the client's own port" {
	place_client python3 - "$OTHER" <<-'END'
		import socket, sys
		s = socket.create_connection((sys.argv[1], 7777), 10)
		seen = s.makefile("rb").readline().split()
		assert int(seen[1]) == s.getsockname()[1], (seen, s.getsockname())
	END
}

@test "getpeername tells the client what it asked for" {
	place_client python3 - "$TARGET" "$ORIGIN4" <<-'END'
		import socket, sys
		s = socket.create_connection((sys.argv[1], 443), 10)
		assert s.getpeername() == (sys.argv[2], 443), s.getpeername()
	END
}

@test "I1: a CONNECT through a proxy is opened for a target" {
	body --stream "$SENTENCE" >"$T/body"
	ask_twin twin "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -x http://proxy.example:3128 --data-binary "@$T/body"
	same_answers
	only_values_differ "$T/body"
	grep -lq "^CONNECT $TARGET:443" "$PLACE"/log/*.head
	expect_match "the issuer" "awsmask" "$(issuer_of -x http://proxy.example:3128 "https://$TARGET/text")"
}

@test "a CONNECT through a proxy to another host is spliced" {
	expect_match "the issuer" "the origin's authority" "$(issuer_of -x http://proxy.example:3128 "https://$OTHER/text")"
	ask here "https://$OTHER/text" -x http://proxy.example:3128 -H 'content-type: text/plain' --data-binary "$SENTENCE"
	expect "the answer" "$SENTENCE" "$(cat "$T/here.answer")"
}

@test "I1: datagrams to a masked port are refused, others are not" {
	place_client python3 - "$ORIGIN4" <<-'END'
		import socket, sys
		def send(port, connected):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    if connected:
		        s.connect((sys.argv[1], port))
		        s.send(b"x")
		    else:
		        s.sendto(b"x", (sys.argv[1], port))
		for connected in (False, True):
		    try:
		        send(443, connected)
		        sys.exit("a datagram to port 443 went out")
		    except PermissionError:
		        pass
		send(5353, True)
		send(5353, False)
	END
}

@test "outside of an enrolled cgroup nothing changes" {
	place_direct curl -sSv --max-time 20 -o /dev/null "https://$TARGET/text" 2>&1 | grep -q "issuer:.*the origin's authority"
}

@test "I9: the daemon's own connections pass, though a cgroup around it is enrolled" {
	place_ctl enroll "$PLACE_CGROUP/system" >/dev/null
	body --stream "$INSTANCE again" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" || true
	place_ctl unenroll "$PLACE_CGROUP/system" >/dev/null
	expect "the status" 200 "$(cat "$T/here.status")"
	joined "$T/here.answer" | grep -q "$INSTANCE again"
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
