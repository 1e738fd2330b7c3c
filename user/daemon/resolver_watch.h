/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_RESOLVER_WATCH_H
#define AWSMASK_RESOLVER_WATCH_H
/*
 * The resolver's files are in the worker's reach by inode (confine.h): where one is replaced, which
 * is how most programs write it, another worker takes over that reaches the new one.
 */
#include "crew.h"

struct resolver_watch;

/* Both must stay in place. NULL and a sentence. */
__attribute__((warn_unused_result)) struct resolver_watch *
resolver_watch_new(uv_loop_t *loop, struct crew *crew, const struct monitor_services *services,
		   struct err *e);
void resolver_watch_close(struct resolver_watch *w);

#endif
