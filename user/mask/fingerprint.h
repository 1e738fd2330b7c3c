/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FINGERPRINT_H
#define AWSMASK_FINGERPRINT_H
/*
 * What stands for some bytes, so that these need not be kept: other bytes, of the same length, have the
 * same one with a probability below 2^-90, whoever chose both, as long as he does not know the key. It is
 * UMAC's NH (RFC 4418, section 5.2) of each 4 KB, of which three results of 32 bits' strength each say
 * what was there; with these it is done again under the next level's key, and so on up to a single one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_BLOCK 4096
#define FINGERPRINT_STEP 64 /* bytes; each result's key begins so much further on */
#define FINGERPRINT_SUMS 3
#define FINGERPRINT_FAN                                                                            \
	(FINGERPRINT_BLOCK / (FINGERPRINT_SUMS * 8)) /* of a level's in one of the next */
#define FINGERPRINT_LEVELS 4
/* No more bytes have one: 20 GB. */
#define FINGERPRINT_MAX                                                                            \
	((uint64_t)FINGERPRINT_BLOCK * FINGERPRINT_FAN * FINGERPRINT_FAN * FINGERPRINT_FAN)

/* All of it random. */
struct fingerprint_key {
	uint8_t levels[FINGERPRINT_LEVELS]
		      [FINGERPRINT_BLOCK + (FINGERPRINT_SUMS - 1) * FINGERPRINT_STEP];
};

struct fingerprint {
	uint64_t sums[FINGERPRINT_SUMS];
};

/* Add what so many steps of bytes come to under this key. */
typedef void fingerprint_kernel(const uint8_t *p, size_t steps, const uint8_t *key,
				struct fingerprint *sum);

/* The ways to do it; all but the last need a certain processor. All come to the same. */
enum fingerprint_variant {
	FINGERPRINT_AVX512,
	FINGERPRINT_AVX2,
	FINGERPRINT_NEON,
	FINGERPRINT_PLAIN,
	FINGERPRINT_VARIANTS
};
/* NULL: not on this processor. */
fingerprint_kernel *fingerprint_by(enum fingerprint_variant v);
fingerprint_kernel *fingerprint_best(void);

struct fingerprint fingerprint(fingerprint_kernel *kernel, const struct fingerprint_key *key,
			       const uint8_t *p, size_t len);

/* Private to fingerprint*.c; NULL: not on this kind of machine. */
extern fingerprint_kernel *const fingerprint_avx512, *const fingerprint_avx2,
							     *const fingerprint_neon;

#endif
