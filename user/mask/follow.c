/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_parse.h"

#include <stdlib.h>

/* Where in the graph the next byte is read. */
struct places {
	uint64_t bits[NODES_MAX / 64];
	bool any; /* or anywhere: beyond the match, or where the graph has a hole */
};

struct follow *follow_new(const char *expression)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (f && follow_parse(f, expression) < 0)
		f->start = NODE_ANY;
	return f;
}

void follow_free(struct follow *f)
{
	free(f);
}

/* Add a node, or the bytes that come after an empty one. */
static void places_add(const struct follow *f, struct places *seen, struct places *p, uint16_t node)
{
	uint16_t stack[NODES_MAX * 2 + 1];
	size_t n = 0;

	stack[n++] = node;
	while (n) {
		uint16_t at = stack[--n];
		const struct node *now = &f->nodes[at];

		if (at == NODE_ANY || at == NODE_MATCH)
			p->any = true;
		if (seen->bits[at / 64] >> (at % 64) & 1)
			continue;
		seen->bits[at / 64] |= 1ull << (at % 64);
		if (now->is_byte) {
			p->bits[at / 64] |= 1ull << (at % 64);
			continue;
		}
		for (unsigned i = 0; i < 2; i++)
			if (now->out[i] != NO_NODE)
				stack[n++] = now->out[i];
	}
}

/* The first of the places from `at` on, or f->count. */
static unsigned next_place(const struct follow *f, const struct places *p, unsigned at)
{
	while (at < f->count) {
		uint64_t rest = p->bits[at / 64] >> (at % 64);

		if (rest)
			return at + (unsigned)__builtin_ctzll(rest);
		at = (at | 63) + 1;
	}
	return f->count;
}

/* Step over one byte of the set. */
static void places_step(const struct follow *f, struct places *p, const struct byte_set *set)
{
	struct places next = {.any = p->any}, seen = {0};

	for (unsigned at = next_place(f, p, 0); at < f->count; at = next_place(f, p, at + 1)) {
		const struct node *n = &f->nodes[at];
		bool meets = false;

		for (unsigned i = 0; i < 4; i++)
			meets |= (n->set.bits[i] & set->bits[i]) != 0;
		if (meets)
			places_add(f, &seen, &next, n->out[0]);
	}
	*p = next;
}

static void places_begin(const struct follow *f, bool within, struct places *p)
{
	struct places seen = {0};

	*p = (struct places){0};
	if (!within || f->start == NODE_ANY) {
		places_add(f, &seen, p, f->start);
		return;
	}
	p->any = f->cut;
	for (uint16_t at = NODE_FIRST; at < f->count; at++)
		if (f->nodes[at].is_byte)
			p->bits[at / 64] |= 1ull << (at % 64);
}

/* All bytes that the places read. */
static struct byte_set places_bytes(const struct follow *f, const struct places *p)
{
	struct byte_set set = {0};

	if (p->any)
		return byte_set_all;
	for (unsigned at = next_place(f, p, 0); at < f->count; at = next_place(f, p, at + 1))
		byte_set_join(&set, &f->nodes[at].set);
	return set;
}

static bool set_empty(const struct byte_set *s)
{
	return !(s->bits[0] | s->bits[1] | s->bits[2] | s->bits[3]);
}

void follow_after(const struct follow *f, const char *anchor, size_t len, bool fold, bool within,
		  struct byte_set out[static FOLLOW])
{
	struct places p;

	places_begin(f, within, &p);
	for (size_t i = 0; i < len; i++) {
		struct byte_set set = {0};

		byte_set_add(&set, (uint8_t)anchor[i]);
		if (fold)
			byte_set_fold(&set);
		places_step(f, &p, &set);
	}
	for (size_t i = 0; i < FOLLOW; i++) {
		out[i] = places_bytes(f, &p);
		/* An anchor that is not in the expression, or what is left of it is an assertion. */
		if (set_empty(&out[i])) {
			p.any = true;
			out[i] = byte_set_all;
		}
		places_step(f, &p, &byte_set_all);
	}
}
