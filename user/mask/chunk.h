/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CHUNK_H
#define AWSMASK_CHUNK_H
/* Sixteen bytes at once: which of them are something, a bit each, the first the lowest. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CHUNK 16

#ifdef __SSE2__
static inline __m128i chunk_load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* A bit for each of CHUNK bytes: is it this one? */
static inline unsigned chunk_find(const uint8_t *p, uint8_t byte)
{
	return (unsigned)_mm_movemask_epi8(
		_mm_cmpeq_epi8(chunk_load(p), _mm_set1_epi8((char)byte)));
}

/* Is any of 4 * CHUNK bytes this one? */
static inline bool chunk_has_any(const uint8_t *p, uint8_t byte)
{
	__m128i same = _mm_set1_epi8((char)byte);
	__m128i a = _mm_or_si128(_mm_cmpeq_epi8(chunk_load(p), same),
				 _mm_cmpeq_epi8(chunk_load(p + CHUNK), same));
	__m128i b = _mm_or_si128(_mm_cmpeq_epi8(chunk_load(p + 2 * CHUNK), same),
				 _mm_cmpeq_epi8(chunk_load(p + 3 * CHUNK), same));

	return _mm_movemask_epi8(_mm_or_si128(a, b));
}

/* ... is it a quote, a backslash or a control character? */
static inline unsigned chunk_special(const uint8_t *p)
{
	__m128i c = chunk_load(p), limit = _mm_set1_epi8(0x1f);
	__m128i quote = _mm_cmpeq_epi8(c, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(c, _mm_set1_epi8('\\'));
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(c, limit), c);

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control));
}

static inline __m128i chunk_range(__m128i c, uint8_t from, uint8_t to)
{
	__m128i at = _mm_sub_epi8(c, _mm_set1_epi8((char)from));
	__m128i most = _mm_set1_epi8((char)(to - from));

	return _mm_cmpeq_epi8(_mm_min_epu8(at, most), at);
}

/* ... a capital? */
static inline unsigned chunk_upper(const uint8_t *p)
{
	return (unsigned)_mm_movemask_epi8(chunk_range(chunk_load(p), 'A', 'Z'));
}

/* ... a letter or a digit? */
static inline unsigned chunk_alnum(const uint8_t *p)
{
	__m128i c = chunk_load(p), folded = _mm_or_si128(c, _mm_set1_epi8(0x20));

	return (unsigned)_mm_movemask_epi8(
		_mm_or_si128(chunk_range(c, '0', '9'), chunk_range(folded, 'a', 'z')));
}

/* ... a digit? */
static inline unsigned chunk_digits(const uint8_t *p)
{
	return (unsigned)_mm_movemask_epi8(chunk_range(chunk_load(p), '0', '9'));
}
#else
static inline bool chunk_has_any(const uint8_t *p, uint8_t byte)
{
	bool any = false;

	for (unsigned i = 0; i < 4 * CHUNK; i++)
		any |= p[i] == byte;
	return any;
}

static inline unsigned chunk_find(const uint8_t *p, uint8_t byte)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < CHUNK; i++)
		hits |= (unsigned)(p[i] == byte) << i;
	return hits;
}

static inline unsigned chunk_special(const uint8_t *p)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < CHUNK; i++)
		hits |= (unsigned)(p[i] == '"' || p[i] == '\\' || p[i] < 0x20) << i;
	return hits;
}

static inline unsigned chunk_digits(const uint8_t *p)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < CHUNK; i++)
		hits |= (unsigned)(p[i] >= '0' && p[i] <= '9') << i;
	return hits;
}

static inline unsigned chunk_upper(const uint8_t *p)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < CHUNK; i++)
		hits |= (unsigned)(p[i] >= 'A' && p[i] <= 'Z') << i;
	return hits;
}

static inline unsigned chunk_alnum(const uint8_t *p)
{
	unsigned hits = chunk_digits(p);

	for (unsigned i = 0; i < CHUNK; i++)
		hits |= (unsigned)((uint8_t)((p[i] | 0x20) - 'a') < 26) << i;
	return hits;
}
#endif

#define CHUNK_PLACES 4

/* Not every processor that this runs on has an instruction for it. */
static inline size_t bit_count(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return x * 0x0101010101010101 >> 56;
}

/*
 * The places of the bits that are set, from `first` on, without a branch for each of them; up to
 * CHUNK_PLACES more than there are may be written.
 */
static inline size_t bit_places(uint64_t bits, uint32_t first, uint32_t *out)
{
	size_t count = bit_count(bits), k = 0;

	do {
		for (size_t end = k + CHUNK_PLACES; k < end; k++) {
			out[k] = first + (uint32_t)__builtin_ctzll(bits | 1ull << 63);
			bits &= bits - 1;
		}
	} while (k < count);
	return count;
}

#endif
