/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_INHERIT_H
#define AWSMASK_INHERIT_H
/*
 * Descriptors that one monitor leaves to the next, each under a name: by way of systemd, which
 * keeps them while the service restarts (sd_pid_notify_with_fds(3), FDSTORE=1), or from hand to hand
 * (handover.h).
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define INHERIT_NAME_MAX 64

struct heirloom {
	char name[INHERIT_NAME_MAX];
	int fd; /* -1: taken */
};

struct inheritance { /* all zero: nothing */
	struct heirloom *all;
	size_t count;
};

/* The descriptor is the inheritance's from now on. 0, or -1: memory is out, and it is closed. */
__attribute__((warn_unused_result)) int inherit_add(struct inheritance *in, const char *name,
						    int fd);
/* What systemd has kept of an earlier run. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int inherit_from_systemd(struct inheritance *in, struct err *e);
bool inherit_has(const struct inheritance *in, const char *name);
/* The caller's from now on; -1: there is none of that name. */
int inherit_take(struct inheritance *in, const char *name);
/* What nobody has taken is closed, by systemd, too. */
void inherit_drop(struct inheritance *in);

/* Have systemd keep it; one that it keeps already stays one. Without systemd nothing happens. */
void inherit_keep(const char *name, int fd);
void inherit_forget(const char *name);

#endif
