/* SPDX-License-Identifier: Apache-2.0 */
#include "places_step.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

/* Is one of the bytes missing that the row needs? */
AVX2 static inline bool misses_avx2(const struct joint_row *row, const uint8_t *p)
{
	const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)kinds_low));
	const __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)kinds_high));
	const __m256i half = _mm256_set1_epi8(15);
	const struct kind_groups *kind = &kind_groups[row->kind];
	__m256i c = _mm256_loadu_si256((const void *)p);
	__m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(c, half));
	__m256i h = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(c, 4), half));
	__m256i all = _mm256_and_si256(l, h);
	__m256i of = _mm256_and_si256(all, _mm256_set1_epi8((char)kind->groups));
	uint32_t none =
		(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(of, _mm256_setzero_si256()));
	/* the bit of GROUP_POINT to where the mask takes it from */
	uint32_t points = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(all, 1));

	return places_misses_bits(row, none ^ -(uint32_t)kind->none, points);
}

AVX2 static size_t step_avx2(struct places *p, const struct joint *j, size_t n)
{
	return places_step(p, j, n, misses_avx2);
}

places_stepper *const places_step_avx2 = step_avx2;
#else
places_stepper *const places_step_avx2 = NULL;
#endif
