/* SPDX-License-Identifier: Apache-2.0 */
#include "joint_states.h"

#include <stdlib.h>

#define FIRST_BYTES 3 /* of the pair and behind it, before any that precedes */

void *joint_add(struct joint_maker *m, struct joint_list *r, size_t n)
{
	if (r->n + n > r->room) {
		size_t room = (r->room + n) * 2;
		void *data = realloc(r->data, room * r->size);

		if (!data) {
			m->failed = true;
			return NULL;
		}
		r->data = data;
		r->room = room;
	}
	r->n += n;
	return (uint8_t *)r->data + (r->n - n) * r->size;
}

/* How many bytes before the pair the anchor needs. */
static unsigned needs_before(const struct anchor_node *n)
{
	unsigned edge = n->back || n->left != EDGE_ANY ? 1 : 0;

	if (!n->back && n->left == EDGE_ADDRESS)
		edge = 2;
	return n->pair_at + (n->start.before > edge ? n->start.before : edge);
}

bool joint_is_known(const struct anchor_node *n, const struct joint_state *s)
{
	return s->before >= needs_before(n) && n->pair_at + s->behind >= n->len;
}

static bool is_settled(const struct joint_maker *m, const struct joint_item *item,
		       const struct joint_state *s)
{
	return item->step == GUARD_MAYBE &&
	       (s->behind == SETTLED || joint_is_known(joint_node(m, item), s));
}

/* Which byte the state reads: before the pair, or not; of anchors first what is cheap. */
static bool reads_before(const struct joint_maker *m, const struct joint_state *s)
{
	bool needs = false, may_wait = s->behind < FIRST_BYTES;

	for (unsigned i = 0; i < s->count; i++) {
		const struct joint_item *item = joint_items(m, s) + i;
		const struct anchor_node *n = joint_node(m, item);

		if (is_settled(m, item, s) || s->before >= needs_before(n))
			continue;
		needs = true;
		may_wait &= n->pair_at + s->behind < n->len;
	}
	return needs && !may_wait;
}

bool joint_byte_is(const struct anchor_node *n, unsigned at, uint8_t c)
{
	uint8_t diff = c ^ (uint8_t)n->text[at];

	return !diff || (n->folds && diff == 0x20 && (uint8_t)((c | 0x20) - 'a') < 26);
}

uint16_t joint_guard_next(const struct joint_maker *m, const struct anchor_node *n, uint16_t step,
			  uint8_t c)
{
	const struct guards *g = &m->anchors->guards;

	return guard_step(g, &g->rules[n->guard], step, c);
}

/* What is left of it behind a byte that stands so far before the pair. False: nothing. */
static bool item_before(const struct joint_maker *m, struct joint_item *item, unsigned far,
			uint8_t c)
{
	const struct anchor_node *n = joint_node(m, item);
	unsigned before = far - n->pair_at;

	if (far <= n->pair_at)
		return joint_byte_is(n, n->pair_at - far, c);
	if (before == 1 &&
	    !(n->back ? walk_may_end(n->back_chars, c) : edge_may_follow(n->left, c)))
		return false;
	if (before == 2 && item->node & ITEM_DOT && c >= '0' && c <= '9')
		return false;
	item->node &= ANCHORS_MAX - 1;
	if (before == 1 && c == '.' && !n->back && n->left == EDGE_ADDRESS)
		item->node |= ITEM_DOT;
	if (before <= n->start.before)
		item->step = joint_guard_next(m, n, item->step, c);
	return item->step != GUARD_NEVER;
}

static bool item_behind(const struct joint_maker *m, struct joint_item *item, unsigned far,
			uint8_t c)
{
	const struct anchor_node *n = joint_node(m, item);

	if (n->pair_at + far < n->len)
		return joint_byte_is(n, n->pair_at + far, c);
	item->step = joint_guard_next(m, n, item->step, c);
	return item->step != GUARD_NEVER;
}

bool joint_reads_anchor(const struct joint_maker *m, const struct joint_state *s, bool before)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct anchor_node *n = joint_node(m, joint_items(m, s) + i);

		if (before ? s->before <= n->pair_at && s->before
			   : n->pair_at + s->behind <= n->len)
			return true;
	}
	return false;
}

/* The state that the byte leads to; its items are the last ones. */
static struct joint_state lead(struct joint_maker *m, const struct joint_state *from, bool before,
			       uint8_t c)
{
	struct joint_state to = {.first = (uint32_t)m->items.n,
				 .before = (uint8_t)(from->before + before),
				 .behind = (uint8_t)(from->behind + !before)};
	struct joint_item *room = joint_add(m, &m->items, from->count);
	bool settled = true;

	if (!room)
		return to;
	for (unsigned i = 0; i < from->count; i++) {
		struct joint_item item = joint_items(m, from)[i];

		if (is_settled(m, &item, from) || (before ? item_before(m, &item, to.before, c)
							  : item_behind(m, &item, from->behind, c)))
			room[to.count++] = item;
	}
	for (unsigned i = 0; i < to.count; i++)
		settled &= is_settled(m, &room[i], &to);
	if (settled)
		to.before = to.behind = SETTLED;
	m->items.n = to.first + to.count;
	return to;
}

static bool state_is(const struct joint_maker *m, const struct joint_state *a,
		     const struct joint_state *b)
{
	return a->count == b->count && a->before == b->before && a->behind == b->behind &&
	       !memcmp(joint_items(m, a), joint_items(m, b), a->count * sizeof(struct joint_item));
}

uint32_t joint_state_number(struct joint_maker *m, const struct joint_state *s)
{
	uint32_t hash = s->before * 31u + s->behind;
	struct joint_state *mine;

	for (unsigned i = 0; i < s->count; i++) {
		const struct joint_item *item = joint_items(m, s) + i;

		hash = (hash ^ ((uint32_t)item->node << 16 | item->step)) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	hash %= HASHED;
	for (uint32_t at = m->hashed[hash]; at; at = mine->next) {
		mine = joint_state_at(m, at - 1);
		if (!state_is(m, mine, s))
			continue;
		mine->weight += s->weight;
		return at - 1;
	}
	mine = joint_add(m, &m->states, 1);
	if (!mine)
		return 0;
	*mine = *s;
	mine->next = m->hashed[hash];
	m->hashed[hash] = (uint32_t)m->states.n;
	return (uint32_t)m->states.n - 1;
}

void joint_spread(struct joint_maker *m, const struct joint_state *from, bool before)
{
	m->groups = 0;
	for (unsigned c = 0; c < 256 && !m->failed; c++) {
		struct joint_state to = lead(m, from, before, (uint8_t)c);
		unsigned i = 0;

		while (i < m->groups && !state_is(m, &m->group[i], &to))
			i++;
		if (i < m->groups) {
			m->items.n = to.first;
		} else {
			m->group[m->groups] = to;
			m->bytes[m->groups++] = (struct byte_set){0};
		}
		byte_set_add(&m->bytes[i], (uint8_t)c);
	}
}

int joint_reads_at(const struct joint_maker *m, const struct joint_state *s)
{
	return reads_before(m, s) ? -1 - s->before : s->behind;
}
