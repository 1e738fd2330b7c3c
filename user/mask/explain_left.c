/* SPDX-License-Identifier: Apache-2.0 */
/* What stays as it is, though somebody might have expected that it is masked; and why. */
#include "explain_parts.h"
#include "explain_path.h"

#define SHORT_PREFIX 3
#define PREFIX_REST 6	 /* letters and digits behind a prefix, for it to look like one */
#define REPEATED_MAX 256 /* values that are looked for elsewhere */

#define SHAPE(type, expression, why) {TYPE_##type, expression, why},
static const struct {
	enum mask_type type;
	const char *expression, *why;
} shapes[] = {
#include "explain.def"
};
#undef SHAPE
#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))
_Static_assert(SHAPE_COUNT <= EXPLAIN_SHAPES_MAX, "too many shapes");

#define UNFIT(rule, why) [RULE_##rule] = why,
static const char *const unfits[RULE_COUNT] = {
#include "explain.def"
};
#undef UNFIT

#define QUIET(rule) [RULE_##rule] = true,
static const bool quiet[RULE_COUNT] = {
#include "explain.def"
};
#undef QUIET

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

static bool is_alnum(uint8_t c)
{
	return is_digit(c) || is_letter(c);
}

static pcre2_code *compile(const char *expression)
{
	PCRE2_SIZE where;
	int error;

	return pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
			     PCRE2_ANCHORED | PCRE2_DUPNAMES | PCRE2_DOLLAR_ENDONLY |
				     PCRE2_NO_START_OPTIMIZE,
			     &error, &where, NULL);
}

static int add_context(struct explain *x, unsigned rule, const struct path_group *g)
{
	const char *before = (const char *)buf_bytes(&x->scratch);
	struct explain_context context = {.rule = (uint16_t)rule,
					  .type = types_find(x->types, g->name, g->name_len)};
	uint32_t empty = 1;

	if (rule < RULE_COUNT && quiet[rule])
		return 0;
	/* An expression that cannot be cut there has no near misses of this kind. */
	context.code = g->first && *before && context.type != TYPE_NONE ? compile(before) : NULL;
	if (!context.code)
		return 0;
	pcre2_pattern_info(context.code, PCRE2_INFO_MATCHEMPTY, &empty);
	if (!empty && buf_append(&x->contexts, &context, sizeof(context)) == 0)
		return 0;
	pcre2_code_free(context.code);
	return empty ? 0 : -1;
}

static int add_contexts(struct explain *x, unsigned rule)
{
	const struct rule *r = rule_of(x->catalogue, rule);
	struct path_walk w = {.expression = r->expression};
	struct path_group g;
	bool whole = false;
	int rc;

	while (!r->back && (rc = path_next(&w, &g, &x->scratch)) != 0) {
		if (rc < 0 || add_context(x, rule, &g))
			return -1;
		whole |= *buf_bytes(&x->scratch) == 0;
	}
	x->prefixed[rule] = whole && r->left != EDGE_ANY;
	return 0;
}

static int add_anchor(struct explain *x, unsigned rule, const char *text, uint8_t first)
{
	struct explain_anchor a = {
		.text = text, .rule = (uint16_t)rule, .next = x->anchor_first[first]};

	if (buf_append(&x->anchors, &a, sizeof(a)))
		return -1;
	x->anchor_first[first] = (uint16_t)(buf_len(&x->anchors) / sizeof(a));
	return 0;
}

int explain_left_init(struct explain *x)
{
	for (unsigned rule = 0; rule < explain_rules(x); rule++) {
		const struct rule *r = rule_of(x->catalogue, rule);

		x->context_first[rule] =
			(uint16_t)(buf_len(&x->contexts) / sizeof(struct explain_context));
		if (add_contexts(x, rule))
			return -1;
		for (size_t i = 0; r->anchors && r->anchors[i]; i++) {
			uint8_t c = (uint8_t)r->anchors[i][0];

			if (add_anchor(x, rule, r->anchors[i], c) ||
			    (r->fold && is_letter(c) &&
			     add_anchor(x, rule, r->anchors[i], c ^ 0x20)))
				return -1;
		}
	}
	x->context_first[explain_rules(x)] =
		(uint16_t)(buf_len(&x->contexts) / sizeof(struct explain_context));
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		x->shapes[i] = compile(shapes[i].expression);
		if (!x->shapes[i])
			return -1;
	}
	return 0;
}

