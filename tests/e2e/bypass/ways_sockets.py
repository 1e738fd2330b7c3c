# SPDX-License-Identifier: Apache-2.0
"""Ways by how the socket is made, connected and written to."""
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct

import uring
from rows import (BOUNDARY, CLOSED, MASKED, ORIGIN4, ORIGIN6, REFUSED, Unsupported, ask, connected, optional, read_all, request,
                  secured, way)

LIBC = ctypes.CDLL(None, use_errno=True)
MPTCP, UDPLITE, SCTP, DCCP = 262, 136, 132, 33
AF_SMC = 43
TCP_FASTOPEN_CONNECT, TCP_REPAIR, TCP_ULP = 30, 19, 31
IP_TRANSPARENT, UDP_SEGMENT, SO_ZEROCOPY, MSG_ZEROCOPY = 19, 103, 60, 0x4000000
LISTENER, LISTENER_MARK = 15443, 0x61776d6b


@way("IPv4", MASKED, "connect() of an AF_INET socket")
def ipv4(try_):
    ask(secured(connected(ORIGIN4, 443)), request(try_.text))


@way("IPv6", MASKED, "connect() of an AF_INET6 socket")
def ipv6(try_):
    ask(secured(connected(ORIGIN6, 443)), request(try_.text))


@way("v4-mapped", MASKED, "::ffff:a.b.c.d on an AF_INET6 socket")
def mapped(try_):
    ask(secured(connected("::ffff:" + ORIGIN4, 443)), request(try_.text))


@way("non-blocking", MASKED, "connect() that returns at once, then poll()")
def nonblocking(try_):
    sock = socket.socket()
    sock.setblocking(False)
    if sock.connect_ex((ORIGIN4, 80)) not in (0, errno.EINPROGRESS):
        raise OSError("connect")
    select.select([], [sock], [], 5)
    sock.settimeout(5)
    ask(sock, request(try_.text))


def ring(poll=False):
    try:
        return uring.Ring(poll)
    except OSError as error:
        raise Unsupported(str(error)) from error


@way("io_uring", MASKED, "connect() and send() by io_uring's workers")
def by_uring(try_):
    one, sock = ring(), socket.socket()
    one.connect(sock, ORIGIN4, 80)
    one.send(sock, request(try_.text))
    sock.settimeout(5)
    read_all(sock)


@way("io_uring, polled, made outside", MASKED, "by a kernel thread that was there before its process joined", outside=True)
def by_polled_uring(try_):
    one, sock = ring(poll=True), socket.socket()
    try_.enter()
    one.connect(sock, ORIGIN4, 80)
    one.send(sock, request(try_.text))
    sock.settimeout(5)
    read_all(sock)


