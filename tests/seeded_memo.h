/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SEEDED_MEMO_H
#define AWSMASK_SEEDED_MEMO_H
/* A memo whose key is the same in each run. */
#include "../user/mask/memo.h"

/* `seed` is not 0. */
static inline struct fingerprint_key seeded_key(uint64_t seed)
{
	struct fingerprint_key key;
	uint8_t *p = (uint8_t *)&key;

	for (size_t i = 0; i < sizeof(key); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		p[i] = (uint8_t)(seed >> 32);
	}
	return key;
}

static inline struct memo *seeded_memo(size_t max, uint64_t seed)
{
	const struct fingerprint_key key = seeded_key(seed);

	return memo_new(max, &key);
}

#endif
