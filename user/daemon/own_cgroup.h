/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_OWN_CGROUP_H
#define AWSMASK_OWN_CGROUP_H
/*
 * A cgroup of our own, for it is exempt from redirection and nobody else may be (I9): the service's
 * under systemd, or the slice (awsmask.slice) that it shares with its workers' service, else one made below the root.
 */
#include "err.h"

#include <sys/types.h>

struct own_cgroup {
	char path[4096];
	char former[4096]; /* where to go back to at the end; "": never left */
};

/* Move this process there. 0, or -1. */
__attribute__((warn_unused_result)) int own_cgroup_enter(struct own_cgroup *c, struct err *e);
/* Whether the process runs there or below. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int own_cgroup_check(const struct own_cgroup *c, pid_t pid,
							 struct err *e);
/* Back to where it came from, and what was made is removed. */
void own_cgroup_leave(const struct own_cgroup *c);

/* One that a daemon has left because its workers were still at work: removed if they have ended. */
void own_cgroup_remove(void);

#endif
