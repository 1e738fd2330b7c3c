/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_AUDIT_LOG_H
#define AWSMASKCTL_AUDIT_LOG_H
/* The lines of an audit log, over all of its files, oldest first; also while it is being written. */
#include "../daemon/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_log;

struct audit_text {
	const char *file; /* in which it stands ... */
	uint64_t number;  /* ... from 1 on */
	const char *text; /* without its LF; valid until the next one */
	size_t len;
	bool whole; /* an LF ended it */
};

/* The log whose newest file is `path`, and the older ones beside it. NULL and a sentence. */
__attribute__((warn_unused_result)) struct audit_log *audit_log_open(const char *path,
								     struct err *e);
/* These files, in this order. */
__attribute__((warn_unused_result)) struct audit_log *audit_log_open_files(char *const *files,
									   size_t n, struct err *e);
/*
 * Where there is nothing yet, and what comes is to be followed: audit_log_next() then begins with what is written
 * from now on, and goes on after 0 once there is more, over files that are begun meanwhile.
 */
__attribute__((warn_unused_result)) struct audit_log *audit_log_follow(const char *path,
								       struct err *e);
void audit_log_close(struct audit_log *log); /* may be NULL */

/* 1: *t is filled; 0: that was the last one; -1 and a sentence. Who follows gets whole lines alone. */
__attribute__((warn_unused_result)) int audit_log_next(struct audit_log *log, struct audit_text *t,
						       struct err *e);
/* Following: wait until there may be more. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int audit_log_wait(struct audit_log *log, struct err *e);

#endif
