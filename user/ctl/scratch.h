/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_SCRATCH_H
#define AWSMASKCTL_SCRATCH_H
/* A cgroup of one's own, enrolled, for as long as a command runs in it. */
#include "client.h"

#include <limits.h>

struct scratch {
	char path[PATH_MAX]; /* awsmask-<word>-<pid>-<random>, below the caller's own */
};

/* Make it alone, without enrolling it. 0, or -1 and a sentence. */
int scratch_make(struct scratch *s, const char *word, struct err *e);

/* Make and enroll it. 0, or -1 and a sentence: nothing is left then. */
int scratch_begin(struct scratch *s, struct ctl *c, const char *word, struct err *e);
/*
 * Kill what is left in it, release it, remove it; in this order, so that nothing in it ever runs
 * unmasked. 0, or -1 and a sentence that says what was left behind.
 */
int scratch_end(struct scratch *s, struct ctl *c, struct err *e);

/*
 * The same without a daemon that could release it: what is in it is killed, and it is removed; the
 * kernel's entry ends with it. 0, also when it is gone, or -1 and a sentence.
 */
int scratch_destroy(const struct scratch *s, struct err *e);

#endif
