/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CGROUP_WATCH_H
#define AWSMASK_CGROUP_WATCH_H
/*
 * Which cgroups are meant by some patterns, now and as they come and go (inotify(7)).
 *
 * A pattern (glob(7), one star stays within one level) with a slash is a path, absolute or below
 * the cgroup2 mount; one without is the name of a cgroup at any depth, and a unit's may be given
 * without ".service". What lies below a cgroup that matches is not looked at: it is meant with it.
 */
#include "err.h"

#include <stdint.h>
#include <uv.h>

struct cgroup_watch;

struct cgroup_watch_events {
	/* A cgroup that matches is there: those that are already, from inside cgroup_watch_new(). */
	void (*came)(void *arg, const char *path, uint64_t id);
	/* One that came has been removed. */
	void (*gone)(void *arg, uint64_t id);
	void *arg;
};

/* The patterns must stay in place. NULL: no cgroup2 mount, no inotify, no memory. */
__attribute__((warn_unused_result)) struct cgroup_watch *
cgroup_watch_new(uv_loop_t *loop, char *const *patterns, size_t n,
		 const struct cgroup_watch_events *events, struct err *e);
/* No event comes afterwards; freed by the loop. NULL is nothing. */
void cgroup_watch_close(struct cgroup_watch *w);

#endif
