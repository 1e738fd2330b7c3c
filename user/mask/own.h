/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_OWN_H
#define AWSMASK_OWN_H
/*
 * A user's own expression as a rule of the catalogue: letters and digits may stand neither before
 * nor behind a match (WORD), and the whole match is masked, or, when the expression names groups
 * after the type, these alone. Other groups do not capture.
 *
 * Where it is tried: at its anchors. When none are given, at the bytes that it literally begins
 * with (in either case behind a leading "(?i)"), if there are two of them at least and no
 * alternation outside of parentheses. Else wherever a byte stands that a match can begin with,
 * behind a left edge.
 */
#include "catalogue.h"
#include "own_check.h"

/*
 * 0, or -1 with the reason in `why`; then nothing is owned. `out` must not be moved afterwards. The
 * rule's strings must outlive it.
 */
__attribute__((warn_unused_result)) int own_compile(const struct own_rule *r,
						    const struct types *types, struct own *out,
						    struct compiled *code, char *why,
						    size_t why_size);

static inline bool own_may_begin(const struct own *o, uint8_t c)
{
	return o->first[c / 8] >> (c % 8) & 1;
}

#endif
