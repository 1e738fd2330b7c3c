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
			cr_expect(memory[m] < 40000 || memo_stats(t.memo)->recalled > 20,
				  "%zu bytes: %zu recalled", memory[m],
				  (size_t)memo_stats(t.memo)->recalled);
			cr_expect(memo_stats(t.memo)->held <= memory[m]);
		}
	twins_free(&t);
}

/* A body with whatever a walk has to know of what came before: of some pieces, and as short as they allow. */
static void speak(struct twins *t)
{
	static const uint8_t places[] = {TWIN_RESULT, TWIN_SIGNED, TWIN_TEXT,
					 TWIN_INPUT,  TWIN_LIST,   TWIN_NUMBER};

	t->n = sizeof(places);
	for (size_t i = 0; i < t->n; i++) {
		struct twin_block *b = &t->blocks[i];
		size_t least = i % 2 ? 150 : 1030;

		*b = (struct twin_block){
			.place = places[i], .spells = (uint8_t)(i * 5), .marked = i == 2};
		for (unsigned k = (unsigned)i; b->len < least; k++) {
			const char *phrase = twin_phrases[k % TWIN_PHRASES];

			memcpy(b->text + b->len, phrase, strlen(phrase));
			b->len += strlen(phrase);
		}
	}
	twins_body(t);
}

/* What is common ends at every byte: within an escape, a character, a key, before what decides over a string. */
Test(mask_memo, changed_at_every_byte, .timeout = 300)
{
	static const uint8_t bytes[] = {'x', '"', '\\', '}', ',', '7', ' '};
	struct buf whole = {.max = 1 << 20};
	struct twins t;

	twins_init(&t);
	twins_begin(&t, 1 << 20);
	speak(&t);
	cr_assert_eq(buf_append(&whole, buf_bytes(&t.body), buf_len(&t.body)), 0);
	twins_ask(&t);
	for (size_t at = 0; at < buf_len(&whole); at++) {
		buf_clear(&t.body);
		cr_assert_eq(buf_append(&t.body, buf_bytes(&whole), buf_len(&whole)), 0);
		twins_break(&t, at, (enum twin_break)(at % TWIN_BREAKS), bytes[at % sizeof(bytes)]);
	}
	cr_expect_gt(memo_stats(t.memo)->recalled, 2 * buf_len(&whole));
	buf_free(&whole);
	twins_free(&t);
}

/* A body that comes in two parts, whatever is remembered of it: cut within an escape, a number, a key, a long text. */
Test(mask_memo, cut_at_every_byte, .timeout = 300)
{
	struct twins t;

	twins_init(&t);
	for (unsigned known = 0; known < 2; known++) {
		twins_begin(&t, 1 << 20);
		speak(&t);
		if (known)
			twins_ask(&t);
		for (size_t at = 0; at < buf_len(&t.body); at++) {
			struct world *w = &t.other[0];

			MUST(twin_mask(&t.plain[0], &t, NULL) == MASK_OK);
			world_begin(w);
			cr_assert_eq(mask_json_begin(w->mask, 0, SCHEMA_MESSAGES), MASK_OK);
			cr_assert_eq(twin_step(w, &t, at, 8 + known), MASK_OK);
			mask_know(w->mask, &w->vault.scope);
			mask_remember(w->mask, known ? t.memo : NULL);
			cr_assert_eq(
				mask_json_more(w->mask, buf_bytes(&t.body), buf_len(&t.body), true),
				MASK_OK);
			cr_assert_eq(mask_learn(w->mask), MASK_OK);
			world_finish(w, buf_bytes(&t.body), buf_len(&t.body));
			twins_same(&t);
		}
	}
	twins_free(&t);
}

/* What came is scanned when it came, and what was remembered is waited for rather than read again. */
Test(mask_memo, as_far_as_it_came)
{
	struct world *w;
	struct twins t;
	size_t len, half, recalled, missed;

	twins_init(&t);
	twins_begin(&t, 1 << 20);
	speak(&t);
	w = &t.other[0];
	len = buf_len(&t.body);
	half = len / 2;
	for (unsigned again = 0; again < 2; again++) {
		recalled = memo_stats(t.memo)->recalled;
		missed = memo_stats(t.memo)->missed;
		world_begin(w);
		cr_assert_eq(mask_json_begin(w->mask, 0, SCHEMA_MESSAGES), MASK_OK);
		cr_assert_eq(twin_step(w, &t, half, 9), MASK_OK);
		cr_expect_gt(mask_json_done(w->mask), half / 2);
		cr_expect(!again || memo_stats(t.memo)->recalled > recalled);
		mask_know(w->mask, &w->vault.scope);
		mask_remember(w->mask, t.memo);
		cr_assert_eq(mask_json_more(w->mask, buf_bytes(&t.body), len, true), MASK_OK);
		cr_expect_eq(mask_json_done(w->mask), len);
		cr_expect(again ? memo_stats(t.memo)->missed == missed
				: memo_stats(t.memo)->recalled == recalled);
		mask_reset(w->mask);
	}
	twins_free(&t);
}

