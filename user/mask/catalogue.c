/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

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
	if (count == 0 || empty) {
		snprintf(why, why_size, "rule %s: %s", r->id,
			 empty ? "matches nothing at all" : "names no type");
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

/* A rule that is compiled, own or not. */
static int add_rule(struct catalogue *c, struct follow *f, enum rule_id id, char *why,
		    size_t why_size)
{
	const struct rule *r = rule_of(c, id);

	if (pcre2_jit_compile(c->rules[id].code, PCRE2_JIT_COMPLETE) != 0) {
		snprintf(why, why_size,
			 "rule %s: PCRE2 cannot compile to machine code here (is memory that is "
			 "both "
			 "writable and executable forbidden?)",
			 r->id);
		return -1;
	}
	return *r->anchors ? anchors_add(&c->anchors, f, (uint16_t)id, r, why, why_size) : 0;
}

struct catalogue *catalogue_bare(void)
{
	struct catalogue *c = calloc(1, sizeof(*c));

	if (c)
		c->types = &types_builtin;
	return c;
}

static int add_rules(struct catalogue *c, unsigned n, char *why, size_t why_size)
{
	struct follow *f = follow_new();
	int rc = 0;

	if (!f) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	for (enum rule_id id = 0; rc == 0 && id < n; id++) {
		rc = rule_compile(&rule_table[id], &c->rules[id], why, why_size);
		if (rc == 0)
			rc = add_rule(c, f, id, why, why_size);
	}
	follow_free(f);
	return rc;
}

struct catalogue *catalogue_first(unsigned rules, char *why, size_t why_size)
{
	struct catalogue *c = catalogue_bare();

	if (!c) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	if (add_rules(c, rules, why, why_size) < 0) {
		catalogue_free(c);
		return NULL;
	}
	anchors_ready(&c->anchors);
	return c;
}

struct catalogue *catalogue_new(char *why, size_t why_size)
{
	return catalogue_first(RULE_COUNT, why, why_size);
}

static int add_own(struct catalogue *c, struct follow *f, const struct own_rule *own, char *why,
		   size_t why_size)
{
	enum rule_id id = (enum rule_id)(RULE_COUNT + c->own_count);
	char reason[200];

	if (c->own_count == TYPES_CONFIGURED_MAX) {
		snprintf(why, why_size, "there are more than %d own expressions",
			 TYPES_CONFIGURED_MAX);
		return -1;
	}
	if (own_compile(own, c->types, &c->own[c->own_count], &c->rules[id], reason,
			sizeof(reason)) < 0) {
		snprintf(why, why_size, "type %s: %s", types_info(c->types, own->type)->label,
			 reason);
		return -1;
	}
	c->own_count++;
	return add_rule(c, f, id, why, why_size);
}

int catalogue_extend(struct catalogue *c, const struct types *types, const struct own_rule *rules,
		     size_t n, char *why, size_t why_size)
{
	struct follow *f = follow_new();
	int rc = 0;

	if (!f) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	c->types = types;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_own(c, f, &rules[i], why, why_size);
	follow_free(f);
	if (rc == 0)
		anchors_ready(&c->anchors);
	return rc;
}

const struct types *catalogue_types(const struct catalogue *c)
{
	return c->types;
}

void catalogue_free(struct catalogue *c)
{
	enum rule_id id;

	if (!c)
		return;
	for (id = 0; id < RULE_COUNT + c->own_count; id++)
		pcre2_code_free(c->rules[id].code);
	free(c);
}
