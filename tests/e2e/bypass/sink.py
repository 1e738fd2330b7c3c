#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the scripted origin does not listen on: datagrams, SOCKS, and one that dials back. All that comes is written down.

  443, 5353/udp   datagrams (UDP-Lite on 443 too, where the kernel has it)
  1080, 8080      bytes, unanswered but for "ok" at their end: a SOCKS proxy, a proxy of an unknown kind
  7778            reads a port number, and connects back to it
"""
import argparse
import os
import socket
import threading
import time

UDPLITE = 136


def datagrams(log, sock):
    while True:
        data = sock.recv(65536)
        log.write(data)


def stream(log, sock):
    sock.settimeout(5)
    try:
        while data := sock.recv(65536):
            log.write(data)
        sock.sendall(b"ok")
    except OSError:
        pass
    sock.close()


def dial_back(log, sock):
    port = int(sock.makefile().readline())
    with socket.create_connection((sock.getpeername()[0].replace("::ffff:", ""), port), 5) as back:
        stream(log, back)
    sock.close()


def serve(log, port, how):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        threading.Thread(target=how, args=(log, listener.accept()[0]), daemon=True).start()


def begin(what, *args):
    threading.Thread(target=what, args=args, daemon=True).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True, help="file to append to")
    parser.add_argument("--ready", required=True, help="file to make once all ports listen")
    args = parser.parse_args()
    log = open(args.log, "ab", buffering=0)
    for port, protocol in ((443, 0), (5353, 0), (443, UDPLITE)):
        try:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, protocol)
        except OSError:
            continue
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        begin(datagrams, log, sock)
    for port, how in ((1080, stream), (8080, stream), (7778, dial_back)):
        begin(serve, log, port, how)
    with open(args.ready, "w") as out:
        out.write(f"{os.getpid()}\n")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
