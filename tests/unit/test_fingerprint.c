/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprints, held against the plainest way to make them; each variant on pages that end where the bytes do. */
#include "../../user/mask/fingerprint.h"
#include "../guard.h"
#include "../seeded_memo.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define FAN_BYTES ((size_t)FINGERPRINT_BLOCK * FINGERPRINT_FAN)
#define LONGEST (FAN_BYTES * 2 + 5000)

static uint32_t half_at(const uint8_t *p, size_t len, size_t at)
{
	uint32_t half = 0;

	if (at < len)
		memcpy(&half, p + at, len - at < sizeof(half) ? len - at : sizeof(half));
	return half;
}

/* RFC 4418, section 5.2.2, but for how halves are paired: with the next one. */
static struct fingerprint nh(const uint8_t *key, const uint8_t *p, size_t len)
{
	struct fingerprint out = {{0}};
	size_t steps = (len + FINGERPRINT_STEP - 1) / FINGERPRINT_STEP;

	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
		for (size_t i = 0; i < steps * FINGERPRINT_STEP; i += 8) {
			const uint8_t *with = key + k * FINGERPRINT_STEP + i;

			out.sums[k] += (uint64_t)(half_at(p, len, i) + half_at(with, 8, 0)) *
				       (half_at(p, len, i + 4) + half_at(with, 8, 4));
		}
	return out;
}

/* A whole level, then the next. */
static struct fingerprint plainest(const struct fingerprint_key *key, const uint8_t *p, size_t len)
{
	size_t block = FINGERPRINT_BLOCK, n = len ? (len + block - 1) / block : 1, room = n;
	struct fingerprint *list = malloc(room * sizeof(*list)), out;

	for (size_t i = 0; i < n; i++)
		list[i] = nh(key->levels[0], p + i * block,
			     len - i * block < block ? len - i * block : block);
	block = sizeof(*list) * FINGERPRINT_FAN;
	for (unsigned level = 1; n > 1; level++) {
		size_t bytes = n * sizeof(*list);

		n = (bytes + block - 1) / block;
		for (size_t i = 0; i < n; i++)
			list[i] = nh(key->levels[level], (const uint8_t *)list + i * block,
				     bytes - i * block < block ? bytes - i * block : block);
	}
	out = list[0];
	free(list);
	return out;
}

static bool same(const struct fingerprint *a, const struct fingerprint *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void expect_all(const struct fingerprint_key *key, const uint8_t *bytes, size_t len)
{
	const struct fingerprint want = plainest(key, bytes, len);
	struct guarded g = guarded_copy(bytes, len);
	unsigned variants = 0;

	for (unsigned v = 0; v < FINGERPRINT_VARIANTS; v++) {
		fingerprint_kernel *kernel = fingerprint_by(v);
		struct fingerprint got;

		if (!kernel)
			continue;
		got = fingerprint(kernel, key, g.p, len);
		cr_expect(same(&got, &want), "variant %u, %zu bytes", v, len);
		variants++;
	}
	cr_assert_gt(variants, 0u);
	guarded_free(&g);
}

static uint8_t *some_bytes(void)
{
	uint8_t *bytes = malloc(LONGEST);
	uint64_t x = 88172645463325252;

	cr_assert_not_null(bytes);
	for (size_t i = 0; i < LONGEST; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (uint8_t)(x >> 24);
	}
	return bytes;
}

Test(fingerprint, every_variant_at_every_length)
{
	const struct fingerprint_key key = seeded_key(7);
	const size_t around[] = {FINGERPRINT_BLOCK, 3 * FINGERPRINT_BLOCK, FAN_BYTES,
				 FAN_BYTES + FINGERPRINT_BLOCK, 2 * FAN_BYTES};
	uint8_t *bytes = some_bytes();

	for (size_t len = 0; len <= 300; len++)
		expect_all(&key, bytes, len);
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
		for (size_t more = 0; more <= 130; more += 13)
			expect_all(&key, bytes, around[i] - 65 + more);
	free(bytes);
}

/* All that can differ: a bit anywhere, bytes that changed places, another key. */
Test(fingerprint, tells_texts_apart)
{
	const struct fingerprint_key key = seeded_key(7), other = seeded_key(8);
	fingerprint_kernel *kernel = fingerprint_best();
	const size_t lens[] = {1, 63, 64, 1000, FINGERPRINT_BLOCK + 1, FAN_BYTES + 100};
	uint8_t *bytes = some_bytes();

	for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++) {
		size_t len = lens[l], step = len > 2000 ? len / 97 : 1;
		const struct fingerprint was = fingerprint(kernel, &key, bytes, len);
		struct fingerprint is = fingerprint(kernel, &other, bytes, len);

		cr_expect(!same(&is, &was));
		for (size_t at = 0; at < len; at += step) {
			bytes[at] ^= (uint8_t)(1u << at % 8);
			is = fingerprint(kernel, &key, bytes, len);
			cr_expect(!same(&is, &was), "%zu of %zu", at, len);
			bytes[at] ^= (uint8_t)(1u << at % 8);
		}
		is = fingerprint(kernel, &key, bytes, len);
		cr_expect(same(&is, &was));
	}
	free(bytes);
}

/* A step, a block, a fan of blocks in another's place. */
Test(fingerprint, order_counts)
{
	static const size_t sizes[] = {4, 8, FINGERPRINT_STEP, FINGERPRINT_BLOCK, FAN_BYTES};
	const struct fingerprint_key key = seeded_key(9);
	fingerprint_kernel *kernel = fingerprint_best();
	uint8_t *bytes = some_bytes(), *moved = malloc(LONGEST);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		struct fingerprint a, b;

		memcpy(moved, bytes + n, n);
		memcpy(moved + n, bytes, n);
		a = fingerprint(kernel, &key, bytes, 2 * n);
		b = fingerprint(kernel, &key, moved, 2 * n);
		cr_expect(!same(&a, &b), "%zu bytes", n);
	}
	free(moved);
	free(bytes);
}
