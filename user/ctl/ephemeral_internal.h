/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_EPHEMERAL_INTERNAL_H
#define AWSMASKCTL_EPHEMERAL_INTERNAL_H
/* What the parts of ephemeral.h say to each other. */
#include "ephemeral.h"

#define EPHEMERAL_CONFIG "awsmask.yaml"
#define EPHEMERAL_LOG "awsmaskd.log"
#define EPHEMERAL_SOCKET "control.sock"
#define EPHEMERAL_CGROUP "cgroup"

/* Where its directory may lie, the best first. */
#define EPHEMERAL_PLACES 3
void ephemeral_places(const char *places[static EPHEMERAL_PLACES]);

/* The file `name` in the directory. */
void ephemeral_path(char path[static PATH_MAX], const char *dir, const char *name);
/* What is missing here for a daemon of one's own. 0, or -1 and a sentence. */
int ephemeral_rights(struct err *e);
/* Its directory, and in it its configuration: the configured one, with places and ports of its own. 0 or -1. */
int ephemeral_prepare(struct ephemeral *ep, struct ctl *c, struct err *e);
/* The log, locked for as long as a process lives that holds it. 0, or -1 and a sentence. */
int ephemeral_lock(struct ephemeral *ep, struct err *e);
/* Write down which cgroup the command runs in. 0, or -1 and a sentence. */
int ephemeral_remember(const struct ephemeral *ep, struct err *e);
/* Remove the directory. 0, also when it is gone, or -1 and a sentence. */
int ephemeral_remove(const char *dir, struct err *e);

/*
 * The keeper's whole life, in a child. On `line` it says EPHEMERAL_READY, or why not; it ends the
 * daemon and clears away when the other end of the line is closed, or the daemon ends.
 */
#define EPHEMERAL_READY "ready"
__attribute__((noreturn)) void ephemeral_keep(const struct ephemeral *ep, int line);

#endif
