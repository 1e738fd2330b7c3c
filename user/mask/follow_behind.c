/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_parse.h"

#include <string.h>

#define BEHIND_LEN_MAX 24

/* One way from the start to the end of it. */
struct path {
	uint16_t end;
	size_t len;
	struct byte_set bytes[BEHIND_LEN_MAX];
};

static bool path_add(struct behinds *b, const struct path *p)
{
	if (!p->len || p->len > BEHIND_PLACES_MAX - b->places)
		return false;
	byte_set_add(&b->starts, (uint8_t)b->places);
	for (size_t i = 0; i < p->len; i++)
		b->bytes[b->places++] = p->bytes[i];
	byte_set_add(&b->ends[b->count], (uint8_t)(b->places - 1));
	return true;
}

/* Add each way that leads from `node` to the end. False: there are too many, or too long ones. */
static bool walk(struct graph *f, uint16_t node, struct path *p)
{
	const struct node *now = &f->nodes[node];

	if (node == p->end)
		return path_add(&f->behinds, p);
	if (node < NODE_FIRST || now->look != NO_NODE || now->behind)
		return false;
	if (now->is_byte) {
		bool all;

		if (p->len == BEHIND_LEN_MAX)
			return false;
		p->bytes[p->len++] = f->sets[now->set];
		all = walk(f, now->out[0], p);
		p->len--;
		return all;
	}
	for (unsigned i = 0; i < 2; i++)
		if (now->out[i] != NO_NODE && !walk(f, now->out[i], p))
			return false;
	return true;
}

uint8_t behind_add(struct graph *f, const char *text, size_t len, bool fold, uint16_t start,
		   uint16_t end)
{
	struct behinds *b = &f->behinds;
	struct byte_set starts = b->starts;
	unsigned places = b->places;
	struct path p = {.end = end};

	for (unsigned i = 0; i < b->count; i++)
		if (b->len[i] == len && b->fold[i] == fold && !memcmp(b->text[i], text, len))
			return (uint8_t)(i + 1);
	if (b->count == BEHINDS_MAX)
		return 0;
	b->ends[b->count] = (struct byte_set){0};
	if (!walk(f, start, &p)) {
		b->starts = starts;
		b->places = places;
		return 0;
	}
	b->text[b->count] = text;
	b->len[b->count] = len;
	b->fold[b->count] = fold;
	return (uint8_t)++b->count;
}

struct byte_set behind_any(const struct behinds *b)
{
	struct byte_set all = {0};

	for (unsigned i = 0; i < b->places; i++)
		byte_set_add(&all, (uint8_t)i);
	return all;
}

void behind_step(const struct behinds *b, struct byte_set *at, const struct byte_set *set)
{
	struct byte_set on = {0}, reads = {0};

	if (!b->places)
		return;
	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1))
		byte_set_join(&reads, &b->by_class[c]);
	for (unsigned w = 0; w < 4; w++) {
		on.bits[w] = at->bits[w] << 1 | (w ? at->bits[w - 1] >> 63 : 0);
		on.bits[w] |= b->starts.bits[w];
	}
	*at = byte_set_meet(&on, &reads);
}

uint32_t behind_holds(const struct behinds *b, const struct byte_set *at)
{
	uint32_t holds = 0;

	for (unsigned i = 0; i < b->count; i++) {
		if (byte_sets_meet(&b->ends[i], at))
			holds |= 1u << i;
	}
	return holds;
}
