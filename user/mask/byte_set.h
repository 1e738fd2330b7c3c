/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BYTE_SET_H
#define AWSMASK_BYTE_SET_H
/* A set of bytes: 256 bits. */
#include <stdbool.h>
#include <stdint.h>

struct byte_set {
	uint64_t bits[4];
};

static const struct byte_set byte_set_all = {{~0ull, ~0ull, ~0ull, ~0ull}};

static inline void byte_set_add(struct byte_set *s, uint8_t c)
{
	s->bits[c / 64] |= 1ull << (c % 64);
}

static inline void byte_set_remove(struct byte_set *s, uint8_t c)
{
	s->bits[c / 64] &= ~(1ull << (c % 64));
}

static inline bool byte_set_has(const struct byte_set *s, uint8_t c)
{
	return s->bits[c / 64] >> (c % 64) & 1;
}

static inline void byte_set_join(struct byte_set *s, const struct byte_set *more)
{
	for (unsigned i = 0; i < 4; i++)
		s->bits[i] |= more->bits[i];
}

static inline struct byte_set byte_set_meet(const struct byte_set *a, const struct byte_set *b)
{
	struct byte_set both;

	for (unsigned i = 0; i < 4; i++)
		both.bits[i] = a->bits[i] & b->bits[i];
	return both;
}

static inline bool byte_sets_meet(const struct byte_set *a, const struct byte_set *b)
{
	return (a->bits[0] & b->bits[0]) | (a->bits[1] & b->bits[1]) | (a->bits[2] & b->bits[2]) |
	       (a->bits[3] & b->bits[3]);
}

static inline bool byte_set_empty(const struct byte_set *s)
{
	return !(s->bits[0] | s->bits[1] | s->bits[2] | s->bits[3]);
}

static inline void byte_set_range(struct byte_set *s, uint8_t from, uint8_t to)
{
	for (unsigned c = from; c <= to; c++)
		byte_set_add(s, (uint8_t)c);
}

/* Its first byte from `from` on, or 256. */
static inline unsigned byte_set_next(const struct byte_set *s, unsigned from)
{
	while (from < 256) {
		uint64_t left = s->bits[from / 64] >> (from % 64);

		if (left)
			return from + (unsigned)__builtin_ctzll(left);
		from = (from / 64 + 1) * 64;
	}
	return 256;
}

/* What is not in it. */
static inline void byte_set_turn(struct byte_set *s)
{
	for (unsigned i = 0; i < 4; i++)
		s->bits[i] = ~s->bits[i];
}

/* With each letter the other case of it (ASCII). */
static inline void byte_set_fold(struct byte_set *s)
{
	const uint64_t capitals = 0x7fffffe; /* 'A' is 65, 'a' 32 more */

	s->bits[1] |= (s->bits[1] & capitals) << 32 | (s->bits[1] >> 32 & capitals);
}

#endif
