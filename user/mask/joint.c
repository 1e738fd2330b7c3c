/* SPDX-License-Identifier: Apache-2.0 */
#include "joint_states.h"

#include <stdlib.h>

/* Where it would come less often than this behind an anchor, it goes on with each anchor's own guard. */
#define WORTH 0.006
#define STATES_MAX 100000

static bool joint_is_worth(const struct joint_maker *m, const struct joint_state *s)
{
	return s->behind != SETTLED && s->weight >= WORTH && m->states.n < STATES_MAX &&
	       m->maps.n < JOINT_MAPS_MAX && s->behind < JOINT_BEHIND && s->before < JOINT_BEFORE;
}

/* The number of the map that sorts bytes into these groups. */
static uint32_t map_number(struct joint_maker *m)
{
	uint8_t map[256], *mine;
	size_t i;

	for (unsigned k = 0; k < m->groups; k++)
		for (unsigned c = byte_set_next(&m->bytes[k], 0); c < 256;
		     c = byte_set_next(&m->bytes[k], c + 1))
			map[c] = (uint8_t)k;
	for (i = 0; i < m->maps.n; i++)
		if (!memcmp((uint8_t *)m->maps.data + i * sizeof(map), map, sizeof(map)))
			return (uint32_t)i;
	mine = joint_add(m, &m->maps, 1);
	if (mine)
		memcpy(mine, map, sizeof(map));
	return (uint32_t)i;
}

/* Go over bytes of which the check tells all. Returns which one is read next; its groups are found. */
static int skip(struct joint_maker *m, struct joint_state *from)
{
	for (;;) {
		int at = joint_reads_at(m, from);
		struct joint_state *only;

		if (!joint_is_worth(m, from)) {
			m->groups = 1;
			m->group[0] = *from;
			m->bytes[0] = byte_set_all;
			return 0;
		}
		joint_spread(m, from, at < 0);
		only = m->failed ? NULL : joint_only_group(m, at);
		if (!only)
			return at;
		only->weight = from->weight;
		*from = *only;
	}
}

static void put_check(const struct joint_maker *m, struct joint_row *row)
{
	const struct joint_ahead *asked = &m->asked[m->check + CHECK_BEFORE];
	uint8_t mask[8], want[8];

	for (unsigned i = 0; i < 8; i++) {
		mask[i] = asked[i].mask;
		want[i] = asked[i].want;
	}
	row->check = (int8_t)m->check;
	row->need = m->need >> 2;
	row->points = m->run_points & JOINT_POINTS;
	row->kind = m->kind & 7;
	memcpy(&row->mask, mask, sizeof(mask));
	memcpy(&row->want, want, sizeof(want));
}

static size_t row_cells(size_t next)
{
	return (JOINT_ROW + next + 1) / 2 * 2;
}

/* A new one, which may lead to so many. */
static struct joint_row *row_new(struct joint_maker *m, size_t next)
{
	uint32_t *cells = joint_add(m, &m->cells, row_cells(next));

	if (!cells)
		return NULL;
	memset(cells, 0, row_cells(next) * sizeof(*cells));
	return (struct joint_row *)(void *)cells;
}

/* A row; what it leads to is the numbers of states yet, + 1, for 0 is nothing. */
static void add_row(struct joint_maker *m, uint32_t number)
{
	struct joint_state from = *joint_state_at(m, number);
	size_t cell = m->cells.n;
	struct joint_row *row;
	double sum = 0;
	int at;

	joint_find_check(m, &from);
	at = skip(m, &from);
	m->run_points = joint_points(m, &from, at, m->kind);
	row = row_new(m, m->groups);
	if (m->failed)
		return;
	row->at = (int8_t)at;
	row->map = map_number(m) & (JOINT_MAPS_MAX - 1);
	put_check(m, row);
	joint_state_at(m, number)->value = (uint32_t)cell;
	for (unsigned i = 0; i < m->groups; i++)
		if (m->group[i].count)
			sum += joint_often(&m->bytes[i]);
	for (unsigned i = 0; i < m->groups; i++) {
		struct joint_state *to = &m->group[i];

		to->weight = from.weight;
		if (!joint_reads_anchor(m, to, at < 0))
			to->weight *= (float)(joint_often(&m->bytes[i]) * (0.5 + 0.5 / sum));
		if (to->count)
			row->next[i] = joint_state_number(m, to) + 1;
	}
}

/* The end of a walk: what is left is tried. */
static void add_tries(struct joint_maker *m, struct joint_state *s)
{
	struct joint_try *t = joint_add(m, &m->tries, s->count);

	s->value = (uint32_t)(m->tries.n - s->count) | JOINT_END;
	for (unsigned i = 0; t && i < s->count; i++) {
		const struct joint_item *item = joint_items(m, s) + i;
		const struct anchor_node *n = joint_node(m, item);
		bool known = s->behind == SETTLED || joint_is_known(n, s);

		t[i] = (struct joint_try){.node = item->node & (ANCHORS_MAX - 1),
					  .known = known,
					  .last = i + 1 == s->count};
		if (!known)
			continue;
		t[i].step = item->step;
		if (item->step != GUARD_MAYBE)
			t[i].behind = (uint8_t)(n->pair_at + s->behind - n->len);
	}
}