@way("io_uring's own socket", MASKED, "made by io_uring as well: socket(2) is never called")
def uring_socket(try_):
    one = ring()
    try:
        sock = one.socket(socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise Unsupported(str(error)) from error
    one.connect(sock, ORIGIN4, 80)
    one.send(sock, request(try_.text))
    sock.settimeout(5)
    read_all(sock)


@way("io_uring, UDP", REFUSED, "datagrams by io_uring's workers")
def uring_datagrams(try_):
    one, sock = ring(), socket.socket(type=socket.SOCK_DGRAM)
    one.connect(sock, ORIGIN4, 443)
    one.send(sock, try_.text)


def open_fast(sock, address, text):
    sock.settimeout(None)  # one that does not block says EINPROGRESS
    sock.sendto(request(text), socket.MSG_FASTOPEN, (address, 80))
    sock.settimeout(5)
    read_all(sock)


@way("fast open", MASKED, "sendto(MSG_FASTOPEN): data without a connect()")
def fastopen(try_):
    open_fast(socket.socket(), ORIGIN4, try_.text)


@way("fast open, IPv6", MASKED, "the same to a v4-mapped address")
def fastopen6(try_):
    open_fast(socket.socket(socket.AF_INET6), "::ffff:" + ORIGIN4, try_.text)


@way("fast open at the first write", MASKED, "TCP_FASTOPEN_CONNECT")
def fastopen_connect(try_):
    sock = socket.socket()
    sock.settimeout(5)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("MPTCP", MASKED, "a multipath connection")
def mptcp(try_):
    sock = optional(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    sock.connect((ORIGIN4, 443))
    ask(secured(sock), request(try_.text))


@way("MPTCP fast open", MASKED, "sendto(MSG_FASTOPEN) on one")
def mptcp_fastopen(try_):
    open_fast(optional(socket.AF_INET, socket.SOCK_STREAM, MPTCP), ORIGIN4, try_.text)


@way("SMC", MASKED, "shared memory between mainframes, which falls back to TCP")
def smc(try_):
    sock = optional(AF_SMC, socket.SOCK_STREAM)
    to = ctypes.create_string_buffer(uring.sockaddr(ORIGIN4, 80), 16)
    if LIBC.connect(sock.fileno(), to, 16):
        raise OSError(ctypes.get_errno(), "connect")
    sock.sendall(request(try_.text))
    read_all(sock)


@way("SCTP", REFUSED, "a stream of another transport", control=False)
def sctp(try_):
    sock = optional(socket.AF_INET, socket.SOCK_STREAM, SCTP)
    sock.connect((ORIGIN4, 443))
    sock.sendall(try_.text)


@way("DCCP", REFUSED, "and another", control=False)
def dccp(try_):
    sock = optional(socket.AF_INET, 6, DCCP)
    sock.connect((ORIGIN4, 443))
    sock.sendall(try_.text)


@way("UDP, connected", REFUSED, "QUIC as most clients send it")
def udp(try_):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.connect((ORIGIN4, 443))
    sock.send(try_.text)


@way("UDP, unconnected", REFUSED, "sendto()")
def udp_sendto(try_):
    socket.socket(type=socket.SOCK_DGRAM).sendto(try_.text, (ORIGIN4, 443))


@way("UDP, IPv6", REFUSED, "sendto() over IPv6")
def udp6(try_):
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(try_.text, (ORIGIN6, 443))


@way("UDP, v4-mapped", REFUSED, "sendto() ::ffff:a.b.c.d on an AF_INET6 socket")
def udp_mapped(try_):
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(try_.text, ("::ffff:" + ORIGIN4, 443))


@way("UDP, v4-mapped, connected", REFUSED, "the same by connect() and send()")
def udp_mapped_connected(try_):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.connect(("::ffff:" + ORIGIN4, 443))
    sock.send(try_.text)


def send_to(sock, text, address):
    """sendto() with an address that Python would not let pass."""
    to = ctypes.create_string_buffer(address, len(address))
    if LIBC.sendto(sock.fileno(), text, len(text), 0, to, len(address)) < 0:
        raise OSError(ctypes.get_errno(), "sendto")


@way("UDP, an address without a family", REFUSED, "AF_UNSPEC, which the kernel takes for AF_INET here")
def udp_no_family(try_):
    address = struct.pack("=H", socket.AF_UNSPEC) + uring.sockaddr(ORIGIN4, 443)[2:]
    send_to(socket.socket(type=socket.SOCK_DGRAM), try_.text, address)


@way("UDP, an address of the other family", REFUSED, "an AF_INET address on an AF_INET6 socket")
def udp_other_family(try_):
    send_to(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), try_.text, uring.sockaddr(ORIGIN4, 443))


@way("UDP, the other family, connected", REFUSED, "the same by connect() and send()")
def udp_other_family_connected(try_):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    to = ctypes.create_string_buffer(uring.sockaddr(ORIGIN4, 443), 16)
    if LIBC.connect(sock.fileno(), to, 16):
        raise OSError(ctypes.get_errno(), "connect")
    sock.send(try_.text)


@way("UDP in segments", REFUSED, "UDP_SEGMENT, as QUIC uses it")
def udp_segments(try_):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
    sock.connect((ORIGIN4, 443))
    sock.send(try_.text + bytes(3000))


@way("UDP, corked for another port", REFUSED, "MSG_MORE to a port that is not masked, the rest to one that is")
def udp_corked(try_):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.sendto(b"x", socket.MSG_MORE, (ORIGIN4, 443))
    sock.sendto(try_.text, (ORIGIN4, 5353))


@way("sendmmsg", REFUSED, "many datagrams in one call")
def sendmmsg(try_):
    data = ctypes.create_string_buffer(try_.text, len(try_.text))
    to = ctypes.create_string_buffer(uring.sockaddr(ORIGIN4, 443), 16)
    vector = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(data), len(try_.text)), 16)
    head = struct.pack("=QI4xQQQQI4xI4x", ctypes.addressof(to), 16, ctypes.addressof(vector), 1, 0, 0, 0, 0)
    heads = ctypes.create_string_buffer(head * 2, 2 * len(head))
    if LIBC.sendmmsg(socket.socket(type=socket.SOCK_DGRAM).detach(), heads, 2, 0) != 2:
        raise OSError(ctypes.get_errno(), "sendmmsg")


