/* SPDX-License-Identifier: Apache-2.0 */
/* Why what was masked was taken for what it is. */
#include "explain_parts.h"
#include "explain_path.h"

#define LOOK_BACK 4096	    /* how far before a value its match may begin */
#define ESCAPE_MAX 24	    /* no escape is longer, that is worth showing */
#define WORD_MAX 32	    /* so much more of a word is shown, of which an anchor is the end */
#define KNOWN_FROM_MAX 4096 /* among so many places the first of a known value is looked for */

#define NOTE(rule, why) [RULE_##rule] = why,
static const char *const notes[RULE_COUNT] = {
#include "explain.def"
};
#undef NOTE

#define FORM(type, form) [TYPE_##type] = form,
static const char *const forms[TYPE_COUNT] = {
#include "explain.def"
};
#undef FORM

bool explain_anchor_stands(const struct explain *x, const char *anchor, bool fold, size_t at)
{
	const uint8_t *p = x->text + at;
	size_t len = strlen(anchor);

	if (len > x->len - at)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t diff = p[i] ^ (uint8_t)anchor[i];

		if (diff && (!fold || diff != 0x20 || (uint8_t)((p[i] | 0x20) - 'a') >= 26))
			return false;
	}
	return true;
}

bool explain_match(struct explain *x, unsigned rule, size_t start, size_t at,
		   struct explain_match *m)
{
	const struct compiled *c = rule_ready(x->catalogue, rule);
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(x->match);
	bool found = false;
	int rc = c ? pcre2_match(c->code, x->text, x->len, start, 0, x->match, x->limits) : 0;

	if (rc <= 0 || o[1] <= start)
		return false;
	for (unsigned i = 0; i < c->group_count && !found; i++) {
		uint32_t g = 2 * c->groups[i].number;

		if (c->groups[i].number >= (uint32_t)rc || o[g] == PCRE2_UNSET ||
		    o[g] == o[g + 1] || (at != SIZE_MAX && (at < o[g] || at >= o[g + 1])))
			continue;
		*m = (struct explain_match){.start = start,
					    .end = o[1],
					    .value = o[g],
					    .value_end = o[g + 1],
					    .type = c->groups[i].type};
		found = true;
	}
	return found;
}

static bool anchor_at(const struct explain *x, const struct rule *r, size_t at)
{
	for (size_t i = 0; r->anchors[i]; i++)
		if (explain_anchor_stands(x, r->anchors[i], r->fold, at))
			return true;
	return false;
}

/* The match of the rule that caught what stands at `at`, once more. */
static bool match_again(struct explain *x, unsigned rule, size_t at, enum mask_type type,
			struct explain_match *m)
{
	const struct rule *r = rule_of(x->catalogue, rule);

	for (size_t back = 0; back <= LOOK_BACK && back <= at; back++) {
		size_t start = at - back;
		bool begins = r->back ? walk_starts(r->back_chars, x->text, x->len, start)
				      : anchor_at(x, r, start);

		if (begins && edge_left(r->left, x->text, start) &&
		    explain_match(x, rule, start, at, m) && m->type == type)
			return true;
	}
	return false;
}

bool explain_form(struct explain *x, enum mask_type type, unsigned rule)
{
	struct path_walk w = {0};
	struct path_group g;
	size_t before = buf_len(&x->words);
	int rc;

	if (type < TYPE_COUNT && forms[type]) {
		explain_say(x, forms[type]);
		return true;
	}
	if (rule >= RULE_COUNT || type >= TYPE_COUNT)
		return false;
	w.expression = rule_table[rule].expression;
	while ((rc = path_next(&w, &g, &x->scratch)) == 1) {
		if (strncmp(g.name, type_table[type].label, g.name_len) != 0 ||
		    type_table[type].label_len != g.name_len)
			continue;
		if (path_form(g.content, rule_table[rule].back ? "" : rule_table[rule].anchors[0],
			      &x->words))
			rc = -1;
		break;
	}
	x->full |= rc < 0;
	return buf_len(&x->words) > before;
}

/* "It begins with `vol-`, and 8 or 17 hexadecimal digits follow." */
static void say_prefix(struct explain *x, unsigned rule, const struct explain_match *m)
{
	const struct rule *r = rule_of(x->catalogue, rule);
	size_t before, i = 0;

	while (r->anchors[i] && !explain_anchor_stands(x, r->anchors[i], r->fold, m->start))
		i++;
	if (r->back || !r->anchors[i]) {
		explain_say(x, "It has the form of ");
		explain_say_type(x, m->type);
		explain_say(x, ".");
		return;
	}
	explain_say(x, "It begins with ");
	explain_quote(x, x->text + m->start, strlen(r->anchors[i]), false);
	before = buf_len(&x->words);
	explain_say(x, ", and ");
	if ((m->type < TYPE_COUNT && forms[m->type]) || r->anchors[1] ||
	    !explain_form(x, m->type, rule)) {
		buf_truncate(&x->words, before);
		explain_say(x, " and has the form of ");
		explain_say_type(x, m->type);
		explain_say(x, ".");
		return;
	}
	/* "a UUID", or "17 digits" */
	explain_say(x, buf_bytes(&x->words)[before + 6] == 'a' ? " follows." : " follow.");
}

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26;
}

