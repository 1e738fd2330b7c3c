/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_KNOWN_TABLE_H
#define AWSMASK_KNOWN_TABLE_H
/*
 * A value is cut at its stops: behind each run of letters, digits and what joins them, and behind
 * each byte outside of such runs. The table has the hash of the value up to each stop, so that a look-up goes on from stop to stop
 * only as long as some value does. In the text the same stops are the ends that a token may have.
 */
#include "chunk.h"
#include "known.h"

struct known_value {
	size_t off;
	uint32_t len;
	enum mask_type type;
	uint32_t next; /* the same bytes by another type, its index + 1 */
};

struct known_stop {
	uint64_t hash;	 /* of the bytes up to here; 0: the slot is empty */
	uint32_t value;	 /* that ends here, its index + 1 */
	uint32_t longer; /* some value goes on */
};

enum { ALNUM = 1, JOINER = 2, DIGIT = 4 };

static const uint8_t known_classes[256] = {
	['0' ... '9'] = ALNUM | DIGIT,
	['A' ... 'Z'] = ALNUM,
	['a' ... 'z'] = ALNUM,
	['-'] = JOINER,
	['_'] = JOINER,
};

static inline bool goes_on(uint8_t c)
{
	return known_classes[c] & (ALNUM | JOINER);
}

static inline bool is_digit(uint8_t c)
{
	return known_classes[c] & DIGIT;
}

/* The first stop behind `at`: the end of the run that begins there, joiners at its end left out. */
static inline size_t next_stop(const uint8_t *p, size_t at, size_t len)
{
	size_t end = at + 1;

	for (; len - at >= CHUNK; at += CHUNK) {
		unsigned alnum = chunk_alnum(p + at), over;

		over = ~(alnum | chunk_find(p + at, '-') | chunk_find(p + at, '_')) & 0xffff;
		if (over)
			alnum &= (over & -over) - 1;
		if (alnum)
			end = at + 32 - (unsigned)__builtin_clz(alnum);
		if (over)
			return end;
	}
	for (; at < len && goes_on(p[at]); at++)
		if (known_classes[p[at]] & ALNUM)
			end = at + 1;
	return end;
}

static inline struct known_value *value_list(const struct known *k)
{
	return (struct known_value *)buf_bytes(&k->values);
}

/* Never 0, which marks an empty slot. */
static inline uint64_t hash_on(uint64_t h, const uint8_t *p, size_t len)
{
	h ^= len;
	while (len) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;
		unsigned __int128 product;

		memcpy(&word, p, n);
		product = (unsigned __int128)(h ^ word ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
		h = (uint64_t)product ^ (uint64_t)(product >> 64);
		p += n;
		len -= n;
	}
	return h | 1;
}

/* The first KNOWN_MIN bytes as a number, into which the next byte is shifted from above. */
static inline uint64_t first_next(uint64_t first, uint8_t c)
{
	return first >> 8 | (uint64_t)c << (8 * (KNOWN_MIN - 1));
}

static inline uint64_t first_hash(uint64_t first, uint64_t mask, unsigned shift)
{
	return (first & mask) * 0x9e3779b97f4a7c15u >> shift;
}

static inline bool first_occurs(const uint64_t *bits, uint64_t hash)
{
	return bits[hash / 64] >> (hash % 64) & 1;
}

/* The slot of the stop at `len` of p, or the empty one where it would be put. `ends`: p is a value. */
struct known_stop *known_slot(const struct known *k, uint64_t hash, const uint8_t *p, size_t len,
			      bool ends);
/* The value of these bytes, by whatever type was first, or NULL. */
const struct known_value *known_value_at(const struct known *k, uint64_t hash, const uint8_t *p,
					 size_t len);

#endif
