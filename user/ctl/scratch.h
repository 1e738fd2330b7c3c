/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_SCRATCH_H
#define AWSMASKCTL_SCRATCH_H
/* A cgroup of one's own, enrolled, for as long as a command runs in it. */
#include "client.h"

#include <limits.h>

struct scratch {
	char path[PATH_MAX]; /* awsmask-<word>-<pid>-<random>, below the cgroup2 mount */
};

/* Make and enroll it. 0, or -1 and a sentence: nothing is left then. */
int scratch_begin(struct scratch *s, struct ctl *c, const char *word, struct err *e);
/*
 * Kill what is left in it, release it, remove it; in this order, so that nothing in it ever runs
 * unmasked. 0, or -1 and a sentence that says what was left behind.
 */
int scratch_end(struct scratch *s, struct ctl *c, struct err *e);

#endif