size_t explain_word(const struct explain *x, size_t at)
{
	size_t from = at;

	while (from && at - from < WORD_MAX && is_alnum(x->text[from - 1]) &&
	       !escape_ends(x->text, from))
		from--;
	return from;
}

static bool is_arn(const struct explain *x, const struct explain_match *m)
{
	return m->end - m->start > 3 && memcmp(x->text + m->start, "arn", 3) == 0;
}

static void say_context(struct explain *x, unsigned rule, const struct explain_match *m)
{
	const uint8_t *p = x->text;

	if (is_arn(x, m)) {
		explain_say(x, "It stands in the ARN ");
		explain_quote(x, p + m->start, m->end - m->start, false);
		explain_say(x, m->type == TYPE_AWS_ACCOUNT
				       ? ", where the account id stands."
				       : ", where the name of a resource stands.");
	} else if (rule_of(x->catalogue, rule)->back_chars == CHARS_HOST) {
		explain_say(x, "It is a part of the host name ");
		explain_quote(x, p + m->start, m->end - m->start, false);
		explain_say(x, ", which belongs to one customer.");
	} else if (m->value > m->start) {
		size_t from = explain_word(x, m->start);

		explain_quote(x, p + from, m->value - from, true);
		explain_say(x, " before it says that it is ");
		explain_say_type(x, m->type);
		explain_say(x, ".");
	} else if (m->value_end < m->end) {
		explain_quote(x, p + m->value_end, m->end - m->value_end, false);
		explain_say(x, " behind it says that it is ");
		explain_say_type(x, m->type);
		explain_say(x, ".");
	} else {
		say_prefix(x, rule, m);
	}
}

/* Where the same value was found by a rule. */
static void say_known(struct explain *x, const struct mask_place *place)
{
	struct mask_place other;

	for (size_t i = 0; i < POLICY_LITERALS; i++) {
		const struct known *list = x->policy->literals[i];

		if (!list || !known_has(list, place->type, place->value, place->len))
			continue;
		explain_say(x, "It stands in the list that the configuration gives for ");
		explain_say(x, types_info(x->types, place->type)->label);
		explain_say(x, ".");
		return;
	}
	for (size_t i = 0; i < KNOWN_FROM_MAX && mask_place(x->mask, 0, i, &other); i++) {
		if (other.rule == RULE_KNOWN || other.len != place->len ||
		    memcmp(other.value, place->value, place->len) != 0)
			continue;
		explain_say(x, "It is the same value as at ");
		explain_say_place(x, other.start);
		explain_say(x, ": found there, it is masked wherever it stands as a whole word.");
		return;
	}
	explain_say(x, "It is known: once found, a value is masked wherever it stands as a whole "
		       "word.");
}

/* In `\ni-0abc` the letter before the identifier is not a part of its word. */
static void say_escape(struct explain *x, size_t at)
{
	const uint8_t *p = x->text;
	size_t from = at;

	if (!at || !is_alnum(p[at - 1]) || !escape_ends(p, at))
		return;
	while (from > 0 && at - from < ESCAPE_MAX && !strchr("\\%$\x1b", p[from - 1]))
		from--;
	if (!from || at - from == ESCAPE_MAX)
		return;
	while (from > 0 && at - from < ESCAPE_MAX && strchr("\\%$\x1b", p[from - 1]) && p[from - 1])
		from--;
	explain_say(x, " What stands directly before it, ");
	explain_quote(x, p + from, at - from, false);
	explain_say(x, ", is an escape and not a part of it.");
}

/* Names that are not learned are found only where something says what they are. */
static void say_not_learned(struct explain *x, const struct mask_place *place)
{
	const char *why = known_why_not(place->type, place->value, place->len);

	if (!why)
		return;
	explain_say(x, " Elsewhere it would not be masked: ");
	explain_say(x, why);
	explain_say(x, ".");
}

void explain_why(struct explain *x, const struct mask_place *place)
{
	struct explain_match m;

	if (place->rule == RULE_LITERAL) {
		explain_say(
			x,
			"It looks like a placeholder already. It gets one of its own, so that it "
			"comes back as it was.");
		return;
	}
	if (place->rule == RULE_KNOWN) {
		say_known(x, place);
		return;
	}
	if (place->rule >= RULE_COUNT) {
		explain_say(x, "The expression that the configuration gives for ");
		explain_say(x, types_info(x->types, place->type)->label);
		explain_say(x, " matches it.");
	} else if (notes[place->rule]) {
		explain_say(x, notes[place->rule]);
	} else if (match_again(x, place->rule, place->start, place->type, &m)) {
		say_context(x, place->rule, &m);
	} else {
		explain_say(x, "What stands beside it, or its form, says that it is ");
		explain_say_type(x, place->type);
		explain_say(x, ".");
	}
	say_escape(x, place->start);
	if (known_learns_type(place->type))
		say_not_learned(x, place);
}
