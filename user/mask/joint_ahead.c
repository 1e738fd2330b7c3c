/* SPDX-License-Identifier: Apache-2.0 */
/* What must stand so many bytes further, whatever stands up to there: read off the steps of guards. */
#include "joint_states.h"

#include <stdlib.h>

static const struct joint_ahead anything = {0}, nothing = {.never = true};

void joint_ahead_join(struct joint_ahead *to, const struct joint_ahead *more)
{
	if (to->never) {
		*to = *more;
		return;
	}
	if (more->never)
		return;
	to->mask &= more->mask & (uint8_t) ~(to->want ^ more->want);
	to->want &= to->mask;
	to->kinds &= more->kinds;
}

struct joint_ahead joint_ahead_set(const struct byte_set *set)
{
	struct joint_ahead all = nothing;

	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1)) {
		struct joint_ahead one = {
			.mask = 0xff, .want = (uint8_t)c, .kinds = kinds_of((uint8_t)c)};

		joint_ahead_join(&all, &one);
	}
	return all;
}

unsigned guard_steps(const struct guards *g, unsigned rule)
{
	uint32_t end = rule + 1 < g->count ? g->rules[rule + 1].cells : g->cell_count;

	return (end - g->rules[rule].cells) / g->rules[rule].classes;
}

static void find_classes(const struct guard *guard, struct joint_ahead classes[static 256])
{
	for (unsigned c = 0; c < 256; c++)
		classes[c] = nothing;
	for (unsigned c = 0; c < 256; c++) {
		struct joint_ahead one = {
			.mask = 0xff, .want = (uint8_t)c, .kinds = kinds_of((uint8_t)c)};

		joint_ahead_join(&classes[guard->class_of[c]], &one);
	}
}

/* What stands there is one of these bytes; further on it is what the step that they lead to says. */
static void fill(const struct guards *g, unsigned rule, unsigned steps, struct joint_ahead *all)
{
	const struct guard *guard = &g->rules[rule];
	struct joint_ahead classes[256];

	find_classes(guard, classes);
	for (unsigned far = 0; far < JOINT_AHEAD; far++) {
		all[GUARD_NEVER * JOINT_AHEAD + far] = nothing;
		all[GUARD_MAYBE * JOINT_AHEAD + far] = anything;
		for (unsigned step = GUARD_FIRST; step < steps; step++) {
			const uint16_t *cells = g->cells + guard->cells + step * guard->classes;
			struct joint_ahead *to = &all[step * JOINT_AHEAD + far];

			*to = nothing;
			for (unsigned c = 0; c < guard->classes; c++) {
				if (cells[c] == GUARD_NEVER)
					continue;
				joint_ahead_join(to, far ? &all[cells[c] * JOINT_AHEAD + far - 1]
							 : &classes[c]);
			}
		}
	}
}

const struct joint_ahead *joint_ahead(struct joint_maker *m, const struct anchor_node *n,
				      uint16_t step)
{
	struct joint_ahead **all = &m->ahead[n->guard];
	const struct guards *g = &m->anchors->guards;

	if (!*all) {
		unsigned steps = guard_steps(g, n->guard);

		*all = malloc((size_t)steps * JOINT_AHEAD * sizeof(**all));
		if (!*all) {
			m->failed = true;
			return NULL;
		}
		fill(g, n->guard, steps, *all);
	}
	return *all + step * JOINT_AHEAD;
}

void joint_ahead_free(struct joint_maker *m)
{
	for (unsigned i = 0; i < GUARD_RULES_MAX; i++) {
		free(m->ahead[i]);
		free(m->points[i]);
	}
}
