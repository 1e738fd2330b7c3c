#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that do what clients should not: crowd.py WHAT HOST ARGUMENTS...

  idle HOST OTHER FILE      connections of every kind that wait for something; FILE is made once all of them
                            stand, and they are held until it is gone
  tunnels HOST PORT FILE    as many through a proxy as one of these waits for, held in the same way
  ended HOST KIND           a client (plain or tls) that ends its sending side behind its second request; prints all
                            that it gets
  burst HOST COUNT          so many TLS connections at once, each for one request; prints how many were answered
  hold HOST COUNT FILE [STREAMS]
                            so many idle TLS connections, and streams amid their answer, held in the same way
  late HOST COUNT FILE      so many TLS connections at once, whose clients say nothing until FILE, which is made, is gone;
                            then each asks; prints how many were answered
  named HOST FILE           an idle TLS connection of a program whose name would clear the screen, set its title and
                            move the cursor, held in the same way
  flood HOST COUNT BYTES KIND
                            so many requests of this size at once, each on a connection of its own: of text (text),
                            in chunks of a byte (chunks), one JSON string (string), or spaces that gzip has made small
                            (gzip); prints how often which status came
  watch HOST FILE           small requests that are refused, and so ask no origin, one after another until FILE is
                            there; then prints how many milliseconds the slowest one took, and the median
  proxy ADDRESS PORT MODE [FILE]
                            no client: a proxy that asks for a password with a body (407), or whose tunnels, once
                            FILE is there, end (close) or talk first (chat); then FILE is removed
