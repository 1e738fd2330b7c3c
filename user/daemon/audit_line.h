/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_LINE_H
#define AWSMASK_AUDIT_LINE_H
/*
 * A record as a line of JSON, one link of the chain:
 *
 *	{"v":1,"seq":7,"time":"...", ... ,"prev":"HASH of line 6","hash":"HASH"}
 *
 * where HASH is the SHA-256, in hexadecimal digits, of the line's bytes before ,"hash": . Lines are ASCII, and none is
 * longer than AUDIT_LINE_MAX. The first one's prev is all zeros.
 */
#include "../mask/buf.h"
#include "audit_record.h"

#define AUDIT_LINE_MAX 32768
#define AUDIT_HASH_LEN 64 /* digits */

struct audit_chain {
	uint64_t seq; /* of the last line; 0: there is none */
	char head[AUDIT_HASH_LEN + 1];
};

void audit_chain_begin(struct audit_chain *c);

/* What is known beside the record itself. */
struct audit_line_facts {
	const char *host;
	uint64_t lost;	    /* records before it, which could not be kept; 0: none */
	const char *sha256; /* of what was torn; NULL: it tells of nothing torn */
};

/* Append the line that comes next, its LF included; *c is then its. 0, or -1: memory is out, and nothing has changed. */
__attribute__((warn_unused_result)) int audit_line(struct audit_chain *c,
						   const struct audit_record *r,
						   const struct audit_line_facts *facts,
						   struct buf *out);

/* 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int audit_hash(const void *p, size_t n,
						   char hex[static AUDIT_HASH_LEN + 1]);

/*
 * The place of a whole line, without its LF, in the chain, as far as that can be seen without reading the JSON: 1, and
 * *c is the one after it; 0: it is no link, or its hash is not that of its bytes.
 */
int audit_line_check(const char *line, size_t len, struct audit_chain *c);

#endif
