/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_FILES_H
#define AWSMASK_AUDIT_FILES_H
/* What is found in files of an audit log that are there. */
#include "audit_line.h"

#include <sys/types.h>

/* How a file ends. */
struct audit_tail {
	struct audit_chain chain; /* after its last whole line that is a link */
	uint64_t first;		  /* seq of its first line; 0: that is none */
	off_t end;		  /* its size */
	off_t torn;		  /* bytes behind that line */
	char torn_hash[AUDIT_HASH_LEN + 1];
};

/* 1: it has such a line; 0: it has none, and all of it counts as torn; -1 and errno. */
int audit_tail(int fd, struct audit_tail *t);

#endif
