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
	through flows_spliced ask here "https://$OTHER/text" -H 'content-type: text/plain' --data-binary "$SENTENCE"
	expect "the answer" "$SENTENCE" "$(cat "$T/here.answer")"
	expect "what arrived" "$SENTENCE" "$(cat "$(place_received body)")"
}

@test "I1: a target shows awsmask's certificate" {
	expect_match "the issuer" "awsmask" "$(issuer_of "https://$TARGET/text")"
	expect_match "the issuer" "awsmask" "$(issuer_of "https://claude.ai/text")"
}

@test "plain HTTP to a host that is no target passes untouched" {
	through flows_spliced ask here "http://$OTHER/text" -H 'content-type: text/plain' --data-binary "$SENTENCE"
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
	through flows_accepted place_client python3 - "$TARGET" "$ORIGIN4" <<-'END'
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

@test "I1 I3: plain HTTP through a proxy is masked, and stays as a proxy wants it" {
	body --stream "$SENTENCE" >"$T/body"
	for address in "http://$TARGET/v1/messages" "http://$TARGET/v1/messages?beta=true"; do
		proxied=("$address" "${JSON_TYPE[@]}" -x http://somebody:word@proxy.example:3128 --data-binary "@$T/body")
		ask_twin twin "${proxied[@]}"
		ask here "${proxied[@]}"
		same_answers
		expect "the status" 200 "$(cat "$T/here.status")"
		only_values_differ "$T/body"
		expect "the request line" "POST $address HTTP/1.1" "$(head -n 1 "$(place_received head)" | tr -d '\r')"
		grep -q '^Proxy-Authorization: Basic' "$(place_received head)"
	done
}

@test "a CONNECT through a proxy to another host is spliced" {
	expect_match "the issuer" "the origin's authority" "$(issuer_of -x http://proxy.example:3128 "https://$OTHER/text")"
	through flows_spliced ask here "https://$OTHER/text" -x http://proxy.example:3128 -H 'content-type: text/plain' --data-binary "$SENTENCE"
	expect "the answer" "$SENTENCE" "$(cat "$T/here.answer")"
}

# hidden HOW ADDRESS WHAT: what becomes of a connection that does not say where it goes
hidden() {
	local how=$1
	shift
	"$how" python3 -B - "$@" <<-'END'
		import socket, ssl, sys
		address, what = sys.argv[1:]
		s = socket.create_connection((address, 443), 10)
		s.settimeout(10)
		def extension(number, body):
		    return number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
		def hello(name):
		    # RFC 8446, section 4.1.2; the encrypted one's outer hello names the front (RFC 9849, section 5)
		    sni = extension(0, (len(name) + 3).to_bytes(2, "big") + b"\0" + len(name).to_bytes(2, "big") + name)
		    ech = extension(0xfe0d, b"\0\0\x01\0\x01\x07\0\x20" + bytes(32) + b"\0\x10" + bytes(16))
		    extensions = sni + ech
		    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
		    body += len(extensions).to_bytes(2, "big") + extensions
		    body = b"\x01" + len(body).to_bytes(3, "big") + body
		    return b"\x16\x03\x01" + len(body).to_bytes(2, "big") + body
		try:
		    if what == "nameless":
		        context = ssl.create_default_context()
		        context.check_hostname = False
		        context.verify_mode = ssl.CERT_NONE
		        tls = context.wrap_socket(s)
		        tls.sendall(b"GET /text HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: close\r\n\r\n")
		        print("passed" if tls.recv(1) else "ended")
		    else:
		        s.sendall(hello(b"front.example") if what == "ech" else b"\0\x01\x02\x03" * 16)
		        answer = s.recv(65536)
		        # an alert of ours, an answer of ours, or the origin's alert about a hello that is none
		        ours = answer == bytes([21, 3, 3, 0, 2, 2, 49]) or b"awsmask" in answer
		        print("refused" if ours else "passed")
		except ssl.SSLError as e:
		    print("refused" if "ACCESS_DENIED" in str(e).upper().replace(" ", "_") else e)
		except OSError as e:
		    print(type(e).__name__)
	END
}

@test "I1: who hides where it goes is refused at a target's address, and passed elsewhere" {
	for what in nameless ech noise; do
		expect "$what at a target's address" refused "$(hidden place_client "$ORIGIN4" "$what")"
		expect "$what elsewhere" "$(hidden place_direct "$TWIN4" "$what")" "$(hidden place_client "$TWIN4" "$what")"
	done
	# An address that no name leads to is known once a target has answered there.
	ask here "https://$TARGET/text" --connect-to "$TARGET:443:$TWIN4:443" -d "hello"
	expect "there, afterwards" refused "$(hidden place_client "$TWIN4" nameless)"
}

@test "I1: HTTP/2 without TLS is refused" {
	before=$(place_requests)
	fails place_client curl -sS --max-time 10 --http2-prior-knowledge -o /dev/null "http://$TARGET/text"
	expect "requests at the origin" "$before" "$(place_requests)"
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
