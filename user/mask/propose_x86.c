/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#ifdef __x86_64__
#include <immintrin.h>

#define HALVES const struct propose_halves t[static PROPOSE_HALF_TABLES]

/* A table of 128 bytes at once: no halves of bytes, and so fewer proposals. */
__attribute__((target("avx512bw,avx512vbmi"))) static inline void
table_avx512(const struct propose_bytes *t, const uint8_t *p, size_t blocks, uint64_t *bits)
{
	__m512i first[WINDOW_WIDTH], second[WINDOW_WIDTH];

	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		first[k] = _mm512_loadu_si512(t->ascii[k]);
		second[k] = _mm512_loadu_si512(t->ascii[k] + 64);
	}
	for (size_t i = 0; i < blocks; i++, p += PROPOSE_BLOCK) {
		__m512i in = _mm512_set1_epi8(-1);

#pragma GCC unroll 8
		for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
			__m512i at = _mm512_loadu_si512(p + k);

			in = _mm512_and_si512(in,
					      _mm512_permutex2var_epi8(first[k], at, second[k]));
		}
		bits[i] |= _mm512_test_epi8_mask(in, in);
	}
}

/* All tables together are more than the processor has registers. */
__attribute__((target("avx512bw,avx512vbmi"))) static void
kernel_avx512(const struct proposer *g, const uint8_t *p, size_t blocks, uint64_t *bits)
{
	for (size_t i = 0; i < blocks; i++)
		bits[i] = 0;
	for (unsigned i = 0; i < PROPOSE_BYTE_TABLES; i++)
		table_avx512(&g->bytes[i], p - WINDOW_BEFORE, blocks, bits);
}

__attribute__((target("avx2"))) static inline __m256i table_avx2(const uint8_t table[static 16])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

__attribute__((target("avx2"))) static inline uint32_t half_avx2(HALVES, const uint8_t *p)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i in[PROPOSE_HALF_TABLES], any = _mm256_setzero_si256();

	for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
		in[i] = _mm256_set1_epi8(-1);
#pragma GCC unroll 8
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		__m256i at = _mm256_loadu_si256((const __m256i *)(const void *)(p + k));
		__m256i l = _mm256_and_si256(at, nibble);
		__m256i h = _mm256_and_si256(_mm256_srli_epi16(at, 4), nibble);

#pragma GCC unroll 4
		for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++) {
			__m256i low = _mm256_shuffle_epi8(table_avx2(t[i].low[k]), l);
			__m256i high = _mm256_shuffle_epi8(table_avx2(t[i].high[k]), h);

			in[i] = _mm256_and_si256(in[i], _mm256_and_si256(low, high));
		}
	}
	for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
		any = _mm256_or_si256(any, in[i]);
	any = _mm256_cmpeq_epi8(any, _mm256_setzero_si256());
	return ~(uint32_t)_mm256_movemask_epi8(any);
}

__attribute__((target("avx2"))) static void kernel_avx2(const struct proposer *g, const uint8_t *p,
							size_t blocks, uint64_t *bits)
{
	p -= WINDOW_BEFORE;
	for (size_t i = 0; i < blocks; i++, p += PROPOSE_BLOCK)
		bits[i] = half_avx2(g->halves, p) | (uint64_t)half_avx2(g->halves, p + 32) << 32;
}

__attribute__((target("ssse3"))) static inline __m128i load_ssse3(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

__attribute__((target("ssse3"))) static inline uint64_t quarter_ssse3(HALVES, const uint8_t *p)
{
	const __m128i nibble = _mm_set1_epi8(15);
	__m128i in[PROPOSE_HALF_TABLES], any = _mm_setzero_si128();

	for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
		in[i] = _mm_set1_epi8(-1);
#pragma GCC unroll 8
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		__m128i at = load_ssse3(p + k), l = _mm_and_si128(at, nibble);
		__m128i h = _mm_and_si128(_mm_srli_epi16(at, 4), nibble);

#pragma GCC unroll 4
		for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++) {
			__m128i low = _mm_shuffle_epi8(load_ssse3(t[i].low[k]), l);
			__m128i high = _mm_shuffle_epi8(load_ssse3(t[i].high[k]), h);

			in[i] = _mm_and_si128(in[i], _mm_and_si128(low, high));
		}
	}
	for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
		any = _mm_or_si128(any, in[i]);
	any = _mm_cmpeq_epi8(any, _mm_setzero_si128());
	return ~(unsigned)_mm_movemask_epi8(any) & 0xffff;
}

__attribute__((target("ssse3"))) static void
kernel_ssse3(const struct proposer *g, const uint8_t *p, size_t blocks, uint64_t *bits)
{
	p -= WINDOW_BEFORE;
	for (size_t i = 0; i < blocks; i++, p += PROPOSE_BLOCK)
		bits[i] = quarter_ssse3(g->halves, p) | quarter_ssse3(g->halves, p + 16) << 16 |
			  quarter_ssse3(g->halves, p + 32) << 32 |
			  quarter_ssse3(g->halves, p + 48) << 48;
}

propose_kernel *const propose_avx512 = kernel_avx512;
propose_kernel *const propose_avx2 = kernel_avx2;
propose_kernel *const propose_ssse3 = kernel_ssse3;
#else
propose_kernel *const propose_avx512 = NULL;
propose_kernel *const propose_avx2 = NULL;
propose_kernel *const propose_ssse3 = NULL;
#endif
