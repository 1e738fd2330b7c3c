/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_CHECK_H
#define AWSMASKCTL_CHECK_H
/* What `awsmaskctl check` looks at, one function for each room of it. */
#include "command.h"

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_FAILED };

struct checks {
	struct ctl *ctl;
	const struct config *config; /* the defaults while the file is not valid */
	json_t *list;		     /* with --json */
	unsigned failed;
	bool daemon_answers;
};

/*
 * Report one check: `advice` says what to do, "" when there is nothing. An id stands once in a
 * report.
 */
__attribute__((format(printf, 5, 6))) void check_say(struct checks *k, const char *id,
						     enum check_state state, const char *advice,
						     const char *format, ...);

void check_host(struct checks *k);    /* kernel and its features, cgroup2, bpffs, daemon, links */
void check_trust(struct checks *k);   /* CA, its names, its end, the system's store */
void check_env(struct checks *k);     /* what the caller's environment would do to a client */
void check_clients(struct checks *k); /* clients that run, and whether they will trust the CA */
void check_masking(struct checks *k); /* a made-up text there and back, in this process */
void check_live(struct checks *k);    /* connections from an enrolled cgroup, and program */
void check_program(struct checks *k); /* the half of it that is about a program */
void check_here(struct checks *k);    /* one of this very process: nothing but that */
void check_bypass(struct checks *k);  /* ways round from there: with --bypass alone */

#endif
