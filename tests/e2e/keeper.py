#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What systemd is to the units, without a systemd: the workers' parent is started when somebody connects to its
socket, and an awsmaskd that is killed is started again with the descriptors that it had kept
(sd_pid_notify_with_fds(3)).

    keeper.py --config CONFIGURATION PROGRAM CGROUP FILE

PROGRAM is started in CGROUP/system/awsmaskd.service, and its process written into FILE each time. The keeper itself
goes to CGROUP/keep. SIGHUP restarts it; one that ends in order otherwise, or cannot start, is not started again."""
import array
import os
import pwd
import select
import signal
import socket
import sys

options, (program, cgroup, told) = sys.argv[1:3], sys.argv[3:]
WORKERS, NOTIFY = "/run/awsmask/worker.sock", "/run/awsmask/notify.sock"
kept = {}  # name: descriptor


def enter(name):
    with open(f"{cgroup}/{name}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write("0")


def become(user):
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def start(arguments, fds, user=None, **environment):
    """awsmaskd with these descriptors from 3 on."""
    pid = os.fork()
    if pid:
        return pid
    enter("system/awsmaskd.service")
    for i, fd in enumerate([os.dup2(fd, 500 + i) for i, fd in enumerate(fds)]):
        os.dup2(fd, 3 + i)
    os.closerange(3 + len(fds), 1000)
    if user:
        become(pwd.getpwnam(user))
    os.execve(program, ["awsmaskd", *arguments], {**os.environ, **environment, "LISTEN_PID": str(os.getpid())})


def bound(kind, path):
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.bind(path)
    os.chmod(path, 0o600)
    return sock


def heard(notify):
    """One word of awsmaskd's."""
    size = array.array("i").itemsize
    text, beside, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(64 * size))
    fds = array.array("i")
    for _, _, data in beside:
        fds.frombytes(data)
    said = dict(line.split("=", 1) for line in text.decode().splitlines())
    name = said.get("FDNAME")
    if "FDSTOREREMOVE" in said and name in kept:
        os.close(kept.pop(name))
    for fd in fds:
        if "FDSTORE" in said and name not in kept:
            kept[name] = fd
        else:
            os.close(fd)


def start_monitor():
    left = {"LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": ":".join(kept)} if kept else {}
    pid = start(["--worker-socket", WORKERS, *options], list(kept.values()), NOTIFY_SOCKET=NOTIFY, **left)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    with open(told, "w", encoding="ascii") as file:
        file.write(f"{pid}\n")
    return pid


def main():
    os.makedirs("/run/awsmask", exist_ok=True)
    enter("keep")
    notify, workers = bound(socket.SOCK_DGRAM, NOTIFY), bound(socket.SOCK_SEQPACKET, WORKERS)
    workers.listen(4)
    monitor, host = start_monitor(), None
    restarts = []

    def restart(*_):
        restarts.append(monitor)
        os.kill(monitor, signal.SIGTERM)

    signal.signal(signal.SIGHUP, restart)
    while True:
        ready = select.select([notify] if host else [notify, workers], [], [], 0.02)[0]
        if notify in ready:
            heard(notify)  # all of it, before its end is looked at
            continue
        if workers in ready:
            host = start(["--worker-host", "3"], [workers.fileno()], user="awsmask")
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended and ended == host:
            host = None
        elif ended == monitor:
            if not os.WIFSIGNALED(status) and monitor not in restarts:
                return
            monitor = start_monitor()


main()
