/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_RUN_SAY_H
#define AWSMASKCTL_RUN_SAY_H
/* What `run --verbose` says beside the command's own words, on stderr: for the log of a job. */
#include "client.h"

/* Which cgroup is enrolled, in which mode, and whose daemon masks (`alone`: the command's own). */
void run_say_begin(struct ctl *c, const char *cgroup, bool alone);
/* How much was masked and refused there; while the daemon still runs. */
void run_say_end(struct ctl *c, const char *cgroup);

#endif
