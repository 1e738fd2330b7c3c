/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PLACES_STEP_H
#define AWSMASK_PLACES_STEP_H
/* One step of all walks, by what the processor has; private to places*.c and their tests. */
#include "places.h"

/* A walk comes to a row. Is it on the way still? Where it stands is noted in any case. */
static inline bool put_walk(struct places *p, const struct joint *j, const uint8_t *base,
			    uint32_t at, uint32_t row)
{
	p->row_at[at] = row;
	return joint_goes_on(j, row, base + at);
}

/* Is what the row needs further on missing? */
typedef bool places_misses(const struct joint_row *row, const uint8_t *p);

/* ... by a bit for each of KINDS_BYTES bytes that are not of its kind, and for each dot and dash. */
static inline __attribute__((always_inline)) bool
places_misses_bits(const struct joint_row *row, uint32_t other, uint32_t points)
{
	unsigned from = (unsigned)(row->at < 2 ? 2 : row->at) % KINDS_BYTES;
	/* of a run whose end is not seen nothing is known: it has all that it needs */
	uint64_t rest = other >> from, all = (points | ~(uint64_t)UINT32_MAX) >> from;

	return (other >> 2 & row->need) |
	       ((unsigned)__builtin_popcountll(all & (rest ^ (rest - 1))) < row->points);
}

/*
 * Returns how many are on the way. What a row needs further on is looked at where a walk leaves it: then its cells are
 * at hand, and many walks were over before.
 */
static inline __attribute__((always_inline)) size_t
places_step(struct places *p, const struct joint *j, size_t n, places_misses *misses)
{
	const struct joint joint = *j;
	const uint8_t *base = p->base;
	size_t on = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t at = p->on[i], from = p->row_at[at];
		uint32_t to = joint_step(&joint, from, base + at);

		p->on[on] = at;
		on += put_walk(p, &joint, base, at,
			       misses(joint_row(&joint, from), base + at) ? 0 : to);
	}
	return on;
}

/* NULL: not on this kind of machine. */
extern places_stepper *const places_step_avx2, *const places_step_neon, *const places_step_plain;

#endif
