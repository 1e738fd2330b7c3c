/* SPDX-License-Identifier: Apache-2.0 */
#include "places_step.h"

/* There are many walks, where one begins with each so many bytes. */
#define MANY 12

/* What must stand further on is not looked at. */
static bool misses_nothing(const struct joint_row *row, const uint8_t *p)
{
	(void)row;
	(void)p;
	return false;
}

static size_t step_plain(struct places *p, const struct joint *j, size_t n)
{
	return places_step(p, j, n, misses_nothing);
}

places_stepper *const places_step_plain = step_plain;
_Static_assert(JOINT_BEFORE >= WINDOW_WIDTH && JOINT_BEHIND >= WINDOW_WIDTH, "it can be read");

static places_stepper *step_best(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		return places_step_avx2;
#endif
	return places_step_neon ? places_step_neon : places_step_plain;
}

void places_wipe(struct places *p)
{
	explicit_bzero(&p->memo, sizeof(p->memo));
	explicit_bzero(p->edge, sizeof(p->edge));
}

void places_begin(struct places *p, const struct anchors *a, const uint8_t *text, size_t len)
{
	if (p->anchors != a)
		p->memo = (struct places_memo){0};
	p->anchors = a;
	p->text = text;
	p->len = len;
	p->from = p->cursor = 0;
	p->joint = JOINTS;
	p->far_step = step_best();
}

/* What is looked at, with what a walk may read around it: the text, or at its ends a copy with zeroes beyond. */
static const uint8_t *readable(struct places *p)
{
	size_t before = p->from < JOINT_BEFORE ? p->from : JOINT_BEFORE;
	size_t most = p->cursor + JOINT_BEHIND, end = most < p->len ? most : p->len;
	uint8_t *base = p->edge + JOINT_BEFORE;

	if (before == JOINT_BEFORE && most <= p->len)
		return p->text + p->from;
	memset(p->edge, 0, JOINT_BEFORE - before);
	memcpy(base - before, p->text + p->from - before, end - p->from + before);
	memset(base + (end - p->from), 0, most - end);
	return base;
}

/* Go on to the next blocks. */
static void next_blocks(struct places *p)
{
	const struct proposer *g = &p->anchors->proposer;
	size_t left = p->len - p->cursor, n = left < PLACES_BYTES ? left : PLACES_BYTES;
	uint64_t bits[PLACES_BLOCKS];

	p->from = p->cursor;
	p->cursor += propose_blocks(n) * PROPOSE_BLOCK;
	p->joint = 0;
	p->base = readable(p);
	propose(g, p->base, n, bits);
	p->proposed_count = g->pick(g, p->base, bits, propose_blocks(n), p->proposed);
}

/* Begin a walk at each of n places. Returns how many are on the way. */
static size_t begin_walks(struct places *p, const struct joint *j, const uint32_t *places, size_t n)
{
	const struct joint joint = *j;
	const uint8_t *base = p->base;
	size_t on = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t at = places[i];

		p->on[on] = at;
		on += put_walk(p, &joint, base, at, joint_begin(&joint, base + at));
	}
	return on;
}

/* All of them. False: none ended with something to try. */
static bool walk(struct places *p, const struct joint *j)
{
	const uint32_t *places = p->proposed;
	size_t n = p->proposed_count;
	bool many = n > MEMO_NEW && n * MANY > p->cursor - p->from;

	if (many && j == p->anchors->joints && places_memo_wants(&p->memo)) {
		n = places_memo_walk(&p->memo, p->anchors, j, p->base, places, n, p->row_at, p->on);
		places = p->on;
		if (!n && !(p->memo.ends & JOINT_END))
			return false;
	}
	n = begin_walks(p, j, places, n);
	/*
	 * What must stand further on changes little with each step, and looking for it takes half of
	 * one: twice, where most walks are over.
	 */
	n = step_plain(p, j, n);
	n = p->far_step(p, j, n);
	n = p->far_step(p, j, n);
	while (n)
		n = step_plain(p, j, n);
	return true;
}

/* Where one ended with something to try. */
static size_t list_ends(struct places *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->proposed_count; i++) {
		uint32_t at = p->proposed[i], row = p->row_at[at];

		p->list[count] = (struct place){at, row & ~JOINT_END};
		count += row >> 31;
	}
	return count;
}

size_t places_next(struct places *p)
{
	for (;;) {
		const struct joint *j = &p->anchors->joints[p->joint];
		size_t n;

		if (p->joint == JOINTS || !j->cells) {
			if (p->cursor >= p->len)
				return 0;
			next_blocks(p);
			continue;
		}
		p->joint++;
		p->tries = j->tries;
		n = walk(p, j) ? list_ends(p) : 0;
		if (n)
			return n;
	}
}
