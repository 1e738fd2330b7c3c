/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#include <string.h>

#define ROUNDS 2
#define SETS_MAX 1024 /* more of them do not change which bytes had better be of one class */

double window_cost(const struct window *w)
{
	double cost = 1;

	for (unsigned k = 0; k < WINDOW_WIDTH; k++)
		cost *= bytes_share(&w->at[k]);
	return cost;
}

/* --- classes of bytes: so many of them that windows tell apart, by what joining them lets through --- */

/* The sets that stand in windows. */
struct sets {
	unsigned n;
	struct byte_set list[SETS_MAX];
	double cost[SETS_MAX]; /* how much more is proposed for a byte more in it, about */
};

/* As the tables have it. */
static struct byte_set to_ascii(const struct byte_set *set)
{
	return (struct byte_set){{set->bits[0] | set->bits[2], set->bits[1] | set->bits[3]}};
}

static void sets_add(struct sets *s, const struct byte_set *set, double cost)
{
	unsigned i = 0;

	while (i < s->n && memcmp(&s->list[i], set, sizeof(*set)))
		i++;
	if (i == SETS_MAX)
		return;
	if (i == s->n) {
		s->list[s->n] = *set;
		s->cost[s->n++] = 0;
	}
	s->cost[i] += cost;
}

static double window_often(const struct text_model *text, const struct window *w)
{
	struct text_shares shares[PROPOSE_CLASS_PLACES];

	for (unsigned k = 0; k < PROPOSE_CLASS_PLACES; k++)
		shares[k] = text_shares(text, &w->at[PROPOSE_CLASS_FIRST + k]);
	return text_often(text, PROPOSE_CLASS_PLACES, shares);
}

static void sets_find(struct sets *s, const struct text_model *text, const struct window *windows,
		      size_t n)
{
	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		double cost = window_often(text, &windows[i]);

		for (unsigned k = 0; k < PROPOSE_CLASS_PLACES; k++) {
			struct byte_set set = to_ascii(&windows[i].at[PROPOSE_CLASS_FIRST + k]);

			sets_add(s, &set, cost / bytes_share(&set));
		}
	}
}

/* A class: in which of the sets one of its bytes is, and how often these stand in a text. */
struct byte_class {
	uint64_t in[SETS_MAX / 64];
	double weight;
};

static void class_init(struct byte_class *c, const struct sets *s, uint8_t byte)
{
	struct byte_set one = {0};

	*c = (struct byte_class){0};
	byte_set_add(&one, byte);
	c->weight = bytes_share(&one);
	for (unsigned i = 0; i < s->n; i++)
		if (byte_set_has(&s->list[i], byte))
			c->in[i / 64] |= 1ull << (i % 64);
}

/* How much more is proposed if the two become one; `most` or more: it does not matter how much. */
static double join_cost(const struct sets *s, const struct byte_class *a,
			const struct byte_class *b, double most)
{
	double cost = 0;

	for (unsigned i = 0; i * 64 < s->n && cost < most; i++) {
		for (uint64_t one = a->in[i] ^ b->in[i]; one; one &= one - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(one);
			bool in_a = a->in[i] >> bit & 1;

			cost += s->cost[i * 64 + bit] * (in_a ? b->weight : a->weight);
		}
	}
	return cost;
}

/* The number of the last class goes to another one. */
static void classes_join(struct byte_class *list, unsigned *n, uint8_t of[static 128], unsigned a,
			 unsigned b)
{
	unsigned last = --*n;

	for (unsigned i = 0; i < SETS_MAX / 64; i++)
		list[a].in[i] |= list[b].in[i];
	list[a].weight += list[b].weight;
	list[b] = list[last];
	for (unsigned c = 0; c < 128; c++)
		of[c] = (uint8_t)(of[c] == b ? a : of[c] == last ? b : of[c]);
}