void explain_left_free(struct explain *x)
{
	const struct explain_context *c = (const struct explain_context *)buf_bytes(&x->contexts);

	for (size_t i = 0; i < buf_len(&x->contexts) / sizeof(*c); i++)
		pcre2_code_free(c[i].code);
	for (size_t i = 0; i < SHAPE_COUNT; i++)
		pcre2_code_free(x->shapes[i]);
}

/* ---- The whole expression matches, but its edges do not allow it ---- */

static void say_edge(struct explain *x, const struct rule *r, const struct explain_match *m,
		     bool left)
{
	size_t at = left ? m->start - 1 : m->end;
	uint8_t c = x->text[at];

	explain_say(x, "It has the form of ");
	explain_say_type(x, m->type);
	if ((left ? r->left : r->right) == EDGE_ADDRESS && (is_digit(c) || c == '.')) {
		explain_say(x, ", but the number goes on ");
		explain_say(x, left ? "before it" : "behind it");
		explain_say(x, ", as in a version.");
		return;
	}
	explain_say(x, ", but ");
	explain_quote(x, &c, 1, false);
	explain_say(x, left ? " stands directly before it" : " follows directly");
	explain_say(x, ": it is a part of something longer.");
}

/* Found in the body as it is written, but not in any string of it that may be changed. */
static void say_string(struct explain *x, const struct explain_match *m)
{
	bool apart = false;

	for (size_t at = m->start; at < m->value; at++) {
		if (x->text[at] == '\\')
			at++;
		else
			apart |= x->text[at] == '"';
	}
	explain_say(x, apart ? "What says what it is stands in another string of the body: only a "
			       "key and its own "
			       "value are read together."
			     : "It stands where the API wants the text as it is: in a signed "
			       "block, an id or a "
			       "word of its own, or base64. Such places are never changed.");
}

static void try_edges(struct explain *x, const struct explain_anchor *a, size_t at)
{
	const struct rule *r = rule_of(x->catalogue, a->rule);
	size_t start = at;
	struct explain_match m;
	struct explain_item item;
	bool left, right;

	if (r->back) {
		start = walk_back(r->back_chars, x->text, at, &x->walks[a->rule]);
		if (start == NO_START || at - start > r->back)
			return;
	}
	if (!explain_match(x, a->rule, start, SIZE_MAX, &m) ||
	    explain_covered(x, m.value, m.value_end))
		return;
	left = edge_left(r->left, x->text, start);
	right = edge_right(r->right, x->text, x->len, m.end);
	if (left && right && !x->json)
		return;
	/* Within words there are many such: api-0a1b2c3d, a UUID. */
	if (!left && r->left != EDGE_ADDRESS && strlen(a->text) <= SHORT_PREFIX)
		return;
	item = explain_begin(x, m.value, m.value_end, m.type, a->rule);
	if (left && right)
		say_string(x, &m);
	else
		say_edge(x, r, &m, !left);
	explain_end(x, item);
}

/* ---- What announces a value is there, but the value does not fit ---- */

static bool is_value_byte(uint8_t c)
{
	return c > 0x20 && c != 0x7f && !strchr("\"'`,;<>(){}[]|\\", c);
}

static size_t count_digits(const uint8_t *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += is_digit(p[i]);
	return n;
}

static bool all_letters(const uint8_t *p, size_t len)
{
	size_t i = 0;

	while (i < len && is_letter(p[i]))
		i++;
	return i == len;
}

static bool has_example(const uint8_t *p, size_t len)
{
	return memmem(p, len, "EXAMPLE", 7);
}

