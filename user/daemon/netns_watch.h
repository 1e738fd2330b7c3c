/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_NETNS_WATCH_H
#define AWSMASK_NETNS_WATCH_H
/*
 * In which network namespaces the monitor listens: those that threads of enrolled cgroups live in.
 * They are looked for when a cgroup is enrolled, and when the kernel side says that an enrolled
 * process makes a socket, or connects, where nobody listens; such a connect was refused, the next
 * one finds us. Ones that nobody enrolled lives in any more are given up within ten seconds.
 */
#include "netns_doors.h"

struct netns_watch;

/* Serves what is enrolled already. NULL and a sentence. */
__attribute__((warn_unused_result)) struct netns_watch *
netns_watch_new(uv_loop_t *loop, struct redirect *r, struct netns_doors *d, struct err *e);
/* The loop runs no more. */
void netns_watch_close(struct netns_watch *w);

/* Serve those that this cgroup's processes, and those below, live in now. What fails is logged. */
void netns_watch_cover(struct netns_watch *w, uint64_t cgroup);
/* Some may have been left. */
void netns_watch_look_soon(struct netns_watch *w);

#endif
