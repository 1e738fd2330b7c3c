/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_DOORS_H
#define AWSMASK_DOORS_H
/* The sockets that the monitor opens and the worker serves. */
#include "config.h"
#include "worker.h"

#include "inherit.h"

/*
 * Open the transparent listeners (127.0.0.1 and, where it exists, ::1; one per thread, marked), the
 * explicit one and the control socket into `boot`, whose descriptors are all -1 before. Those
 * inherited that are what would be opened are taken instead, with who waits in their queues. 0, or
 * -1 and a sentence.
 */
__attribute__((warn_unused_result)) int doors_open(struct worker_boot *boot, const struct config *c,
						   gid_t group, struct inheritance *in,
						   struct err *e);
/* Each by the name under which doors_open() looks for it. */
void doors_each(const struct worker_boot *boot, void (*visit)(void *arg, const char *name, int fd),
		void *arg);
/* Reset the connections that wait to be accepted. */
void doors_reset(const struct worker_boot *boot);
/* `left`: to a successor, so that the control socket's path stays. */
void doors_close(struct worker_boot *boot, const struct config *c, bool left);

#endif