@way("UDP-Lite", REFUSED, "UDP's sibling")
def udplite(try_):
    optional(socket.AF_INET, socket.SOCK_DGRAM, UDPLITE).sendto(try_.text, (ORIGIN4, 443))


@way("raw IP", REFUSED, "a datagram made by hand, as root")
def raw(try_):
    sock = optional(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    sock.sendto(struct.pack("!HHHH", 5000, 443, 8 + len(try_.text), 0) + try_.text, (ORIGIN4, 0))


@way("raw IP, head included", REFUSED, "and its IP header, as root")
def raw_head(try_):
    sock = optional(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    datagram = struct.pack("!HHHH", 5000, 443, 8 + len(try_.text), 0) + try_.text
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 7, 0, 64, 17, 0, bytes(4), socket.inet_aton(ORIGIN4))
    sock.sendto(head + datagram, (ORIGIN4, 0))


def ones_sum(data):
    words = sum(struct.unpack(f"!{len(data + bytes(len(data) % 2)) // 2}H", data + bytes(len(data) % 2)))
    while words >> 16:
        words = (words & 0xffff) + (words >> 16)
    return ~words & 0xffff


@way("raw IPv6 behind many headers", REFUSED, "twelve extension headers before the ports, as root")
def raw_many_headers(try_):
    probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    probe.connect((ORIGIN6, 5353))
    own, to = (socket.inet_pton(socket.AF_INET6, a) for a in (probe.getsockname()[0], ORIGIN6))
    head = struct.pack("!HHH", 5000, 443, 8 + len(try_.text))
    check = ones_sum(own + to + struct.pack("!II", 8 + len(try_.text), 17) + head + b"\0\0" + try_.text)
    options = [bytes([60, 0, 1, 4, 0, 0, 0, 0])] * 11 + [bytes([17, 0, 1, 4, 0, 0, 0, 0])]
    body = b"".join(options) + head + struct.pack("!H", check or 0xffff) + try_.text
    sock = optional(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sock.sendto(struct.pack("!IHBB", 6 << 28, len(body), 60, 64) + own + to + body, (ORIGIN6, 0))


@way("packet socket", BOUNDARY, "below IP: for root alone")
def packet(try_):
    socket.socket(type=socket.SOCK_DGRAM).sendto(b"who has it", (ORIGIN4, 5353))
    with open("/proc/self/net/arp") as neighbours:
        mac = next(line.split()[3] for line in neighbours if line.startswith(ORIGIN4 + " "))
    probe = socket.socket(type=socket.SOCK_DGRAM)
    own = socket.inet_ntoa(fcntl.ioctl(probe, 0x8915, struct.pack("16s240x", b"eth0"))[20:24])
    datagram = struct.pack("!HHHH", 5000, 443, 8 + len(try_.text), 0) + try_.text
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 7, 0, 64, 17, 0, socket.inet_aton(own),
                       socket.inet_aton(ORIGIN4))
    head = head[:10] + struct.pack("!H", ones_sum(head)) + head[12:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    sock.sendto(head + datagram, ("eth0", 0x0800, 0, 0, bytes.fromhex(mac.replace(":", ""))))


def unprivileged():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


@way("packet socket, unprivileged", REFUSED, "the same by somebody else", control=False)
def packet_unprivileged(try_):
    unprivileged()
    packet(try_)


@way("IP_TRANSPARENT, unprivileged", REFUSED, "an address of one's own choice as the source", control=False)
def transparent(try_):
    unprivileged()
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("IP_TRANSPARENT", CLOSED, "the same as root", control=False)
def transparent_root(try_):
    sock = socket.socket()
    sock.settimeout(1)
    sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    sock.bind(("203.0.113.77", 0))
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("SO_MARK", MASKED, "the mark of the daemon's own listeners")
def mark(try_):
    sock = socket.socket()
    sock.settimeout(5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, LISTENER_MARK)
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("SO_BINDTODEVICE", CLOSED, "bound to the outer device, from where loopback cannot be reached")
def to_device(try_):
    sock = socket.socket()
    sock.settimeout(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("bound to the listener's port", MASKED, "the daemon's own port as the source")
def from_listeners_port(try_):
    sock = socket.socket()
    sock.settimeout(5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((own_address(), LISTENER))
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


def own_address():
    probe = socket.socket(type=socket.SOCK_DGRAM)
    probe.connect((ORIGIN4, 5353))
    return probe.getsockname()[0]


@way("bound to the origin's port", MASKED, "as for a simultaneous open")
def from_origins_port(try_):
    sock = socket.socket()
    sock.settimeout(5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((own_address(), 80))
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("the listener itself", REFUSED, "a connection to the daemon that nobody redirected", control=False)
def listener(try_):
    ask(connected("127.0.0.1", LISTENER), request(try_.text))


@way("connected anew", MASKED, "to a port that is not masked, connect(AF_UNSPEC), then to the target")
def anew(try_):
    sock = connected(port=7777)
    none = ctypes.create_string_buffer(struct.pack("=H14x", socket.AF_UNSPEC), 16)
    if LIBC.connect(sock.fileno(), none, 16):
        raise OSError(ctypes.get_errno(), "AF_UNSPEC")
    sock.connect((ORIGIN4, 80))
    ask(sock, request(try_.text))


@way("connected anew, UDP", REFUSED, "the same with datagrams")
def anew_udp(try_):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.connect((ORIGIN4, 5353))
    none = ctypes.create_string_buffer(struct.pack("=H14x", socket.AF_UNSPEC), 16)
    LIBC.connect(sock.fileno(), none, 16)
    sock.connect((ORIGIN4, 443))
    sock.send(try_.text)


@way("TCP_REPAIR", CLOSED, "a connection declared to be there, as root", control=False)
def repair(try_):
    sock = socket.socket()
    sock.settimeout(1)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.connect((ORIGIN4, 80))
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    ask(sock, request(try_.text))


@way("TCP_ULP", MASKED, "the kernel's TLS asked for, and plain bytes written")
def ulp(try_):
    sock = connected()
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
    except OSError as error:
        raise Unsupported(str(error)) from error
    ask(sock, request(try_.text))


@way("splice", MASKED, "bytes from another socket through a pipe")
def spliced(try_):
    sock, (left, right), (out, into) = connected(), socket.socketpair(), os.pipe()
    data = request(try_.text)
    left.sendall(data)
    os.splice(right.fileno(), into, len(data))
    os.splice(out, sock.fileno(), len(data))
    read_all(sock)


@way("MSG_ZEROCOPY", MASKED, "the client's own pages")
def zerocopy(try_):
    sock = connected()
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    sock.send(request(try_.text), MSG_ZEROCOPY)
    read_all(sock)


@way("many connections, one process", MASKED, "a hundred at once, the last speaks")
def many(try_):
    socks = []
    for _ in range(100):
        socks.append(socket.socket())
        socks[-1].setblocking(False)
        socks[-1].connect_ex((ORIGIN4, 80))
    select.select([], [socks[-1]], [], 5)
    socks[-1].settimeout(5)
    ask(socks[-1], request(try_.text))
