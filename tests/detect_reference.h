/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DETECT_REFERENCE_H
#define TESTS_DETECT_REFERENCE_H
/*
 * Detection as its definition says and no faster: every rule's expression is tried at every byte,
 * without anchors and without JIT. What detect() finds must be the same.
 */
#include "../user/mask/catalogue.h"
#include "../user/mask/placeholder.h"

#include <stdlib.h>

#define REFERENCE_SPANS_MAX 4096

#define REFERENCE_MUST(x)                                                                          \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

struct reference {
	struct compiled rules[RULE_COUNT];
	pcre2_match_data *match;
	struct span raw[REFERENCE_SPANS_MAX];
	size_t raw_count;
};

static inline void reference_init(struct reference *r)
{
	char why[300];
	int id;

	for (id = 0; id < RULE_COUNT; id++)
		REFERENCE_MUST(rule_compile(&rule_table[id], &r->rules[id], why, sizeof(why)) == 0);
	r->match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	REFERENCE_MUST(r->match);
}

static inline void reference_free(struct reference *r)
{
	int id;

	for (id = 0; id < RULE_COUNT; id++)
		pcre2_code_free(r->rules[id].code);
	pcre2_match_data_free(r->match);
}

static inline void reference_add(struct reference *r, const uint8_t *text, size_t len, size_t start,
				 size_t end, enum mask_type type, uint16_t rule)
{
	if (start == PCRE2_UNSET || start >= end)
		return;
	while (end < len && text[end] >= '0' && text[end] <= '9')
		end++;
	REFERENCE_MUST(r->raw_count < REFERENCE_SPANS_MAX);
	r->raw[r->raw_count++] = (struct span){start, end, type, rule};
}

/* The end of the rule's match at `start`, its spans added; 0 when there is none. */
static inline size_t reference_try(struct reference *r, int id, const uint8_t *text, size_t len,
				   size_t start)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
	const struct rule *rule = &rule_table[id];
	unsigned i;
	int rc;

	if (rule->back && !walk_starts(rule->back_chars, text, len, start))
		return 0;
	if (!edge_left(rule->left, text, start))
		return 0;
	rc = pcre2_match(r->rules[id].code, text, len, start, 0, r->match, NULL);
	REFERENCE_MUST(rc > 0 || rc == PCRE2_ERROR_NOMATCH);
	if (rc < 0 || at[1] == start || !edge_right(rule->right, text, len, at[1]))
		return 0;
	for (i = 0; i < r->rules[id].group_count; i++) {
		const struct group *g = &r->rules[id].groups[i];

		if (g->number < (uint32_t)rc)
			reference_add(r, text, len, at[2 * g->number], at[2 * g->number + 1],
				      g->type, (uint16_t)id);
	}
	return at[1];
}

/* Is a better than b, both reaching beyond `done`? */
static inline bool reference_before(const struct span *a, const struct span *b)
{
	if (a->start != b->start)
		return a->start < b->start;
	if (a->end != b->end)
		return a->end > b->end;
	return a->type != b->type ? a->type < b->type : a->rule < b->rule;
}

/* Pick the best of what reaches beyond what is covered, cut off what is covered, and again. */
static inline size_t reference_resolve(const struct reference *r, struct span *out)
{
	size_t n = 0, done = 0, i;

	for (;;) {
		const struct span *best = NULL;

		for (i = 0; i < r->raw_count; i++)
			if (r->raw[i].end > done && (!best || reference_before(&r->raw[i], best)))
				best = &r->raw[i];
		if (!best)
			return n;
		out[n++] = (struct span){best->start > done ? best->start : done, best->end,
					 best->type, best->rule};
		done = best->end;
	}
}

static inline size_t reference_detect(struct reference *r, const uint8_t *text, size_t len,
				      struct span out[static REFERENCE_SPANS_MAX])
{
	struct placeholder p;
	size_t at, end;
	int id;

	r->raw_count = 0;
	for (id = 0; id < RULE_COUNT; id++) {
		for (at = 0; at < len; at = end ? end : at + 1)
			end = reference_try(r, id, text, len, at);
	}
	for (at = 0; placeholder_find(&types_builtin, text, len, at, true, &p) == 1; at = p.end)
		reference_add(r, text, len, p.start, p.end, TYPE_LITERAL, RULE_LITERAL);
	return reference_resolve(r, out);
}

#endif
