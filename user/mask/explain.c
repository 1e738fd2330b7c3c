/* SPDX-License-Identifier: Apache-2.0 */
#include "explain_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define WORK_LIMIT 1000000 /* of a match, as in detect.c */
#define QUOTE_MAX 72

/* A vault that gives every value a number as it is asked for it, and forgets it. */
struct counter {
	struct vault_scope scope; /* first */
	uint32_t last[TYPE_MAX];
};

static int counter_number(struct vault_scope *s, enum mask_type type, const uint8_t *value,
			  size_t len, uint32_t *number)
{
	(void)value;
	(void)len;
	*number = ++((struct counter *)s)->last[type];
	return 1;
}

static const struct known *counter_known(struct vault_scope *s)
{
	(void)s;
	return NULL;
}

static const struct vault_ops counter_ops = {.number = counter_number, .known = counter_known};

static size_t explain_bufs(struct explain *x, struct buf *bufs[static 6])
{
	struct buf *all[] = {&x->contexts, &x->anchors, &x->items,
			     &x->words,	   &x->scratch, &x->covered};

	memcpy(bufs, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

struct explain *explain_new(const struct catalogue *c, size_t max_memory)
{
	struct explain *x = calloc(1, sizeof(*x));
	struct buf *bufs[6];

	if (!x)
		return NULL;
	for (size_t i = 0, n = explain_bufs(x, bufs); i < n; i++)
		buf_init(bufs[i], max_memory);
	x->catalogue = c;
	x->types = catalogue_types(c);
	x->mask = mask_new(c, max_memory);
	x->all = mask_new(c, max_memory);
	x->match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	x->limits = pcre2_match_context_create(NULL);
	if (!x->mask || !x->all || !x->match || !x->limits || explain_left_init(x)) {
		explain_free(x);
		return NULL;
	}
	pcre2_set_match_limit(x->limits, WORK_LIMIT);
	return x;
}

void explain_free(struct explain *x)
{
	struct buf *bufs[6];

	if (!x)
		return;
	explain_left_free(x);
	pcre2_match_data_free(x->match);
	pcre2_match_context_free(x->limits);
	mask_free(x->mask);
	mask_free(x->all);
	for (size_t i = 0, n = explain_bufs(x, bufs); i < n; i++)
		buf_free(bufs[i]);
	free(x);
}

static int item_compare(const void *a, const void *b)
{
	const struct explain_item *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void explain_places(struct explain *x)
{
	struct mask_place place;

	for (size_t i = 0; mask_place(x->mask, 0, i, &place) && !x->full; i++) {
		struct explain_item item =
			explain_begin(x, place.start, place.end, place.type, place.rule);

		item.action = policy_action(x->policy, place.type, place.value, place.len);
		item.number = item.action == ACTION_MASK ? place.number : 0;
		explain_why(x, &place);
		explain_end(x, item);
	}
}

static enum mask_error scan(const struct explain *x, struct mask *m, const struct mask_policy *p)
{
	struct counter counter = {.scope = {.ops = &counter_ops}};
	enum mask_error e;

	mask_reset(m);
	mask_follow(m, p);
	mask_know(m, &counter.scope);
	e = x->json ? mask_scan_json(m, 0, x->text, x->len, SCHEMA_MESSAGES)
		    : mask_scan_text(m, 0, x->text, x->len);
	if (e == MASK_OK)
		e = mask_learn(m);
	if (e == MASK_OK)
		mask_resolve(m, &counter.scope);
	return e;
}

static enum mask_error scan_all(struct explain *x)
{
	/* ACTION_MASK throughout */
	x->everything = (struct mask_policy){.keep_examples = false};
	memcpy(x->everything.literals, x->policy->literals, sizeof(x->everything.literals));
	return scan(x, x->all, &x->everything);
}

static enum mask_error begin(struct explain *x)
{
	enum mask_error e =
		x->len > EXPLAIN_TEXT_MAX ? MASK_TOO_LARGE : scan(x, x->mask, x->policy);
	uint8_t *room;

	buf_clear(&x->items);
	buf_clear(&x->words);
	buf_clear(&x->covered);
	x->full = false;
	if (e == MASK_OK)
		e = scan_all(x);
	if (e != MASK_OK)
		return e;
	room = buf_reserve(&x->covered, x->len + 1);
	if (!room)
		return MASK_TOO_LARGE;
	memset(room, 0, x->len + 1);
	buf_grew(&x->covered, x->len);
	return MASK_OK;
}

enum mask_error explain_scan(struct explain *x, const struct mask_policy *p, const uint8_t *text,
			     size_t len, bool json)
{
	struct explain_item *items;
	enum mask_error e;
	size_t n;

	x->policy = p;
	x->text = text;
	x->len = len;
	x->json = json;
	e = begin(x);
	if (e != MASK_OK)
		return e;
	explain_places(x);
	explain_allowed(x);
	explain_left(x);
	items = (struct explain_item *)buf_bytes(&x->items);
	n = buf_len(&x->items) / sizeof(*items);
	if (n)
		qsort(items, n, sizeof(*items), item_compare);
	return x->full ? MASK_TOO_LARGE : MASK_OK;
}

const struct explain_item *explain_items(const struct explain *x, size_t *n)
{
	*n = buf_len(&x->items) / sizeof(struct explain_item);
	return (const struct explain_item *)buf_bytes(&x->items);
}

const char *explain_words(const struct explain *x, const struct explain_item *item)
{
	return (const char *)buf_bytes(&x->words) + item->why;
}

int explain_masked(const struct explain *x, struct buf *out)
{
	return mask_splice(x->mask, 0, x->text, x->len, out);
}

bool explain_covered(const struct explain *x, size_t start, size_t end)
{
	const uint8_t *covered = buf_bytes(&x->covered);

	while (start < end && !covered[start])
		start++;
	return start < end;
}

struct explain_item explain_begin(struct explain *x, size_t start, size_t end, enum mask_type type,
				  unsigned rule)
{
	return (struct explain_item){.start = start,
				     .end = end,
				     .type = type,
				     .rule = (uint16_t)rule,
				     .action = ACTION_COUNT,
				     .why = buf_len(&x->words)};
}

void explain_end(struct explain *x, struct explain_item item)
{
	uint8_t *covered = (uint8_t *)buf_bytes(&x->covered);
	size_t size = buf_len(&x->covered);

	item.why_len = buf_len(&x->words) - item.why;
	if (buf_append(&x->words, "", 1) || buf_append(&x->items, &item, sizeof(item)))
		x->full = true;
	for (size_t at = item.start; at < item.end && at < size; at++)
		covered[at] = 1;
}

void explain_say(struct explain *x, const char *words)
{
	if (buf_puts(&x->words, words))
		x->full = true;
}

void explain_quote(struct explain *x, const uint8_t *p, size_t len, bool tail)
{
	static const char hex[] = "0123456789abcdef";
	size_t cut = len > QUOTE_MAX ? len - QUOTE_MAX : 0;

	explain_say(x, cut && tail ? "`..." : "`");
	p += tail ? cut : 0;
	for (size_t i = 0; i < len - cut; i++) {
		char spelled[] = {'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15], 0};
		char plain[] = {(char)p[i], 0};

		if (p[i] == '\n')
			explain_say(x, "\\n");
		else if (p[i] == '\t')
			explain_say(x, "\\t");
		else
			explain_say(x, p[i] < 0x20 || p[i] >= 0x7f ? spelled : plain);
	}
	explain_say(x, cut && !tail ? "...`" : "`");
}

void explain_say_number(struct explain *x, size_t n)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%zu", n);
	explain_say(x, digits);
}

void explain_place(const uint8_t *text, size_t at, size_t *line, size_t *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

void explain_say_place(struct explain *x, size_t at)
{
	size_t line, column;

	explain_place(x->text, at, &line, &column);
	explain_say(x, "line ");
	explain_say_number(x, line);
	explain_say(x, ", column ");
	explain_say_number(x, column);
}

/* "an" before the name of a letter that begins with a vowel, unless the initials are said as a word. */
static bool takes_an(const char *words)
{
	size_t capitals = strspn(words, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

	if (capitals > 1)
		return strchr("AEFHILMNORSX", *words) && strncmp(words, "NAT", 3) != 0;
	return strchr("aeioAEIO", *words);
}

void explain_say_type(struct explain *x, enum mask_type type)
{
	const char *words = types_info(x->types, type)->description;

	if (type >= TYPE_COUNT) {
		explain_say(x, "your type ");
		explain_say(x, types_info(x->types, type)->label);
		return;
	}
	explain_say(x, takes_an(words) ? "an " : "a ");
	/* what stands in parentheses would be one remark too many in a sentence */
	for (const char *paren = strstr(words, " ("); *words && words != paren; words++) {
		char letter[] = {*words, 0};

		explain_say(x, letter);
	}
}
