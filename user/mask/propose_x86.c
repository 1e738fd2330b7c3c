/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#ifdef __x86_64__
#include <immintrin.h>

#define HALVES const struct propose_halves t[static PROPOSE_HALF_TABLES]

#define AVX512 __attribute__((target("avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")))
#define CHUNK_BLOCKS 16
#define CLASS_AHEAD (PROPOSE_CLASS_PLACES - 1) /* bytes beyond a block that count for it */

/* The classes of the bytes that count for so many blocks. */
AVX512 static inline void classes_avx512(const uint8_t of[static 128], const uint8_t *p,
					 size_t blocks, uint8_t *out)
{
	const __mmask64 ahead = (1u << CLASS_AHEAD) - 1;
	__m512i low = _mm512_loadu_si512(of), high = _mm512_loadu_si512(of + 64);

	for (size_t i = 0; i <= blocks; i++, p += PROPOSE_BLOCK, out += PROPOSE_BLOCK) {
		__m512i at = i < blocks ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8(ahead, p);

		_mm512_storeu_si512(out, _mm512_permutex2var_epi8(low, at, high));
	}
}

/* Bytes are sorted into classes first: one register holds a table of these, and all tables fit. */
AVX512 static inline void chunk_avx512(const struct propose_classes *t, const uint8_t *p,
				       size_t blocks, uint64_t *bits)
{
	__m512i tables[PROPOSE_CLASS_TABLES][PROPOSE_CLASS_PLACES];
	uint8_t classes[(CHUNK_BLOCKS + 1) * PROPOSE_BLOCK];

	classes_avx512(t->of, p, blocks, classes);
#pragma GCC unroll 8
	for (unsigned i = 0; i < PROPOSE_CLASS_TABLES; i++)
#pragma GCC unroll 8
		for (unsigned k = 0; k < PROPOSE_CLASS_PLACES; k++)
			tables[i][k] = _mm512_loadu_si512(t->groups[i][k]);
	for (size_t block = 0; block < blocks; block++) {
		__m512i at[PROPOSE_CLASS_PLACES], any = _mm512_setzero_si512();

#pragma GCC unroll 8
		for (unsigned k = 0; k < PROPOSE_CLASS_PLACES; k++)
			at[k] = _mm512_loadu_si512(classes + block * PROPOSE_BLOCK + k);
#pragma GCC unroll 8
		for (unsigned i = 0; i < PROPOSE_CLASS_TABLES; i++) {
			__m512i in = _mm512_permutexvar_epi8(at[0], tables[i][0]);

#pragma GCC unroll 8
			for (unsigned k = 1; k < PROPOSE_CLASS_PLACES; k++)
				in = _mm512_and_si512(in,
						      _mm512_permutexvar_epi8(at[k], tables[i][k]));
			any = _mm512_or_si512(any, in);
		}
		bits[block] = _mm512_test_epi8_mask(any, any);
	}
}

AVX512 static void kernel_avx512(const struct proposer *g, const uint8_t *p, size_t blocks,
				 uint64_t *bits)
{
	p -= WINDOW_BEFORE - PROPOSE_CLASS_FIRST;
	for (size_t done = 0, n; done < blocks; done += n) {
		n = blocks - done < CHUNK_BLOCKS ? blocks - done : CHUNK_BLOCKS;
		chunk_avx512(&g->classes, p + done * PROPOSE_BLOCK, n, bits + done);
	}
}

/* Sixteen bytes of `at` from `first` on, the places of bits in a block that begins at `base`. */
#define PUT_PLACES(out, at, first, base)                                                           \
	_mm512_storeu_si512((out) + (first),                                                       \
			    _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32( \
							   at, (first) / 16))))

/* As bit_places(): it writes PICK_MORE at most beyond what there is. */
AVX512 static inline size_t places_avx512(uint64_t bits, size_t block, uint32_t *out)
{
	static const uint8_t numbers[PROPOSE_BLOCK] = {
		0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
		48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
	__m512i at = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(numbers));
	__m512i base = _mm512_set1_epi32((int)(block * PROPOSE_BLOCK));
	size_t count = (size_t)_mm_popcnt_u64(bits);

	PUT_PLACES(out, at, 0, base);
	if (count <= 16)
		return count;
	PUT_PLACES(out, at, 16, base);
	if (count <= 32)
		return count;
	PUT_PLACES(out, at, 32, base);
	PUT_PLACES(out, at, 48, base);
	return count;
}

AVX512 static size_t pick_avx512(const struct proposer *g, const uint8_t *p, const uint64_t *bits,
				 size_t blocks, uint32_t *out)
{
	size_t count = 0, n = 0;

	for (size_t i = 0; i < blocks; i++)
		count += places_avx512(bits[i], i, out + count);
	for (size_t i = 0; i < count; i++) {
		uint32_t at = out[i], four;

		__builtin_memcpy(&four, p + at, sizeof(four));
		out[n] = at;
		n += gram_is_known(g, four);
	}
	return n;
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
	for (unsigned k = 0; k < PROPOSE_HALF_PLACES; k++) {
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
	p -= WINDOW_BEFORE - PROPOSE_HALF_FIRST;
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
	for (unsigned k = 0; k < PROPOSE_HALF_PLACES; k++) {
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
	p -= WINDOW_BEFORE - PROPOSE_HALF_FIRST;
	for (size_t i = 0; i < blocks; i++, p += PROPOSE_BLOCK)
		bits[i] = quarter_ssse3(g->halves, p) | quarter_ssse3(g->halves, p + 16) << 16 |
			  quarter_ssse3(g->halves, p + 32) << 32 |
			  quarter_ssse3(g->halves, p + 48) << 48;
}

propose_kernel *const propose_avx512 = kernel_avx512;
propose_picker *const propose_pick_avx512 = pick_avx512;
propose_kernel *const propose_avx2 = kernel_avx2;
propose_kernel *const propose_ssse3 = kernel_ssse3;
#else
propose_kernel *const propose_avx512 = NULL;
propose_picker *const propose_pick_avx512 = NULL;
propose_kernel *const propose_avx2 = NULL;
propose_kernel *const propose_ssse3 = NULL;
#endif
