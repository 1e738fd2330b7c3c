# SPDX-License-Identifier: Apache-2.0
"""The table of ways, filled by the decorator `way`, and what ways have in common.

A way is a function that tries to bring a text to the origin. It runs in a process of its own, in the cgroup under
test. `outside`: it begins outside and calls try_.enter() itself. `control`: done without awsmask it reaches the origin,
which is tried first, so that no row is refused for a reason of its own.
"""
import os
import socket
import ssl
import subprocess

ORIGIN4, ORIGIN6 = os.environ["ORIGIN4"], os.environ["ORIGIN6"]
TARGET, OTHER = os.environ["TARGET"], os.environ["OTHER"]
CGROUPS = os.environ["PLACE_CGROUP"]
PATIENCE = 5

# What awsmask is to do, and what the origin may have seen.
MASKED, SPLICED = "masked", "spliced"
REFUSED, BOUNDARY = "refused", "boundary"
CLOSED = "closed"  # masked or refused: either will do
SEEN = {
    MASKED: "a placeholder", SPLICED: "everything: it is another host's", REFUSED: "nothing",
    BOUNDARY: "everything: a stated boundary", CLOSED: "a placeholder or nothing",
}

ROWS = []


class Unsupported(Exception):
    """This kernel does not have it."""


class Try:
    """One go at one row: the text, and the cgroup that it is to come from."""

    def __init__(self, cgroup, text):
        self.cgroup, self.text = cgroup, text

    def enter(self, below=""):
        enter(self.cgroup, below)


def enter(cgroup, below=""):
    path = os.path.join(CGROUPS, cgroup, below)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "cgroup.procs"), "w") as procs:
        procs.write(str(os.getpid()))


def way(name, expected, how, control=True, outside=False):
    def note(function):
        ROWS.append((name, expected, how, control, outside, function))
        return function
    return note


def request(text, host=TARGET, target="/text", fields=(), method="POST", close=True):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Content-Type: text/plain",
             f"Content-Length: {len(text)}", *fields] + (["Connection: close"] if close else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


def connected(address=ORIGIN4, port=80, family=None, protocol=0):
    family = family or (socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    sock.settimeout(PATIENCE)
    sock.connect((address, port))
    return sock


def read_all(sock):
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def ask(sock, data):
    sock.sendall(data)
    return read_all(sock)


def answer_of(sock):
    """One answer with a length, on a connection that goes on."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += some(sock)
    head, body = data.split(b"\r\n\r\n", 1)
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += some(sock)
    return head


def some(sock):
    piece = sock.recv(65536)
    if not piece:
        raise ConnectionError("closed instead of an answer")
    return piece


def trusting(alpn=("http/1.1",), names=True):
    context = ssl.create_default_context()
    context.check_hostname = names
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def secured(sock, name=TARGET, **how):
    return trusting(**how).wrap_socket(sock, server_hostname=name, suppress_ragged_eofs=True)


def optional(family, kind, protocol=0):
    """A socket that not every kernel has."""
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unsupported(str(error)) from error
    sock.settimeout(PATIENCE)
    return sock


def control(*words):
    """awsmaskctl, by somebody outside."""
    return subprocess.run([os.environ["CTL"], *words], capture_output=True, text=True, check=True, timeout=20).stdout
