/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many dots and dashes must stand in a run of bytes of one kind: an address has three, however many digits are
 * between them. Read off the steps of guards.
 */
#include "joint_states.h"

#include <stdlib.h>

/* What bytes of a class there are. */
enum { OUTSIDE = 1, INSIDE = 2 };

static void find_classes(const struct guard *guard, unsigned kind, uint8_t of[static 256])
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t *class = &of[guard->class_of[c]];

		if (!(kinds_of((uint8_t)c) >> kind & 1))
			*class |= OUTSIDE;
		else if (!kinds_is_point((uint8_t)c))
			*class |= INSIDE;
	}
}

/* From each step the fewest on any way to where the run ends, or all that can be told. */
static void fill(const struct guards *g, unsigned rule, unsigned kind, unsigned steps,
		 uint8_t *least)
{
	const struct guard *guard = &g->rules[rule];
	const uint16_t *cells = g->cells + guard->cells;
	uint8_t of[256] = {0};
	bool changed = true;

	find_classes(guard, kind, of);
	memset(least, JOINT_POINTS, steps);
	least[GUARD_MAYBE] = 0;
	while (changed) {
		changed = false;
		for (unsigned step = steps; step-- > GUARD_FIRST;)
			for (unsigned c = 0; c < guard->classes && least[step]; c++) {
				uint16_t to = cells[step * guard->classes + c];
				unsigned n = of[c] & OUTSIDE ? 0 : least[to] + !(of[c] & INSIDE);

				if (to == GUARD_NEVER || n >= least[step])
					continue;
				least[step] = (uint8_t)n;
				changed = true;
			}
	}
}

static bool has_points(unsigned kind)
{
	return !kind_groups[kind].none && kind_groups[kind].groups & GROUP_POINT;
}

static const uint8_t *points_of(struct joint_maker *m, unsigned rule, unsigned kind)
{
	const struct guards *g = &m->anchors->guards;
	unsigned steps = guard_steps(g, rule);

	if (!m->points[rule]) {
		m->points[rule] = malloc((size_t)steps * KINDS);
		if (!m->points[rule]) {
			m->failed = true;
			return NULL;
		}
		for (unsigned k = 0; k < KINDS; k++)
			if (has_points(k))
				fill(g, rule, k, steps, m->points[rule] + (size_t)steps * k);
	}
	return m->points[rule] + (size_t)steps * kind;
}

/* The fewest behind a step that reads what precedes the anchor first, so many bytes. */
static unsigned least_behind(const struct guards *g, unsigned rule, const uint8_t *points,
			     uint16_t step, unsigned before)
{
	const struct guard *guard = &g->rules[rule];
	const uint16_t *cells = g->cells + guard->cells + (size_t)step * guard->classes;
	unsigned least = JOINT_POINTS;

	if (!before || step < GUARD_FIRST)
		return points[step];
	for (unsigned c = 0; c < guard->classes; c++) {
		unsigned n = least_behind(g, rule, points, cells[c], before - 1);

		least = n < least ? n : least;
	}
	return least;
}

static unsigned item_points(struct joint_maker *m, const struct joint_state *s,
			    const struct joint_item *item, unsigned kind)
{
	const struct anchor_node *n = joint_node(m, item);
	const uint8_t *points = points_of(m, n->guard, kind);
	unsigned sum = 0;

	for (unsigned in = n->pair_at + s->behind; in < n->len; in++) {
		uint8_t c = (uint8_t)n->text[in], other = n->folds && c >= 'A' ? c ^ 0x20 : c;

		if (!(kinds_of(c) & kinds_of(other) & 1u << kind))
			return sum;
		sum += kinds_is_point(c);
	}
	return points ? sum + least_behind(&m->anchors->guards, n->guard, points, item->step,
					   joint_before_left(n, s))
		      : 0;
}

/* The run is looked for where the row reads, or behind the pair: does nothing lie between that and what was read? */
static bool begins_there(const struct joint_state *s, int at)
{
	return at < 0 ? s->behind == 2 : at == s->behind && at < JOINT_POINTS_AT;
}

unsigned joint_points(struct joint_maker *m, const struct joint_state *s, int at, unsigned kind)
{
	unsigned least = JOINT_POINTS;

	if (!has_points(kind) || !begins_there(s, at))
		return 0;
	for (unsigned i = 0; i < s->count && least; i++) {
		unsigned n = item_points(m, s, joint_items(m, s) + i, kind);

		least = n < least ? n : least;
	}
	return least;
}
