/* SPDX-License-Identifier: Apache-2.0 */
/* What all anchors that are left ask for, as bits of bytes. */
#include "joint_states.h"

static void common_join(struct joint_common *c, uint8_t mask, uint8_t want)
{
	if (!c->any)
		*c = (struct joint_common){true, mask, want};
	c->mask &= mask & (uint8_t) ~(c->want ^ want);
	c->want &= c->mask;
}

static void common_join_set(struct joint_common *c, const struct byte_set *set)
{
	unsigned first = byte_set_next(set, 0);
	uint8_t mask = 0xff;

	for (unsigned i = first; i < 256; i = byte_set_next(set, i + 1))
		mask &= (uint8_t) ~(i ^ first);
	common_join(c, mask, (uint8_t)first & mask);
}

/* What may stand so far behind the pair's first byte. */
static void join_at(const struct joint_maker *m, const struct joint_state *s,
		    const struct joint_item *item, int at, struct joint_common *c)
{
	const struct anchor_node *n = joint_node(m, item);
	int in = n->pair_at + at;
	struct byte_set set = {0};

	if (in >= 0 && in < n->len) {
		uint8_t byte = (uint8_t)n->text[in];
		bool folds = n->folds && (uint8_t)((byte | 0x20) - 'a') < 26;

		common_join(c, folds ? 0xdf : 0xff, folds ? byte & 0xdf : byte);
	} else if (at == s->behind && joint_is_known(n, s) && item->step != GUARD_MAYBE) {
		for (unsigned i = 0; i < 256; i++)
			if (joint_guard_next(m, n, item->step, (uint8_t)i) != GUARD_NEVER)
				byte_set_add(&set, (uint8_t)i);
		common_join_set(c, &set);
	} else if (at >= -WINDOW_BEFORE && at < WINDOW_WIDTH - WINDOW_BEFORE) {
		common_join_set(c, &m->anchors->windows[item->node].at[at + WINDOW_BEFORE]);
	} else {
		common_join(c, 0, 0);
	}
}

void joint_find_check(struct joint_maker *m, const struct joint_state *s)
{
	struct joint_common *all = m->common;
	unsigned most = 0;

	for (int at = -CHECK_BEFORE; at < CHECK_BEHIND; at++) {
		struct joint_common *c = &all[at + CHECK_BEFORE];

		*c = (struct joint_common){0};
		if (at >= -(int)s->before && at < s->behind)
			continue;
		for (unsigned i = 0; i < s->count && (!i || c->mask); i++)
			join_at(m, s, joint_items(m, s) + i, at, c);
	}
	m->check = -WINDOW_BEFORE;
	for (int first = 0; first + 8 <= CHECK_BEFORE + CHECK_BEHIND; first++) {
		unsigned bits = 0;

		for (int i = 0; i < 8; i++)
			for (uint8_t mask = all[first + i].mask; mask; mask &= mask - 1)
				bits++;
		if (bits > most) {
			most = bits;
			m->check = first - CHECK_BEFORE;
		}
	}
}

/* Does the check let this byte stand there? */
static bool check_lets(const struct joint_maker *m, int at, uint8_t c)
{
	const struct joint_common *common;

	if (at < m->check || at >= m->check + 8)
		return true;
	common = &m->common[at + CHECK_BEFORE];
	return (c & common->mask) == common->want;
}

struct joint_state *joint_only_group(struct joint_maker *m, int at)
{
	struct joint_state *only = NULL;

	for (unsigned i = 0; i < m->groups; i++) {
		unsigned c = byte_set_next(&m->bytes[i], 0);

		while (c < 256 && !check_lets(m, at, (uint8_t)c))
			c = byte_set_next(&m->bytes[i], c + 1);
		if (c == 256)
			continue;
		if (only || !m->group[i].count)
			return NULL;
		only = &m->group[i];
	}
	return only;
}
