/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_EXPLAIN_PARTS_H
#define AWSMASK_EXPLAIN_PARTS_H
/* What explain*.c share. */
#include "catalogue.h"
#include "explain.h"

/* What has to stand before a value for a rule to look at it. */
struct explain_context {
	pcre2_code *code;
	uint16_t rule;
	enum mask_type type;
};

/* An anchor, under the byte that it begins with. */
struct explain_anchor {
	const char *text;
	uint16_t rule;
	uint16_t next; /* index + 1; 0 ends the chain */
};

#define EXPLAIN_SHAPES_MAX 16

struct explain {
	const struct catalogue *catalogue;
	const struct types *types;
	const struct mask_policy *policy;
	struct mask_policy everything;
	struct mask *mask; /* as the policy has it */
	struct mask *all;  /* as if everything were masked */
	pcre2_match_data *match;
	pcre2_match_context *limits;
	struct buf contexts; /* struct explain_context, by rule */
	uint16_t context_first[RULES_MAX + 1];
	bool prefixed[RULES_MAX]; /* a value is all that it matches, and begins with an anchor */
	struct walk walks[RULES_MAX];
	struct buf anchors; /* struct explain_anchor */
	uint16_t anchor_first[256];
	pcre2_code *shapes[EXPLAIN_SHAPES_MAX];
	struct buf items; /* struct explain_item */
	struct buf words;
	struct buf scratch;
	struct buf covered; /* a byte for each of the text: something has been said of it */
	bool full;	    /* memory is out, and what was said is not all */
	bool json;
	const uint8_t *text;
	size_t len;
};

static inline unsigned explain_rules(const struct explain *x)
{
	return RULE_COUNT + x->catalogue->own_count;
}

/* Where a rule matches. */
struct explain_match {
	size_t start, end;	 /* of the whole match */
	size_t value, value_end; /* of the group that holds `at`, or of the first group */
	enum mask_type type;
};

/*
 * Match the rule's expression at `start`, whatever stands around it: true, and *m tells of the group
 * that holds `at` (SIZE_MAX: of the first that caught anything).
 */
bool explain_match(struct explain *x, unsigned rule, size_t start, size_t at,
		   struct explain_match *m);
bool explain_anchor_stands(const struct explain *x, const char *anchor, bool fold, size_t at);

/* Writing sentences; failures are remembered in x->full. */
void explain_say(struct explain *x, const char *words);
/* Between backticks and on one line, its end, or with `tail` its begin, left out when it is long. */
void explain_quote(struct explain *x, const uint8_t *p, size_t len, bool tail);
/* "an EC2 instance id" */
void explain_say_type(struct explain *x, enum mask_type type);
void explain_say_number(struct explain *x, size_t n);
void explain_say_place(struct explain *x, size_t at);

/* Where the word begins that goes on at `at`. */
size_t explain_word(const struct explain *x, size_t at);

/* Begin an item; say why; end it. */
struct explain_item explain_begin(struct explain *x, size_t start, size_t end, enum mask_type type,
				  unsigned rule);
void explain_end(struct explain *x, struct explain_item item);
/* Is any byte of it explained already? */
bool explain_covered(const struct explain *x, size_t start, size_t end);

/* Why what was masked was taken for what it is; explain_why.c. */
void explain_why(struct explain *x, const struct mask_place *place);
/* The form of a type's values, when it can be said: true. */
bool explain_form(struct explain *x, enum mask_type type, unsigned rule);

/* What was found and the policy leaves; explain_policy.c. */
void explain_allowed(struct explain *x);

/* Look for what nothing found, and say why; explain_left.c. */
int explain_left_init(struct explain *x);
void explain_left_free(struct explain *x);
void explain_left(struct explain *x);

#endif
