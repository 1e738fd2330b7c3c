/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_EXPLAIN_PATH_H
#define AWSMASK_EXPLAIN_PATH_H
/*
 * Reading a rule's expression: what it wants before the group that catches a value, and what form
 * the value has. It knows as much of PCRE2's syntax as the catalogue uses.
 */
#include "buf.h"

#include <stdbool.h>

#define PATH_DEPTH 24

/* A group named after a type. */
struct path_group {
	const char *name; /* in the expression */
	size_t name_len;
	const char *content; /* behind its opening */
	bool first;	     /* no other such group has to match before it */
};

/* A walk over an expression, group after group; zeroed but for `expression` at first. */
struct path_walk {
	const char *expression;
	size_t defined; /* at its start: what it only defines, to be referred to */
	size_t at;
	unsigned depth;
	bool looks[PATH_DEPTH];	    /* a lookaround: it takes no bytes */
	size_t branch[PATH_DEPTH];  /* where the branch begins that the walk is in */
	size_t solid[PATH_DEPTH];   /* behind the last thing of it that is no lookaround */
	size_t content[PATH_DEPTH]; /* where the group's content begins */
};

/*
 * The next named group: 1, and *group is filled; *before is given an expression of all that has to
 * match before it, lookarounds directly in front of it left out. 0: there are no more. -1: memory.
 */
__attribute__((warn_unused_result)) int path_next(struct path_walk *w, struct path_group *group,
						  struct buf *before);

/*
 * Append to `words` what follows `prefix` in a group's content, as people would say it: "8 or 17
 * hexadecimal digits". Nothing when it is not that simple. 0, or -1: memory.
 */
__attribute__((warn_unused_result)) int path_form(const char *content, const char *prefix,
						  struct buf *words);

#endif
