/* SPDX-License-Identifier: Apache-2.0 */
/* The memo alone, against a list of all that was ever kept. */
#include "../../user/mask/memo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 4096

static uint64_t state = 88172645463325252;

static uint64_t rng_next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* The i-th text of a test: others differ in a byte, or in their length alone. */
static struct memo_key key_of(unsigned i, uint8_t text[static TEXT_MAX], size_t len)
{
	static const char owners[4];
	char number[10];
	size_t digits = len < 9 ? len : 9;

	memset(text, 'a', TEXT_MAX);
	snprintf(number, sizeof(number), "%08u.", i / 8 % 100000000);
	memcpy(text + len - digits, number + 9 - digits, digits);
	return (struct memo_key){.owner = &owners[i % 2],
				 .text = text,
				 .len = len,
				 .skip = i / 2 % 2 * 5,
				 .escaped = i / 4 % 2};
}

/* What is found in it, so that it can be told from others'. */
static void keep(struct memo *m, struct memo_key *key, unsigned i, size_t places)
{
	uint64_t words[TEXT_MAX / 8] = {i, 0, i * 3ull};
	uint32_t at[400];
	struct span rules[3];
	struct memo_found f = {.rules = rules,
			       .n_rules = i % 4,
			       .places = at,
			       .n_places = places,
			       .tokens = {words, memo_token_words(key->len)},
			       .lists = i * 7ull,
			       .known = i * 11};

	for (unsigned k = 0; k < 3; k++)
		rules[k] = (struct span){i + k, i + k + 5, (enum mask_type)(i % 7), (uint16_t)k};
	for (size_t k = 0; k < places; k++)
		at[k] = i + (uint32_t)k;
	(void)memo_recall(m, key);
	memo_keep(m, key, &f);
}

static void expect_kept(const struct memo_text *t, unsigned i, size_t places, size_t len)
{
	size_t n;
	const uint32_t *at = memo_places(t, &n);
	struct known_tokens tokens = memo_tokens(t);

	cr_assert_eq(memo_rule_count(t), i % 4);
	for (unsigned k = 0; k < i % 4; k++) {
		struct span s = memo_rule(t, k);

		cr_assert(s.start == i + k && s.end == i + k + 5 && s.rule == k);
		cr_assert_eq((unsigned)s.type, i % 7);
	}
	cr_assert_eq(n, places);
	for (size_t k = 0; k < n; k++)
		cr_assert_eq(at[k], i + k);
	cr_assert_eq(tokens.n, memo_token_words(len));
	cr_assert(tokens.words[0] == i && (tokens.n == 1 || tokens.words[1] == 0));
	cr_assert(memo_lists(t) == i * 7ull && memo_known(t) == i * 11ull);
}

/* Whatever is recalled is what was kept, at every pressure; what was kept last is there. */
Test(memo, recalls_what_was_kept)
{
	static const size_t sizes[] = {1000, 4000, 9999, 30000, 100000, 1 << 20};
	static uint8_t text[TEXT_MAX];

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct memo *m = memo_new(sizes[s], rng_next());
		size_t recalled = 0;

		cr_assert_not_null(m);
		for (unsigned round = 0; round < 4000; round++) {
			unsigned i = (unsigned)(rng_next() % 300);
			size_t len = MEMO_TEXT_MIN + i / 8 * 37, places = i % 5;
			struct memo_key key = key_of(i, text, len);
			struct memo_text *t = memo_fits(m, len) ? memo_recall(m, &key) : NULL;

			if (t) {
				expect_kept(t, i, places, len);
				recalled++;
			} else if (memo_fits(m, len)) {
				keep(m, &key, i, places);
				t = memo_recall(m, &key);
				cr_assert(t || len + 150 > sizes[s] / 8);
			}
			if (rng_next() % 500 == 0)
				memo_age(m);
			cr_assert(memo_stats(m)->held <= sizes[s]);
		}
		cr_expect(recalled > (sizes[s] > 500000 ? 3000u : 0u), "%zu bytes: %zu", sizes[s],
			  recalled);
		memo_free(m);
	}
}

/* More places than there was room for, and fewer again: the last ones count. */
Test(memo, keeps_what_is_found_later)
{
	static uint8_t text[TEXT_MAX];
	struct memo *m = memo_new(1 << 16, 3);
	struct memo_key key = key_of(8, text, 500);

	for (size_t places = 0; places < 300; places = places * 2 + 1) {
		keep(m, &key, 8, places);
		expect_kept(memo_recall(m, &key), 8, places, 500);
		keep(m, &key, 8, places / 2);
		expect_kept(memo_recall(m, &key), 8, places / 2, 500);
	}
	memo_knows(memo_recall(m, &key), 77);
	cr_expect_eq(memo_known(memo_recall(m, &key)), 77u);
	memo_free(m);
}

/* Each part of the key counts. */
Test(memo, tells_texts_apart)
{
	static uint8_t text[TEXT_MAX], other[TEXT_MAX];
	struct memo *m = memo_new(1 << 16, 3);
	struct memo_key key = key_of(8, text, 500), k;

	keep(m, &key, 8, 1);
	k = key, k.owner = m;
	cr_expect_null(memo_recall(m, &k));
	k = key, k.skip++;
	cr_expect_null(memo_recall(m, &k));
	k = key, k.escaped = !k.escaped;
	cr_expect_null(memo_recall(m, &k));
	k = key, k.len--;
	cr_expect_null(memo_recall(m, &k));
	for (size_t i = 0; i < 500; i++) {
		memcpy(other, text, sizeof(other));
		other[i] ^= 1;
		k = key, k.text = other;
		cr_assert_null(memo_recall(m, &k), "byte %zu", i);
	}
	memcpy(other, text, sizeof(other));
	cr_expect_not_null(memo_recall(m, &k));
	memo_free(m);
}

Test(memo, age)
{
	static uint8_t text[TEXT_MAX];
	struct memo *m = memo_new(1 << 20, 3);
	struct memo_key key;

	for (unsigned i = 0; i < 20; i++) {
		key = key_of(i * 8, text, 1000);
		keep(m, &key, i, 2);
	}
	memo_age(m);
	for (unsigned i = 5; i < 20; i += 2) {
		key = key_of(i * 8, text, 1000);
		cr_assert_not_null(memo_recall(m, &key));
	}
	memo_age(m);
	for (unsigned i = 0; i < 20; i++) {
		key = key_of(i * 8, text, 1000);
		cr_assert_eq(memo_recall(m, &key) != NULL, i >= 5 && i % 2);
	}
	memo_age(m);
	memo_age(m);
	cr_expect_eq(memo_stats(m)->held, 0u);
	keep(m, &key, 1, 2);
	expect_kept(memo_recall(m, &key), 1, 2, 1000);
	memo_free(m);
}

/* One text takes no more than its share, however much is found in it. */
Test(memo, what_is_too_large_is_not_kept)
{
	static uint8_t text[TEXT_MAX];
	struct memo *m = memo_new(8000, 3);
	struct memo_key key = key_of(8, text, 1000);

	cr_expect(!memo_fits(m, 4000) && !memo_fits(m, MEMO_TEXT_MIN - 1) && memo_fits(m, 1000));
	keep(m, &key, 8, 1);
	cr_expect_not_null(memo_recall(m, &key));
	keep(m, &key, 8, 300);
	cr_expect_null(memo_recall(m, &key));
	cr_expect_eq(memo_stats(m)->held, 0u);
	memo_free(m);
}
