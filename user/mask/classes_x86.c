/* SPDX-License-Identifier: Apache-2.0 */
#include "classes.h"

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("avx512bw"))) static void kernel_avx512(const uint8_t *p, struct classes *out,
							      size_t from, size_t to)
{
	const __m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)classes_low));
	const __m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)classes_high));
	const __m512i half = _mm512_set1_epi8(15);

	for (size_t i = from; i < to; i++, p += CLASSES_BLOCK) {
		__m512i c = _mm512_loadu_si512(p);
		__m512i l = _mm512_shuffle_epi8(low, _mm512_and_si512(c, half));
		__m512i h =
			_mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(c, 4), half));

		c = _mm512_and_si512(l, h);
		out->alnum[i] = _mm512_test_epi8_mask(c, _mm512_set1_epi8(CLASS_ALNUM));
		out->goes_on[i] = _mm512_test_epi8_mask(c, _mm512_set1_epi8(CLASS_GOES_ON));
		out->digit[i] = _mm512_test_epi8_mask(c, _mm512_set1_epi8(CLASS_DIGIT));
		out->escape[i] = _mm512_test_epi8_mask(c, _mm512_set1_epi8((char)CLASS_ESCAPE));
	}
}

__attribute__((target("avx2"))) static inline __m256i classes_of(const uint8_t *p)
{
	const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)classes_low));
	const __m256i high =
		_mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)classes_high));
	const __m256i half = _mm256_set1_epi8(15);
	__m256i c = _mm256_loadu_si256((const void *)p);
	__m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(c, half));
	__m256i h = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(c, 4), half));

	return _mm256_and_si256(l, h);
}

__attribute__((target("avx2"))) static inline uint64_t has(__m256i a, __m256i b, int which)
{
	const __m256i bits = _mm256_set1_epi8((char)which), none = _mm256_setzero_si256();
	__m256i not_a = _mm256_cmpeq_epi8(_mm256_and_si256(a, bits), none);
	__m256i not_b = _mm256_cmpeq_epi8(_mm256_and_si256(b, bits), none);

	return ~((uint32_t)_mm256_movemask_epi8(not_a) |
		 (uint64_t)(uint32_t)_mm256_movemask_epi8(not_b) << 32);
}

__attribute__((target("avx2"))) static void kernel_avx2(const uint8_t *p, struct classes *out,
							size_t from, size_t to)
{
	for (size_t i = from; i < to; i++, p += CLASSES_BLOCK) {
		__m256i a = classes_of(p), b = classes_of(p + 32);

		out->alnum[i] = has(a, b, CLASS_ALNUM);
		out->goes_on[i] = has(a, b, CLASS_GOES_ON);
		out->digit[i] = has(a, b, CLASS_DIGIT);
		out->escape[i] = has(a, b, CLASS_ESCAPE);
	}
}

classes_kernel *const classes_avx512 = kernel_avx512;
classes_kernel *const classes_avx2 = kernel_avx2;
#else
classes_kernel *const classes_avx512 = NULL;
classes_kernel *const classes_avx2 = NULL;
#endif
