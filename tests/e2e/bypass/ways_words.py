# SPDX-License-Identifier: Apache-2.0
"""Ways by what is said on the connection."""
import socket
import ssl

from rows import (BOUNDARY, CLOSED, MASKED, ORIGIN4, OTHER, REFUSED, SPLICED, TARGET, answer_of, ask, connected, read_all,
                  request, secured, trusting, way)

PROXY = 3128


@way("TLS", MASKED, "the ordinary way")
def tls(try_):
    ask(secured(connected(port=443)), request(try_.text))


@way("another host", SPLICED, "TLS with another host's name")
def another_host(try_):
    ask(secured(connected(port=443), OTHER), request(try_.text, OTHER))


@way("name in capitals", MASKED, "the server name in capital letters")
def capitals(try_):
    ask(secured(connected(port=443), TARGET.upper(), names=False), request(try_.text, TARGET.upper()))


@way("name with a dot", MASKED, "plain HTTP, the host's name as a fully qualified one")
def dot(try_):
    ask(connected(), request(try_.text, TARGET + "."))


@way("Host is not the name", REFUSED, "a target's server name, another Host", control=True)
def wrong_host(try_):
    ask(secured(connected(port=443)), request(try_.text, OTHER))


@way("fronting", BOUNDARY, "another host's server name, a target's Host")
def fronting(try_):
    ask(secured(connected(port=443), OTHER), request(try_.text))


@way("no name", REFUSED, "TLS without a server name, at a target's address")
def nameless(try_):
    ask(secured(connected(port=443), None, names=False), request(try_.text))


def first_flight(change):
    """TLS whose first bytes are sent otherwise."""
    def go(try_):
        sock = connected(port=443)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = trusting().wrap_bio(came, goes, server_hostname=TARGET)
        first = True
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                for piece in change(goes.read()) if first else [goes.read()]:
                    sock.sendall(piece)
                first = False
                came.write(sock.recv(65536))
        session.write(request(try_.text))
        sock.sendall(goes.read())
        read_all(sock)
    return go


def records(hello, size=48):
    body = hello[5:]
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return [b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in pieces)]


@way("hello in many records", MASKED, "the ClientHello cut into records of 48 bytes")
def hello_records(try_):
    first_flight(records)(try_)


@way("hello byte by byte", MASKED, "the ClientHello in segments of one byte")
def hello_bytes(try_):
    first_flight(lambda hello: [hello[at:at + 1] for at in range(len(hello))])(try_)


@way("alert before the hello", REFUSED, "a TLS record of another kind first", control=False)
def hello_alert(try_):
    first_flight(lambda hello: [b"\x15\x03\x01\x00\x02\x01\x00" + hello])(try_)


@way("encrypted hello", REFUSED, "ECH: the outer hello names a front, at a target's address", control=False)
def encrypted_hello(try_):
    def extension(kind, body):
        return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
    name = b"front.example"
    sni = extension(0, (len(name) + 3).to_bytes(2, "big") + b"\0" + len(name).to_bytes(2, "big") + name)
    ech = extension(0xfe0d, b"\0\0\x01\0\x01\x07\0\x20" + bytes(32) + b"\0\x10" + bytes(16))
    body = b"\x03\x03" + bytes(32) + b"\0\0\x02\x13\x01\x01\0" + len(sni + ech).to_bytes(2, "big") + sni + ech
    body = b"\x01" + len(body).to_bytes(3, "big") + body
    ask(connected(port=443), b"\x16\x03\x01" + len(body).to_bytes(2, "big") + body + try_.text)


@way("h2 inside TLS", REFUSED, "ALPN offers HTTP/2 alone, and so it is spoken", control=False)
def h2_alone(try_):
    sock = secured(connected(port=443), alpn=("h2",))
    ask(sock, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) + try_.text)


@way("h2c", REFUSED, "HTTP/2 without TLS, by prior knowledge")
def h2c(try_):
    ask(connected(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) + try_.text)


@way("h2c upgrade", MASKED, "a target is asked to go on in HTTP/2: an offer, which is not passed on")
def h2c_upgrade(try_):
    sock = connected()
    sock.sendall(request(try_.text, fields=("Connection: upgrade, HTTP2-Settings", "Upgrade: h2c",
                                            "HTTP2-Settings: AAMAAABkAAQAAP__"), close=False))
    answer_of(sock)


@way("WebSocket", REFUSED, "a target is asked for a WebSocket")
def websocket(try_):
    sock = secured(connected(port=443))
    sock.sendall(request(try_.text, fields=("Connection: upgrade", "Upgrade: websocket"), close=False))
    answer_of(sock)


@way("plain HTTP", MASKED, "port 80")
def plain(try_):
    ask(connected(), request(try_.text))


@way("plain HTTP, lenient", REFUSED, "a request line that only lenient servers take")
def lenient(try_):
    ask(connected(), request(try_.text).replace(b"POST /text", b" POST  /text"))


@way("an address as the host", REFUSED, "plain HTTP, the target's address in place of its name")
def address_as_host(try_):
    ask(connected(), request(try_.text, ORIGIN4))


@way("absolute-form", REFUSED, "another host's request line, a target's Host")
def absolute(try_):
    ask(connected(), request(try_.text, target=f"http://{OTHER}/text"))


@way("user name in the host", REFUSED, "http://name@target/ in the request line, through a proxy")
def userinfo(try_):
    ask(connected(port=PROXY), request(try_.text, target=f"http://x@{TARGET}/text"))


@way("escaped host", REFUSED, "the host's dots percent-encoded, through a proxy")
def escaped(try_):
    ask(connected(port=PROXY), request(try_.text, "x", target=f"http://{TARGET.replace('.', '%2e')}/text"))