static void classes_find(uint8_t of[static 128], const struct text_model *text,
			 const struct window *windows, size_t n)
{
	struct byte_class list[128];
	struct sets sets;
	unsigned left = 128;

	sets_find(&sets, text, windows, n);
	for (unsigned c = 0; c < 128; c++) {
		of[c] = (uint8_t)c;
		class_init(&list[c], &sets, (uint8_t)c);
	}
	while (left > PROPOSE_CLASSES) {
		double least = join_cost(&sets, &list[0], &list[1], 1e300);
		unsigned first = 0, second = 1;

		for (unsigned a = 0; a < left; a++) {
			for (unsigned b = a + 1; b < left; b++) {
				double cost = join_cost(&sets, &list[a], &list[b], least);

				if (cost >= least)
					continue;
				least = cost;
				first = a;
				second = b;
			}
		}
		classes_join(list, &left, of, first, second);
	}
}

/* --- groups --- */

/* What windows have at each place, how much that lets through there, and in all. */
struct group {
	unsigned windows;
	struct byte_set at[WINDOW_WIDTH];
	struct text_shares shares[WINDOW_WIDTH];
	double cost;
};

struct groups {
	enum propose_kind kind;
	unsigned n, first, places; /* of each window the places that count */
	const uint8_t *class_of;
	struct text_model text;
	struct group list[PROPOSE_GROUPS_MAX];
};

/* What is of the same class as one of these. */
static struct byte_set through_classes(const uint8_t of[static 128], const struct byte_set *set)
{
	struct byte_set ascii = to_ascii(set), classes = {0}, out = {0};

	for (unsigned c = byte_set_next(&ascii, 0); c < 128; c = byte_set_next(&ascii, c + 1))
		byte_set_add(&classes, of[c]);
	for (unsigned c = 0; c < 128; c++)
		if (byte_set_has(&classes, of[c]))
			byte_set_add(&out, (uint8_t)c);
	return out;
}

/* What has one of the low halves, and one of the high ones. */
static struct byte_set through_halves(const struct byte_set *set)
{
	struct byte_set out = {0};
	uint16_t low = 0;

	for (unsigned high = 0; high < 16; high++)
		low |= (uint16_t)(set->bits[high / 4] >> high % 4 * 16);
	for (unsigned high = 0; high < 16; high++)
		if (set->bits[high / 4] >> high % 4 * 16 & 0xffff)
			out.bits[high / 4] |= (uint64_t)low << high % 4 * 16;
	return out;
}

/* The group with one window more. */
static struct group group_with(const struct groups *groups, const struct group *g,
			       const struct window *w)
{
	struct group with = *g;

	with.windows++;
	for (unsigned k = groups->first; k < groups->first + groups->places; k++) {
		struct byte_set through;

		byte_set_join(&with.at[k], &w->at[k]);
		if (!memcmp(&with.at[k], &g->at[k], sizeof(g->at[k])))
			continue;
		through = groups->kind == PROPOSE_BY_CLASS
				  ? through_classes(groups->class_of, &with.at[k])
				  : through_halves(&with.at[k]);
		with.shares[k] = text_shares(&groups->text, &through);
	}
	with.cost = text_often(&groups->text, groups->places, with.shares + groups->first);
	return with;
}

/* Put the window into the group that it makes dearer least. */
static void group_join(struct groups *g, struct window *w)
{
	struct group best = {0};
	double least = 0;
	unsigned group = g->n;
	bool had_empty = false;

	for (unsigned i = 0; i < g->n; i++) {
		struct group with;
		double more;

		if (!g->list[i].windows && had_empty)
			continue;
		had_empty |= !g->list[i].windows;
		with = group_with(g, &g->list[i], w);
		more = with.cost - g->list[i].cost;
		if (group < g->n && more >= least)
			continue;
		least = more;
		group = i;
		best = with;
	}
	w->group[g->kind] = group;
	g->list[group] = best;
}

/* The group of those windows that say they are in it, but for one. */
static void group_again(struct groups *g, unsigned group, const struct window *windows, size_t n,
			size_t leaver)
{
	struct window all = {0};
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == leaver || windows[i].group[g->kind] != group)
			continue;
		for (unsigned k = 0; k < WINDOW_WIDTH; k++)
			byte_set_join(&all.at[k], &windows[i].at[k]);
		count++;
	}
	g->list[group] = (struct group){0};
	if (count)
		g->list[group] = group_with(g, &g->list[group], &all);
	g->list[group].windows = count;
}

