/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors.h"

#include <stdio.h>
#include <stdlib.h>

#define RULE_ANCHORS_MAX 64

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What is found out about what may stand around one of a rule's anchors. */
struct around {
	struct byte_set before[GUARD_BEFORE], behind[FOLLOW];
	struct guard_start start;
};

/* What stands around the pair: the anchor's bytes, what may precede and follow, as far as it reaches. */
static void window_fill(struct window *w, const char *anchor, size_t pair_at, bool fold,
			const struct around *around)
{
	size_t len = strlen(anchor);

	for (size_t k = 0; k < WINDOW_WIDTH; k++) {
		size_t at = pair_at + k - WINDOW_BEFORE; /* huge: before the anchor */

		w->at[k] = byte_set_all;
		if (pair_at + k < WINDOW_BEFORE) {
			w->at[k] = around->before[WINDOW_BEFORE - 1 - pair_at - k];
			continue;
		}
		if (at >= len) {
			if (at < len + FOLLOW)
				w->at[k] = around->behind[at - len];
			continue;
		}
		w->at[k] = (struct byte_set){0};
		byte_set_add(&w->at[k], (uint8_t)anchor[at]);
		if (fold)
			byte_set_fold(&w->at[k]);
	}
}

/* The expression looks at what precedes a match, and the edge asks for something; or there is a run before it. */
static void look_before(const struct rule *r, const struct guards *g, unsigned guard,
			struct around *around)
{
	around->before[0] = around->before[1] = byte_set_all;
	if (!r->back)
		guard_before(g, guard, around->start, around->before);
	for (unsigned c = 0; c < 256; c++)
		if (r->back ? !walk_may_end(r->back_chars, (uint8_t)c)
			    : !edge_may_follow(r->left, (uint8_t)c))
			byte_set_remove(&around->before[0], (uint8_t)c);
}

/* Fill in one for each anchor. */
static void look_around(const struct rule *r, struct follow *f, const struct guards *g,
			unsigned guard, struct around *around)
{
	for (size_t i = 0; r->anchors[i]; i++) {
		const char *anchor = r->anchors[i];

		follow_anchor(f, anchor, strlen(anchor), r->fold, r->back > 0);
		follow_sets(f, around[i].behind);
		around[i].start = follow_guard(f);
	}
	follow_fill(f);
	for (size_t i = 0; r->anchors[i]; i++)
		look_before(r, g, guard, &around[i]);
}

/*
 * Where the pair lies that proposes a rule, so that it is proposed least: at the same place in all
 * its anchors, for only then do their starts come in the order of the text.
 */
static size_t choose_pair(const struct rule *r, const struct around *around)
{
	size_t shortest = SIZE_MAX, best = 0;
	double costs[ANCHOR_PAIR_PLACES] = {0};

	for (size_t i = 0; r->anchors[i]; i++) {
		size_t len = strlen(r->anchors[i]);

		shortest = len < shortest ? len : shortest;
		for (size_t at = 0; at < ANCHOR_PAIR_PLACES && at + 2 <= len; at++) {
			struct window w;

			window_fill(&w, r->anchors[i], at, r->fold, &around[i]);
			costs[at] += window_cost(&w);
		}
	}
	for (size_t at = 1; at < ANCHOR_PAIR_PLACES && at + 2 <= shortest; at++)
		if (costs[at] < costs[best])
			best = at;
	return best;
}

/* The bits that all bytes of each place have in common. */
static struct gram_cell cell_of(const struct window *w)
{
	uint8_t mask[WINDOW_WIDTH], want[WINDOW_WIDTH];
	struct gram_cell cell;

	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		unsigned first = byte_set_next(&w->at[k], 0);

		mask[k] = 0xff;
		for (unsigned c = first; c < 256; c = byte_set_next(&w->at[k], c + 1))
			mask[k] &= (uint8_t) ~(c ^ first);
		want[k] = (uint8_t)first & mask[k];
	}
	memcpy(&cell.mask, mask, sizeof(cell.mask));
	memcpy(&cell.want, want, sizeof(cell.want));
	return cell;
}

/* A cell without a node wants what its mask leaves nothing of. */
static void cells_empty(struct gram_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cells[i] = (struct gram_cell){.want = 1};
}

static void cell_join(struct gram_cell *cell, const struct gram_cell *more)
{
	if (!cell->mask && cell->want) {
		*cell = *more;
		return;
	}
	cell->mask &= more->mask & ~(cell->want ^ more->want);
	cell->want &= cell->mask;
}

/* Put the last node under a gram, once. 0, or -1: there are too many links. */
static int link_add(struct anchors *a, uint32_t gram)
{
	struct anchor_link link = {(uint16_t)gram, (uint16_t)(a->count - 1)};

	for (unsigned i = a->link_count; i-- && a->links[i].node == link.node;)
		if (a->links[i].gram == link.gram)
			return 0;
	if (a->link_count == LINKS_MAX - LINKS_SPARE)
		return -1;
	a->links[a->link_count++] = link;
	return 0;
}

/* The bytes of a set, each as gram_fold() makes it. */
static unsigned set_bytes(const struct byte_set *s, uint8_t out[static 256])
{
	struct byte_set folded = {0};
	unsigned n = 0;

	for (unsigned c = byte_set_next(s, 0); c < 256; c = byte_set_next(s, c + 1)) {
		uint8_t byte = (uint8_t)(c | 0x20);

		if (byte_set_has(&folded, byte))
			continue;
		byte_set_add(&folded, byte);
		out[n++] = byte;
	}
	return n;
}

