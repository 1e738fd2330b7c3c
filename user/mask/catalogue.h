/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CATALOGUE_H
#define AWSMASK_CATALOGUE_H
/*
 * The compiled catalogue, as detect.c and its tests see it. Everybody else uses detect.h; what the
 * columns of a rule mean is told at the head of catalogue.def.
 */
#include "anchors.h"
#include "detect.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define RULE_GROUPS_MAX 32

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

struct catalogue {
	struct compiled rules[RULE_COUNT];
	struct anchors anchors;
};

/*
 * Compile one expression the way the catalogue does (without JIT) and find its groups. 0, or -1
 * with the reason in `why`; then nothing is owned.
 */
__attribute__((warn_unused_result)) int rule_compile(const struct rule *r, struct compiled *out,
						     char *why, size_t why_size);

#endif
