/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CTL_H
#define AWSMASK_CTL_H
/*
 * awsmaskctl <-> awsmaskd: one JSON object per line over a unix stream socket, requests answered
 * in order.
 *
 *	{"command": "enroll", "cgroup": "/sys/fs/cgroup/...", "mode": "enforce", "fail": "closed"}
 *	{"command": "unenroll", "cgroup": "..."} or {"command": "unenroll", "id": 1234}
 *	{"command": "enroll", "exe": "/usr/local/bin/claude", "mode": "enforce", "fail": "closed"}
 *	{"command": "unenroll", "exe": "..."}
 *	{"command": "list", "offset": 0} {"command": "programs", "offset": 0}
 *	{"command": "status"} {"command": "metrics"} {"command": "ca-reload"}
 *	{"command": "report", "by": ["type", "day"], "since": "2026-11-01", "outcomes": false,
 *	 "offset": 0}
 *	{"command": "flows", "offset": 0}
 *	{"command": "reload"}
 *
 * `mode`, `fail`, `by`, `since`, `outcomes` and `offset` may be missing. An answer is
 * {"ok": true, ...facts} or {"ok": false, "error": "a sentence"}. Enrolling answers how many older
 * connections were "closed" and how many were "left", and with a "warning" when that could not be
 * seen; enrolling a program also, how many "processes" ran it already. The facts of a list are as many enrolments as fit, in
 * "enrolled" (or "programs"), how many there are in "total", and in "next" the offset to go on with
 * if there are more. Those of a report are "rows", told apart by the columns in
 * `by` (day, cgroup, target, type) and always by mode, with "total" and "next" as in a list: sums, or
 * with `outcomes` (never by type) what became of requests and connections, each row with its
 * "outcome", "why" and "count"; "modes", the sums of each mode; "outcomes", such rows of all of it;
 * "host" and "version"; "unwritten" and "lost", requests that are not in them. Metrics are "text", as
 * Prometheus reads it.
 *
 * Flows are as many as fit of those that are open, with "total" and "next" as in a list: "id" (never given twice),
 * "worker" (a process), "uid", "pid", "comm", "cgroup", "container", "program" (enrolled), "target" ("other": its name
 * is not for others to see), "port", "mode", what it is "doing" (board.h) and for how many milliseconds ("doing_ms",
 * "age_ms"), "requests", "masked", "restored", "request_bytes", "answer_bytes", "spliced_bytes". What is not known is
 * missing. In the first piece also "workers": "pid", "draining", "age_ms", "flows". The next piece begins where the
 * last one ended, in no order that means anything: a flow that comes meanwhile may be missing, none is there twice.
 *
 * Changing commands need uid 0 by SO_PEERCRED and a caller outside of every enrolled cgroup (of the
 * root of the tree only for containers: control_judge.h), and that descends from no enrolled program;
 * asking ones root or the socket's group. A line has at most CTL_LINE_MAX bytes, the metrics'
 * CTL_ANSWER_MAX.
 */
#define CTL_SOCKET "/run/awsmask/control.sock"
#define CTL_LINE_MAX 65536
#define CTL_ANSWER_MAX 262144

#define CTL_COMMANDS(X)                                                                            \
	/* name, word, changes something */                                                        \
	X(ENROLL, "enroll", 1)                                                                     \
	X(UNENROLL, "unenroll", 1)                                                                 \
	X(PROGRAMS, "programs", 0)                                                                 \
	X(LIST, "list", 0)                                                                         \
	X(FLOWS, "flows", 0)                                                                       \
	X(STATUS, "status", 0)                                                                     \
	X(METRICS, "metrics", 0)                                                                   \
	X(REPORT, "report", 0)                                                                     \
	X(CA_RELOAD, "ca-reload", 1)                                                               \
	X(RELOAD, "reload", 1)
#endif
