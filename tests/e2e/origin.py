#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for the model's service: a scripted origin that writes down every byte it receives.

  443   HTTPS; api.anthropic.com's Messages API, and any other name it has a certificate for
  80    the same in plain HTTP
  7777  raw: sends a line with the peer's address and port, then echoes
  3128  a proxy that knows CONNECT and absolute-form

A request picks its scenario by the header "x-scenario: KIND KEY=VALUE ..." or by "[[KIND KEY=VALUE ...]]"
anywhere in the last text of its last user message (answers.py lists them).

Written to the log directory:
  conn-NNNN-PORT.raw  what a connection received, decrypted, to the last byte
  NNNN.head           a request's head       NNNN.body  its body, chunks joined
  NNNN.plain          its body, gunzipped    NNNN.json  what is worth knowing besides
"""
import argparse
import gzip
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time

import answers

LOCK = threading.Lock()
COUNTS = {"request": 0, "connection": 0}


def count_on(log):
    """After a restart numbers go on where they ended."""
    for name in os.listdir(log):
        match = re.match(r"(conn-)?(\d+)", name)
        if match:
            kind = "connection" if match.group(1) else "request"
            COUNTS[kind] = max(COUNTS[kind], int(match.group(2)))


def number(kind):
    with LOCK:
        COUNTS[kind] += 1
        return COUNTS[kind]


class Closed(Exception):
    """The client is gone."""


class Connection:
    """One client's connection: reads are written down, requests are taken apart."""

    def __init__(self, sock, port, log):
        self.sock, self.port, self.log = sock, port, log
        self.peer = sock.getpeername()
        self.sni, self.tls = None, None
        self.orderly = True  # whether TLS is to be closed as it should
        self.number = number("connection")
        self.raw = open(f"{log}/conn-{self.number:04}-{port}.raw", "wb", buffering=0)
        self.data = b""

    def start_tls(self, context):
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.sni, self.tls = getattr(self.sock, "asked_name", None), self.sock.version()
        with open(f"{self.log}/handshakes", "a") as out:
            out.write("resumed\n" if self.sock.session_reused else "full\n")

    def fill(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise Closed
        self.raw.write(piece)
        self.data += piece

    def take(self, count):
        while len(self.data) < count:
            self.fill()
        piece, self.data = self.data[:count], self.data[count:]
        return piece

    def take_until(self, mark):
        while mark not in self.data:
            self.fill()
        return self.take(self.data.index(mark) + len(mark))

    def send(self, data):
        self.sock.sendall(data)

    def reset(self):
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.raw.close()
        if self.tls and self.orderly:
            try:
                self.sock.settimeout(1)
                self.sock.unwrap()
            except (OSError, ValueError):
                pass  # the client had gone before
        self.sock.close()


class Request:
    """One request, read whole, and written down as it came."""

    def __init__(self, conn):
        self.conn = conn
        self.head = conn.take_until(b"\r\n\r\n")
        self.number = number("request")
        lines = self.head[:-4].split(b"\r\n")
        self.method, self.target, self.version = lines[0].decode("latin1").split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            name, value = line.decode("latin1").split(":", 1)
            self.headers[name.strip().lower()] = value.strip()
        self.write("head", self.head)
        self.body = self.read_body()
        self.plain = self.body
        if self.body and self.headers.get("content-encoding", "") == "gzip":
            self.plain = gzip.decompress(self.body)
        self.write("body", self.body)
        self.write("plain", self.plain)
        self.write("json", json.dumps({
            "connection": conn.number, "port": conn.port, "sni": conn.sni, "tls": conn.tls,
            "peer": list(conn.peer[:2]), "method": self.method, "target": self.target,
            "bytes": len(self.body)}).encode())

    def write(self, suffix, data):
        with open(f"{self.conn.log}/{self.number:04}.{suffix}", "wb") as out:
            out.write(data)

    def read_body(self):
        if self.headers.get("expect", "").lower() == "100-continue":
            self.conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            body = b""
            while True:
                size = int(self.conn.take_until(b"\r\n").split(b";")[0], 16)
                piece = self.conn.take(size + 2)
                if size == 0:
                    return body
                body += piece[:-2]
        return self.conn.take(int(self.headers.get("content-length", "0")))


def serve_http(conn):
    while True:
        request = Request(conn)
        if not answers.answer(conn, request):
            return


def serve_echo(conn):
    conn.send(f"{conn.peer[0]} {conn.peer[1]}\n".encode())
    while True:
        conn.fill()
        piece, conn.data = conn.data, b""
        conn.send(piece)


def serve_absolute(conn):
    while True:
        request = Request(conn)
        if not request.target.startswith("http://"):
            conn.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        request.target = "/" + request.target.split("/", 3)[3]
        if not answers.answer(conn, request):
            return


def serve_proxy(conn, address, places):
    """CONNECT: whatever the name, it leads to this origin's own port in `places`; or requests in absolute-form."""
    while b"\r\n\r\n" not in conn.data:
        conn.fill()
    if not conn.data.startswith(b"CONNECT "):
        serve_absolute(conn)
        return
    head = conn.take_until(b"\r\n\r\n")
    with open(f"{conn.log}/{number('request'):04}.head", "wb") as out:
        out.write(head)
    _, target, _ = head.split(b"\r\n")[0].decode("latin1").split(" ", 2)
    if int(target.rsplit(":", 1)[1]) not in places:
        conn.send(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    beyond = socket.create_connection((address, places[int(target.rsplit(":", 1)[1])]))
    conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def back():
        try:
            while piece := beyond.recv(65536):
                conn.send(piece)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    threading.Thread(target=back, daemon=True).start()
    try:
        while True:
            if not conn.data:
                conn.fill()
            beyond.sendall(conn.data)
            conn.data = b""
    finally:
        beyond.shutdown(socket.SHUT_WR)


def handle(sock, port, context, log, serve):
    conn = Connection(sock, port, log)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            conn.start_tls(context)
        serve(conn)
    except (Closed, ssl.SSLError, OSError):
        pass
    except Exception as error:  # a request that this origin cannot read is a finding
        with open(f"{log}/trouble", "a") as out:
            out.write(f"connection {conn.number} port {port}: {error!r}\n")
    finally:
        conn.close()


def listen(address, port, context, log, serve):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=512)

    def loop():
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=handle, args=(sock, port, context, log, serve), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def tls_context(directory):
    """One certificate per file NAME.pem (key in NAME.key); api.anthropic.com's when no name is asked for."""
    contexts = {}
    for name in os.listdir(directory):
        if name.endswith(".pem") and os.path.exists(f"{directory}/{name[:-4]}.key"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(f"{directory}/{name}", f"{directory}/{name[:-4]}.key")
            context.set_alpn_protocols(["http/1.1"])
            contexts[name[:-4]] = context

    def choose(sock, name, _):
        sock.asked_name = name
        if name in contexts:
            sock.context = contexts[name]
    default = contexts["api.anthropic.com"]
    default.sni_callback = choose
    return default


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--certs", required=True, help="directory of NAME.pem and NAME.key")
    parser.add_argument("--log", required=True, help="directory to write to")
    parser.add_argument("--ready", required=True, help="file to make once all ports listen")
    parser.add_argument("--address", action="append", required=True, help="to listen on; may be repeated")
    parser.add_argument("--https", type=int, default=443)
    parser.add_argument("--http", type=int, default=80)
    parser.add_argument("--echo", type=int, default=7777)
    parser.add_argument("--proxy", type=int, default=3128)
    args = parser.parse_args()
    context = tls_context(args.certs)
    count_on(args.log)
    here = args.address[0]
    for address in args.address:
        listen(address, args.https, context, args.log, serve_http)
        listen(address, args.http, None, args.log, serve_http)
        listen(address, args.echo, None, args.log, serve_echo)
        listen(address, args.proxy, None, args.log,
               lambda conn: serve_proxy(conn, here, {443: args.https, 80: args.http}))
    with open(args.ready, "w") as out:
        out.write(f"{os.getpid()}\n")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
