/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CTL_H
#define AWSMASK_CTL_H
/*
 * awsmaskctl <-> awsmaskd: one JSON object per line over a unix stream socket, requests answered in
 *order.
 *
 *	{"command": "enroll", "cgroup": "/sys/fs/cgroup/...", "mode": "enforce", "fail": "closed"}
 *	{"command": "unenroll", "cgroup": "..."} or {"command": "unenroll", "id": 1234}
 *	{"command": "list"} {"command": "status"} {"command": "ca-reload"}
 *
 * An answer is {"ok": true, ...facts} or {"ok": false, "error": "a sentence"}. Changing commands
 *need uid 0 by SO_PEERCRED; asking ones root or the socket's group. A line is at most CTL_LINE_MAX
 *bytes.
 */
#define CTL_SOCKET "/run/awsmask/control.sock"
#define CTL_LINE_MAX 65536

#define CTL_COMMANDS(X)                                                                            \
	/* name, word, changes something */                                                        \
	X(ENROLL, "enroll", 1)                                                                     \
	X(UNENROLL, "unenroll", 1)                                                                 \
	X(LIST, "list", 0)                                                                         \
	X(STATUS, "status", 0)                                                                     \
	X(CA_RELOAD, "ca-reload", 1)
#endif
