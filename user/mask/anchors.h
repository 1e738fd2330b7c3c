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
#define FOUR_BITS 19 /* of a hash */
#define THREE_BITS 16
#define HEAD_BITS 14
#define ANCHOR_HEAD 8
#define GRAM_LAST_MAX 40 /* bytes that the last of a gram may be; else a shorter one serves */
#define LINKS_MAX UINT16_MAX

struct rule {
	const char *id;
	const char *const *anchors; /* ends with NULL */
	bool fold;		    /* anchors in either case (ASCII) */
	unsigned back;		    /* the start lies up to this far before the anchor ... */
	enum chars back_chars;	    /* ... and everything between is of this class */
	enum edge left, right;	    /* what may stand around the whole match */
	const char *expression;
};

struct anchor_node {
	uint16_t rule;
	uint8_t len;
	uint8_t pair_at;      /* where in the anchor the pair lies that is proposed */
	uint16_t guard, step; /* what looks at the bytes behind it */
	/* its first bytes, up to ANCHOR_HEAD: they stand in w when ((w | fold) & mask) == head */
	uint64_t head, mask, fold;
	const char *text;
};

/* A node under one of the grams that can stand at its pair; those of one hash are chained. */
struct anchor_link {
	uint16_t next; /* link number + 1, 0 ends the chain */
	uint16_t node;
};

struct anchors {
	/* which four bytes can stand at a pair, and which three if the fourth may be nearly any */
	uint64_t fours[(1u << FOUR_BITS) / 64], threes[(1u << THREE_BITS) / 64];
	/* by three bytes at a pair, or by the pair where the third may be nearly any: link number + 1 */
	uint16_t by_three[1u << HEAD_BITS], by_two[1u << HEAD_BITS];
	unsigned count, link_count;
	struct anchor_node nodes[ANCHORS_MAX];
	struct window windows[ANCHORS_MAX];
	struct anchor_link links[LINKS_MAX];
	struct guards guards;
	struct proposer proposer;
};

/* Add a rule's anchors; `f` serves for all rules. 0, or -1 with the reason in `why`. */
__attribute__((warn_unused_result)) int anchors_add(struct anchors *a, struct follow *f,
						    uint16_t rule, const struct rule *r, char *why,
						    size_t why_size);
/* After the last one, and whenever more were added. */
void anchors_ready(struct anchors *a);

static inline uint32_t gram_hash(uint32_t gram, unsigned bits)
{
	return gram * 0x9e3779b1u >> (32 - bits);
}

static inline bool gram_in(const uint64_t *set, uint32_t hash)
{
	return set[hash / 64] >> (hash % 64) & 1;
}

/* Four bytes as grams are made of them: their case does not count. */
static inline uint32_t gram_fold(uint32_t four)
{
	return four | 0x20202020;
}

/* May one of the anchors stand here? */
static inline bool grams_propose(const struct anchors *a, uint32_t four)
{
	return gram_in(a->fours, gram_hash(four, FOUR_BITS)) |
	       gram_in(a->threes, gram_hash(four << 8, THREE_BITS));
}

/* The chains of those that may: links. */
static inline uint16_t grams_by_three(const struct anchors *a, uint32_t four)
{
	return a->by_three[gram_hash(four << 8, HEAD_BITS)];
}

static inline uint16_t grams_by_two(const struct anchors *a, uint32_t four)
{
	return a->by_two[gram_hash(four << 16, HEAD_BITS)];
}

/* May the anchor stand at p? */
static inline bool anchor_begins(const struct anchor_node *node, const uint8_t *p, size_t len)
{
	uint64_t w;

	if (len < sizeof(w))
		return true;
	memcpy(&w, p, sizeof(w));
	return ((w | node->fold) & node->mask) == node->head;
}

/* And does it stand there as a whole, with what may follow it behind? */
bool anchor_goes_on(const struct anchors *a, const struct anchor_node *node, bool fold,
		    const uint8_t *p, size_t len);

#endif
