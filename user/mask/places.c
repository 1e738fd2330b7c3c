/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#define COPIED 4 /* nodes that are copied at once */
/* So far from the text's ends all that an anchor is held against lies within it. */
#define MARGIN_BEFORE 16
#define MARGIN_BEHIND (UINT8_MAX + 1 + GUARD_QUICK_BYTES)

_Static_assert(MARGIN_BEFORE >= ANCHOR_PAIR_PLACES + WINDOW_BEFORE - 1,
	       "an anchor's start is in it");

void places_begin(struct places *p, const struct anchors *a, const uint8_t *text, size_t len)
{
	p->anchors = a;
	p->text = text;
	p->len = len;
	p->from = p->cursor = 0;
	p->gram = p->gram_count = 0;
}

/* The window around a pair; beyond the text's ends there are zeroes. */
static inline uint64_t window_at(const struct places *p, size_t at, bool inner)
{
	uint8_t bytes[WINDOW_WIDTH] = {0};
	uint64_t w;

	if (inner || (at >= WINDOW_BEFORE && p->len - at >= WINDOW_WIDTH - WINDOW_BEFORE)) {
		memcpy(&w, p->text + at - WINDOW_BEFORE, sizeof(w));
		return w;
	}
	for (size_t k = 0; k < WINDOW_WIDTH; k++)
		if (at + k >= WINDOW_BEFORE && at + k - WINDOW_BEFORE < p->len)
			bytes[k] = p->text[at + k - WINDOW_BEFORE];
	memcpy(&w, bytes, sizeof(w));
	return w;
}

static inline uint32_t middle_of(uint64_t window)
{
	return (uint32_t)(window >> 8 * WINDOW_BEFORE);
}

/* Is nothing of text[from..cursor) near an end of the text? */
static bool is_inner(const struct places *p)
{
	return p->from >= MARGIN_BEFORE && p->cursor + MARGIN_BEHIND <= p->len;
}

/* As the proposer's picker, where a text ends. */
static size_t pick_at_edge(struct places *p, const uint64_t *bits, size_t blocks)
{
	size_t n = 0;

	for (size_t i = 0; i < blocks; i++) {
		for (uint64_t left = bits[i]; left; left &= left - 1) {
			uint32_t at = (uint32_t)(i * PROPOSE_BLOCK + (size_t)__builtin_ctzll(left));

			p->proposed[n] = at;
			n += gram_is_known(&p->anchors->proposer,
					   middle_of(window_at(p, p->from + at, false)));
		}
	}
	return n;
}

/* The grams of the places that are proposed. */
static inline size_t find_grams(struct places *p, size_t count, bool inner)
{
	const struct anchors *a = p->anchors;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t at = p->proposed[i];
		uint64_t window = window_at(p, p->from + at, inner);
		uint32_t three = gram_of_three(middle_of(window));
		uint32_t two = gram_of_two(middle_of(window));

		p->grams[n] = (struct gram_place){at, three};
		n += gram_may_stand(&a->cells[three], window);
		p->grams[n] = (struct gram_place){at, two};
		n += gram_may_stand(&a->cells[two], window);
	}
	return n;
}

/* Go on to the next blocks. */
static void next_grams(struct places *p)
{
	const struct proposer *g = &p->anchors->proposer;
	uint64_t bits[PLACES_BLOCKS];
	size_t blocks = propose(g, p->text, p->len, p->cursor, PLACES_BLOCKS, bits);

	p->from = p->cursor;
	p->cursor += blocks * PROPOSE_BLOCK;
	p->gram = 0;
	if (is_inner(p))
		p->gram_count = find_grams(
			p, g->pick(g, p->text + p->from, bits, blocks, p->proposed), true);
	else
		p->gram_count = find_grams(p, pick_at_edge(p, bits, blocks), false);
}

/* The nodes of as many grams as there is room for. */
static size_t list_nodes(struct places *p)
{
	const struct anchors *a = p->anchors;
	size_t n = 0;

	for (; p->gram < p->gram_count; p->gram++) {
		const struct gram_place *g = &p->grams[p->gram];
		size_t first = a->first[g->gram], count = a->first[g->gram + 1] - first, k = 0;

		if (n + count + COPIED > PLACES_ROOM)
			break;
		do {
			for (size_t end = k + COPIED; k < end; k++)
				p->list[n + k] = (struct place){g->at, a->links[first + k].node};
		} while (k < count);
		n += count;
	}
	return n;
}

/* Those in whose window the text may stand. */
static inline size_t keep_windows(struct places *p, size_t n, bool inner)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct place place = p->list[i];
		uint64_t window = window_at(p, p->from + place.at, inner);

		p->list[kept] = place;
		kept += gram_may_stand(&p->anchors->nodes[place.node].window, window);
	}
	return kept;
}

/* Those that may go on behind their anchor, as far as the first steps say. */
static size_t keep_followed(struct places *p, size_t n)
{
	const struct anchors *a = p->anchors;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct place place = p->list[i];
		const struct anchor_node *node = &a->nodes[place.node];
		const uint8_t *at = p->text + p->from + place.at - node->pair_at;

		p->list[kept] = place;
		kept += guard_lets_quickly(&a->guards, node->guard, node->start, at,
					   at + node->len);
	}
	return kept;
}

size_t places_next(struct places *p)
{
	size_t n;

	do {
		while (p->gram == p->gram_count) {
			if (p->cursor + 1 >= p->len)
				return 0;
			next_grams(p);
		}
		n = list_nodes(p);
		if (is_inner(p))
			n = keep_followed(p, keep_windows(p, n, true));
		else
			n = keep_windows(p, n, false);
	} while (!n);
	return n;
}
