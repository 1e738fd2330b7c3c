/* SPDX-License-Identifier: Apache-2.0 */
#include "places_memo.h"

#define PAUSE_MAX 63

bool places_memo_wants(struct places_memo *m)
{
	if (m->paused >= m->pause)
		return true;
	m->paused++;
	return false;
}

static void note_use(struct places_memo *m, bool useful)
{
	m->paused = 0;
	m->pause = useful ? 0 : m->pause * 2 + 1;
	if (m->pause > PAUSE_MAX)
		m->pause = PAUSE_MAX;
}

static inline uint64_t word_at(const uint8_t *place, unsigned i)
{
	uint64_t word;

	memcpy(&word, place - MEMO_BEFORE + 8 * i, sizeof(word));
	return word;
}

static inline bool walk_is(const struct memo_walk *walk, const uint8_t *place)
{
	return !((walk->key[0] ^ word_at(place, 0)) | (walk->key[1] ^ word_at(place, 1)) |
		 (walk->key[2] ^ word_at(place, 2)) | (walk->key[3] ^ word_at(place, 3)));
}

/* Where it is, or would be. */
static struct memo_walk *walk_of(struct places_memo *m, const uint8_t *place)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < MEMO_WORDS; i++)
		hash = hash * 5 + word_at(place, i);
	return &m->walks[hash * 0x9e3779b97f4a7c15u >> 32 & (MEMO_WALKS - 1)];
}

static inline struct memo_walk *walk_behind(struct places_memo *m, const struct memo_walk *walk)
{
	return (void *)((uint8_t *)m->walks + walk->next);
}

static bool row_reads_beyond(const struct joint_row *row)
{
	return row->check < -MEMO_BEFORE || row->check > MEMO_BEHIND - 8 ||
	       row->at < -MEMO_BEFORE || row->at >= MEMO_BEHIND;
}

/* Is it known from what is remembered that nothing begins there? */
static bool guard_says_no(const struct anchors *a, const struct joint_try *t, const uint8_t *place)
{
	const struct anchor_node *n = &a->nodes[t->node];
	const struct guard *guard = &a->guards.rules[n->guard];
	uint16_t step = t->step;

	for (int at = n->len - n->pair_at + t->behind; t->known && at < MEMO_BEHIND; at++)
		step = guard_step(&a->guards, guard, step, place[at]);
	return t->known && step == GUARD_NEVER;
}

static bool all_say_no(const struct anchors *a, const struct joint_try *t, const uint8_t *place)
{
	do {
		if (!guard_says_no(a, t, place))
			return false;
	} while (!t++->last);
	return true;
}

/* One walk to its end. *beyond: it has read more than is remembered. */
static uint32_t walk_alone(const struct anchors *a, const struct joint *j, const uint8_t *place,
			   bool *beyond)
{
	uint32_t row = joint_begin(j, place);

	*beyond = false;
	while (row && !(row & JOINT_END)) {
		*beyond |= row_reads_beyond(joint_row(j, row));
		row = joint_goes_on(j, row, place) ? joint_step(j, row, place) : 0;
	}
	return row && all_say_no(a, j->tries + (row & ~JOINT_END), place) ? 0 : row;
}

/* Walk from here, and remember it in place of what is there. */
static uint32_t walk_new(struct memo_walk *walk, const struct anchors *a, const struct joint *j,
			 const uint8_t *place)
{
	bool beyond;
	uint32_t row = walk_alone(a, j, place, &beyond);

	if (!beyond) {
		memcpy(walk->key, place - MEMO_BEFORE, sizeof(walk->key));
		walk->row = row;
	}
	return row;
}

/* As long as each comes behind the one that it came behind the last time. Returns how many do; the last is *last. */
static size_t follow_known(struct places_memo *m, struct memo_walk **last, const uint8_t *base,
			   const uint32_t *places, size_t n, uint32_t *row_at)
{
	struct memo_walk *walk = *last, *next;
	uint32_t ends = 0;
	size_t i;

	for (i = 0; i < n; i++, walk = next) {
		next = walk_behind(m, walk);
		if (!walk_is(next, base + places[i]))
			break;
		row_at[places[i]] = next->row;
		ends |= next->row;
	}
	*last = walk;
	m->ends |= ends;
	return i;
}

size_t places_memo_walk(struct places_memo *m, const struct anchors *a, const struct joint *j,
			const uint8_t *base, const uint32_t *places, size_t n, uint32_t *row_at,
			uint32_t *rest)
{
	struct memo_walk *last = m->walks;
	size_t i = 0, left = 0, new = 0;

	m->ends = 0;
	while ((i += follow_known(m, &last, base, places + i, n - i, row_at)) < n) {
		uint32_t at = places[i++];
		struct memo_walk *walk = walk_of(m, base + at);

		last->next = (uint32_t)((uint8_t *)walk - (uint8_t *)m->walks);
		last = walk;
		if (walk_is(walk, base + at))
			row_at[at] = walk->row;
		else if (new ++ < MEMO_NEW)
			row_at[at] = walk_new(walk, a, j, base + at);
		else
			rest[left++] = at;
		m->ends |= row_at[at];
	}
	note_use(m, new <= n / 2);
	return left;
}
