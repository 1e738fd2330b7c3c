/* SPDX-License-Identifier: Apache-2.0 */
#include "fingerprint.h"

#include <string.h>

/* What each level has come to so far, and how much of it waits for the next level. */
struct tree {
	const struct fingerprint_key *key;
	fingerprint_kernel *kernel;
	struct fingerprint sums[FINGERPRINT_LEVELS][FINGERPRINT_FAN];
	unsigned n[FINGERPRINT_LEVELS];
};

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static void kernel_plain(const uint8_t *p, size_t steps, const uint8_t *key,
			 struct fingerprint *sum)
{
	for (size_t i = 0; i < steps * FINGERPRINT_STEP; i += sizeof(uint64_t)) {
		uint64_t word = word_at(p + i);

		for (unsigned k = 0; k < FINGERPRINT_SUMS; k++) {
			uint64_t with = word_at(key + i + (size_t)k * FINGERPRINT_STEP);
			uint32_t low = (uint32_t)word + (uint32_t)with;
			uint32_t high = (uint32_t)(word >> 32) + (uint32_t)(with >> 32);

			sum->sums[k] += (uint64_t)low * high;
		}
	}
}

fingerprint_kernel *fingerprint_by(enum fingerprint_variant v)
{
	switch (v) {
#ifdef __x86_64__
	case FINGERPRINT_AVX512:
		return __builtin_cpu_supports("avx512f") ? fingerprint_avx512 : NULL;
	case FINGERPRINT_AVX2:
		return __builtin_cpu_supports("avx2") ? fingerprint_avx2 : NULL;
#endif
	case FINGERPRINT_NEON:
		return fingerprint_neon;
	case FINGERPRINT_PLAIN:
		return kernel_plain;
	default:
		return NULL;
	}
}

fingerprint_kernel *fingerprint_best(void)
{
	enum fingerprint_variant v = 0;

	while (!fingerprint_by(v))
		v++;
	return fingerprint_by(v);
}

/* Of a block, or of what there is of the last one, with zeroes behind it. */
static struct fingerprint block(const struct tree *t, unsigned level, const uint8_t *p, size_t len)
{
	const uint8_t *key = t->key->levels[level];
	size_t whole = len / FINGERPRINT_STEP, rest = len % FINGERPRINT_STEP;
	struct fingerprint sum = {{0}};

	t->kernel(p, whole, key, &sum);
	if (rest) {
		uint8_t copy[FINGERPRINT_STEP] = {0};

		memcpy(copy, p + whole * FINGERPRINT_STEP, rest);
		t->kernel(copy, 1, key + whole * FINGERPRINT_STEP, &sum);
	}
	return sum;
}

/* All that waits on a level becomes one of the next. */
static struct fingerprint gather(struct tree *t, unsigned level)
{
	size_t len = t->n[level] * sizeof(t->sums[level][0]);

	t->n[level] = 0;
	return block(t, level + 1, (const uint8_t *)t->sums[level], len);
}

static void put(struct tree *t, struct fingerprint sum)
{
	for (unsigned level = 0;; level++) {
		t->sums[level][t->n[level]++] = sum;
		if (t->n[level] < FINGERPRINT_FAN || level == FINGERPRINT_LEVELS - 1)
			return;
		sum = gather(t, level);
	}
}

/* Is this the only one there is? */
static bool is_root(const struct tree *t, unsigned level)
{
	for (unsigned above = level + 1; above < FINGERPRINT_LEVELS; above++)
		if (t->n[above])
			return false;
	return t->n[level] == 1;
}

struct fingerprint fingerprint(fingerprint_kernel *kernel, const struct fingerprint_key *key,
			       const uint8_t *p, size_t len)
{
	struct tree t;
	unsigned level = 0;

	t.key = key;
	t.kernel = kernel;
	memset(t.n, 0, sizeof(t.n));
	if (len <= FINGERPRINT_BLOCK)
		return block(&t, 0, p, len);
	for (size_t at = 0; at < len; at += FINGERPRINT_BLOCK)
		put(&t, block(&t, 0, p + at,
			      len - at < FINGERPRINT_BLOCK ? len - at : FINGERPRINT_BLOCK));
	for (; !is_root(&t, level); level++)
		if (t.n[level]) {
			struct fingerprint sum = gather(&t, level);

			t.sums[level + 1][t.n[level + 1]++] = sum;
		}
	return t.sums[level][0];
}
