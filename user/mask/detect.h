/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_DETECT_H
#define AWSMASK_DETECT_H
/*
 * Finding AWS identifiers in text. The types and rules are data (catalogue.def); one pass over the
 * text proposes positions at the rules' anchors, the rule's anchored PCRE2 expression confirms.
 */
#include "buf.h"
#include "types.h"

/* The rules: to those who use it immutable once made, shared by all threads. */
struct catalogue;

/*
 * Each rule is compiled, PCRE2 JIT included, when it is first tried. NULL: memory is out, or there is
 * none that is both writable and executable, as JIT needs it; `why` then says so.
 */
__attribute__((warn_unused_result)) struct catalogue *catalogue_new(char *why, size_t why_size);

/*
 * Compile all that is left to compile: for who will not be able to later, because a sandbox closes. Of
 * several threads each does its part. 0, or -1 when a rule does not compile or memory is out: `why`
 * then names rule and reason.
 */
__attribute__((warn_unused_result)) int catalogue_ready(struct catalogue *c, unsigned part,
							unsigned parts, char *why, size_t why_size);

#define OWN_EXPRESSION_MAX 1024
#define OWN_ANCHORS_MAX 16
#define OWN_ANCHOR_MAX 64

/* A user's own expression, the whole match of which is masked (own.h). */
struct own_rule {
	enum mask_type type;
	const char *expression;
	const char *const *anchors; /* each match begins with one of these; ends with NULL. NULL:
				       they are derived from the expression */
};

/*
 * Add own types and their rules, before any detector is made. The types and all strings stay the
 * caller's and outlive the catalogue. Their rules are compiled at once. 0, or -1 as catalogue_ready().
 */
__attribute__((warn_unused_result)) int catalogue_extend(struct catalogue *c,
							 const struct types *types,
							 const struct own_rule *rules, size_t n,
							 char *why, size_t why_size);
const struct types *catalogue_types(const struct catalogue *c);
void catalogue_free(struct catalogue *c);

/* One thread's scratch (match data). */
struct detector;
__attribute__((warn_unused_result)) struct detector *detector_new(const struct catalogue *c);
void detector_free(struct detector *d);

/*
 * What a detector did so far: how many anchors were looked at more closely, how many of them were tried, and how
 * many bytes the tries went over that may go far (walls.h).
 */
struct detect_work {
	uint64_t anchors, matches, walked;
};
const struct detect_work *detector_work(const struct detector *d);

/*
 * From here on it may look at so many anchors, until this is called again; a rule that is tried counts
 * as EFFORT_TRY of them. What needs more fails. At first it may do what it likes.
 */
#define EFFORT_TRY 16
void detector_allow(struct detector *d, uint64_t effort);

/* What found a span, where it was none of the catalogue's rules. */
#define RULE_LITERAL UINT16_MAX	       /* the grammar of placeholders */
#define RULE_KNOWN (RULE_LITERAL - 1u) /* knowledge: known.h */
#define RULE_NONE (RULE_LITERAL - 2u)  /* nothing did */

struct span {
	size_t start, end; /* bytes of the text, end exclusive; never empty */
	enum mask_type type;
	uint16_t rule; /* its number in the catalogue, or one of the above */
};

/*
 * Append the spans of `text` (struct span, by start, disjoint, never directly followed by a digit)
 * to `spans`. The text is one decoded string; escapes that remain in it (JSON in JSON, ANSI
 * colours, percent-encoding) count as boundaries. Linear in len. 0, or -1: a match limit was hit, it
 * takes more than detector_allow() allows, a rule cannot be compiled for want of memory, or a buffer is
 * full; the request must then be refused, for "no match" cannot be told from "not looked".
 */
__attribute__((warn_unused_result)) int detect(struct detector *d, const uint8_t *text, size_t len,
					       struct buf *spans);

/*
 * The two halves of it, for whoever drops spans in between. First all that any rule finds: sorted by
 * start, there the longer first, of the same bytes the type that stands first in the catalogue. Then
 * which of them remain, made disjoint; returns how many.
 */
__attribute__((warn_unused_result)) int detect_all(struct detector *d, const uint8_t *text,
						   size_t len, struct buf *spans);
size_t spans_resolve(struct span *spans, size_t n);

#endif