@way("later request", REFUSED, "a target's request behind another host's, plain HTTP")
def later(try_):
    sock = connected()
    sock.sendall(request(b"first", OTHER, close=False))
    answer_of(sock)
    ask(sock, request(try_.text))


@way("pipelined request", REFUSED, "the same in one segment")
def pipelined(try_):
    ask(connected(), request(b"first", OTHER, close=False) + request(try_.text))


@way("later request to a proxy", REFUSED, "a target's request behind another host's, through a proxy")
def later_proxied(try_):
    sock = connected(port=PROXY)
    sock.sendall(request(b"first", OTHER, f"http://{OTHER}/text", close=False))
    answer_of(sock)
    ask(sock, request(try_.text, target=f"http://{TARGET}/text"))


@way("later request after an upgrade", REFUSED, "another host refuses a WebSocket, and then a target is asked")
def later_upgrade(try_):
    sock = connected()
    sock.sendall(request(b"first", OTHER, fields=("Connection: upgrade", "Upgrade: websocket"), close=False))
    answer_of(sock)
    ask(sock, request(try_.text))


@way("later request of another host", SPLICED, "ordinary keep-alive to another host")
def later_other(try_):
    sock = connected()
    sock.sendall(request(b"first", OTHER, close=False))
    answer_of(sock)
    ask(sock, request(try_.text, OTHER))


@way("smuggled request", REFUSED, "a target's request inside a body that two servers frame differently")
def smuggled(try_):
    inner = request(try_.text)
    ask(connected(), f"POST /text HTTP/1.1\r\nHost: {OTHER}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n".encode() + inner)


def tunnel(to, port=443):
    sock = connected(port=PROXY)
    sock.sendall(f"CONNECT {to}:{port} HTTP/1.1\r\nHost: {to}:{port}\r\n\r\n".encode())
    if b" 200 " not in answer_of(sock):
        raise ConnectionError("no tunnel")
    return sock


@way("CONNECT", MASKED, "TLS through a proxy's tunnel")
def connect(try_):
    ask(secured(tunnel(TARGET)), request(try_.text))


@way("plain HTTP through a proxy", MASKED, "absolute-form")
def proxied(try_):
    ask(connected(port=PROXY), request(try_.text, target=f"http://{TARGET}/text"))


@way("https through a plain proxy", MASKED, "absolute-form with https")
def proxied_https(try_):
    ask(connected(port=PROXY), request(try_.text, target=f"https://{TARGET}/text"))


@way("another scheme through a proxy", REFUSED, "absolute-form with ws, and another Host")
def proxied_ws(try_):
    ask(connected(port=PROXY), request(try_.text, OTHER, target=f"ws://{TARGET}/text"))


@way("CONNECT to the address", MASKED, "the target's address, and its name in the tunnel")
def connect_address(try_):
    ask(secured(tunnel(ORIGIN4)), request(try_.text))


@way("CONNECT to the address, no name", REFUSED, "the same, and no name in the tunnel")
def connect_address_nameless(try_):
    ask(secured(tunnel(ORIGIN4), None, names=False), request(try_.text))


@way("CONNECT elsewhere", MASKED, "TLS with a target's name, in a tunnel to another host")
def connect_elsewhere(try_):
    ask(secured(tunnel(OTHER)), request(try_.text))


@way("CONNECT elsewhere, plain", CLOSED, "plain HTTP for a target, in a tunnel to another host")
def connect_elsewhere_plain(try_):
    ask(tunnel(OTHER, 80), request(try_.text))


@way("CONNECT, then another name", REFUSED, "a tunnel to a target, and another host's name in it")
def connect_other(try_):
    ask(secured(tunnel(TARGET), OTHER), request(try_.text, OTHER))


@way("CONNECT behind a request", REFUSED, "a tunnel asked for behind another host's request", control=False)
def connect_later(try_):
    sock = connected(port=PROXY)
    sock.sendall(request(b"first", OTHER, f"http://{OTHER}/text", close=False))
    answer_of(sock)
    sock.sendall(f"CONNECT {TARGET}:443 HTTP/1.1\r\nHost: {TARGET}\r\n\r\n".encode())
    if b" 200 " not in answer_of(sock):
        raise ConnectionError("no tunnel")
    ask(secured(sock), request(try_.text))


@way("SOCKS5", REFUSED, "a SOCKS proxy on a masked port")
def socks5(try_):
    sock = connected(port=8080)
    sock.sendall(b"\x05\x01\x00")
    sock.sendall(b"\x05\x01\x00\x03" + bytes([len(TARGET)]) + TARGET.encode() + b"\x01\xbb" + try_.text)
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)


@way("SOCKS4", REFUSED, "the older one")
def socks4(try_):
    sock = connected(port=8080)
    sock.sendall(b"\x04\x01\x01\xbb\0\0\0\x01u\0" + TARGET.encode() + b"\0" + try_.text)
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)


@way("SOCKS elsewhere", BOUNDARY, "a SOCKS proxy on a port that is not masked")
def socks_elsewhere(try_):
    sock = connected(port=1080)
    sock.sendall(b"\x05\x01\x00" + try_.text)
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)


@way("unknown protocol", REFUSED, "bytes of no known protocol, at a target's address")
def unknown(try_):
    sock = connected(port=8080)
    sock.sendall(b"\x00\x01\x02\x03 a tunnel of one's own \xff" + try_.text)
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)


@way("another port", BOUNDARY, "a port that is not masked")
def another_port(try_):
    sock = connected(port=7777)
    sock.sendall(try_.text)
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)
