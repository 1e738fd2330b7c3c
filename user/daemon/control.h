/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONTROL_H
#define AWSMASK_CONTROL_H
/* The worker's side of ctl.h: answers awsmaskctl on a unix socket, on one loop, validating before
 * it asks the monitor. */
#include "board.h"
#include "config.h"
#include "privsep.h"
#include "report.h"
#include "stats.h"
#include "vault_sqlite.h"

struct control;

struct control_context {
	const struct config *config;
	struct privsep *privsep; /* of the same loop */
	const struct types *types;
	const struct stats *stats;
	const struct stats_slots *slots; /* of the types */
	const struct stats_gauges *gauges;
	const struct board *board; /* NULL: no flows are shown */
	struct vault *vault;
	struct report *report; /* NULL: none is kept */
	uint64_t started_ns;   /* CLOCK_MONOTONIC */
	uint64_t started;      /* the same, in seconds since 1970 */
	/* Called on the loop when the monitor has read another CA: leaves of the old one must go.
	 * May be NULL. */
	void (*ca_changed)(void *arg);
	void *arg;
	unsigned patience_ms; /* for a whole request, its answer included; 0: half a minute */
};

/* fd: the listening socket, made by the monitor; owned from now on. NULL: memory is out. */
__attribute__((warn_unused_result)) struct control *
control_new(uv_loop_t *loop, int fd, const struct control_context *context);
/* Take no more clients; those that are there are still answered. */
void control_drain(struct control *c);
void control_close(struct control *c);

#endif
