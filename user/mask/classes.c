/* SPDX-License-Identifier: Apache-2.0 */
#include "classes.h"

/*
 * The bits: digits; the first fifteen letters; the others; the dash; the underscore; % and $;
 * \ and ^; the byte ESC. A byte is of a class when both of its halves say so.
 */
const uint8_t classes_low[16] = {
	[0x0] = 1 | 4,
	[0x1 ... 0x3] = 1 | 2 | 4,
	[0x4] = 1 | 2 | 4 | 32,
	[0x5] = 1 | 2 | 4 | 32,
	[0x6 ... 0x9] = 1 | 2 | 4,
	[0xa] = 2 | 4,
	[0xb] = 2 | 128,
	[0xc] = 2 | 64,
	[0xd] = 2 | 8,
	[0xe] = 2 | 64,
	[0xf] = 2 | 16,
};
const uint8_t classes_high[16] = {
	[0x1] = 128,	     [0x2] = 8 | 32, [0x3] = 1, [0x4] = 2,
	[0x5] = 4 | 16 | 64, [0x6] = 2,	     [0x7] = 4,
};

static void kernel_plain(const uint8_t *p, struct classes *out, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++, p += CLASSES_BLOCK) {
		uint64_t alnum = 0, goes_on = 0, digit = 0, escape = 0;

		for (unsigned k = 0; k < CLASSES_BLOCK; k++) {
			unsigned of = classes_low[p[k] & 15] & classes_high[p[k] >> 4];

			alnum |= (uint64_t) !!(of & CLASS_ALNUM) << k;
			goes_on |= (uint64_t) !!(of & CLASS_GOES_ON) << k;
			digit |= (uint64_t) !!(of & CLASS_DIGIT) << k;
			escape |= (uint64_t) !!(of & CLASS_ESCAPE) << k;
		}
		out->alnum[i] = alnum;
		out->goes_on[i] = goes_on;
		out->digit[i] = digit;
		out->escape[i] = escape;
	}
}

classes_kernel *classes_by(enum classes_variant v)
{
	switch (v) {
#ifdef __x86_64__
	case CLASSES_AVX512:
		return __builtin_cpu_supports("avx512bw") ? classes_avx512 : NULL;
	case CLASSES_AVX2:
		return __builtin_cpu_supports("avx2") ? classes_avx2 : NULL;
#endif
	case CLASSES_NEON:
		return classes_neon;
	case CLASSES_PLAIN:
		return kernel_plain;
	default:
		return NULL;
	}
}

classes_kernel *classes_best(void)
{
	enum classes_variant v = 0;

	while (!classes_by(v))
		v++;
	return classes_by(v);
}
