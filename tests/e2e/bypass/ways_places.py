# SPDX-License-Identifier: Apache-2.0
"""Ways by where a process is, and who helps it."""
import array
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import time

from rows import (BOUNDARY, CGROUPS, CLOSED, MASKED, ORIGIN4, REFUSED, ask, connected, control, enter, read_all, request, secured,
                  way)
from ways_sockets import LIBC, TCP_FASTOPEN_CONNECT, own_address

NEWNET, NEWCGROUP, NEWUSER, NEWPID = 0x40000000, 0x02000000, 0x10000000, 0x20000000
CLONE3, PIDFD_OPEN, PIDFD_GETFD, INTO_CGROUP = 435, 434, 438, 0x200000000
TCP_FASTOPEN_NO_COOKIE = 34


@way("socket made in another cgroup", MASKED, "its process joins, then connects", outside=True)
def socket_before(try_):
    sock = socket.socket()
    sock.settimeout(5)
    try_.enter()
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("UDP socket made in another cgroup", REFUSED, "the same with datagrams", outside=True)
def udp_before(try_):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    try_.enter()
    sock.sendto(try_.text, (ORIGIN4, 443))


@way("UDP socket connected in another cgroup", REFUSED, "its process joins, then sends", outside=True)
def udp_connected_before(try_):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.connect((ORIGIN4, 443))
    try_.enter()
    sock.send(try_.text)


@way("child cgroup", MASKED, "a cgroup below the enrolled one")
def child(try_):
    try_.enter("child")
    ask(connected(), request(try_.text))


@way("deep cgroup", MASKED, "forty below one another")
def deep(try_):
    try_.enter("/".join(["d"] * 40))
    ask(connected(), request(try_.text))


@way("cgroup namespace", MASKED, "the cgroup seen as the root")
def namespace(try_):
    if LIBC.unshare(NEWCGROUP):
        raise OSError(ctypes.get_errno(), "unshare")
    ask(connected(), request(try_.text))


@way("user namespace", MASKED, "under a user id that nobody has there")
def user_namespace(try_):
    if LIBC.unshare(NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    ask(connected(), request(try_.text))


def in_child(what):
    """Returns once it has ended, whatever came of it."""
    pid = os.fork()
    if pid == 0:
        try:
            what()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@way("pid namespace", MASKED, "as number 1 of its own")
def pid_namespace(try_):
    if LIBC.unshare(NEWPID):
        raise OSError(ctypes.get_errno(), "unshare")
    in_child(lambda: ask(connected(), request(try_.text)))


@way("orphan", MASKED, "in a session of its own, whose parent has ended")
def orphan(try_):
    told, tell = os.pipe()

    def go_on():
        os.setsid()
        if os.fork() == 0:
            try:
                while os.getppid() == parent[0]:
                    time.sleep(0.001)
                ask(connected(), request(try_.text))
            finally:
                os.write(tell, b"x")
                os._exit(0)
    parent = []
    in_child(lambda: (parent.append(os.getpid()), go_on()))
    os.read(told, 1)


@way("another program", MASKED, "executed: a shell that connects by itself")
def another_program(try_):
    subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/{ORIGIN4}/80 && cat >&3 && timeout 5 cat <&3"],
                   input=request(try_.text), check=True, capture_output=True, timeout=10)


@way("born into the cgroup", MASKED, "clone3(CLONE_INTO_CGROUP) by somebody outside", outside=True)
def born_into(try_):
    where = os.open(os.path.join(CGROUPS, try_.cgroup), os.O_RDONLY)
    args = ctypes.create_string_buffer(struct.pack("=11Q", INTO_CGROUP, 0, 0, 0, 17, 0, 0, 0, 0, 0, where), 88)
    pid = LIBC.syscall(CLONE3, args, 88)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone3")
    if pid == 0:
        try:
            ask(connected(), request(try_.text))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@way("joins late", MASKED, "a process that was outside before", outside=True)
def late(try_):
    read_all_of_another_port()
    try_.enter()
    ask(connected(), request(try_.text))


def read_all_of_another_port():
    sock = connected(port=7777)
    sock.recv(100)
    sock.close()


