/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CATALOGUE_H
#define AWSMASK_CATALOGUE_H
/*
 * The compiled catalogue, as detect.c and its tests see it. Everybody else uses detect.h; what the
 * columns of a rule mean is told at the head of catalogue.def.
 */
#include "anchors.h"
#include "detect.h"

#include <stdatomic.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define RULE_GROUPS_MAX 32
#define RULES_MAX (RULE_COUNT + TYPES_CONFIGURED_MAX)

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
};

/* A rule that the configuration brought (own.h). */
struct own {
	struct rule rule;
	bool anchored;	   /* otherwise it is tried wherever a match can begin */
	uint8_t first[32]; /* the bytes with which one can, a bit each */
	const char *anchors[OWN_ANCHORS_MAX + 1]; /* of the rule; ends with NULL */
	char prefix[OWN_ANCHOR_MAX + 1];	  /* the anchor that was derived */
};

struct catalogue {
	/* Of each rule, own ones behind the table's; NULL: nobody tried it yet. */
	_Atomic(struct compiled *) *rules;
	const struct types *types;
	unsigned own_count;
	struct own own[TYPES_CONFIGURED_MAX];
	struct anchors anchors;
};

/*
 * As catalogue_new(), but of the table's rules only so many; what the anchors need is found out from
 * the expressions instead of taken from what was found out when this was built.
 */
__attribute__((warn_unused_result)) struct catalogue *catalogue_first(unsigned rules, char *why,
								      size_t why_size);

/* Without a rule. NULL: memory is out. */
__attribute__((warn_unused_result)) struct catalogue *catalogue_bare(void);

static inline const struct rule *rule_of(const struct catalogue *c, unsigned id)
{
	return id < RULE_COUNT ? &rule_table[id] : &c->own[id - RULE_COUNT].rule;
}

/*
 * The rule, compiled with JIT if it was not yet; any thread may ask. NULL: memory is out, or not to be
 * had executable.
 */
const struct compiled *rule_ready(const struct catalogue *c, unsigned id);

/*
 * Compile one expression the way the catalogue does (without JIT) and find its groups. 0, or -1
 * with the reason in `why`; then nothing is owned.
 */
__attribute__((warn_unused_result)) int rule_compile(const struct rule *r, struct compiled *out,
						     char *why, size_t why_size);

#endif