/* Under each three bytes that can stand at the last node's pair; of the pair itself there is one. 0 or -1. */
static int add_grams(struct anchors *a, const struct window *w, const struct gram_cell *cell)
{
	uint8_t bytes[3][256];
	unsigned n[3];
	uint32_t two;
	int rc = 0;

	for (unsigned k = 0; k < 3; k++)
		n[k] = set_bytes(&w->at[WINDOW_BEFORE + k], bytes[k]);
	two = bytes[0][0] | (uint32_t)bytes[1][0] << 8;
	if (n[2] > GRAM_LAST_MAX) {
		cell_join(&a->cells[gram_of_two(two)], cell);
		return link_add(a, gram_of_two(two));
	}
	for (unsigned i = 0; rc == 0 && i < n[2]; i++) {
		uint32_t at = gram_of_three(two | (uint32_t)bytes[2][i] << 16);

		cell_join(&a->cells[at], cell);
		rc = link_add(a, at);
	}
	return rc;
}

/* Make room for ANCHORS_MAX windows. 0, or -1: memory is out. */
static int windows_reserve(struct anchors *a)
{
	if (a->room)
		return 0;
	a->room = calloc(ANCHORS_MAX, sizeof(*a->room));
	if (!a->room)
		return -1;
	if (a->count)
		memcpy(a->room, a->windows, a->count * sizeof(*a->room));
	a->windows = a->room;
	return 0;
}

void anchors_free(struct anchors *a)
{
	guards_free(&a->guards);
	free(a->room);
}

static int add_anchor(struct anchors *a, const struct anchor_node *node, bool fold,
		      const struct around *around)
{
	struct window *w = &a->room[a->count];
	struct anchor_node *last;

	if (a->count == ANCHORS_MAX)
		return -1;
	last = &a->nodes[a->count++];
	*last = *node;
	window_fill(w, node->text, node->pair_at, fold, around);
	last->window = cell_of(w);
	return add_grams(a, w, &last->window);
}

static int check_anchors(const struct rule *r, char *why, size_t why_size)
{
	for (size_t i = 0; r->anchors[i]; i++) {
		size_t len = strlen(r->anchors[i]);

		if (i == RULE_ANCHORS_MAX) {
			snprintf(why, why_size, "rule %s: more than %d anchors", r->id,
				 RULE_ANCHORS_MAX);
			return -1;
		}
		if (len < 2 || len > UINT8_MAX) {
			snprintf(why, why_size, "rule %s: anchor '%s' is not 2 to 255 bytes long",
				 r->id, r->anchors[i]);
			return -1;
		}
		/* else an escape might reach into the anchor, and the walk not see its end */
		if (r->back && (is_letter(r->anchors[i][0]) || is_digit(r->anchors[i][0]))) {
			snprintf(why, why_size,
				 "rule %s: walks back, so anchor '%s' must not begin with a letter "
				 "or digit",
				 r->id, r->anchors[i]);
			return -1;
		}
	}
	return 0;
}

int anchors_add(struct anchors *a, struct follow *f, uint16_t rule, const struct rule *r, char *why,
		size_t why_size)
{
	struct around around[RULE_ANCHORS_MAX];
	struct anchor_node node = {
		.rule = rule, .left = (uint8_t)r->left, .back = r->back > 0, .folds = r->fold};
	int rc = 0;

	if (check_anchors(r, why, why_size) < 0)
		return -1;
	if (guards_reserve(&a->guards) < 0 || windows_reserve(a) < 0) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	if (!a->count) {
		cells_empty(a->cells, GRAMS);
	}
	node.guard = (uint16_t)follow_read(f, r->expression, &a->guards);
	look_around(r, f, &a->guards, node.guard, around);
	node.pair_at = (uint8_t)choose_pair(r, around);
	for (size_t i = 0; rc == 0 && r->anchors[i]; i++) {
		node.text = r->anchors[i];
		node.len = (uint8_t)strlen(node.text);
		node.start = around[i].start;
		rc = add_anchor(a, &node, r->fold, &around[i]);
	}
	if (rc)
		snprintf(why, why_size, "rule %s: more than %d anchors in all", r->id, ANCHORS_MAX);
	return rc;
}

static int link_compare(const void *a, const void *b)
{
	const struct anchor_link *x = a, *y = b;

	return x->gram != y->gram ? (int)x->gram - (int)y->gram : (int)x->node - (int)y->node;
}

void anchors_ready(struct anchors *a)
{
	unsigned link = 0;

	qsort(a->links, a->link_count, sizeof(a->links[0]), link_compare);
	for (unsigned gram = 0; gram <= GRAMS; gram++) {
		while (link < a->link_count && a->links[link].gram < gram)
			link++;
		a->first[gram] = (uint16_t)link;
	}
	if (a->room || !a->count) /* else none was added */
		proposer_add(&a->proposer, a->room, a->proposed, a->count);
	a->proposed = a->count;
}

static bool stands(const struct anchor_node *node, const uint8_t *p)
{
	for (size_t i = 0; i < node->len; i++) {
		uint8_t diff = p[i] ^ (uint8_t)node->text[i];

		if (diff != 0 &&
		    (!node->folds || diff != 0x20 || (uint8_t)((p[i] | 0x20) - 'a') >= 26))
			return false;
	}
	return true;
}

bool anchor_goes_on(const struct anchors *a, const struct anchor_node *node, const uint8_t *text,
		    size_t at, size_t len)
{
	return len - at >= node->len && stands(node, text + at) &&
	       guard_lets(&a->guards, node->guard, node->start, text, at, at + node->len, len);
}