"""
import collections
import os
import socket
import ssl
import sys
import threading
import time
import zlib

TUNNELS = 4
HEAD = "POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"


CONTEXT = ssl.create_default_context()
CONTEXT.set_alpn_protocols(["http/1.1"])


def wrap(sock, host):
    return CONTEXT.wrap_socket(sock, server_hostname=host)


def dial(host, port=443):
    return socket.create_connection((host, port), 20)


def tls(host):
    return wrap(dial(host), host)


def half(sock):
    sock.shutdown(socket.SHUT_WR)
    return sock


def said(sock, data):
    sock.sendall(data)
    return sock


def waiting(host):
    """One that has asked an origin which never answers."""
    sock = tls(host)
    body = b'{"model":"m","messages":[{"role":"user","content":"[[stall]]"}],"stream":true}'
    sock.sendall((HEAD % host + "Content-Length: %d\r\n\r\n" % len(body)).encode() + body)
    sock.recv(10)
    return sock


def tunnel(host, mode):
    sock = dial("proxy.example", 3128)
    sock.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert b" 200 " in sock.recv(4096)
    if mode == "tls":
        sock = wrap(sock, host)
    return sock


def hold(ready):
    """Make the file, wait until it is gone."""
    os.close(os.open(ready, os.O_WRONLY | os.O_CREAT, 0o666))
    wait_until(lambda: not os.path.exists(ready))


def wait_until(condition):
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.02)


def idle(host, other, ready):
    held = []
    for _ in range(5):
        held += [dial(host), half(dial(host)), said(dial(host), b"\x16\x03\x01"), said(dial(host), b"POST /"),
                 half(said(dial(host), b"\x16\x03\x01\x02\x00\x01")), tls(host),
                 said(tls(host), b"POST /v1/messages HT"), said(tls(host), (HEAD % host).encode()),
                 waiting(host), said(waiting(host), b"GET /next HTTP/1.1\r\n" * 20000),
                 wrap(dial(other), other),
                 tunnel(host, "plain"), tunnel(host, "tls"), tunnel(other, "tls")]
        spliced = dial(other, 80)
        spliced.sendall(f"POST / HTTP/1.1\r\nHost: {other}\r\nContent-Length: 5\r\n\r\n".encode())
        held.append(half(spliced))
    hold(ready)


def tunnels(host, port, ready):
    held = []
    for _ in range(TUNNELS):
        sock = said(dial("proxy.example", int(port)), f"CONNECT {host}:443 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 200 " in sock.recv(1000)
        held.append(sock)
    hold(ready)


def ended(host, kind):
    ask = f"GET /text?%d HTTP/1.1\r\nHost: {host}\r\n\r\n"
    asked = (ask % 1 + ask % 2).encode()
    if kind == "plain":
        sock = half(said(dial(host, 80), asked))
        print_all(sock.recv)
        return
    # close_notify, but the socket stays whole: half-closing is TLS's own here
    sock, into, out = dial(host), ssl.MemoryBIO(), ssl.MemoryBIO()
    session = CONTEXT.wrap_bio(into, out, server_hostname=host)

    def step(act, *arguments):
        while True:
            try:
                result = act(*arguments)
            except ssl.SSLWantReadError:
                result = None
            sock.sendall(out.read())
            if result is not None or act == session.unwrap:
                return result
            piece = sock.recv(65536)
            into.write(piece) if piece else into.write_eof()

    step(lambda: session.do_handshake() or True)
    step(session.write, asked)
    step(session.unwrap)
    print_all(lambda size: step(session.read, size))


def print_all(read):
    try:
        while piece := read(65536):
            sys.stdout.write(piece.decode())
    except ssl.SSLError:
        pass  # our side of TLS is closed: its end may not be called one


def one(host, gate, results, sock=None):
    try:
        gate.wait()
        sock = wrap(sock or dial(host), host)
        sock.sendall(f"GET /text HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        if sock.recv(100).startswith(b"HTTP/1.1 200"):
            results.append(1)
    except OSError as error:
        print(error, file=sys.stderr)


def burst(host, count, ready=None):
    gate, results = threading.Event(), []
    threads = [threading.Thread(target=one, args=(host, gate, results, ready and dial(host)))
               for _ in range(int(count))]
    for thread in threads:
        thread.start()
    if ready:
        hold(ready)
    gate.set()
    for thread in threads:
        thread.join()
    print(len(results))


def hold_idle(host, count, ready, streams=0):
    held = [tls(host) for _ in range(int(count))] + [waiting(host) for _ in range(int(streams))]
    hold(ready)
    return held


def named(host, ready):
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write("\033[2J\033]0;x\007\033[H")
    hold_idle(host, 1, ready)


def status_of(sock):
    head = b""
    while b"\r\n" not in head:
        piece = sock.recv(4096)
        if not piece:
            return "closed"
        head += piece
    return head.split(b" ", 2)[1].decode()


def flood_body(size, kind):
    """How the body is framed, and its pieces."""
    begin, end = b'{"model":"m","messages":[{"role":"user","content":"', b'"}]}'
    if kind == "string":
        return "Content-Length: %d" % (size + len(begin + end)), [begin, b"x" * size, end]
    if kind == "gzip":
        packed = zlib.compressobj(9, zlib.DEFLATED, 31)
        body = packed.compress(begin) + b"".join(packed.compress(b" " * 65536) for _ in range(size // 65536)) + \
            packed.compress(end) + packed.flush()
        return "Content-Encoding: gzip\r\nContent-Length: %d" % len(body), [body]
    if kind == "chunks":
        pieces = [b"1\r\n \r\n" * 8192] * (size // 8192)
        return "Transfer-Encoding: chunked", pieces + [b"2\r\n{}\r\n0\r\n\r\n"]
    words = b"at 10.11.12 some i-0123 words, arn:aws:iam and 123456789 numbers s3 a-b-c.d "
    return "Content-Length: %d" % (size // len(words) * len(words) + len(begin + end)), \
        [begin, words * (size // len(words)), end]


def flood(host, count, size, kind):
    how, pieces = flood_body(int(size), kind)
    seen = collections.Counter()

    def one():
        try:
            sock = tls(host)
            sock.settimeout(60)
            try:
                sock.sendall((HEAD % host + "x-scenario: say hex=6f6b\r\n" + how + "\r\n\r\n").encode())
                for piece in pieces:
                    sock.sendall(piece)
            except OSError:
                pass  # refused before all was sent: the answer is there
            status = status_of(sock)
        except OSError as error:
            status = type(error).__name__
        seen[status] += 1

    threads = [threading.Thread(target=one) for _ in range(int(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(" ".join(f"{status}:{n}" for status, n in sorted(seen.items())))


def watch(host, until):
    took, sock = [], tls(host)
    while not os.path.exists(until):
        begin = time.monotonic()
        sock.sendall((HEAD % host + "Content-Length: 1\r\n\r\n?").encode())
        assert status_of(sock) == "400"
        took.append(int((time.monotonic() - begin) * 1000))
        time.sleep(0.005)
    print(max(took), sorted(took)[len(took) // 2])


def proxy(address, port, mode, go=None):
    listener = socket.create_server((address, int(port)))
    held = []
    while True:
        sock, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096)
        held.append(sock)
        if mode == "407":
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
                         b"Content-Length: 13\r\n\r\nwho are you?\n")
            continue
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        if len(held) == TUNNELS:
            wait_until(lambda: os.path.exists(go))
            for sock in held:
                if mode == "chat":
                    sock.sendall(b"hello, who is there?")
                else:
                    sock.close()
            os.unlink(go)


if __name__ == "__main__":
    {**globals(), "hold": hold_idle, "late": burst}[sys.argv[1]](*sys.argv[2:])
    sys.stdout.flush()
    os._exit(0)
