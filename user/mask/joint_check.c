/* SPDX-License-Identifier: Apache-2.0 */
/* What all anchors that are left ask for, as bits of bytes. */
#include "joint_states.h"

/* How often a run of a kind has one more dot. */
#define POINT_SHARE 0.3

double joint_often(const struct byte_set *bytes)
{
	double share = bytes_share(bytes), digits = 0;

	for (unsigned c = '0'; c <= '9'; c++)
		digits += byte_set_has(bytes, (uint8_t)c) ? 0.06 : 0;
	share = digits > share ? digits : share;
	return share < 1 ? share : 1;
}

void joint_find_shares(struct joint_maker *m)
{
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct byte_set set = {0};

		for (unsigned c = 0; c < 256; c++)
			if (kinds_of((uint8_t)c) >> kind & 1)
				byte_set_add(&set, (uint8_t)c);
		m->shares[kind] = (float)joint_often(&set);
	}
}

/* How often a byte has these bits. */
static double bits_share(struct joint_maker *m, uint8_t mask, uint8_t want)
{
	float *share = &m->bit_shares[mask][want];
	struct byte_set set = {0};

	if (*share > 0)
		return (double)*share;
	for (unsigned c = 0; c < 256; c++)
		if ((c & mask) == want)
			byte_set_add(&set, (uint8_t)c);
	*share = (float)joint_often(&set);
	return (double)*share;
}

unsigned joint_before_left(const struct anchor_node *n, const struct joint_state *s)
{
	int read = s->before > n->pair_at ? s->before - n->pair_at : 0;

	return n->start.before > read ? (unsigned)(n->start.before - read) : 0;
}

/* What the guard asks for so far behind the anchor's end. */
static void ask_guard(struct joint_maker *m, const struct joint_state *s,
		      const struct joint_item *item, int behind, struct joint_ahead *a)
{
	const struct anchor_node *n = joint_node(m, item);
	int read = n->pair_at + s->behind - n->len;
	const struct joint_ahead *ahead;

	if (item->step == GUARD_MAYBE)
		return;
	behind += (int)joint_before_left(n, s) - (read > 0 ? read : 0);
	if (behind < 0 || behind >= JOINT_AHEAD)
		return;
	ahead = joint_ahead(m, n, item->step);
	if (ahead)
		joint_ahead_meet(a, &ahead[behind]);
}

/* What may stand so far behind the pair's first byte. */
static void ask(struct joint_maker *m, const struct joint_state *s, const struct joint_item *item,
		int at, struct joint_ahead *a)
{
	const struct anchor_node *n = joint_node(m, item);
	int in = n->pair_at + at;
	struct byte_set set = {0};

	*a = (struct joint_ahead){0};
	if (in >= 0 && in < n->len) {
		byte_set_add(&set, (uint8_t)n->text[in]);
		if (n->folds)
			byte_set_fold(&set);
		*a = joint_ahead_set(&set);
		return;
	}
	if (at >= -WINDOW_BEFORE && at < WINDOW_WIDTH - WINDOW_BEFORE)
		*a = joint_ahead_set(
			&m->anchors->windows[n - m->anchors->nodes].at[at + WINDOW_BEFORE]);
	if (in >= 0)
		ask_guard(m, s, item, in - n->len, a);
}

static void ask_all(struct joint_maker *m, const struct joint_state *s)
{
	for (int at = -CHECK_BEFORE; at < JOINT_AHEAD; at++) {
		struct joint_ahead *all = &m->asked[at + CHECK_BEFORE], one;

		*all = (struct joint_ahead){0};
		if (at >= -(int)s->before && at < s->behind)
			continue;
		all->never = true;
		for (unsigned i = 0; i < s->count && (!i || all->mask | all->kinds); i++) {
			ask(m, s, joint_items(m, s) + i, at, &one);
			joint_ahead_join(all, &one);
		}
		if (all->never)
			*all = (struct joint_ahead){0};
	}
}

/* The kind of which most must stand, and where. */
static void find_kind(struct joint_maker *m, const struct joint_state *s)
{
	int reads = joint_reads_at(m, s);
	double least = 1;

	m->need = 0;
	m->kind = 0;
	for (uint16_t kind = 0; kind < KINDS; kind++) {
		uint32_t need = 0;
		double share = 1;

		for (unsigned at = 0; at < JOINT_AHEAD; at++) {
			if (!(m->asked[at + CHECK_BEFORE].kinds >> kind & 1))
				continue;
			need |= 1u << at;
			share *= (double)m->shares[kind];
		}
		for (unsigned n = joint_points(m, s, reads, kind); n; n--)
			share *= POINT_SHARE;
		if (share < least) {
			least = share;
			m->need = need;
			m->kind = kind;
		}
	}
}

void joint_find_check(struct joint_maker *m, const struct joint_state *s)
{
	double least = 1;

	ask_all(m, s);
	find_kind(m, s);
	m->check = -WINDOW_BEFORE;
	for (int first = 0; first + 8 <= CHECK_BEFORE + CHECK_BEHIND; first++) {
		double share = 1;

		for (int i = 0; i < 8; i++)
			share *= bits_share(m, m->asked[first + i].mask, m->asked[first + i].want);
		if (share < least) {
			least = share;
			m->check = first - CHECK_BEFORE;
		}
	}
}

/* Does the check let this byte stand there? */
static bool check_lets(const struct joint_maker *m, int at, uint8_t c)
{
	const struct joint_ahead *asked;

	if (at < m->check || at >= m->check + 8)
		return true;
	asked = &m->asked[at + CHECK_BEFORE];
	return (c & asked->mask) == asked->want;
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
