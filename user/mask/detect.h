/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_DETECT_H
#define AWSMASK_DETECT_H
/*
 * Finding AWS identifiers in text. The types and rules are data (catalogue.def); one pass over the
 * text proposes positions at the rules' anchors, the rule's anchored PCRE2 expression confirms.
 */
#include "buf.h"

#include <stdbool.h>

enum sensitivity { SENSITIVITY_ID, SENSITIVITY_NETWORK, SENSITIVITY_NAME, SENSITIVITY_SECRET };

/* TYPE_LITERAL is 0: text that already looks like a placeholder (I2). */
enum mask_type {
#define TYPE(name, ...) TYPE_##name,
#define RULE(...)
#include "catalogue.def"
#undef TYPE
#undef RULE
	TYPE_COUNT
};

struct type_info {
	const char *label; /* as in a placeholder: [A-Z][A-Z0-9_]*; no label is a proper suffix of
			      another */
	size_t label_len;
	enum sensitivity sensitivity;
	const char *description; /* "EC2 instance id" */
	const char *source;	 /* where the format is documented */
};

/* "id", "network", "name", "secret" */
extern const char *const sensitivity_names[];

extern const struct type_info type_table[TYPE_COUNT];

/* Left alone unless the configuration names it? (OPTIONAL in catalogue.def) */
bool type_is_optional(enum mask_type type);

/* The type of this label, TYPE_COUNT when there is none. */
enum mask_type type_find(const char *label, size_t len);

/* The compiled rules: immutable once made, shared by all threads. */
struct catalogue;

/*
 * Compile every rule, PCRE2 JIT included (it maps writable-executable pages: call it before the
 * sandbox closes). NULL when a rule does not compile or memory is out: `why` then names rule and
 * reason.
 */
__attribute__((warn_unused_result)) struct catalogue *catalogue_new(char *why, size_t why_size);
void catalogue_free(struct catalogue *c);

/* One thread's scratch (match data). */
struct detector;
__attribute__((warn_unused_result)) struct detector *detector_new(const struct catalogue *c);
void detector_free(struct detector *d);

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
 * colours, percent-encoding) count as boundaries. Linear in len. 0, or -1: a match limit was hit or
 * a buffer is full; the request must then be refused, for "no match" cannot be told from "not
 * looked".
 */
__attribute__((warn_unused_result)) int detect(struct detector *d, const uint8_t *text, size_t len,
					       struct buf *spans);

#endif
