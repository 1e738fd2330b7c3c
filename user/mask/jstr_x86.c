/* SPDX-License-Identifier: Apache-2.0 */
#include "jstr_wide.h"

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("avx512bw"))) static inline uint64_t simple_avx512(__m512i c)
{
	const __m512i half = _mm512_set1_epi8(15);
	__m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)jstr_simple_low));
	__m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)jstr_simple_high));

	low = _mm512_shuffle_epi8(low, _mm512_and_si512(c, half));
	high = _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(c, 4), half));
	return _mm512_test_epi8_mask(low, high);
}

__attribute__((target("avx512bw"))) static size_t kernel_avx512(const uint8_t *buf, size_t i,
								size_t len, bool *escaped)
{
	bool stop = false;

	while (!stop && len - i >= JSTR_BLOCK) {
		__m512i c = _mm512_loadu_si512(buf + i);
		struct jstr_bits b = {
			.backslash = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\\')),
			.quote = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('"')),
			.control = _mm512_cmplt_epu8_mask(c, _mm512_set1_epi8(0x20)),
		};

		if (b.backslash)
			b.simple = simple_avx512(c);
		i += jstr_pass(&b, escaped, &stop);
	}
	return i;
}

__attribute__((target("avx2"))) static inline uint64_t bits_avx2(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b)
							   << 32;
}

__attribute__((target("avx2"))) static inline uint64_t is_avx2(__m256i a, __m256i b, char byte)
{
	const __m256i same = _mm256_set1_epi8(byte);

	return bits_avx2(_mm256_cmpeq_epi8(a, same), _mm256_cmpeq_epi8(b, same));
}

__attribute__((target("avx2"))) static inline __m256i below_avx2(__m256i c)
{
	return _mm256_cmpeq_epi8(_mm256_min_epu8(c, _mm256_set1_epi8(0x1f)), c);
}

/* Of bytes that are not: all ones. */
__attribute__((target("avx2"))) static inline __m256i not_simple_avx2(__m256i c)
{
	const __m256i half = _mm256_set1_epi8(15);
	__m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)jstr_simple_low));
	__m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)jstr_simple_high));

	low = _mm256_shuffle_epi8(low, _mm256_and_si256(c, half));
	high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(c, 4), half));
	return _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
}

__attribute__((target("avx2"))) static size_t kernel_avx2(const uint8_t *buf, size_t i, size_t len,
							  bool *escaped)
{
	bool stop = false;

	while (!stop && len - i >= JSTR_BLOCK) {
		__m256i c = _mm256_loadu_si256((const void *)(buf + i));
		__m256i d = _mm256_loadu_si256((const void *)(buf + i + 32));
		struct jstr_bits b = {
			.backslash = is_avx2(c, d, '\\'),
			.quote = is_avx2(c, d, '"'),
			.control = bits_avx2(below_avx2(c), below_avx2(d)),
		};

		if (b.backslash)
			b.simple = ~bits_avx2(not_simple_avx2(c), not_simple_avx2(d));
		i += jstr_pass(&b, escaped, &stop);
	}
	return i;
}

/* ---- decoding */

#define VBMI2 __attribute__((target("avx512bw,avx512vbmi,avx512vbmi2,popcnt")))

static inline uint64_t low_bits(size_t n)
{
	return n < 64 ? (1ull << n) - 1 : ~0ull;
}

/* A whole one without its mask, which is dear. */
VBMI2 static inline __m512i block_load(const uint8_t *p, size_t n)
{
	return n == JSTR_BLOCK ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8(low_bits(n), p);
}

VBMI2 static inline void block_store(uint8_t *p, size_t n, __m512i c)
{
	if (n == JSTR_BLOCK)
		_mm512_storeu_si512(p, c);
	else
		_mm512_mask_storeu_epi8(p, low_bits(n), c);
}

/* Sixteen bytes of `at` are places in the block, behind each of which an escape has ended: the first is the n-th. */
VBMI2 static inline void marks_16(__m128i at, size_t n, const struct jstr_decoding *d,
				  struct text_mark *to)
{
	const __m512i count =
		_mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
	const __m512i first =
		_mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
	__m512i place = _mm512_cvtepu8_epi32(at);
	__m512i raw = _mm512_add_epi32(place, _mm512_set1_epi32((int)(d->from + 1)));
	__m512i text = _mm512_add_epi32(place, _mm512_set1_epi32((int)(d->to + 1 - n)));

	text = _mm512_sub_epi32(text, count);
	_mm512_storeu_si512(to, _mm512_permutex2var_epi32(text, first, raw));
	_mm512_storeu_si512(to + 8, _mm512_permutex2var_epi32(text, second, raw));
}

/* Behind each of these bytes an escape has ended. */
VBMI2 static inline void block_marks(struct jstr_decoding *d, uint64_t ends)
{
	static const uint8_t all[JSTR_BLOCK] = {0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12,
						13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
						26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
						39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
						52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
	__m512i at = _mm512_maskz_compress_epi8(ends, _mm512_loadu_si512(all));
	size_t n = (size_t)__builtin_popcountll(ends);

	marks_16(_mm512_castsi512_si128(at), 0, d, d->mark);
	if (n > 16)
		marks_16(_mm512_extracti32x4_epi32(at, 1), 16, d, d->mark + 16);
	d->mark += n;
}

/* A block with backslashes of which `left` bytes are there. False: it ends before an escape that is no simple one. */
VBMI2 static inline bool decode_block(struct jstr_decoding *d, __m512i c, uint64_t backslash,
				      size_t left)
{
	const __m512i low = _mm512_loadu_si512(jstr_simple);
	const __m512i high = _mm512_loadu_si512(jstr_simple + 64);
	uint64_t second = jstr_escaped(backslash), first = backslash & ~second, keep;
	uint64_t bad = second & low_bits(left) & ~simple_avx512(c);
	size_t n = left;

	/* Where the next one begins is guessed rather than waited for. */
	if (__builtin_expect(bad || first >> (left - 1) & 1, 0)) {
		n = bad ? (size_t)__builtin_ctzll(bad) - 1 : left - 1;
		second &= low_bits(n);
	}
	keep = low_bits(n) & ~first;
	c = _mm512_mask_mov_epi8(c, second, _mm512_permutex2var_epi8(low, c, high));
	c = _mm512_maskz_compress_epi8(keep, c);
	block_store(d->text + d->to, left, c);
	if (second)
		block_marks(d, second);
	d->from += n;
	d->to += (size_t)__builtin_popcountll(keep);
	return !bad && n;
}

VBMI2 static void decoder_avx512(struct jstr_decoding *decoding)
{
	struct jstr_decoding d = *decoding;
	bool on = true;

	while (on && d.from < d.len && d.full - d.mark >= JSTR_BLOCK_MARKS) {
		size_t left = d.len - d.from;
		uint64_t backslash;
		__m512i c;

		left = left < JSTR_BLOCK ? left : JSTR_BLOCK;
		c = block_load(d.raw + d.from, left);
		backslash = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\\'));
		if (backslash) {
			on = decode_block(&d, c, backslash, left);
			continue;
		}
		block_store(d.text + d.to, left, c);
		d.from += left;
		d.to += left;
	}
	*decoding = d;
}

jstr_kernel *const jstr_avx512 = kernel_avx512;
jstr_kernel *const jstr_avx2 = kernel_avx2;
jstr_decoder *const jstr_decode_avx512 = decoder_avx512;
#else
jstr_kernel *const jstr_avx512 = NULL;
jstr_kernel *const jstr_avx2 = NULL;
#endif
