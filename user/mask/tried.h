/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TRIED_H
#define AWSMASK_TRIED_H
/*
 * What tries of expressions led to, by the bytes that they read: hostile texts are the same few bytes again and again,
 * and so are many others. That a try has read no more than these bytes is known from PCRE2: it says of the same
 * bytes alone that it does not need more (a partial match is one that does). What is remembered is true of all texts.
 */
#include "catalogue.h"

#define TRIED_MAX 64
#define TRIED_BEFORE 40 /* of the text are remembered, from where a match begins */
#define TRIED_BEHIND 224
#define TRIED_GROUPS 16

enum tried_state { TRIED_NEVER, TRIED_ONCE, TRIED_KNOWN, TRIED_FAR };

struct tried {
	uint64_t hash; /* of the bytes and the rule */
	uint16_t rule;
	uint8_t state;
	int8_t rc; /* less than 0: no match; of the others what it begins and ends with is known */
	/* from the start on; of the whole match, then of the rule's groups. UINT8_MAX: it caught nothing */
	uint8_t from[1 + TRIED_GROUPS], to[1 + TRIED_GROUPS];
	uint8_t bytes[TRIED_BEFORE + TRIED_BEHIND];
};

/* Of whoever tries; zero at first, but what belongs to PCRE2. */
struct tried_all {
	pcre2_match_data *match;
	pcre2_match_context *limits;
	/* To find out how far a try has read costs as much as many tries: what was recalled pays for it. */
	unsigned credit, tries;
	size_t last;	    /* where the last try was */
	unsigned close;	    /* how many there were near the one before, without a break */
	struct tried *list; /* TRIED_MAX of them, where a text was worth it; else NULL */
};

/* 0, or -1: memory is out. tried_free() in any case. */
__attribute__((warn_unused_result)) int tried_init(struct tried_all *all);
void tried_free(struct tried_all *all);

/* Where this try is remembered, or would be; NULL: it is not, for it is too near to an
 * end of the text, or not worth it, or memory is out. */
struct tried *tried_at(struct tried_all *all, unsigned rule, const uint8_t *text, size_t len,
		       size_t start);

/*
 * What it led to, if that is known: true, with *rc as PCRE2 said it, and for a match its places and those of the rule's
 * groups in `ovector`.
 */
bool tried_recall(struct tried_all *all, const struct tried *t, const struct compiled *rule,
		  const uint8_t *text, size_t start, PCRE2_SIZE *ovector, int *rc);

/* It led to this. */
void tried_note(struct tried_all *all, struct tried *t, const struct compiled *rule,
		const uint8_t *text, size_t start, const PCRE2_SIZE *ovector, int rc);

#endif
