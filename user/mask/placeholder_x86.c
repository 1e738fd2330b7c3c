/* SPDX-License-Identifier: Apache-2.0 */
#include "placeholder.h"

#ifdef __x86_64__
#include <immintrin.h>

#define HALF 32

/* Which of these bytes are "_", with a digit behind them? */
__attribute__((target("avx2"))) static inline __m256i numbers_avx2(const uint8_t *p)
{
	const __m256i most = _mm256_set1_epi8(9);
	__m256i c = _mm256_loadu_si256((const void *)p);
	__m256i behind = _mm256_loadu_si256((const void *)(p + 1));

	behind = _mm256_sub_epi8(behind, _mm256_set1_epi8('0'));
	return _mm256_and_si256(_mm256_cmpeq_epi8(c, _mm256_set1_epi8('_')),
				_mm256_cmpeq_epi8(_mm256_min_epu8(behind, most), behind));
}

__attribute__((target("avx2"))) static size_t skip_avx2(const uint8_t *text, size_t len, size_t at)
{
	for (; len - at > 2 * HALF; at += 2 * HALF) {
		__m256i any =
			_mm256_or_si256(numbers_avx2(text + at), numbers_avx2(text + at + HALF));

		if (!_mm256_testz_si256(any, any))
			break;
	}
	return at;
}

placeholder_skipper *const placeholder_avx2 = skip_avx2;
#else
placeholder_skipper *const placeholder_avx2 = NULL;
#endif
