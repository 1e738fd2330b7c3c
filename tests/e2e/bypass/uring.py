# SPDX-License-Identifier: Apache-2.0
"""One operation at a time by io_uring: by its worker threads, or by a kernel thread that polls."""
import ctypes
import mmap
import os
import socket
import struct
import time

OP_CONNECT, OP_SEND, OP_SOCKET = 16, 26, 45
ASYNC, SQPOLL, GETEVENTS, WAKEUP = 16, 2, 1, 2
SETUP, ENTER = 425, 426
LIBC = ctypes.CDLL(None, use_errno=True)


def sockaddr(address, port):
    """As bytes: struct sockaddr_in."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(address) + bytes(8)


class Ring:
    def __init__(self, poll=False):
        params = bytearray(120)
        struct.pack_into("=III", params, 8, SQPOLL if poll else 0, 0, 1000)
        held = (ctypes.c_char * 120).from_buffer(params)
        self.fd = LIBC.syscall(SETUP, 4, held)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "io_uring")
        self.poll = poll
        entries, done = struct.unpack_from("=II", params)
        self.submission = struct.unpack_from("=7I", params, 40)  # head tail mask entries flags dropped array
        self.completion = struct.unpack_from("=6I", params, 80)  # head tail mask entries overflow cqes
        self.sq = mmap.mmap(self.fd, self.submission[6] + entries * 4, offset=0)
        self.cq = mmap.mmap(self.fd, self.completion[5] + done * 16, offset=0x8000000)
        self.sqes = mmap.mmap(self.fd, entries * 64, offset=0x10000000)
        self.count = 0

    def run(self, op, fd, data, offset):
        """The operation's result; `data` is its address or its bytes, or a number that stands where their length would."""
        buffer = ctypes.create_string_buffer(data, len(data)) if isinstance(data, bytes) else None
        length = data if buffer is None else 0 if op == OP_CONNECT else len(data)
        self.sqes[:64] = struct.pack("=BBHiQQIIQQQQ", op, 0 if self.poll else ASYNC, 0, fd, offset,
                                     ctypes.addressof(buffer) if buffer else 0, length, 0, 0, 0, 0, 0)
        slot = self.count & struct.unpack_from("=I", self.sq, self.submission[2])[0]
        struct.pack_into("=I", self.sq, self.submission[6] + 4 * slot, 0)
        self.count += 1
        struct.pack_into("=I", self.sq, self.submission[1], self.count)
        if LIBC.syscall(ENTER, self.fd, 0 if self.poll else 1, 1, GETEVENTS | (WAKEUP if self.poll else 0), None, 0) < 0:
            raise OSError(ctypes.get_errno(), "io_uring_enter")
        deadline = time.monotonic() + 5
        while struct.unpack_from("=I", self.cq, self.completion[1])[0] < self.count:
            if time.monotonic() > deadline:
                raise TimeoutError("io_uring")
            os.sched_yield()
        mask = struct.unpack_from("=I", self.cq, self.completion[2])[0]
        at = self.completion[5] + 16 * ((self.count - 1) & mask)
        result = struct.unpack_from("=i", self.cq, at + 8)[0]
        struct.pack_into("=I", self.cq, self.completion[0], self.count)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def socket(self, family, kind):
        return socket.socket(fileno=self.run(OP_SOCKET, family, 0, kind))

    def connect(self, sock, address, port):
        to = sockaddr(address, port)
        self.run(OP_CONNECT, sock.fileno(), to, len(to))

    def send(self, sock, data):
        return self.run(OP_SEND, sock.fileno(), data, 0)
