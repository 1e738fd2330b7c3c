/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_METRICS_H
#define AWSMASK_METRICS_H
/*
 * The metrics over HTTP, on one loop of the worker: whoever may open the socket, or is on this host, may
 * read them. Few at once, each for a short time, and what they ask for holds nothing up.
 */
#include "metrics_text.h"
#include "worker.h"

#define METRICS_READERS_MAX 8
#define METRICS_PATIENCE_MS 10000

struct metrics;

/* Where the text comes from, and how long a reader may take (0: as above). */
struct metrics_context {
	struct metrics_source source;
	struct privsep *privsep; /* of the same loop */
	unsigned patience_ms;
};

/* fds: listening sockets, owned from now on; -1: none. NULL: memory is out. */
__attribute__((warn_unused_result)) struct metrics *
metrics_new(uv_loop_t *loop, const int fds[static METRICS_DOORS],
	    const struct metrics_context *context);
/* Take no more readers; those that are there are still answered. */
void metrics_drain(struct metrics *m);
void metrics_close(struct metrics *m); /* may be NULL */

#endif
