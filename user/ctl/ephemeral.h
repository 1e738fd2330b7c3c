/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_EPHEMERAL_H
#define AWSMASKCTL_EPHEMERAL_H
/*
 * An awsmaskd for one command, where none runs: its state in a directory of its own, its pins on a bpf file system that
 * nobody else sees, trusted by the command's environment alone. A keeper process stands beside awsmaskctl and clears
 * everything away when that ends, however it ends; when both are killed at once, the daemon ends the command.
 */
#include "scratch.h"

#include <sys/types.h>

#define EPHEMERAL_DIR_MAX 80 /* with room for a socket below it */

struct ephemeral {
	char dir[EPHEMERAL_DIR_MAX];
	struct scratch scratch;
	pid_t keeper;
	int log;  /* the daemon's; locked */
	int line; /* to the keeper: its end is what the keeper waits for */
	int pins; /* holds the bpf file system, so that a dead keeper does not release the command */
};

/*
 * Start one, for a command that is to run in ep->scratch, which is made and enrolled under --mode and
 * --fail; from then on `c` speaks to this daemon. 0, or -1 and a sentence: nothing is left then.
 */
int ephemeral_begin(struct ephemeral *ep, struct ctl *c, struct err *e);
/* Have this process and its children trust the daemon's CA, by variables. 0, or -1 and a sentence. */
int ephemeral_trust(const struct ephemeral *ep, struct err *e);
/* All of it goes. 0, or -1 and a sentence: why the daemon had ended before, or what is left. */
int ephemeral_end(struct ephemeral *ep, struct err *e);

/* Call `each` for the directory of every run all of whose processes were killed. Root sees them. */
void ephemeral_each_left(void (*each)(const char *dir, void *arg), void *arg);
/* Remove what they left, and say so. A command that still runs there is killed: nobody masks for it. */
void ephemeral_clear_left(void);

#endif
