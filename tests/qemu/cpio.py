#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An initial RAM file system (newc) of a directory: cpio.py DIR > FILE. What cpio(1) would do, were it there."""
import os
import stat
import sys


def entry(out, name, mode, data=b"", number=[0]):
    number[0] += 1
    fields = (number[0], mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
    out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


def main():
    top, out = sys.argv[1], sys.stdout.buffer
    for where, dirs, files in os.walk(top):
        for name in sorted(dirs + files):
            path = os.path.join(where, name)
            mode, data = os.lstat(path).st_mode, b""
            if stat.S_ISLNK(mode):
                data = os.readlink(path).encode()
            elif stat.S_ISREG(mode):
                with open(path, "rb") as f:
                    data = f.read()
            entry(out, os.path.relpath(path, top), mode, data)
    entry(out, "TRAILER!!!", 0)


main()