@way("moves out", BOUNDARY, "root writes it into another cgroup")
def moves_out(try_):
    enter("admin")
    ask(connected(), request(try_.text))


@way("connected before it joins", BOUNDARY, "a process brings its own connection", outside=True)
def connected_before(try_):
    sock = connected()
    try_.enter()
    ask(sock, request(try_.text))


@way("connection put off before it joins", BOUNDARY, "TCP_FASTOPEN_CONNECT outside, the first write inside", outside=True)
def put_off(try_):
    sock = socket.socket()
    sock.settimeout(5)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    sock.connect((ORIGIN4, 80))
    try_.enter()
    ask(sock, request(try_.text))


def grandchild(way_in, then):
    """A process of its own: way_in() -> a thing; then `then(thing)` when it is let go. Returns the letting go."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            thing = way_in()
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            then(thing)
        except OSError:
            pass
        os._exit(0)
    os.close(ready[1])
    if os.read(ready[0], 1) != b"x":
        raise OSError("it did not get so far")

    def let_go():
        os.write(go[1], b"x")
        os.waitpid(pid, 0)
    return let_go


@way("connected before enrolment", REFUSED, "the connection is ended, counted and told by enroll", control=False, outside=True)
def before_enrolment(try_):
    def connect_there():
        enter("late")
        return connected()
    let_go = grandchild(connect_there, lambda sock: ask(sock, request(try_.text)))
    told = json.loads(control("enroll", "--json", os.path.join(CGROUPS, "late")))
    let_go()
    control("unenroll", os.path.join(CGROUPS, "late"))
    if told.get("closed") != 1 or told.get("left", 0) != 0:
        raise AssertionError(f"enroll told {told}")


@way("socket made before enrolment", MASKED, "and connected after it", control=False, outside=True)
def socket_before_enrolment(try_):
    def make_there():
        enter("late")
        return socket.socket()

    def connect(sock):
        sock.settimeout(5)
        sock.connect((ORIGIN4, 80))
        ask(sock, request(try_.text))
    let_go = grandchild(make_there, connect)
    control("enroll", os.path.join(CGROUPS, "late"))
    let_go()
    control("unenroll", os.path.join(CGROUPS, "late"))


def handed_over(try_, make):
    """A socket that an outsider has made, over SCM_RIGHTS."""
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            sock = make()
            there.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno()]))])
        finally:
            os._exit(0)
    there.close()
    try_.enter()
    _, data, _, _ = here.recvmsg(1, socket.CMSG_SPACE(4))
    os.waitpid(pid, 0)
    sock = socket.socket(fileno=array.array("i", data[0][2])[0])
    sock.settimeout(5)
    return sock


@way("outsider's socket", MASKED, "handed over, then connected", outside=True)
def outsiders_socket(try_):
    sock = handed_over(try_, socket.socket)
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("outsider's connection", BOUNDARY, "connected by somebody outside, then handed over", outside=True)
def outsiders_connection(try_):
    ask(handed_over(try_, connected), request(try_.text))


@way("outsider's UDP connection", REFUSED, "the same with datagrams", outside=True)
def outsiders_datagrams(try_):
    def make():
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.connect((ORIGIN4, 443))
        return sock
    handed_over(try_, make).send(try_.text)


@way("outsider's connection, taken", BOUNDARY, "out of another process, as root: pidfd_getfd()", outside=True)
def outsiders_connection_taken(try_):
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        sock = connected()
        os.write(told, bytes([sock.fileno()]))
        signal.pause()
    number = os.read(ready, 1)[0]
    try_.enter()
    taken = LIBC.syscall(PIDFD_GETFD, LIBC.syscall(PIDFD_OPEN, pid, 0), number, 0)
    error = ctypes.get_errno()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if taken < 0:
        raise OSError(error, "pidfd_getfd")
    sock = socket.socket(fileno=taken)
    sock.settimeout(5)
    ask(sock, request(try_.text))


@way("called back", BOUNDARY, "a connection that the other side made")
def called_back(try_):
    door = socket.create_server(("0.0.0.0", 0))
    door.settimeout(5)
    with connected(port=7778) as asked:
        asked.sendall(f"{door.getsockname()[1]}\n".encode())
        sock, _ = door.accept()
        sock.sendall(try_.text)
        sock.shutdown(socket.SHUT_WR)
        read_all(sock)


def relay(door):
    here, _ = door.accept()
    data = here.recv(65536)
    with connected() as there:
        here.sendall(ask(there, data))
    here.close()


def relayed(try_, by):
    """A proxy on loopback, which is excluded by default, in the cgroup `by`."""
    door = socket.create_server(("127.0.0.1", 0))
    door.settimeout(5)
    pid = os.fork()
    if pid == 0:
        try:
            enter(by)
            relay(door)
        finally:
            os._exit(0)
    try_.enter()
    try:
        ask(connected("127.0.0.1", door.getsockname()[1]), request(try_.text))
    finally:
        os.waitpid(pid, 0)


@way("relay on loopback", BOUNDARY, "run by somebody outside", outside=True)
def relay_outside(try_):
    relayed(try_, "admin")


@way("relay on loopback, enrolled", MASKED, "run inside: its own connection is seen", outside=True)
def relay_inside(try_):
    relayed(try_, try_.cgroup)


@way("relay on a Unix socket", BOUNDARY, "run by somebody outside", outside=True)
def relay_on_unix_socket(try_):
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            with connected() as origin:
                there.sendall(ask(origin, there.recv(65536)))
        finally:
            os._exit(0)
    there.close()
    try_.enter()
    here.sendall(request(try_.text))
    here.settimeout(5)
    read_all(here)
    os.waitpid(pid, 0)


def own_network():
    """A network namespace of one's own with a way to the origin."""
    if LIBC.unshare(NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    with open(os.path.join(os.environ["PLACE"], "origin.pid")) as file:
        origin = file.read().strip()
    name, side = f"b{os.getpid()}", os.getpid() % 250
    there = ["nsenter", "-t", origin, "-n", "ip"]
    for command in ([*there, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(os.getpid())],
                    [*there, "addr", "add", f"192.0.{side}.1/30", "dev", name], [*there, "link", "set", name, "up"],
                    ["ip", "addr", "add", f"192.0.{side}.2/30", "dev", "eth0"], ["ip", "link", "set", "lo", "up"],
                    ["ip", "link", "set", "eth0", "up"], ["ip", "route", "add", "default", "via", f"192.0.{side}.1"]):
        subprocess.run(command, check=True, capture_output=True, timeout=10)


def connected_soon(port):
    """A listener there is made when one is asked for, so the first connections may be refused."""
    for _ in range(100):
        try:
            return connected(port=port)
        except (ConnectionRefusedError, PermissionError):
            time.sleep(0.05)
    return connected(port=port)


@way("network namespace", MASKED, "one of its own, with its own way out", outside=True)
def another_network(try_):
    own_network()
    try_.enter()
    ask(connected_soon(80), request(try_.text))


@way("network namespace, made inside", MASKED, "by the enrolled process itself, as root")
def another_network_inside(try_):
    own_network()
    ask(secured(connected_soon(443)), request(try_.text))


@way("somebody else's network namespace", MASKED, "the origin's own, entered as root", outside=True)
def somebodys_network(try_):
    with open(os.path.join(os.environ["PLACE"], "origin.pid")) as file:
        there = os.open(f"/proc/{file.read().strip()}/ns/net", os.O_RDONLY)
    if LIBC.setns(there, NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    try_.enter()
    ask(connected_soon(80), request(try_.text))


@way("another network namespace's socket", CLOSED, "made there, and connected after coming back")
def another_networks_socket(try_):
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    own_network()
    sock = socket.socket()
    sock.settimeout(2)
    if LIBC.setns(home, NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("network namespace, UDP", REFUSED, "datagrams from there")
def another_network_udp(try_):
    own_network()
    socket.socket(type=socket.SOCK_DGRAM).sendto(try_.text, (ORIGIN4, 443))


@way("own address as the host's", MASKED, "the client's own address before the connect()")
def bound(try_):
    sock = socket.socket()
    sock.settimeout(5)
    sock.bind((own_address(), 0))
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))
