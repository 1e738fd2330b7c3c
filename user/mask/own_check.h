/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_OWN_CHECK_H
#define AWSMASK_OWN_CHECK_H
/* Judging a user's expression before it meets somebody's traffic. */
#include "detect.h"

struct own_facts {
	bool anchored;
	unsigned tries; /* if not: in a thousand bytes of ordinary text */
};

/*
 * Whether such a rule may be configured: it compiles, cannot match nothing, its anchors, if any, can
 * begin a match, and texts made to hurt it stay within the match limit. 0, or -1 with the reason.
 */
__attribute__((warn_unused_result)) int own_rule_check(const struct own_rule *r,
						       const struct types *types,
						       struct own_facts *facts, char *why,
						       size_t why_size);

#endif
