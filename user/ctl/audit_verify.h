/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_AUDIT_VERIFY_H
#define AWSMASKCTL_AUDIT_VERIFY_H
/*
 * Whether an audit log is as it was written, line by line: no input or output of its own. What it cannot see is what
 * was cut off at the end, or a log written anew as a whole: that takes a head of the chain that was kept elsewhere.
 */
#include "../daemon/audit_line.h"
#include "audit_log.h"

#define AUDIT_TIME_MAX 32

struct audit_verify {	    /* all zero, but for `wanted`, before the first line */
	const char *wanted; /* a head to look for; NULL: none */
	bool wanted_found;
	uint64_t records, torn, lost; /* lines, closed torn ones, records told of as lost */
	uint64_t first;		      /* seq of the first record */
	char since[AUDIT_TIME_MAX], until[AUDIT_TIME_MAX];
	struct audit_chain chain; /* after the last record */
	bool open_end;		  /* the last line is not whole: it is being written, or was torn */
	/* What was no record, and is not yet told of as torn. */
	struct buf torn_bytes;
	char torn_file[256];
	uint64_t torn_number;
	const char *torn_why;
	bool broken;
	char file[256]; /* the first line that is not as it was, and what is wrong with it */
	uint64_t number;
	char why[160];
};

void audit_verify_begin(struct audit_verify *v, const char *wanted);
/* false: it is broken, and further lines say nothing. */
bool audit_verify_line(struct audit_verify *v, const struct audit_text *t);
/* That was the last line. true: the log is as it was written, as far as can be seen. */
bool audit_verify_end(struct audit_verify *v);
void audit_verify_free(struct audit_verify *v);

#endif
