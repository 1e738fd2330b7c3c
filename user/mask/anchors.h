/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ANCHORS_H
#define AWSMASK_ANCHORS_H
/*
 * Where which rule is tried: the anchors of all rules, found by a pair of their bytes, and what the
 * proposer (propose.h) needs to look for them. Private to the catalogue, detect.c and their tests.
 */
#include "edge.h"
#include "follow.h"
#include "propose.h"

#include <string.h>

#define ANCHORS_MAX 4096
#define THREE_BITS 12 /* of a hash */
#define TWO_BITS 10
#define GRAMS ((1u << THREE_BITS) + (1u << TWO_BITS))
#define ANCHOR_PAIR_PLACES 15 /* where in an anchor the pair may lie */
#define GRAM_LAST_MAX 4 /* bytes that the third of a gram may be; else the two before it serve */
#define LINKS_MAX UINT16_MAX
#define LINKS_SPARE 4 /* are read beyond the last one, and nothing comes of it */

struct rule {
	const char *id;
	const char *const *anchors; /* ends with NULL */
	bool fold;		    /* anchors in either case (ASCII) */
	unsigned back;		    /* the start lies up to this far before the anchor ... */
	enum chars back_chars;	    /* ... and everything between is of this class */
	enum edge left, right;	    /* what may stand around the whole match */
	const char *expression;
};

/* What the windows (propose.h) of some anchors share: one may stand in w only if (w & mask) == want. */
struct gram_cell {
	uint64_t mask, want;
};

struct anchor_node {
	struct gram_cell window; /* of it alone */
	const char *text;
	uint16_t rule;
	uint16_t guard; /* what looks at the bytes around it ... */
	struct guard_start start;
	uint8_t left; /* of the rule, as back and fold; an edge */
	bool back, folds;
	uint8_t len;
	uint8_t pair_at; /* where in the anchor the pair lies that is proposed */
};

/* A node under one of the grams that can stand at its pair. */
struct anchor_link {
	uint16_t gram, node;
};

struct anchors {
	/* By three bytes at a pair; behind these by the pair, where the third byte may be many. */
	struct gram_cell cells[GRAMS];
	uint16_t first[GRAMS + 1]; /* of its links */
	unsigned count, link_count;
	unsigned proposed; /* so many of them the proposer has */
	struct anchor_node nodes[ANCHORS_MAX];
	struct anchor_link links[LINKS_MAX]; /* by gram */
	const struct window *windows; /* of the nodes: only who adds anchors needs them ... */
	struct window *room;	      /* and then they are here, where more can be added; or NULL */
	struct guards guards;
	struct proposer proposer;
};

void anchors_free(struct anchors *a);

/* Add a rule's anchors; `f` serves for all rules. 0, or -1 with the reason in `why`. */
__attribute__((warn_unused_result)) int anchors_add(struct anchors *a, struct follow *f,
						    uint16_t rule, const struct rule *r, char *why,
						    size_t why_size);
/* After the last one, and whenever more were added. */
void anchors_ready(struct anchors *a);

/* The gram of the first three bytes, and that of the first two; case does not count. */
static inline uint32_t gram_of_three(uint32_t four)
{
	return gram_hash((four | 0x20202020) << 8, THREE_BITS);
}

static inline uint32_t gram_of_two(uint32_t four)
{
	return (1u << THREE_BITS) + gram_hash((four | 0x20202020) << 16, TWO_BITS);
}

/* May the window of one of the cell's nodes stand in these bytes? */
static inline bool gram_may_stand(const struct gram_cell *cell, uint64_t window)
{
	return (window & cell->mask) == cell->want;
}

/* Does the anchor stand at `at`, with what may follow it behind? */
bool anchor_goes_on(const struct anchors *a, const struct anchor_node *node, const uint8_t *text,
		    size_t at, size_t len);

#endif