/* The classes of the bytes at the pairs' places: one for each byte that stands there. */
static uint32_t pair_classes(struct joint_maker *m, unsigned from, unsigned to)
{
	struct byte_set all = {0};
	uint32_t n = 1;
	uint8_t *map = joint_add(m, &m->maps, 1);

	for (unsigned i = from; i < to; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct anchor_node *node = &m->anchors->nodes[i];
			struct byte_set one = {0};

			byte_set_add(&one, (uint8_t)node->text[node->pair_at + k]);
			if (node->folds)
				byte_set_fold(&one);
			byte_set_join(&all, &one);
		}
	for (unsigned c = 0; map && c < 256; c++)
		map[c] = (uint8_t)(byte_set_has(&all, (uint8_t)c) ? n++ : 0);
	return n;
}

/* What is left when the pair was read: the number of the state, + 1, or 0. */
static uint32_t begin(struct joint_maker *m, unsigned from, unsigned to, uint8_t first,
		      uint8_t second)
{
	struct joint_state s = {.first = (uint32_t)m->items.n, .behind = 2, .weight = 1};

	for (unsigned i = from; i < to; i++) {
		const struct anchor_node *n = &m->anchors->nodes[i];
		struct joint_item *item;

		if (!joint_byte_is(n, n->pair_at, first) ||
		    !joint_byte_is(n, n->pair_at + 1u, second))
			continue;
		item = joint_add(m, &m->items, 1);
		if (!item)
			return 0;
		*item = (struct joint_item){(uint16_t)i, n->start.step};
		s.count++;
	}
	return s.count ? joint_state_number(m, &s) + 1 : 0;
}

static uint32_t make_begins(struct joint_maker *m, unsigned from, unsigned to)
{
	uint32_t classes = pair_classes(m, from, to);
	struct joint_row *none = row_new(m, classes * classes);
	const uint8_t *map = m->maps.data;

	if (m->failed)
		return 0;
	none->want = 1;
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256 && map[a]; b++)
			if (map[b])
				none->next[map[a] * classes + map[b]] =
					begin(m, from, to, (uint8_t)a, (uint8_t)b);
	return classes;
}

/* In place of a state's number what stands for it. */
static void put_value(const struct joint_maker *m, uint32_t *cell)
{
	*cell = *cell ? joint_state_at(m, *cell - 1)->value : 0;
}

static void put_values(struct joint_maker *m, uint32_t begins)
{
	uint32_t *cells = m->cells.data;
	size_t at = row_cells(begins);

	for (size_t i = 0; i < begins; i++)
		put_value(m, &cells[JOINT_ROW + i]);
	while (at < m->cells.n) {
		struct joint_row *row = (struct joint_row *)(void *)(cells + at);
		const uint8_t *map = (uint8_t *)m->maps.data + row->map * 256u;
		unsigned groups = 0;

		for (unsigned c = 0; c < 256; c++)
			groups = map[c] >= groups ? map[c] + 1u : groups;
		for (unsigned k = 0; k < groups; k++)
			put_value(m, &row->next[k]);
		at += row_cells(groups);
	}
}

/* How many bytes were read there. */
static unsigned level_of(const struct joint_state *s)
{
	return s->behind == SETTLED ? 0 : s->before + s->behind;
}

/* A row leads further: of all that stand equally far all is known before one of them goes on. */
static void make(struct joint_maker *m, struct joint *j)
{
	j->classes = make_begins(m, j->nodes_from, j->nodes);
	for (unsigned level = 1; level <= JOINT_BEFORE + JOINT_BEHIND; level++)
		for (uint32_t i = 0; i < m->states.n && !m->failed; i++)
			if (level_of(joint_state_at(m, i)) == level &&
			    joint_is_worth(m, joint_state_at(m, i)))
				add_row(m, i);
	for (uint32_t i = 0; i < m->states.n && !m->failed; i++)
		if (!joint_state_at(m, i)->value)
			add_tries(m, joint_state_at(m, i));
	if (!m->failed)
		put_values(m, j->classes * j->classes);
}

/* What was found out, in place for good. */
static void keep(struct joint_maker *m, struct joint *j)
{
	j->owned = true;
	j->cells = m->cells.data;
	j->maps = m->maps.data;
	j->tries = m->tries.data;
	j->cell_count = (uint32_t)m->cells.n;
	j->map_count = (uint32_t)m->maps.n;
	j->try_count = (uint32_t)m->tries.n;
}

int joint_make(struct joint *j, const struct anchors *a, unsigned from, unsigned to)
{
	struct joint_maker *m = calloc(1, sizeof(*m));
	bool failed;

	joint_free(j);
	if (!m)
		return -1;
	j->nodes_from = from;
	j->nodes = to;
	m->anchors = a;
	m->items.size = sizeof(struct joint_item);
	m->states.size = sizeof(struct joint_state);
	m->cells.size = sizeof(uint32_t);
	m->maps.size = 256;
	m->tries.size = sizeof(struct joint_try);
	joint_find_shares(m);
	make(m, j);
	failed = m->failed;
	keep(m, j);
	if (failed)
		joint_free(j);
	joint_ahead_free(m);
	free(m->items.data);
	free(m->states.data);
	free(m);
	return failed ? -1 : 0;
}

void joint_free(struct joint *j)
{
	if (j->owned) {
		free((void *)(uintptr_t)j->cells);
		free((void *)(uintptr_t)j->maps);
		free((void *)(uintptr_t)j->tries);
	}
	*j = (struct joint){0};
}
