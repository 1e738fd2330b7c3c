/* SPDX-License-Identifier: Apache-2.0 */
/* The memo alone, against a list of all that was ever kept. */
#include "../seeded_memo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 4096
#define AHEAD 700 /* bytes that follow a piece */

static uint64_t state = 88172645463325252;

static uint64_t rng_next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* The i-th piece of a test, with more behind it: others differ in a byte, or in where they begin. */
static struct memo_key key_of(unsigned i, uint8_t text[static TEXT_MAX + AHEAD], size_t len)
{
	static const char owners[4];
	static const uint8_t states[] = "one and another";
	char number[10];

	memset(text, 'a', TEXT_MAX + AHEAD);
	snprintf(number, sizeof(number), "%08u.", i / 8 % 100000000);
	memcpy(text + len - 9, number, 9);
	memcpy(text, number, 9);
	return (struct memo_key){.owner = &owners[i % 2],
				 .state = {states, i / 2 % 2 * 5 + 3 + i / 4 % 2},
				 .ahead = {text, len + AHEAD}};
}

#define BYTES(array, n)                                                                            \
	{                                                                                          \
		(const uint8_t *)(array), (n) * sizeof(*(array))                                   \
	}

/* What came of it, so that it can be told from others. */
static void keep(struct memo *m, struct memo_key *key, size_t len, unsigned i, size_t found)
{
	uint64_t words[4] = {i, 0, i * 3ull, 1};
	uint32_t at[400];
	struct memo_piece piece = {.bytes = {key->ahead.p, len},
				   .rules = BYTES(at, found),
				   .effects = BYTES(words, i % 3),
				   .state = BYTES(words, 1),
				   .policy = i * 7ull,
				   .known = i * 11,
				   .tokens = {words, 1u << i % 3}};
	struct memo_piece old;

	for (size_t k = 0; k < found; k++)
		at[k] = i + (uint32_t)k;
	(void)memo_recall(m, key, &old);
	memo_keep(m, key, &piece);
}

static void expect_kept(const struct memo_piece *piece, unsigned i, size_t found, size_t len)
{
	uint64_t word = i;
	uint32_t at;

	cr_assert_eq(piece->bytes.len, len);
	cr_assert_eq(piece->rules.len, found * sizeof(at));
	for (size_t k = 0; k < found; k++) {
		memcpy(&at, piece->rules.p + k * sizeof(at), sizeof(at));
		cr_assert_eq(at, i + k);
	}
	cr_assert(piece->state.len == 8 && !memcmp(piece->state.p, &word, 8));
	cr_assert(piece->effects.len == i % 3 * 8 &&
		  (i % 3 == 0 || !memcmp(piece->effects.p, &word, 8)));
	cr_assert_eq(piece->tokens.n, 1u << i % 3);
	cr_assert(piece->tokens.words[0] == i &&
		  (piece->tokens.n == 1 || piece->tokens.words[1] == 0));
	cr_assert(piece->policy == i * 7ull && piece->known == i * 11ull && !piece->last);
}

static bool is_kept(struct memo *m, struct memo_key *key)
{
	struct memo_piece piece;

	return memo_recall(m, key, &piece);
}

