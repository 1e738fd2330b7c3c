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

jstr_kernel *const jstr_avx512 = kernel_avx512;
jstr_kernel *const jstr_avx2 = kernel_avx2;
#else
jstr_kernel *const jstr_avx512 = NULL;
jstr_kernel *const jstr_avx2 = NULL;
#endif
