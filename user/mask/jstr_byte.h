/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JSTR_BYTE_H
#define AWSMASK_JSTR_BYTE_H
/* What jstr.c and jstr_text.c know of single bytes, and sixteen of them at once; private to them. */
#include "jstr.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CHUNK 16

/* What the escape of two bytes stands for that ends with this one (RFC 8259 section 7); 0: none. */
static const uint8_t jstr_simple[256] = {
	['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
	['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

static inline int jstr_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

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

/* ... is it a quote, a backslash or a control character? */
static inline unsigned chunk_special(const uint8_t *p)
{
	__m128i c = chunk_load(p), limit = _mm_set1_epi8(0x1f);
	__m128i quote = _mm_cmpeq_epi8(c, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(c, _mm_set1_epi8('\\'));
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(c, limit), c);

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control));
}
#else
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
#endif

/* First offset from `i` on of a quote, a backslash or a control character, or len. */
static inline size_t jstr_skip_plain(const uint8_t *buf, size_t i, size_t len)
{
	for (; len - i >= CHUNK; i += CHUNK) {
		unsigned hits = chunk_special(buf + i);

		if (hits)
			return i + (unsigned)__builtin_ctz(hits);
	}
	while (i < len && buf[i] != '"' && buf[i] != '\\' && buf[i] >= 0x20)
		i++;
	return i;
}

#endif