/* It goes on from where what may be read was over, and nothing is lost by that. */
Test(mask_memo, goes_on_from_where_it_was_over)
{
	struct twins t;
	struct world *w;
	enum mask_error e = MASK_TOO_NEW;
	size_t done = 0, steps = 0;

	twins_init(&t);
	twins_begin(&t, 1 << 20);
	speak(&t);
	twins_ask(&t);
	w = &t.other[0];
	MUST(twin_mask(&t.plain[0], &t, NULL) == MASK_OK);
	world_begin(w);
	cr_assert_eq(mask_json_begin(w->mask, 0, SCHEMA_MESSAGES), MASK_OK);
	for (; e == MASK_TOO_NEW; steps++) {
		mask_read_most(w->mask, 4000);
		e = mask_json_more(w->mask, buf_bytes(&t.body), buf_len(&t.body), true);
		cr_assert(e == MASK_OK || mask_json_done(w->mask) > done || !done);
		done = mask_json_done(w->mask);
	}
	cr_assert_eq(e, MASK_OK);
	cr_expect_gt(steps, 2);
	mask_read_most(w->mask, SIZE_MAX);
	cr_assert_eq(mask_learn(w->mask), MASK_OK);
	world_finish(w, buf_bytes(&t.body), buf_len(&t.body));
	twins_same(&t);
	twins_free(&t);
}

/* A text that is longer than what may be read waits for who has the time; one byte more than it has will do. */
Test(mask_memo, a_long_text_waits)
{
	static const char begin[] = "{\"a\":\"", text[] = PROSE PROSE PROSE "s3://" BUCKET "/x\"";
	const size_t from = sizeof(begin) - 2, end = sizeof(begin) + sizeof(text) - 2;
	struct buf json = {.max = 4096};
	struct world w;

	world_init(&w);
	cr_assert(!buf_puts(&json, begin) && !buf_puts(&json, text));
	while (buf_len(&json) < 2 * MEMO_HEAD)
		cr_assert_eq(buf_puts(&json, " "), 0);
	world_begin(&w);
	cr_assert_eq(mask_json_begin(w.mask, 0, SCHEMA_NONE), MASK_OK);
	for (size_t most = 1; most < end - from - 1; most += 7) {
		mask_read_most(w.mask, most);
		cr_assert_eq(mask_json_more(w.mask, buf_bytes(&json), buf_len(&json), false),
			     MASK_TOO_NEW);
		cr_assert_leq(mask_json_done(w.mask), from + 1);
	}
	mask_read_most(w.mask, end - from);
	cr_assert_eq(mask_json_more(w.mask, buf_bytes(&json), buf_len(&json), false), MASK_OK);
	cr_assert_geq(mask_json_done(w.mask), end);
	buf_free(&json);
	world_free(&w);
}

/* A number ends with what follows it, also where a piece might end because it is long. */
Test(mask_memo, numbers_go_on)
{
	static const char numbers[] = "734019286651,734019286651 ,17,";
	struct buf whole = {.max = 1 << 20};
	struct twins t;
	size_t from;

	twins_init(&t);
	twins_begin(&t, 1 << 20);
	cr_assert_eq(buf_puts(&whole, "{\"account\":["), 0);
	while (buf_len(&whole) < 8150)
		cr_assert_eq(buf_puts(&whole, "\"one of many short strings\","), 0);
	from = buf_len(&whole);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(buf_puts(&whole, numbers), 0);
	cr_assert_eq(buf_puts(&whole, "0]}"), 0);
	for (size_t at = from; at < buf_len(&whole); at++) {
		buf_clear(&t.body);
		cr_assert_eq(buf_append(&t.body, buf_bytes(&whole), buf_len(&whole)), 0);
		twins_ask(&t); /* whatever is found there is known then */
		twins_break(&t, at, TWIN_PUT_IN, '6');
	}
	buf_free(&whole);
	twins_free(&t);
}

