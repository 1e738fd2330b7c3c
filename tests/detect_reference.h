/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DETECT_REFERENCE_H
#define TESTS_DETECT_REFERENCE_H
/*
 * Detection as its definition says: every rule's expression is tried at every byte, without anchors.
 * What detect() finds must be the same. Nothing of what detect() takes from an expression is used;
 * only what PCRE2 itself says about it: with which bytes a match can begin, and how long it is at
 * least. `slowly`: not even that, and by PCRE2's interpreter.
 */
#include "../user/mask/catalogue.h"
#include "../user/mask/placeholder.h"
#include "must.h"

#define REFERENCE_SPANS_MAX 4096
#define REFERENCE_TEXT_MAX 8192

/* How the reference goes about it is nothing that a fuzzer should find inputs for. */
#ifdef __clang__
#define REFERENCE static __attribute__((no_sanitize("coverage"), noinline, unused))
#else
#define REFERENCE static inline
#endif

#define REFERENCE_EDGES (EDGE_HOST + 1)
#define REFERENCE_CHARS (CHARS_HOST + 1)

struct reference {
	struct compiled rules[RULE_COUNT];
	uint32_t least[RULE_COUNT]; /* bytes of a match */
	uint16_t begin[256][RULE_COUNT], begin_count[256];
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	/* of the text, by place: where something may begin */
	uint8_t edges[REFERENCE_TEXT_MAX], walks[REFERENCE_TEXT_MAX];
	size_t next[RULE_COUNT]; /* where the rule goes on: behind its last match */
	struct span raw[REFERENCE_SPANS_MAX];
	size_t raw_count;
};

/* May a match begin with this byte? */
REFERENCE bool reference_begins(const pcre2_code *code, unsigned c)
{
	uint32_t kind = 0, unit = 0;
	const uint8_t *bits = NULL;

	pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &kind);
	pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &unit);
	pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, &bits);
	/* It does not say whether case counts for that one. */
	if (kind == 1)
		return (c | 0x20) == (unit | 0x20);
	return !bits || bits[c / 8] >> (c % 8) & 1;
}

/* An expression that is anchored is not studied: ask another one that is not. */
REFERENCE void reference_study(struct reference *r, unsigned id)
{
	PCRE2_SIZE where;
	int error;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)rule_table[id].expression, PCRE2_ZERO_TERMINATED,
			      PCRE2_DUPNAMES | PCRE2_DOLLAR_ENDONLY, &error, &where, NULL);

	MUST(code);
	pcre2_pattern_info(code, PCRE2_INFO_MINLENGTH, &r->least[id]);
	for (unsigned c = 0; c < 256; c++)
		if (reference_begins(code, c))
			r->begin[c][r->begin_count[c]++] = (uint16_t)id;
	pcre2_code_free(code);
}

REFERENCE void reference_init(struct reference *r)
{
	char why[300];

	for (unsigned id = 0; id < RULE_COUNT; id++) {
		MUST(rule_compile(&rule_table[id], &r->rules[id], why, sizeof(why)) == 0);
		MUST(pcre2_jit_compile(r->rules[id].code, PCRE2_JIT_COMPLETE) == 0);
		reference_study(r, id);
	}
	r->match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	r->context = pcre2_match_context_create(NULL);
	r->stack = pcre2_jit_stack_create(32768, 1 << 20, NULL);
	MUST(r->match && r->context && r->stack);
	pcre2_jit_stack_assign(r->context, NULL, r->stack);
}

REFERENCE void reference_free(struct reference *r)
{
	int id;

	for (id = 0; id < RULE_COUNT; id++)
		pcre2_code_free(r->rules[id].code);
	pcre2_match_data_free(r->match);
	pcre2_match_context_free(r->context);
	pcre2_jit_stack_free(r->stack);
}

REFERENCE void reference_add(struct reference *r, const uint8_t *text, size_t len, size_t start,
			     size_t end, enum mask_type type, uint16_t rule)
{
	if (start == PCRE2_UNSET || start >= end)
		return;
	while (end < len && text[end] >= '0' && text[end] <= '9')
		end++;
	MUST(r->raw_count < REFERENCE_SPANS_MAX);
	r->raw[r->raw_count++] = (struct span){start, end, type, rule};
}

/* The end of the rule's match at `start`, its spans added; 0 when there is none. */
REFERENCE size_t reference_try(struct reference *r, int id, const uint8_t *text, size_t len,
			       size_t start, bool slowly)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
	const struct rule *rule = &rule_table[id];
	unsigned i;
	int rc;

	if (rule->back && !(r->walks[start] >> rule->back_chars & 1))
		return 0;
	if (!(r->edges[start] >> rule->left & 1))
		return 0;
	if (!slowly && len - start < r->least[id])
		return 0;
	rc = pcre2_match(r->rules[id].code, text, len, start, slowly ? PCRE2_NO_JIT : 0, r->match,
			 r->context);
	MUST(rc > 0 || rc == PCRE2_ERROR_NOMATCH);
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
REFERENCE bool reference_before(const struct span *a, const struct span *b)
{
	if (a->start != b->start)
		return a->start < b->start;
	if (a->end != b->end)
		return a->end > b->end;
	return a->type != b->type ? a->type < b->type : a->rule < b->rule;
}

/* Pick the best of what reaches beyond what is covered, cut off what is covered, and again. */
REFERENCE size_t reference_resolve(const struct reference *r, struct span *out)
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

REFERENCE void reference_places(struct reference *r, const uint8_t *text, size_t len)
{
	MUST(len <= REFERENCE_TEXT_MAX);
	for (size_t at = 0; at < len; at++) {
		r->edges[at] = r->walks[at] = 0;
		for (unsigned e = 0; e < REFERENCE_EDGES; e++)
			r->edges[at] |= (uint8_t)(edge_left((enum edge)e, text, at) << e);
		for (unsigned c = 0; c < REFERENCE_CHARS; c++)
			r->walks[at] |= (uint8_t)(walk_starts((enum chars)c, text, len, at) << c);
	}
}

REFERENCE size_t reference_detect(struct reference *r, const uint8_t *text, size_t len, bool slowly,
				  struct span out[static REFERENCE_SPANS_MAX])
{
	struct placeholder p;
	size_t at, end;

	r->raw_count = 0;
	memset(r->next, 0, sizeof(r->next));
	reference_places(r, text, len);
	for (at = 0; at < len; at++) {
		unsigned n = slowly ? RULE_COUNT : r->begin_count[text[at]];

		for (unsigned i = 0; i < n; i++) {
			int id = slowly ? (int)i : r->begin[text[at]][i];

			if (at < r->next[id])
				continue;
			end = reference_try(r, id, text, len, at, slowly);
			if (end)
				r->next[id] = end;
		}
	}
	for (at = 0; placeholder_find(&types_builtin, text, len, at, true, &p) == 1; at = p.end)
		reference_add(r, text, len, p.start, p.end, TYPE_LITERAL, RULE_LITERAL);
	return reference_resolve(r, out);
}

#endif
