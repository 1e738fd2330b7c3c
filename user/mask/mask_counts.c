/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_scan.h"

const struct mask_counts *mask_counts(const struct mask *m)
{
	return &m->counts;
}

unsigned mask_counts_next(const struct mask_counts *c, unsigned from)
{
	while (from < TYPE_MAX) {
		uint64_t rest = c->types[from / 64] >> from % 64;

		if (rest)
			return from + (unsigned)__builtin_ctzll(rest);
		from = (from / 64 + 1) * 64;
	}
	return TYPE_MAX;
}

static void copy_type(struct mask_counts *to, const struct mask_counts *from, unsigned t)
{
	to->by_type[t] = from->by_type[t];
	to->known_by_type[t] = from->known_by_type[t];
	to->observed[t] = from->observed[t];
	to->blocked_by_type[t] = from->blocked_by_type[t];
}

static void clear_type(struct mask_counts *c, unsigned t)
{
	c->by_type[t] = c->known_by_type[t] = c->observed[t] = c->blocked_by_type[t] = 0;
}

void mask_counts_clear(struct mask_counts *c)
{
	for (unsigned t = mask_counts_next(c, 0); t < TYPE_MAX; t = mask_counts_next(c, t + 1))
		clear_type(c, t);
	memset(c->types, 0, sizeof(c->types));
	c->by_knowledge = c->blocked = c->signed_passed = 0;
	c->blocked_type = 0;
}

void mask_counts_copy(struct mask_counts *to, const struct mask_counts *from)
{
	mask_counts_clear(to);
	for (unsigned t = mask_counts_next(from, 0); t < TYPE_MAX;
	     t = mask_counts_next(from, t + 1))
		copy_type(to, from, t);
	memcpy(to->types, from->types, sizeof(to->types));
	to->by_knowledge = from->by_knowledge;
	to->blocked = from->blocked;
	to->blocked_type = from->blocked_type;
	to->signed_passed = from->signed_passed;
}
