/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONN_H
#define AWSMASK_CONN_H
/* One client connection, from accept() to close: whose it is, what it speaks, opened or spliced. */
#include "orphan.h"
#include "worker.h"

/* The states, and which may follow which: a move that is not listed is a bug and aborts. */
#define CONN_STATES(X)                                                                             \
	X(FLOW, "whose connection is it: the monitor is asked")                                    \
	X(SNIFF, "the first bytes")                                                                \
	X(TUNNEL, "CONNECT: the client's own proxy is asked for the tunnel")                       \
	X(DIAL, "to be spliced: the origin is being connected")                                    \
	X(SPLICE, "passed through")                                                                \
	X(PREPARE, "to be opened: its vault is being opened, its certificate made")                \
	X(HANDSHAKE, "TLS with the client")                                                        \
	X(OPEN, "requests are masked, answers restored")                                           \
	X(LINGER, "everything is written; waiting for the client to close")                        \
	X(CLOSED, "waiting for its handles")

enum conn_state {
#define X(name, meaning) CONN_##name,
	CONN_STATES(X)
#undef X
};

enum conn_door {
	DOOR_TRANSPARENT,
	DOOR_EXPLICIT,
	DOOR_ORPHANS, /* by which those come that came to another worker by one of the others (orphan.h) */
};

/* Take over an accepted, non-blocking socket of that network namespace. On failure it is closed. */
void conn_accept(struct worker_thread *t, int fd, enum conn_door door, uint64_t netns_cookie);
/* The same of one that another worker has left to us, with so many bytes that its client has said. */
void conn_adopt(struct worker_thread *t, int fd, const struct orphan *o, size_t said);
/* What they need of the thread's loop: before the first, and when it stops. */
void conn_loop_open(struct worker_thread *t);
void conn_loop_close(struct worker_thread *t);
/* Whether one of the thread's may still have something to ask of the monitor. */
bool conn_any_asks(const struct worker_thread *t);
/* From now on each ends with the answer to what was asked for, or when nobody asks. */
void conn_drain_all(struct worker_thread *t);
/*
 * While draining, again and again: whoever is passed through and has moved nothing since the last time, or since
 * draining began, is closed. All others end by themselves.
 */
void conn_cut_silent(struct worker_thread *t);
/* Begin to close every connection of the thread. */
void conn_close_all(struct worker_thread *t);

#endif
