/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CATALOGUE_H
#define AWSMASK_CATALOGUE_H
/*
 * The compiled catalogue, as detect.c and its tests see it. Everybody else uses detect.h; what the
 * columns of a rule mean is told at the head of catalogue.def.
 */
#include "detect.h"
#include "edge.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define RULE_GROUPS_MAX 32
#define RULES_MAX (RULE_COUNT + TYPES_CONFIGURED_MAX)
#define ANCHOR_NODES_MAX 4096
#define PAIRS 65536

struct rule {
	const char *id;
	const char *const *anchors; /* ends with NULL */
	bool fold;		    /* anchors in either case (ASCII) */
	unsigned back;		    /* the start lies up to this far before the anchor ... */
	enum chars back_chars;	    /* ... and everything between is of this class */
	enum edge left, right;	    /* what may stand around the whole match */
	const char *expression;
};

enum rule_id {
#define TYPE(...)
#define RULE(id, ...) RULE_##id,
#include "catalogue.def"
#undef TYPE
#undef RULE
	RULE_COUNT
};

extern const struct rule rule_table[RULE_COUNT];

struct group {
	uint32_t number;
	enum mask_type type;
};

struct compiled {
	pcre2_code *code;
	unsigned group_count;
	struct group groups[RULE_GROUPS_MAX];
	size_t pair_at; /* where in each of its anchors the pair lies that proposes it */
};

/* A rule that the configuration brought (own.h). */
struct own {
	struct rule rule;
	bool anchored;	   /* otherwise it is tried wherever a match can begin */
	uint8_t first[32]; /* the bytes with which one can, a bit each */
	const char *anchors[OWN_ANCHORS_MAX + 1]; /* of the rule; ends with NULL */
	char prefix[OWN_ANCHOR_MAX + 1];	  /* the anchor that was derived */
};

/* One anchor under one of its pairs; those of the same pair are chained. */
struct anchor_node {
	const char *text;
	uint8_t len;
	uint16_t rule;
	uint16_t next; /* node number + 1, 0 ends the chain */
	/* its first bytes, up to four: they stand in w when ((w | fold) & mask) == head */
	uint32_t head, mask, fold;
};

struct catalogue {
	struct compiled rules[RULES_MAX]; /* own ones behind the table's */
	const struct types *types;
	unsigned own_count;
	struct own own[TYPES_CONFIGURED_MAX];
	uint64_t pair_bits[PAIRS / 64]; /* which two-byte pairs propose at all: fits the L1 cache */
	uint16_t pair_first[PAIRS];	/* node number + 1 */
	unsigned node_count;
	struct anchor_node nodes[ANCHOR_NODES_MAX];
};

/* Without a rule. NULL: memory is out. */
__attribute__((warn_unused_result)) struct catalogue *catalogue_bare(void);

static inline const struct rule *rule_of(const struct catalogue *c, unsigned id)
{
	return id < RULE_COUNT ? &rule_table[id] : &c->own[id - RULE_COUNT].rule;
}

static inline unsigned pair_of(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static inline bool pair_proposes(const struct catalogue *c, unsigned pair)
{
	return c->pair_bits[pair / 64] >> (pair % 64) & 1;
}

/*
 * Compile one expression the way the catalogue does (without JIT) and find its groups. 0, or -1
 * with the reason in `why`; then nothing is owned.
 */
__attribute__((warn_unused_result)) int rule_compile(const struct rule *r, struct compiled *out,
						     char *why, size_t why_size);

#endif
