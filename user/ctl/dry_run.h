/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_DRY_RUN_H
#define AWSMASKCTL_DRY_RUN_H
/*
 * `enroll --dry-run`: what would be covered, and what not. Looks for itself, and asks the daemon
 * for nothing but its lists; so it changes nothing.
 */
#include "client.h"

/* The operands of enroll. Returns exit_status. */
int dry_run(struct ctl *c, int argc, char **argv);

#endif
