/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include <stdio.h>
#include <string.h>

/* One reading of the text of an expression, to find out what it begins with. */
struct reading {
	const char *at;
	unsigned depth;
	bool alternates; /* outside of parentheses */
	bool strange;	 /* something that this reader does not follow */
};

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26;
}

/* Behind a class, whose "[" has been read. */
static const char *skip_class(const char *p)
{
	p += *p == '^';
	p += *p == ']';
	while (*p && *p != ']') {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '[' && p[1] == ':' && strstr(p, ":]"))
			p = strstr(p, ":]") + 1;
		p++;
	}
	return p + (*p == ']');
}

/* Comments and the x option would change what parentheses mean; verbs what is tried. */
static bool group_is_strange(const char *p)
{
	if (*p == '*')
		return true;
	if (*p != '?')
		return false;
	for (p++; *p == '^' || *p == '-' || (uint8_t)((*p | 0x20) - 'a') < 26; p++)
		if (*p == 'x')
			return true;
	return *p == '#';
}

static void read_on(struct reading *r)
{
	char c = *r->at++;

	switch (c) {
	case '\\':
		r->strange |= *r->at == 'Q' || !*r->at;
		r->at += *r->at != 0;
		break;
	case '[':
		r->at = skip_class(r->at);
		break;
	case '(':
		r->depth++;
		r->strange |= group_is_strange(r->at);
		break;
	case ')':
		r->depth -= r->depth > 0;
		break;
	case '|':
		r->alternates |= r->depth == 0;
		break;
	default:
		break;
	}
}

/* One literal byte at *p, which goes behind it; 0: there is none. */
static char literal_byte(const char **p)
{
	char c = **p;

	if (c == '\\') {
		c = (*p)[1];
		if (!c || is_alnum(c) || (uint8_t)c >= 0x80)
			return 0;
		*p += 2;
		return c;
	}
	if (!c || strchr("^$.[|()?*+{", c))
		return 0;
	(*p)++;
	return c;
}

/* The bytes that every match begins with; fewer than two: none. */
static size_t literal_prefix(const char *expression, char out[static OWN_ANCHOR_MAX + 1])
{
	struct reading r = {.at = expression};
	const char *p = expression;
	size_t n = 0;

	while (*r.at)
		read_on(&r);
	if (r.alternates || r.strange)
		return 0;
	while (n < OWN_ANCHOR_MAX) {
		char c = literal_byte(&p);

		if (!c || *p == '?' || *p == '*' || *p == '{')
			break;
		out[n++] = c;
		if (*p == '+')
			break;
	}
	out[n] = 0;
	return n < 2 ? 0 : n;
}

static void set_first(struct own *o, uint8_t c)
{
	o->first[c / 8] |= (uint8_t)(1u << (c % 8));
}

/* The bytes that a match can begin with, as PCRE2 knows them. 0, or -1: it does not compile. */
static int find_first(struct own *o, const char *expression)
{
	uint32_t type = 0, unit = 0;
	const uint8_t *bitmap = NULL;
	PCRE2_SIZE where;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
					 PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE |
						 PCRE2_DUPNAMES | PCRE2_NEVER_UTF,
					 &error, &where, NULL);

	if (!code)
		return -1;
	memset(o->first, 0xff, sizeof(o->first));
	pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &type);
	if (type == 1) {
		pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &unit);
		memset(o->first, 0, sizeof(o->first));
		set_first(o, (uint8_t)unit);
		/* It does not tell whether this one is meant in either case. */
		if ((uint8_t)((unit | 0x20) - 'a') < 26)
			set_first(o, (uint8_t)unit ^ 0x20);
	} else if (type == 0) {
		pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, &bitmap);
		if (bitmap)
			memcpy(o->first, bitmap, sizeof(o->first));
	}
	pcre2_code_free(code);
	return 0;
}

/* In either case: PCRE2 does not tell how a single first letter is meant. */
static bool byte_begins(char anchor, uint8_t c)
{
	uint8_t diff = (uint8_t)anchor ^ c;

	return !diff || (diff == 0x20 && (uint8_t)((c | 0x20) - 'a') < 26);
}

/* A match that begins with no anchor would never be found. */
static int check_anchors(const struct own *o, char *why, size_t why_size)
{
	const char *const *a;

	for (a = o->anchors; *a; a++) {
		if (!own_may_begin(o, (uint8_t) * *a)) {
			snprintf(why, why_size, "no match can begin with its anchor '%s'", *a);
			return -1;
		}
	}
	for (unsigned c = 0; c < 256; c++) {
		for (a = o->anchors; *a && !byte_begins(**a, (uint8_t)c);)
			a++;
		if (*a || !own_may_begin(o, (uint8_t)c))
			continue;
		snprintf(why, why_size,
			 c > 0x20 && c < 0x7f ? "a match can also begin with '%c', as none of its "
						"anchors does"
					      : "a match can also begin with the byte 0x%02x, as "
						"none of its anchors does",
			 c);
		return -1;
	}
	return 0;
}