/* Sort the windows into groups; those before `from` stay where they are. */
static void groups_make(struct groups *g, struct window *windows, size_t from, size_t n)
{
	for (unsigned i = 0; i < g->n; i++)
		group_again(g, i, windows, from, n);
	for (size_t i = from; i < n; i++)
		group_join(g, &windows[i]);
	if (from)
		return;
	/* The first ones did not know who else would come. */
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++) {
			group_again(g, windows[i].group[g->kind], windows, n, i);
			group_join(g, &windows[i]);
		}
	}
}

/* --- tables --- */

/* What the windows of one group let through at one place. */
static void table_add(struct proposer *g, enum propose_kind kind, unsigned group, unsigned k,
		      const struct byte_set *set)
{
	uint8_t bit = (uint8_t)(1u << group % 8);

	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1)) {
		if (kind == PROPOSE_BY_CLASS) {
			g->classes.groups[group / 8][k - PROPOSE_CLASS_FIRST]
					 [g->classes.of[c & 127]] |= bit;
		} else {
			g->halves[group / 8].low[k - PROPOSE_HALF_FIRST][c & 15] |= bit;
			g->halves[group / 8].high[k - PROPOSE_HALF_FIRST][c >> 4] |= bit;
		}
	}
}

/* The bytes of a set as gram_is_known() has them; its case does not count. */
static unsigned set_folded(const struct byte_set *s, uint8_t out[static 256])
{
	struct byte_set folded = {0};
	unsigned n = 0;

	for (unsigned c = byte_set_next(s, 0); c < 256; c = byte_set_next(s, c + 1))
		byte_set_add(&folded, (uint8_t)(c | 0x20));
	for (unsigned c = byte_set_next(&folded, 0); c < 256; c = byte_set_next(&folded, c + 1))
		out[n++] = (uint8_t)c;
	return n;
}

/* Each three bytes that can stand at the middle. */
static void grams_add(struct proposer *g, const struct window *w)
{
	uint8_t bytes[3][256];
	unsigned n[3];

	for (unsigned k = 0; k < 3; k++)
		n[k] = set_folded(&w->at[WINDOW_BEFORE + k], bytes[k]);
	for (unsigned i = 0; i < n[0] * n[1] * n[2]; i++) {
		uint32_t three = bytes[0][i % n[0]] | (uint32_t)bytes[1][i / n[0] % n[1]] << 8 |
				 (uint32_t)bytes[2][i / n[0] / n[1]] << 16;
		uint32_t hash = gram_hash(three << 8, GRAM_BITS);

		g->grams[hash / 64] |= 1ull << (hash % 64);
	}
}

/* Sort the windows into groups of one kind, and make its tables. */
static void add_kind(struct proposer *g, struct groups *groups, struct window *windows, size_t from,
		     size_t n)
{
	groups_make(groups, windows, from, n);
	for (unsigned i = 0; i < groups->n; i++)
		for (unsigned k = groups->first; k < groups->first + groups->places; k++)
			table_add(g, groups->kind, i, k, &groups->list[i].at[k]);
}

void proposer_add(struct proposer *g, struct window *windows, size_t from, size_t n)
{
	struct groups groups = {.class_of = g->classes.of};

	text_init(&groups.text);
	if (!from) {
		*g = (struct proposer){0};
		classes_find(g->classes.of, &groups.text, windows, n);
	}
	groups.kind = PROPOSE_BY_CLASS;
	groups.n = 8 * PROPOSE_CLASS_TABLES;
	groups.first = PROPOSE_CLASS_FIRST;
	groups.places = PROPOSE_CLASS_PLACES;
	add_kind(g, &groups, windows, from, n);
	groups.kind = PROPOSE_BY_HALVES;
	groups.n = 8 * PROPOSE_HALF_TABLES;
	groups.first = PROPOSE_HALF_FIRST;
	groups.places = PROPOSE_HALF_PLACES;
	add_kind(g, &groups, windows, from, n);
	for (size_t i = from; i < n; i++)
		grams_add(g, &windows[i]);
	proposer_use_best(g);
}
