/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(RULES_MAX <= GUARD_RULES_MAX, "each rule has guards");

const struct rule rule_table[RULE_COUNT] = {
#define ANCHORS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TYPE(...)
#define RULE(id, anchors, fold, back, back_chars, left, right, expression)                         \
	[RULE_##id] = {#id,	    anchors,	  fold,	     back, CHARS_##back_chars,             \
		       EDGE_##left, EDGE_##right, expression},
#define EXACT false
#define FOLD true
#include "catalogue.def"
#undef TYPE
#undef RULE
};

static int add_group(struct compiled *out, const struct rule *r, const uint8_t *entry, char *why,
		     size_t why_size)
{
	/* pcre2api(3), PCRE2_INFO_NAMETABLE: the number, high byte first, then the name */
	const char *name = (const char *)entry + 2;
	enum mask_type type = types_find(&types_builtin, name, strlen(name));

	if (*name >= 'a' && *name <= 'z') /* a piece, for the expression's own use */
		return 0;
	if (type == TYPE_NONE) {
		snprintf(why, why_size, "rule %s: there is no type %s", r->id, name);
		return -1;
	}
	out->groups[out->group_count++] =
		(struct group){.number = (uint32_t)entry[0] << 8 | entry[1], .type = type};
	return 0;
}

static int find_groups(struct compiled *out, const struct rule *r, char *why, size_t why_size)
{
	uint32_t captures = 0, count = 0, size = 0, empty = 0, i;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(out->code, PCRE2_INFO_CAPTURECOUNT, &captures);
	pcre2_pattern_info(out->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(out->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(out->code, PCRE2_INFO_NAMETABLE, &table);
	pcre2_pattern_info(out->code, PCRE2_INFO_MATCHEMPTY, &empty);
	if (empty) {
		snprintf(why, why_size, "rule %s: matches nothing at all", r->id);
		return -1;
	}
	if (captures > RULE_GROUPS_MAX || captures != count) {
		snprintf(why, why_size,
			 "rule %s: %u groups, %u of them named after types; at most %d", r->id,
			 captures, count, RULE_GROUPS_MAX);
		return -1;
	}
	for (i = 0; i < count; i++)
		if (add_group(out, r, table + (size_t)i * size, why, why_size) < 0)
			return -1;
	if (!out->group_count) {
		snprintf(why, why_size, "rule %s: names no type", r->id);
		return -1;
	}
	return 0;
}

int rule_compile(const struct rule *r, struct compiled *out, char *why, size_t why_size)
{
	/* What the optimisation looks for (a byte that must come later) it may not find for pages. */
	uint32_t options =
		PCRE2_ANCHORED | PCRE2_DUPNAMES | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_START_OPTIMIZE;
	PCRE2_UCHAR text[160];
	PCRE2_SIZE where;
	int error;

	*out = (struct compiled){0};
	out->code = pcre2_compile((PCRE2_SPTR)r->expression, PCRE2_ZERO_TERMINATED, options, &error,
				  &where, NULL);
	if (!out->code) {
		pcre2_get_error_message(error, text, sizeof(text));
		snprintf(why, why_size, "rule %s: at %zu of its expression: %s", r->id, where,
			 (const char *)text);
		return -1;
	}
	if (find_groups(out, r, why, why_size) < 0) {
		pcre2_code_free(out->code);
		out->code = NULL;
		return -1;
	}
	return 0;
}

static void compiled_free(struct compiled *rule)
{
	if (rule)
		pcre2_code_free(rule->code);
	free(rule);
}

/* Make the code ready to run; it becomes the catalogue's. 0, or -1: it is freed. */
static int rule_add(const struct catalogue *c, unsigned id, const struct compiled *rule, char *why,
		    size_t why_size)
{
	size_t size =
		offsetof(struct compiled, groups) + rule->group_count * sizeof(rule->groups[0]);
	struct compiled *mine = malloc(size), *none = NULL; /* without the room for more groups */

	if (!mine) {
		pcre2_code_free(rule->code);
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	memcpy(mine, rule, size);
	if (pcre2_jit_compile(mine->code, PCRE2_JIT_COMPLETE) != 0) {
		snprintf(why, why_size,
			 "rule %s: PCRE2 cannot compile to machine code here (is memory that is "
			 "both writable and executable forbidden?)",
			 rule_of(c, id)->id);
		compiled_free(mine);
		return -1;
	}
	/* Another thread may have been faster. */
	if (!atomic_compare_exchange_strong(&c->rules[id], &none, mine))
		compiled_free(mine);
	return 0;
}

static int make_ready(const struct catalogue *c, unsigned id, char *why, size_t why_size)
{
	struct compiled rule;

	if (atomic_load_explicit(&c->rules[id], memory_order_acquire))
		return 0;
	if (rule_compile(rule_of(c, id), &rule, why, why_size) < 0)
		return -1;
	return rule_add(c, id, &rule, why, why_size);
}

const struct compiled *rule_ready(const struct catalogue *c, unsigned id)
{
	const struct compiled *rule = atomic_load_explicit(&c->rules[id], memory_order_acquire);
	char why[200];

	if (!rule && make_ready(c, id, why, sizeof(why)) == 0)
		rule = atomic_load_explicit(&c->rules[id], memory_order_acquire);
	return rule;
}

int catalogue_ready(struct catalogue *c, unsigned part, unsigned parts, char *why, size_t why_size)
{
	for (unsigned id = part; id < RULE_COUNT; id += parts)
		if (make_ready(c, id, why, why_size) < 0)
			return -1;
	return 0;
}

struct catalogue *catalogue_bare(void)
{
	struct catalogue *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->types = &types_builtin;
	c->rules = calloc(RULES_MAX, sizeof(c->rules[0]));
	if (c->rules)
		return c;
	catalogue_free(c);
	return NULL;
}

static int add_anchors(struct catalogue *c, struct follow *f, unsigned id, char *why,
		       size_t why_size)
{
	const struct rule *r = rule_of(c, id);

	return *r->anchors ? anchors_add(&c->anchors, f, (uint16_t)id, r, why, why_size) : 0;
}

struct catalogue *catalogue_first(unsigned rules, char *why, size_t why_size)
{
	struct catalogue *c = catalogue_bare();
	struct follow *f = follow_new();
	int rc = 0;

	snprintf(why, why_size, "out of memory");
	for (unsigned id = 0; c && f && rc == 0 && id < rules; id++)
		rc = add_anchors(c, f, id, why, why_size);
	if (!f || rc < 0 || !c || anchors_ready(&c->anchors) < 0) {
		catalogue_free(c);
		c = NULL;
	}
	follow_free(f);
	return c;
}

static int add_own(struct catalogue *c, struct follow *f, const struct own_rule *own, char *why,
		   size_t why_size)
{
	unsigned id = RULE_COUNT + c->own_count;
	struct compiled rule;
	char reason[200];

	if (c->own_count == TYPES_CONFIGURED_MAX) {
		snprintf(why, why_size, "there are more than %d own expressions",
			 TYPES_CONFIGURED_MAX);
		return -1;
	}
	if (own_compile(own, c->types, &c->own[c->own_count], &rule, reason, sizeof(reason)) < 0) {
		snprintf(why, why_size, "type %s: %s", types_info(c->types, own->type)->label,
			 reason);
		return -1;
	}
	c->own_count++;
	if (rule_add(c, id, &rule, why, why_size) < 0)
		return -1;
	return add_anchors(c, f, id, why, why_size);
}

int catalogue_extend(struct catalogue *c, const struct types *types, const struct own_rule *rules,
		     size_t n, char *why, size_t why_size)
{
	struct follow *f;
	int rc = 0;

	c->types = types;
	if (!n)
		return 0;
	f = follow_new();
	if (!f) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_own(c, f, &rules[i], why, why_size);
	follow_free(f);
	if (rc == 0 && anchors_ready(&c->anchors) < 0) {
		snprintf(why, why_size, "out of memory");
		rc = -1;
	}
	return rc;
}

const struct types *catalogue_types(const struct catalogue *c)
{
	return c->types;
}

void catalogue_free(struct catalogue *c)
{
	if (!c)
		return;
	for (unsigned id = 0; c->rules && id < RULES_MAX; id++)
		compiled_free(atomic_load(&c->rules[id]));
	free((void *)c->rules);
	anchors_free(&c->anchors);
	free(c);
}