static bool is_template(const uint8_t *p, size_t len)
{
	static const char *const starts[] = {"$",	"%",	 "var.",  "local.",
					     "module.", "data.", "self.", "aws_"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (len > strlen(starts[i]) && !memcmp(p, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/* Does what stands there look like somebody's value at all? */
static bool looks_meant(const struct explain *x, const struct explain_context *c, size_t start,
			size_t end)
{
	size_t len = end - start, digits = count_digits(x->text + start, len);
	bool set = strchr("=:\"'`", x->text[start - 1]) ||
		   (x->text[start - 1] == ' ' && start > 1 && strchr("=:", x->text[start - 2]));

	switch (types_info(x->types, c->type)->sensitivity) {
	case SENSITIVITY_ID:
		return digits && len >= 8;
	case SENSITIVITY_NETWORK: /* behind :// stands everybody's host */
		return digits && len >= 8 && set;
	case SENSITIVITY_NAME:
		return len >= 3 && set;
	case SENSITIVITY_SECRET:
		return len >= 4 && (set || (digits && len >= 16));
	}
	return false;
}

static void say_unfit(struct explain *x, const struct explain_context *c, size_t at, size_t start,
		      size_t end)
{
	const uint8_t *value = x->text + start;
	size_t len = end - start, before;

	if (has_example(value, len)) {
		explain_say(x, "It has EXAMPLE in it: so AWS's documentation writes values that "
			       "are nobody's.");
		return;
	}
	at = explain_word(x, at);
	explain_quote(x, x->text + at, start - at, true);
	explain_say(x, " before it announces ");
	explain_say_type(x, c->type);
	if (is_template(value, len)) {
		explain_say(x, ", but this is a template or code that stands for a value.");
		return;
	}
	if (types_info(x->types, c->type)->sensitivity == SENSITIVITY_NAME &&
	    all_letters(value, len)) {
		explain_say(x, ", but this is a plain word, which may mean anything.");
		return;
	}
	explain_say(x, ", but this does not have the form of one");
	before = buf_len(&x->words);
	explain_say(x, ": ");
	if (!explain_form(x, c->type, c->rule))
		buf_truncate(&x->words, before);
	explain_say(x, ". It has ");
	explain_say_number(x, len);
	explain_say(x, " characters.");
	if (c->rule < RULE_COUNT && unfits[c->rule]) {
		explain_say(x, " ");
		explain_say(x, unfits[c->rule]);
	}
}

static void try_context(struct explain *x, const struct explain_context *c, size_t at)
{
	size_t start, end;
	struct explain_item item;

	if (pcre2_match(c->code, x->text, x->len, at, 0, x->match, x->limits) <= 0)
		return;
	start = end = pcre2_get_ovector_pointer(x->match)[1];
	while (end < x->len && is_value_byte(x->text[end]))
		end++;
	while (end > start && strchr(".:", x->text[end - 1]))
		end--;
	if (start == at || end == start || explain_covered(x, start, end) ||
	    !looks_meant(x, c, start, end))
		return;
	item = explain_begin(x, start, end, c->type, c->rule);
	say_unfit(x, c, at, start, end);
	explain_end(x, item);
}

static void try_contexts(struct explain *x, const struct explain_anchor *a, size_t at)
{
	const struct explain_context *c = (const struct explain_context *)buf_bytes(&x->contexts);
	struct explain_match m;

	if (!edge_left(rule_of(x->catalogue, a->rule)->left, x->text, at) ||
	    explain_match(x, a->rule, at, SIZE_MAX, &m))
		return;
	for (unsigned i = x->context_first[a->rule]; i < x->context_first[a->rule + 1]; i++)
		try_context(x, &c[i], at);
}

/* ---- It begins as an identifier does ---- */

static void try_prefix(struct explain *x, const struct explain_anchor *a, size_t at)
{
	size_t prefix = strlen(a->text), end = at + prefix, rest, digits, before;
	const struct compiled *rule;
	struct explain_match m;
	enum mask_type type;
	struct explain_item item;

	if (!x->prefixed[a->rule] || prefix < 2 ||
	    !edge_left(rule_of(x->catalogue, a->rule)->left, x->text, at))
		return;
	while (end < x->len && is_alnum(x->text[end]))
		end++;
	rest = end - at - prefix;
	digits = count_digits(x->text + at + prefix, rest);
	if (rest < PREFIX_REST || (!digits && !has_example(x->text + at, end - at)) ||
	    (prefix <= SHORT_PREFIX && digits * 3 < rest) || explain_covered(x, at, end) ||
	    explain_match(x, a->rule, at, SIZE_MAX, &m))
		return;
	rule = rule_ready(x->catalogue, a->rule);
	if (!rule)
		return;
	type = rule->groups[0].type;
	before = buf_len(&x->words);
	if (!explain_form(x, type, a->rule))
		return;
	buf_truncate(&x->words, before);
	item = explain_begin(x, at, end, type, a->rule);
	if (has_example(x->text + at, end - at)) {
		explain_say(x, "It has EXAMPLE in it: so AWS's documentation writes values that "
			       "are nobody's.");
	} else {
		explain_say(x, "It begins with ");
		explain_quote(x, x->text + at, prefix, false);
		explain_say(x, " as ");
		explain_say_type(x, type);
		explain_say(x, " does, but does not go on as one: ");
		explain_form(x, type, a->rule);
		explain_say(x, " would have to follow.");
	}
	explain_end(x, item);
}

/* ---- It only looks like one ---- */

static void try_shapes(struct explain *x, size_t at)
{
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		struct explain_item item;
		size_t end;

		if (pcre2_match(x->shapes[i], x->text, x->len, at, 0, x->match, x->limits) <= 0)
			continue;
		end = pcre2_get_ovector_pointer(x->match)[1];
		if (end == at || explain_covered(x, at, end))
			continue;
		item = explain_begin(x, at, end, shapes[i].type, RULE_NONE);
		explain_say(x, shapes[i].why);
		explain_end(x, item);
	}
}

/* ---- The same value was masked elsewhere ---- */

static bool goes_on(uint8_t c)
{
	return is_alnum(c) || c == '-' || c == '_';
}

static void left_repeated(struct explain *x, const struct mask_place *place, size_t at)
{
	const char *why = known_why_not(place->type, place->value, place->len);
	size_t start = at, end = at + place->len;
	struct explain_item item;

	while (start > 0 && goes_on(x->text[start - 1]))
		start--;
	while (end < x->len && goes_on(x->text[end]))
		end++;
	if (explain_covered(x, start, end) || (why && end - start != place->len))
		return;
	item = explain_begin(x, start, end, place->type, RULE_NONE);
	explain_say(x, "The same value as at ");
	explain_say_place(x, place->start);
	if (why) {
		explain_say(x, ", but nothing beside it says so here, and it is not learned: ");
		explain_say(x, why);
		explain_say(x, ".");
	} else {
		explain_say(x, " stands in it, but it goes on: it is another name.");
	}
	explain_end(x, item);
}

static void left_repeats(struct explain *x)
{
	struct mask_place place;

	for (size_t i = 0; i < REPEATED_MAX && mask_place(x->mask, 0, i, &place); i++) {
		const uint8_t *p = x->text, *hit;

		if (place.rule == RULE_KNOWN || !known_learns_type(place.type) || place.len < 2)
			continue;
		while ((hit = memmem(p, (size_t)(x->text + x->len - p), place.value, place.len))) {
			left_repeated(x, &place, (size_t)(hit - x->text));
			p = hit + place.len;
		}
	}
}

static bool is_enough(const struct explain *x, size_t masked)
{
	return x->full ||
	       buf_len(&x->items) / sizeof(struct explain_item) - masked >= EXPLAIN_LEFT_MAX;
}

void explain_left(struct explain *x)
{
	static void (*const tries[])(struct explain * x, const struct explain_anchor *a,
				     size_t at) = {try_edges, try_contexts, try_prefix};
	const struct explain_anchor *anchors =
		(const struct explain_anchor *)buf_bytes(&x->anchors);
	size_t masked = buf_len(&x->items) / sizeof(struct explain_item);

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		memset(x->walks, 0, sizeof(x->walks));
		for (size_t at = 0; at < x->len && !is_enough(x, masked); at++)
			for (unsigned n = x->anchor_first[x->text[at]]; n; n = anchors[n - 1].next)
				if (explain_anchor_stands(
					    x, anchors[n - 1].text,
					    rule_of(x->catalogue, anchors[n - 1].rule)->fold, at))
					tries[i](x, &anchors[n - 1], at);
	}
	left_repeats(x);
	for (size_t at = 0; at < x->len && !is_enough(x, masked); at++)
		if (edge_left(EDGE_WORD, x->text, at))
			try_shapes(x, at);
}
