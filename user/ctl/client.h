/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_CLIENT_H
#define AWSMASKCTL_CLIENT_H
/* The asking side of awsmask/ctl.h. */
#include "command.h"

enum client_result {
	CLIENT_DONE = 0,
	CLIENT_REFUSED = -1, /* the daemon said no, or something is wrong with the asking */
	CLIENT_ABSENT = -2,  /* no daemon answers */
};

/*
 * Send one request (its reference is taken) and wait for the answer, ten seconds at most.
 * CLIENT_DONE: *answer is the caller's, and says "ok". Otherwise a sentence; *answer is untouched.
 */
enum client_result client_call(struct ctl *c, json_t *request, json_t **answer, struct err *e);

/* Ask for a cgroup to be enrolled under --mode and --fail, by its absolute path. */
enum client_result client_enroll(struct ctl *c, const char *path, json_t **answer, struct err *e);
enum client_result client_unenroll(struct ctl *c, const char *path, json_t **answer, struct err *e);

/* The same for a program, by its path. */
enum client_result client_enroll_program(struct ctl *c, const char *path, json_t **answer,
					 struct err *e);
enum client_result client_unenroll_program(struct ctl *c, const char *path, json_t **answer,
					   struct err *e);

/*
 * All entries of a list that the daemon gives in pieces: `command` is "list" or "programs", and
 * `key` what they stand under. CLIENT_DONE: *all is the caller's.
 */
enum client_result client_collect(struct ctl *c, const char *command, const char *key, json_t **all,
				  struct err *e);

#endif