static int copy_anchors(const struct own_rule *r, struct own *o, char *why, size_t why_size)
{
	for (size_t n = 0; r->anchors[n]; n++) {
		size_t len = strlen(r->anchors[n]);

		if (n == OWN_ANCHORS_MAX || len < 2 || len > OWN_ANCHOR_MAX) {
			snprintf(why, why_size, "anchors are at most %d, of 2 to %d bytes each",
				 OWN_ANCHORS_MAX, OWN_ANCHOR_MAX);
			return -1;
		}
		o->anchors[n] = r->anchors[n];
	}
	return check_anchors(o, why, why_size);
}

static int find_anchors(const struct own_rule *r, struct own *o, char *why, size_t why_size)
{
	const char *expression = r->expression;

	o->rule.fold = strncmp(expression, "(?i)", 4) == 0;
	if (find_first(o, expression) < 0) {
		snprintf(why, why_size, "its expression does not compile");
		return -1;
	}
	o->rule.anchors = o->anchors;
	if (r->anchors && *r->anchors) {
		o->anchored = true;
		return copy_anchors(r, o, why, why_size);
	}
	o->anchored = literal_prefix(expression + (o->rule.fold ? 4 : 0), o->prefix) > 0;
	o->anchors[0] = o->anchored ? o->prefix : NULL;
	return 0;
}

/* The groups that are named after the type, else the whole match, which is group 0. */
static int find_groups(enum mask_type type, const char *label, struct compiled *code, char *why,
		       size_t why_size)
{
	uint32_t count = 0, size = 0, empty = 0;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(code->code, PCRE2_INFO_MATCHEMPTY, &empty);
	pcre2_pattern_info(code->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(code->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(code->code, PCRE2_INFO_NAMETABLE, &table);
	if (empty || count > RULE_GROUPS_MAX) {
		snprintf(why, why_size,
			 empty ? "its expression can match nothing at all"
			       : "its expression has more than %d named groups",
			 RULE_GROUPS_MAX);
		return -1;
	}
	for (uint32_t i = 0; i < count; i++) {
		/* pcre2api(3), PCRE2_INFO_NAMETABLE: the number, high byte first, then the name */
		const uint8_t *entry = table + (size_t)i * size;

		if (strcmp((const char *)entry + 2, label) != 0) {
			snprintf(why, why_size,
				 "its expression names a group %s; only %s, for what is masked, "
				 "or no name may be given",
				 (const char *)entry + 2, label);
			return -1;
		}
		code->groups[code->group_count++] =
			(struct group){(uint32_t)entry[0] << 8 | entry[1], type};
	}
	if (!count)
		code->groups[code->group_count++] = (struct group){0, type};
	return 0;
}

static int compile(const struct own_rule *r, const char *label, struct compiled *code, char *why,
		   size_t why_size)
{
	/* As for the catalogue's. Bytes that are not UTF-8 must not reach a code that takes them for it. */
	uint32_t options = PCRE2_ANCHORED | PCRE2_DUPNAMES | PCRE2_DOLLAR_ENDONLY |
			   PCRE2_NO_START_OPTIMIZE | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF;
	PCRE2_UCHAR text[160];
	PCRE2_SIZE where;
	int error;

	*code = (struct compiled){0};
	code->code = pcre2_compile((PCRE2_SPTR)r->expression, PCRE2_ZERO_TERMINATED, options,
				   &error, &where, NULL);
	if (!code->code) {
		pcre2_get_error_message(error, text, sizeof(text));
		snprintf(why, why_size, "at byte %zu of its expression: %s", where,
			 (const char *)text);
		return -1;
	}
	if (find_groups(r->type, label, code, why, why_size) == 0)
		return 0;
	pcre2_code_free(code->code);
	code->code = NULL;
	return -1;
}

int own_compile(const struct own_rule *r, const struct types *types, struct own *out,
		struct compiled *code, char *why, size_t why_size)
{
	const char *label = types_info(types, r->type)->label;

	if (strlen(r->expression) > OWN_EXPRESSION_MAX) {
		snprintf(why, why_size, "its expression is longer than %d bytes",
			 OWN_EXPRESSION_MAX);
		return -1;
	}
	*out = (struct own){.rule = {.id = label,
				     .left = EDGE_WORD,
				     .right = EDGE_WORD,
				     .expression = r->expression}};
	if (compile(r, label, code, why, why_size) < 0)
		return -1;
	if (find_anchors(r, out, why, why_size) == 0)
		return 0;
	pcre2_code_free(code->code);
	code->code = NULL;
	return -1;
}