/* Whatever is recalled is what was kept, at every pressure; what was kept last is there. */
Test(memo, recalls_what_was_kept)
{
	static const size_t sizes[] = {1000, 4000, 9999, 30000, 100000, 1 << 20};
	static uint8_t text[TEXT_MAX + AHEAD];

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct memo *m = seeded_memo(sizes[s], rng_next());
		size_t recalled = 0;

		cr_assert_not_null(m);
		for (unsigned round = 0; round < 4000; round++) {
			unsigned i = (unsigned)(rng_next() % 300);
			size_t len = 20 + i / 8 * 37, found = i % 5;
			struct memo_key key = key_of(i, text, len);
			struct memo_piece piece;

			if (memo_recall(m, &key, &piece)) {
				expect_kept(&piece, i, found, len);
				recalled++;
			} else {
				keep(m, &key, len, i, found);
				cr_assert(is_kept(m, &key) || len + 250 > sizes[s] / 8);
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

/* What came of it later counts, however much that is. */
Test(memo, keeps_what_is_found_later)
{
	static uint8_t text[TEXT_MAX + AHEAD];
	struct memo *m = seeded_memo(1 << 16, 3);
	struct memo_key key = key_of(8, text, 500);
	struct memo_piece piece;

	for (size_t found = 0; found < 300; found = found * 2 + 1) {
		keep(m, &key, 500, 8, found);
		cr_assert(memo_recall(m, &key, &piece));
		expect_kept(&piece, 8, found, 500);
		keep(m, &key, 500, 8, found / 2);
		cr_assert(memo_recall(m, &key, &piece));
		expect_kept(&piece, 8, found / 2, 500);
	}
	memo_knows(m, 77);
	cr_expect(memo_recall(m, &key, &piece) && piece.known == 77);
	memo_free(m);
}

/* Each part of the key counts, and each byte of the piece; what follows does only if it is near. */
Test(memo, tells_pieces_apart)
{
	static uint8_t text[TEXT_MAX + AHEAD], other[TEXT_MAX + AHEAD];
	static const size_t len = 1500;
	struct memo *m = seeded_memo(1 << 16, 3);
	struct memo_key key = key_of(8, text, len), k;

	keep(m, &key, len, 8, 1);
	k = key, k.owner = m;
	cr_expect_not(is_kept(m, &k));
	k = key, k.state.len++;
	cr_expect_not(is_kept(m, &k));
	k = key, k.state.p++;
	cr_expect_not(is_kept(m, &k));
	for (size_t i = 0; i < len; i++) {
		memcpy(other, text, sizeof(other));
		other[i] ^= 1;
		k = key, k.ahead.p = other;
		cr_assert_not(is_kept(m, &k), "byte %zu", i);
		k = key, k.ahead.len = i;
		cr_assert_not(is_kept(m, &k), "the first %zu bytes", i);
	}
	memset(other + len, 'z', sizeof(other) - len);
	memcpy(other, text, len);
	k = key, k.ahead.p = other;
	cr_expect(is_kept(m, &k));
	k.ahead.len = len;
	cr_expect(is_kept(m, &k));
	memo_free(m);
}

/* The last piece is another one where something follows. */
Test(memo, last)
{
	static uint8_t text[TEXT_MAX + AHEAD];
	struct memo *m = seeded_memo(1 << 16, 3);
	struct memo_key key = key_of(8, text, 1200);
	struct memo_piece piece = {.bytes = {text, 1200}, .last = true};

	key.ahead.len = 1200;
	cr_expect_not(is_kept(m, &key));
	memo_keep(m, &key, &piece);
	cr_expect(memo_recall(m, &key, &piece) && piece.last && !piece.effects.len);
	key.ahead.len++;
	cr_expect_not(is_kept(m, &key));
	memo_free(m);
}

Test(memo, age)
{
	static uint8_t text[TEXT_MAX + AHEAD];
	struct memo *m = seeded_memo(1 << 20, 3);
	struct memo_piece piece;
	struct memo_key key;

	for (unsigned i = 0; i < 20; i++) {
		key = key_of(i * 8, text, 1000);
		keep(m, &key, 1000, i, 2);
	}
	memo_age(m);
	for (unsigned i = 5; i < 20; i += 2) {
		key = key_of(i * 8, text, 1000);
		cr_assert(is_kept(m, &key));
	}
	memo_age(m);
	for (unsigned i = 0; i < 20; i++) {
		key = key_of(i * 8, text, 1000);
		cr_assert_eq(is_kept(m, &key), i >= 5 && i % 2);
	}
	memo_age(m);
	memo_age(m);
	cr_expect_eq(memo_stats(m)->held, 0u);
	keep(m, &key, 1000, 1, 2);
	cr_assert(memo_recall(m, &key, &piece));
	expect_kept(&piece, 1, 2, 1000);
	memo_free(m);
}

/* One piece takes no more than its share, however much is found in it. */
Test(memo, what_is_too_large_is_not_kept)
{
	static uint8_t text[TEXT_MAX + AHEAD];
	struct memo *m = seeded_memo(5000, 3);
	struct memo_key key = key_of(8, text, 1000);

	keep(m, &key, 1000, 8, 1);
	cr_expect(is_kept(m, &key));
	keep(m, &key, 1000, 8, 300);
	cr_expect_not(is_kept(m, &key));
	cr_expect_eq(memo_stats(m)->held, 0u);
	key = key_of(8, text, 4000);
	keep(m, &key, 4000, 8, 1);
	cr_expect(is_kept(m, &key), "its bytes take nothing");
	memo_free(m);
}

/* Long pieces that begin like short ones are not gone over for each of these. */
Test(memo, looks_in_vain_only_so_long)
{
	enum { LONG = 1 << 20, LONGS = 4, SHORTS = 20000 };
	struct memo *m = seeded_memo(1 << 20, 3);
	uint8_t *text = malloc(LONG);
	struct memo_key key;

	cr_assert_not_null(text);
	memset(text, 'a', LONG);
	key = key_of(8, text, 4000);
	memset(text, 'a', 4000);
	key.ahead.len = LONG;
	for (unsigned i = 0; i < LONGS; i++) {
		text[LONG - 1] = (uint8_t)i;
		keep(m, &key, LONG, 8, 1);
		cr_expect(is_kept(m, &key));
	}
	memset(text + 2000, 'b', LONG - 2000);
	for (unsigned i = 0; i < SHORTS; i++)
		cr_assert_not(is_kept(m, &key));
	cr_expect_gt(memo_stats(m)->vain_bytes, (uint64_t)LONG);
	cr_expect_lt(memo_stats(m)->vain_bytes, (uint64_t)LONG * 80);
	keep(m, &key, 3000, 8, 1);
	cr_expect(is_kept(m, &key), "short ones are found all the same");
	memo_free(m);
	free(text);
}

/* The same number for what says the same, as long as few others come in between; none for what cannot be told. */
Test(memo, policies)
{
	struct memo *m = seeded_memo(8000, 3);
	struct mask_policy a = policy_default, b = policy_default, c = policy_default;
	struct known list;
	uint64_t first = memo_policy(m, &a);

	known_init(&list, 4096);
	cr_expect(first && memo_policy(m, &b) == first);
	b.actions[TYPE_S3_BUCKET] = ACTION_BLOCK;
	cr_expect(memo_policy(m, &b) && memo_policy(m, &b) != first);
	c.keep_examples = !c.keep_examples;
	cr_expect(memo_policy(m, &c) != first && memo_policy(m, &c) != memo_policy(m, &b));
	c.allow = &list;
	cr_expect_eq(memo_policy(m, &c), 0u, "a list without an edition");
	c.edition = 1;
	cr_expect_neq(memo_policy(m, &c), 0u);
	b = c, b.edition = 2;
	cr_expect_neq(memo_policy(m, &b), memo_policy(m, &c));
	b = c, b.allow = NULL, b.literals[1] = &list;
	cr_expect_neq(memo_policy(m, &b), memo_policy(m, &c));
	cr_expect_eq(memo_policy(m, &a), first);
	for (unsigned i = 0; i < 100; i++) {
		b.edition = 100 + i;
		cr_expect(memo_policy(m, &b) > first);
	}
	cr_expect_gt(memo_policy(m, &a), first, "a number is not given twice");
	known_free(&list);
	memo_free(m);
}
