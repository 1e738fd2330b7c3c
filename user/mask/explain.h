/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_EXPLAIN_H
#define AWSMASK_EXPLAIN_H
/*
 * What happens to a text, and why, for somebody who does not know the rules. Masking is the real one
 * (mask.h), with a vault that only counts, so nothing is stored. What was masked is explained by
 * matching its rule once more at its place; what was not, though readers may expect it, is looked
 * for without any hurry.
 */
#include "mask.h"

#define EXPLAIN_TEXT_MAX ((size_t)1 << 20) /* longer texts are not explained, bytes */
#define EXPLAIN_LEFT_MAX 1000 /* places that are explained though nothing happens there */

struct explain_item {
	size_t start, end; /* of the text */
	enum mask_type type;
	uint16_t rule;	     /* as in struct span; RULE_NONE: no single one */
	enum action action;  /* ACTION_COUNT: nothing found it */
	uint32_t number;     /* of its placeholder; 0: it stays as it is */
	size_t why, why_len; /* where the sentences stand in explain_words() */
};

struct explain;

/* `c` outlives it. NULL: memory is out. */
__attribute__((warn_unused_result)) struct explain *explain_new(const struct catalogue *c,
								size_t max_memory);
void explain_free(struct explain *x);

/*
 * Explain what this policy does to a text of at most EXPLAIN_TEXT_MAX, or with `json` the body of a Messages API request; it stays in place until the
 * last call about it. MASK_OK, or why it would be refused.
 */
__attribute__((warn_unused_result)) enum mask_error explain_scan(struct explain *x,
								 const struct mask_policy *p,
								 const uint8_t *text, size_t len,
								 bool json);

/* What was found: by place; disjoint. */
const struct explain_item *explain_items(const struct explain *x, size_t *n);
const char *explain_words(const struct explain *x, const struct explain_item *item);
/* Where `at` is for people: from 1, in lines and in characters (of UTF-8). */
void explain_place(const uint8_t *text, size_t at, size_t *line, size_t *column);
/* Append the masked text. 0, or -1: out is full. */
__attribute__((warn_unused_result)) int explain_masked(const struct explain *x, struct buf *out);

#endif
