/* SPDX-License-Identifier: Apache-2.0 */
#include "fingerprint.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))
#define AVX2 __attribute__((target("avx2")))

AVX512 static inline __m512i product_avx512(__m512i at, __m512i key)
{
	__m512i with = _mm512_add_epi32(at, key);

	return _mm512_mul_epu32(with, _mm512_srli_epi64(with, 32));
}

/* By unsigned numbers: _mm512_reduce_add_epi64() adds signed ones, which may not overflow. */
AVX512 static inline uint64_t added_avx512(__m512i sum)
{
	uint64_t lanes[8], all = 0;

	_mm512_storeu_si512(lanes, sum);
	for (unsigned i = 0; i < 8; i++)
		all += lanes[i];
	return all;
}

/* A step of the key serves each of the sums, one after another. */
AVX512 static void kernel_avx512(const uint8_t *p, size_t steps, const uint8_t *key,
				 struct fingerprint *sum)
{
	__m512i sums[FINGERPRINT_SUMS], keys[FINGERPRINT_SUMS];

	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++) {
		sums[k] = _mm512_setzero_si512();
		keys[k] = _mm512_loadu_si512(key + (size_t)k * FINGERPRINT_STEP);
	}
#pragma GCC unroll 4
	for (size_t i = 0; i < steps; i++) {
		__m512i at = _mm512_loadu_si512(p + i * FINGERPRINT_STEP);

#pragma GCC unroll 4
		for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
			sums[k] = _mm512_add_epi64(sums[k], product_avx512(at, keys[k]));
		for (unsigned k = 0; k + 1 < FINGERPRINT_SUMS; k++)
			keys[k] = keys[k + 1];
		if (i + 1 < steps)
			keys[FINGERPRINT_SUMS - 1] =
				_mm512_loadu_si512(key + (i + FINGERPRINT_SUMS) * FINGERPRINT_STEP);
	}
	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
		sum->sums[k] += added_avx512(sums[k]);
}

AVX2 static inline __m256i product_avx2(__m256i at, const uint8_t *key)
{
	__m256i with = _mm256_add_epi32(at, _mm256_loadu_si256((const __m256i *)(const void *)key));

	return _mm256_mul_epu32(with, _mm256_srli_epi64(with, 32));
}

AVX2 static inline uint64_t added_avx2(__m256i sum)
{
	__m128i two = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

	return (uint64_t)_mm_cvtsi128_si64(two) +
	       (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(two, two));
}

AVX2 static void kernel_avx2(const uint8_t *p, size_t steps, const uint8_t *key,
			     struct fingerprint *sum)
{
	__m256i sums[FINGERPRINT_SUMS];

	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
		sums[k] = _mm256_setzero_si256();
	for (size_t i = 0; i < 2 * steps; i++, p += 32, key += 32) {
		__m256i at = _mm256_loadu_si256((const __m256i *)(const void *)p);

#pragma GCC unroll 4
		for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
			sums[k] = _mm256_add_epi64(
				sums[k], product_avx2(at, key + (size_t)k * FINGERPRINT_STEP));
	}
	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
		sum->sums[k] += added_avx2(sums[k]);
}

fingerprint_kernel *const fingerprint_avx512 = kernel_avx512;
fingerprint_kernel *const fingerprint_avx2 = kernel_avx2;
#else
fingerprint_kernel *const fingerprint_avx512 = NULL;
fingerprint_kernel *const fingerprint_avx2 = NULL;
#endif