/* What begins a piece is still told from what its long end is full of. */
Test(mask_memo, learned_before_a_long_text)
{
	static const char *const names[] = {"corvid-one", "tidewater-raw-events", "ledger-of-2031",
					    "heron-archive-x", "plover-datasets-7"};
	struct buf body = {.max = 1 << 20};
	struct world w;
	struct memo *memo = seeded_memo(1 << 20, 5);

	world_init(&w);
	cr_assert_eq(buf_puts(&body, "["), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_eq(buf_puts(&body, "\"see "), 0);
		cr_assert_eq(buf_puts(&body, names[i]), 0);
		cr_assert_eq(buf_puts(&body, "\","), 0);
	}
	cr_assert_eq(buf_puts(&body, "\""), 0);
	while (buf_len(&body) < 60000)
		cr_assert_eq(buf_puts(&body, PROSE), 0);
	cr_assert_eq(buf_puts(&body, "\"]"), 0);
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		world_begin(&w);
		mask_remember(w.mask, memo);
		cr_assert_eq(
			mask_scan_json(w.mask, 0, buf_bytes(&body), buf_len(&body), SCHEMA_NONE),
			MASK_OK);
		cr_assert_eq(mask_learn(w.mask), MASK_OK);
		cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_S3_BUCKET], i);
		mask_reset(w.mask);
		if (i < sizeof(names) / sizeof(names[0]))
			memory_vault_put(&w.vault, TYPE_S3_BUCKET, (uint32_t)i + 1, names[i]);
	}
	buf_free(&body);
	memo_free(memo);
	world_free(&w);
}

/* What came before is not read, nor is what follows what is new. */
Test(mask_memo, only_what_changed_is_read)
{
	struct twins t;
	uint64_t missed;

	twins_init(&t);
	twins_begin(&t, 1 << 20);
	speak(&t);
	twins_ask(&t);
	twins_ask(&t); /* the names are known now */
	missed = memo_stats(t.memo)->missed;
	cr_assert_gt(missed, 4u, "it is of several pieces");
	twins_ask(&t);
	cr_expect_eq(memo_stats(t.memo)->missed, missed);
	t.blocks[t.n] = t.blocks[0];
	t.blocks[t.n++].text[20] ^= 1;
	twins_turn(&t);
	cr_expect_leq(memo_stats(t.memo)->missed, missed + 2, "one more message");
	missed = memo_stats(t.memo)->missed;
	t.blocks[2].marked = false;
	twins_turn(&t);
	cr_expect_leq(memo_stats(t.memo)->missed, missed + 2, "cache_control moved");
	missed = memo_stats(t.memo)->missed;
	memmove(t.blocks, t.blocks + 3, (t.n -= 3) * sizeof(t.blocks[0]));
	twins_turn(&t);
	cr_expect_leq(memo_stats(t.memo)->missed, missed + 2, "the first message is gone");
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
	struct memo *memo = seeded_memo(1 << 20, 5);

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

/* Many pieces with the same short text before each long one. */
static void put_pieces(struct buf *body, unsigned n)
{
	cr_assert_eq(buf_puts(body, "[\"\""), 0);
	while (n--) {
		cr_assert_eq(buf_puts(body, ",\"" BUCKET "\",\""), 0);
		for (size_t i = 0; i < 20; i++)
			cr_assert_eq(buf_puts(body, PROSE), 0);
		cr_assert_eq(buf_puts(body, "\""), 0);
	}
	cr_assert_eq(buf_puts(body, "]"), 0);
}

/* It is found in all of them, once it is known what it is; also if there was no memo for the first ones. */
Test(mask_memo, the_same_short_text_in_each_piece)
{
	struct buf body = {.max = 1 << 20};
	struct world w;
	size_t len;

	put_pieces(&body, 8);
	len = buf_len(&body);
	for (size_t late = 0; late < len; late += len / 3) {
		struct memo *memo = seeded_memo(1 << 20, 5);

		world_init(&w);
		for (unsigned i = 0; i < 2; i++) {
			world_begin(&w);
			mask_remember(w.mask, i || !late ? memo : NULL);
			cr_assert_eq(mask_json_begin(w.mask, 0, SCHEMA_NONE), MASK_OK);
			cr_assert_eq(mask_json_more(w.mask, buf_bytes(&body), late, false),
				     MASK_OK);
			mask_remember(w.mask, memo);
			cr_assert_eq(mask_json_more(w.mask, buf_bytes(&body), len, true), MASK_OK);
			cr_assert_eq(mask_learn(w.mask), MASK_OK);
			cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_S3_BUCKET], i * 8u);
			mask_reset(w.mask);
			memory_vault_put(&w.vault, TYPE_S3_BUCKET, 1, BUCKET);
		}
		cr_expect_gt(memo_stats(memo)->recalled, 0u);
		memo_free(memo);
		world_free(&w);
	}
	buf_free(&body);
}

