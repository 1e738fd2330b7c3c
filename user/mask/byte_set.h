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

static inline bool byte_set_empty(const struct byte_set *s)
{
	return !(s->bits[0] | s->bits[1] | s->bits[2] | s->bits[3]);
}

static inline void byte_set_range(struct byte_set *s, uint8_t from, uint8_t to)
{
	for (unsigned c = from; c <= to; c++)
		byte_set_add(s, (uint8_t)c);
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
	for (uint8_t c = 'a'; c <= 'z'; c++) {
		if (byte_set_has(s, c))
			byte_set_add(s, c ^ 0x20);
		else if (byte_set_has(s, c ^ 0x20))
			byte_set_add(s, c);
	}
}

#endif
