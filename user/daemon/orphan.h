/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ORPHAN_H
#define AWSMASK_ORPHAN_H
/*
 * Connections that a worker has accepted, and whose monitor was gone before it had said whose they are, or made
 * their certificate. Nothing has been answered on them, so another worker can begin with them anew: they are left in a
 * pair of sockets that one monitor hands to the next, and wait there as others do in a listener's queue, with what
 * their clients have said by then. The worker that accepts takes them out.
 *
 * What stands in here is believed: who can write it holds the vault's key anyway (I10).
 */
#include "awsmask/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum orphan_end { ORPHANS_OUT, ORPHANS_IN, ORPHANS_ENDS }; /* taken from, left in */

/* Under which they are inherited. They say the format: another version's pair is not found, and whoever leaves
 * something in it is told that nobody will take it. */
#define ORPHANS_OUT_NAME "orphans-1.out"
#define ORPHANS_IN_NAME "orphans-1.in"

#define ORPHAN_SAID_MAX (32 * 1024) /* a ClientHello's is less */

struct orphan {
	uint64_t netns_cookie;
	uint32_t door;	/* enum conn_door */
	uint32_t known; /* whether `flow` is */
	struct flow_record flow;
	uint8_t said[ORPHAN_SAID_MAX]; /* goes as far as there is something */
};

/* The monitor's. 0, or -1 and errno. */
__attribute__((warn_unused_result)) int orphans_make(int fds[static ORPHANS_ENDS]);

/* Any thread. Leave a connection there, with so many bytes of `said`; the descriptor stays the caller's. false: nobody
 * will take it, there is no room, or more was said than travels. */
__attribute__((warn_unused_result)) bool orphan_leave(int in, int fd, const struct orphan *o,
						      size_t said);
/* The next one: its descriptor, and *said bytes of o->said. -1 and errno; EAGAIN: there is none, EBADMSG: this one is
 * none, and there may be more. */
__attribute__((warn_unused_result)) int orphan_take(int out, struct orphan *o, size_t *said);

#endif
