/* SPDX-License-Identifier: Apache-2.0 */
/* Masking with a memo: the same as without one, but for the work. */
#include "../mask_twins.h"

#include <criterion/criterion.h>

#define BUCKET "corvid-ledger-archive"
#define PROSE "The quick brown fox looks at the log again and finds nothing there at all. "

static uint64_t rng_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void converse(struct twins *t, uint64_t seed, size_t memory, unsigned turns)
{
	uint8_t bytes[16384];
	struct twin_choices c = {bytes, sizeof(bytes)};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(rng_next(&seed) >> 32);
	twins_begin(t, memory);
	for (unsigned i = 0; i < turns; i++) {
		unsigned changes = 1 + twin_choice(&c) % 3;

		while (changes--)
			twins_change(t, &c);
		twins_turn(t);
	}
}

/* At every pressure: nothing fits, one text does, some do, all do. */
Test(mask_memo, conversations, .timeout = 300)
{
	static const size_t memory[] = {0, 700, 3000, 12000, 40000, 1 << 20};
	struct twins t;

	twins_init(&t);
	for (size_t m = 0; m < sizeof(memory) / sizeof(memory[0]); m++)
		for (uint64_t seed = 1; seed <= 6; seed++) {
			converse(&t, seed * 0x9e3779b97f4a7c15, memory[m], 40);
			cr_expect(memory[m] < 12000 || memo_stats(t.memo)->recalled > 20,
				  "%zu bytes: %zu recalled", memory[m],
				  (size_t)memo_stats(t.memo)->recalled);
			cr_expect(memo_stats(t.memo)->held <= memory[m]);
		}
	twins_free(&t);
}

static void say(struct world *w, struct memo *memo, const char *text)
{
	world_begin(w);
	mask_remember(w->mask, memo);
	cr_assert_eq(mask_scan_text(w->mask, 0, (const uint8_t *)text, strlen(text)), MASK_OK);
	cr_assert_eq(mask_learn(w->mask), MASK_OK);
	world_finish(w, (const uint8_t *)text, strlen(text));
}

static void expect_out(const struct world *w, const char *want)
{
	cr_expect(
		buf_len(&w->out) == strlen(want) && !memcmp(buf_bytes(&w->out), want, strlen(want)),
		"'%.*s', not '%s'", (int)buf_len(&w->out), (const char *)buf_bytes(&w->out), want);
}

/* What is learned between two requests is found in a text that was remembered before. */
Test(mask_memo, learned_in_between)
{
	struct world w;
	struct memo *memo = memo_new(1 << 20, 5);

	world_init(&w);
	say(&w, memo, PROSE BUCKET);
	expect_out(&w, PROSE BUCKET);
	memory_vault_put(&w.vault, TYPE_S3_BUCKET, 1, "corvid-another");
	say(&w, memo, PROSE BUCKET);
	expect_out(&w, PROSE BUCKET);
	cr_expect_eq(memo_stats(memo)->recalled, 1u);
	memory_vault_put(&w.vault, TYPE_S3_BUCKET, 2, BUCKET);
	say(&w, memo, PROSE BUCKET);
	expect_out(&w, PROSE "S3_BUCKET_002");
	say(&w, memo, PROSE BUCKET);
	expect_out(&w, PROSE "S3_BUCKET_002");
	cr_expect_eq(memo_stats(memo)->missed, 1u);
	memo_free(memo);
	world_free(&w);
}

/* The request that reveals a value masks it in texts that it recalled before that. */
Test(mask_memo, revealed_by_the_same_request)
{
	static const char body[] = "[\"" PROSE BUCKET "\",\"s3://" BUCKET "/\"]";
	struct world w;
	struct memo *memo = memo_new(1 << 20, 5);

	world_init(&w);
	say(&w, memo, PROSE BUCKET);
	world_begin(&w);
	mask_remember(w.mask, memo);
	cr_assert_eq(mask_scan_json(w.mask, 0, (const uint8_t *)body, strlen(body), SCHEMA_NONE),
		     MASK_OK);
	cr_assert_eq(mask_learn(w.mask), MASK_OK);
	world_finish(&w, (const uint8_t *)body, strlen(body));
	expect_out(&w, "[\"" PROSE "S3_BUCKET_001\",\"s3://S3_BUCKET_001/\"]");
	cr_expect_eq(memo_stats(memo)->missed, 2u);
	memo_free(memo);
	world_free(&w);
}

/* The same bytes are another text as a JSON string's content than as they stand. */
Test(mask_memo, escapes_are_part_of_the_text)
{
	static const char body[] = "[\"" PROSE "\\u0069-0d4c8a1f93b27e65a\"]";
	struct world w;
	struct memo *memo = memo_new(1 << 20, 5);

	world_init(&w);
	say(&w, memo, PROSE "\\u0069-0d4c8a1f93b27e65a");
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 0u);
	world_begin(&w);
	mask_remember(w.mask, memo);
	cr_assert_eq(mask_scan_json(w.mask, 0, (const uint8_t *)body, strlen(body), SCHEMA_NONE),
		     MASK_OK);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 1u);
	cr_expect_eq(memo_stats(memo)->recalled, 0u);
	memo_free(memo);
	world_free(&w);
}

/* Nobody learns from the time of his own requests what others have sent. */
Test(mask_memo, each_scope_has_its_own)
{
	struct world w;
	struct memory_vault other;
	struct memo *memo = memo_new(1 << 20, 5);

	world_init(&w);
	memory_vault_init(&other);
	say(&w, memo, PROSE);
	mask_know(w.mask, &other.scope);
	mask_remember(w.mask, memo);
	cr_assert_eq(mask_scan_text(w.mask, 0, (const uint8_t *)PROSE, strlen(PROSE)), MASK_OK);
	mask_reset(w.mask);
	cr_expect_eq(memo_stats(memo)->recalled, 0u);
	cr_expect_eq(memo_stats(memo)->missed, 2u);
	memory_vault_free(&other);
	memo_free(memo);
	world_free(&w);
}

/* Nothing is remembered beyond the request for which that was asked. */
Test(mask_memo, only_when_asked)
{
	struct world w;
	struct memo *memo = memo_new(1 << 20, 5);

	world_init(&w);
	say(&w, memo, PROSE);
	cr_assert_eq(world_text(&w, PROSE, strlen(PROSE)), MASK_OK);
	mask_reset(w.mask);
	cr_assert_eq(mask_scan_text(w.mask, 0, (const uint8_t *)PROSE, strlen(PROSE)), MASK_OK);
	cr_expect_eq(memo_stats(memo)->recalled, 0u);
	cr_expect_eq(memo_stats(memo)->missed, 1u);
	memo_free(memo);
	world_free(&w);
}
