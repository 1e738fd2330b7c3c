/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CLASSES_H
#define AWSMASK_CLASSES_H
/* What kind of byte stands where in a text, for 64 bytes at once: a bit each, the first the lowest. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLASSES_BLOCK 64
#define CLASSES_WORDS 18 /* at most at a time */

struct classes {
	uint64_t alnum[CLASSES_WORDS];	 /* letters and digits */
	uint64_t goes_on[CLASSES_WORDS]; /* these, dashes and underscores */
	uint64_t digit[CLASSES_WORDS];
	uint64_t escape[CLASSES_WORDS]; /* bytes with which an escape may begin (edge.h) */
};

/* Set words `from` to `to` to the classes of what stands at p; nothing behind it is read. */
typedef void classes_kernel(const uint8_t *p, struct classes *out, size_t from, size_t to);

/* The ways to do it; all but the last need a certain processor. All say the same. */
enum classes_variant {
	CLASSES_AVX512,
	CLASSES_AVX2,
	CLASSES_NEON,
	CLASSES_PLAIN,
	CLASSES_VARIANTS
};
/* NULL: not on this processor. */
classes_kernel *classes_by(enum classes_variant v);
classes_kernel *classes_best(void);

/* Private to classes*.c: what the halves of a byte say together, bit by bit. */
#define CLASS_DIGIT 1
#define CLASS_ALNUM 7
#define CLASS_GOES_ON 31
#define CLASS_ESCAPE 224
extern const uint8_t classes_low[16], classes_high[16];
/* NULL: not on this kind of machine. */
extern classes_kernel *const classes_avx512, *const classes_avx2, *const classes_neon;

#endif
