/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_H
#define AWSMASK_AUDIT_H
/*
 * The audit log's writer, in the monitor: workers hand their records over by datagrams to a socket beside the
 * control socket, which outlives monitors as the listening sockets do; one chain, written by a thread that nobody
 * waits for. While it cannot be written, records wait, as many as AUDIT_WAIT_MAX; what is beyond is counted, and told
 * by the next one that is written. So are those of a worker that came from another version and writes them in another way,
 * until it has finished what it has.
 */
#include "audit_record.h"
#include "config.h"
#include "inherit.h"
#include "stats.h"

#include <sys/types.h>
#include <uv.h>

#define AUDIT_DOOR "audit" /* of the socket, which is handed over */
#define AUDIT_SOCKET_SUFFIX ".audit"
#define AUDIT_BATCH 32			      /* records in a datagram, at most ... */
#define AUDIT_BATCH_BYTES ((size_t)64 * 1024) /* ... and bytes of them */
#define AUDIT_DATAGRAM_MAX (sizeof(struct audit_head) + AUDIT_BATCH_BYTES)
#define AUDIT_WAIT_MAX 2048

struct audit;

struct audit_owner {
	uid_t worker; /* whose records are taken, and nobody else's */
	gid_t group;
};

/* `stats`: where it counts; stays in place. NULL and a sentence: then no worker can hand anything over. */
__attribute__((warn_unused_result)) struct audit *
audit_open(uv_loop_t *loop, const struct config *c, const struct audit_owner *owner,
	   struct stats *stats, struct inheritance *in, struct err *e);
/* Records are taken from now on: whoever did so before is about to end. */
void audit_serve(struct audit *a);
/* Other settings from now on. */
void audit_configure(struct audit *a, const struct config *c);
/* The socket, to be inherited. */
int audit_door(const struct audit *a);

/* Whose doing it is. */
void audit_say_who(struct audit_record *r, pid_t pid, uid_t uid);
/* The monitor's own record; either may be NULL. */
void audit_add(struct audit *a, const struct audit_record *r);

/*
 * Write what is there, then `last` (may be NULL), and end; the loop runs no more. `left`: somebody takes the socket
 * over, and what is in it. `a` may be NULL.
 */
void audit_close(struct audit *a, const struct audit_record *last, bool left);

#endif