/* The request that reveals a value masks it in texts that it recalled before that. */
Test(mask_memo, revealed_by_the_same_request)
{
	static const char body[] = "[\"" PROSE BUCKET "\",\"s3://" BUCKET "/\"]";
	struct world w;
	struct memo *memo = seeded_memo(1 << 20, 5);

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

/* A value that was revealed and never committed is known to nobody. */
Test(mask_memo, never_reserved)
{
	static const uint8_t prose[] = PROSE BUCKET, uri[] = "s3://" BUCKET "/";
	struct world w;
	struct memo *memo = seeded_memo(1 << 20, 5);

	world_init(&w);
	for (int i = 0; i < 2; i++) {
		world_begin(&w);
		mask_remember(w.mask, memo);
		cr_assert_eq(mask_scan_text(w.mask, 0, prose, sizeof(prose) - 1), MASK_OK);
		cr_assert_eq(mask_scan_text(w.mask, 1, uri, sizeof(uri) - 1), MASK_OK);
		cr_assert_eq(mask_learn(w.mask), MASK_OK);
		cr_expect(mask_found(w.mask, 0));
	}
	say(&w, memo, PROSE BUCKET);
	expect_out(&w, PROSE BUCKET);
	memo_free(memo);
	world_free(&w);
}

/* What the vault says of a value that is remembered it is asked once. */
Test(mask_memo, asks_once_for_a_value)
{
	struct world w;
	struct memo *memo = seeded_memo(1 << 20, 5);
	size_t calls;

	world_init(&w);
	for (int i = 0; i < 3; i++)
		say(&w, memo, PROSE "s3://" BUCKET "/x");
	calls = memory_vault_calls(&w.vault, MEMORY_NUMBER);
	for (int i = 0; i < 3; i++) {
		say(&w, memo, PROSE "s3://" BUCKET "/x");
		expect_out(&w, PROSE "s3://S3_BUCKET_001/x");
	}
	cr_expect_eq(memory_vault_calls(&w.vault, MEMORY_NUMBER), calls);
	memo_free(memo);
	world_free(&w);
}

/* What is new and too much is not read; what came before may be as long as it likes. */
Test(mask_memo, reads_no_more_than_it_may)
{
	const size_t len = strlen(PROSE BUCKET);
	struct world w;
	struct memo *memo = seeded_memo(1 << 20, 5);

	world_init(&w);
	for (int i = 0; i < 2; i++) {
		world_begin(&w);
		mask_remember(w.mask, i ? memo : NULL);
		mask_read_most(w.mask, len - 1);
		cr_expect_eq(mask_scan_text(w.mask, 0, (const uint8_t *)PROSE BUCKET, len),
			     MASK_TOO_NEW);
	}
	say(&w, memo, PROSE BUCKET);
	world_begin(&w);
	mask_remember(w.mask, memo);
	mask_read_most(w.mask, len);
	cr_expect_eq(mask_scan_text(w.mask, 0, (const uint8_t *)PROSE BUCKET, len), MASK_OK);
	cr_expect_eq(mask_scan_text(w.mask, 1, (const uint8_t *)"some of what is left", 20),
		     MASK_OK);
	cr_expect_eq(
		mask_scan_text(w.mask, 2, (const uint8_t *)PROSE "and more than that", len - 10),
		MASK_TOO_NEW, "all that was read counts");
	mask_reset(w.mask);
	memo_free(memo);
	world_free(&w);
}

static const struct known *knew_nothing(struct vault_scope *s)
{
	(void)s;
	return NULL;
}

/* A request that began before a value was committed finds it bare, too, when others have remembered it since. */
Test(mask_memo, older_than_what_is_remembered)
{
	static const uint8_t uri[] = PROSE "s3://" BUCKET "/", prose[] = PROSE BUCKET;
	struct world w;
	struct vault_ops ops;
	struct memo *memo = seeded_memo(1 << 20, 5);

	world_init(&w);
	for (int i = 0; i < 3; i++)
		say(&w, memo, (const char *)uri);
	ops = *w.vault.scope.ops;
	ops.known = knew_nothing;
	w.vault.scope.ops = &ops;
	world_begin(&w);
	mask_remember(w.mask, memo);
	cr_assert_eq(mask_scan_text(w.mask, 0, prose, sizeof(prose) - 1), MASK_OK);
	cr_assert_eq(mask_scan_text(w.mask, 1, uri, sizeof(uri) - 1), MASK_OK);
	cr_assert_eq(mask_learn(w.mask), MASK_OK);
	world_finish(&w, prose, sizeof(prose) - 1);
	expect_out(&w, PROSE "S3_BUCKET_001");
	mask_reset(w.mask);
	memo_free(memo);
	world_free(&w);
}

/* The same bytes are another text as a JSON string's content than as they stand. */
Test(mask_memo, escapes_are_part_of_the_text)
{
	static const char body[] = "[\"" PROSE "\\u0069-0d4c8a1f93b27e65a\"]";
	struct world w;
	struct memo *memo = seeded_memo(1 << 20, 5);

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
	struct memo *memo = seeded_memo(1 << 20, 5);

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
	struct memo *memo = seeded_memo(1 << 20, 5);

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
