/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_world.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

#define INSTANCE "i-0d4c8a1f93b27e65a"
#define OTHER "i-07be41c9d2a8f3650"
#define VPC "vpc-0f19a6b3c4d2e8571"

static bool has(const struct buf *b, const char *text)
{
	const uint8_t *p = buf_bytes(b);

	return p && memmem(p, buf_len(b), text, strlen(text));
}

static void expect_is(const struct buf *b, const char *text)
{
	cr_expect(buf_len(b) == strlen(text) && !memcmp(buf_bytes(b), text, buf_len(b)),
		  "is '%.*s', not '%s'", (int)buf_len(b), (const char *)buf_bytes(b), text);
}

/* What stands for a value of the vault. */
static const char *placeholder_of(struct world *w, const char *value)
{
	static char out[4][PLACEHOLDER_MAX + 1];
	static unsigned turn;
	char *p = out[turn++ % 4];

	for (size_t i = 0; i < w->vault.n; i++) {
		const struct memory_entry *e = &w->vault.entries[i];

		if (e->len == strlen(value) && !memcmp(e->value, value, e->len)) {
			p[placeholder_format(&types_builtin, p, e->type, e->number)] = 0;
			return p;
		}
	}
	must(false, "the value is in the vault");
	return NULL;
}

static void expect_round_trip(struct world *w, const void *text, size_t len)
{
	struct buf back;

	buf_init(&back, WORLD_MEMORY);
	cr_assert_eq(world_text(w, text, len), MASK_OK);
	world_restore(w, buf_bytes(&w->out), buf_len(&w->out), &back);
	cr_assert(buf_len(&back) == len && (!len || !memcmp(buf_bytes(&back), text, len)),
		  "'%.*s' came back as '%.*s' by way of '%.*s'", (int)len, (const char *)text,
		  (int)buf_len(&back), (const char *)buf_bytes(&back), (int)buf_len(&w->out),
		  (const char *)buf_bytes(&w->out));
	buf_free(&back);
}

Test(mask, text)
{
	struct world w;
	const char *in = "stop " INSTANCE ", start " OTHER ", then " INSTANCE " again";
	char want[200];

	world_init(&w);
	cr_assert_eq(world_text(&w, in, strlen(in)), MASK_OK);
	snprintf(want, sizeof(want), "stop %s, start %s, then %s again",
		 placeholder_of(&w, INSTANCE), placeholder_of(&w, OTHER),
		 placeholder_of(&w, INSTANCE));
	expect_is(&w.out, want);
	world_free(&w);
}

Test(mask, text_without_values_is_untouched)
{
	struct world w;
	const char *in = "nothing to see, i-0 and vpc- are no identifiers";

	world_init(&w);
	cr_assert_eq(world_text(&w, in, strlen(in)), MASK_OK);
	expect_is(&w.out, in);
	cr_expect(!mask_found(w.mask, 0));
	cr_expect_eq(memory_vault_calls(&w.vault, MEMORY_RESERVE), 0);
	cr_assert_eq(world_text(&w, "", 0), MASK_OK);
	cr_expect_eq(buf_len(&w.out), 0);
	cr_assert_eq(world_text(&w, NULL, 0), MASK_OK);
	world_free(&w);
}

/* I2: text that looks like a placeholder must not come back as somebody's value. */
Test(mask, literal_placeholders)
{
	struct world w;
	char in[200];

	world_init(&w);
	expect_round_trip(&w, INSTANCE, strlen(INSTANCE));
	snprintf(in, sizeof(in), "the model wrote %s itself", placeholder_of(&w, INSTANCE));
	expect_round_trip(&w, in, strlen(in));
	cr_expect(!has(&w.out, placeholder_of(&w, INSTANCE)));
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_LITERAL], 1);
	snprintf(in, sizeof(in), "and LITERAL_001 or LITERAL_002, %s7",
		 placeholder_of(&w, INSTANCE));
	expect_round_trip(&w, in, strlen(in));
	world_free(&w);
}

Test(mask, a_value_is_one_entry)
{
	struct world w;
	struct buf in;
	const char *unit = INSTANCE " " OTHER "\n";
	struct vault_entry *pending;
	size_t n;

	world_init(&w);
	buf_init(&in, WORLD_MEMORY);
	for (int i = 0; i < 3000; i++)
		cr_assert_eq(buf_puts(&in, unit), 0);
	cr_assert_eq(mask_scan_text(w.mask, 0, buf_bytes(&in), buf_len(&in)), MASK_OK);
	cr_expect_eq(mask_resolve(w.mask, &w.vault.scope), 2);
	pending = mask_pending(w.mask, &n);
	cr_assert_eq(n, 2);
	cr_expect(pending[0].len == strlen(INSTANCE) && !memcmp(pending[0].value, INSTANCE, 19));
	cr_expect(pending[1].len == strlen(OTHER) && !memcmp(pending[1].value, OTHER, 19));
	cr_expect_eq(memory_vault_calls(&w.vault, MEMORY_NUMBER), 2);
	world_finish(&w, buf_bytes(&in), buf_len(&in));
	cr_expect_eq(w.vault.fresh, 2);
	buf_free(&in);
	world_free(&w);
}

Test(mask, thousands_of_values)
{
	struct world w;
	struct buf in;

	world_init(&w);
	w.vault.unlogged = true;
	buf_init(&in, WORLD_MEMORY);
	for (unsigned i = 0; i < 3000; i++) {
		char id[40];

		snprintf(id, sizeof(id), "i-%017x ", i * 7919 + 1);
		cr_assert_eq(buf_puts(&in, id), 0);
	}
	expect_round_trip(&w, buf_bytes(&in), buf_len(&in));
	cr_expect_eq(w.vault.fresh, 3000);
	buf_free(&in);
	world_free(&w);
}

/* Only what the vault does not know is reserved, and a later request uses the same numbers (I4). */
Test(mask, known_values_are_not_reserved_again)
{
	struct world w;
	char first[PLACEHOLDER_MAX + 1];

	world_init(&w);
	cr_assert_eq(world_text(&w, INSTANCE, strlen(INSTANCE)), MASK_OK);
	strcpy(first, placeholder_of(&w, INSTANCE));
	cr_assert_eq(world_text(&w, OTHER " " INSTANCE, 39), MASK_OK);
	cr_expect(has(&w.out, first));
	cr_expect_eq(w.vault.fresh, 2);
	cr_assert_eq(world_text(&w, INSTANCE, strlen(INSTANCE)), MASK_OK);
	expect_is(&w.out, first);
	cr_expect_eq(memory_vault_calls(&w.vault, MEMORY_RESERVE), 2);
	world_free(&w);
}

/* A vault that keeps nothing: nothing may leave. */
Test(mask, unresolved_is_never_spliced)
{
	struct world w;
	struct vault_entry *pending;
	size_t n;

	world_init(&w);
	w.vault.refuse = true;
	cr_assert_eq(mask_scan_text(w.mask, 0, (const uint8_t *)INSTANCE, 19), MASK_OK);
	cr_expect_eq(mask_resolve(w.mask, &w.vault.scope), 1);
	pending = mask_pending(w.mask, &n);
	cr_assert_eq(w.vault.scope.ops->reserve(&w.vault.scope, pending, n), -1);
	cr_expect_eq(mask_resolve(w.mask, &w.vault.scope), 1);
	cr_expect_eq(mask_splice(w.mask, 0, (const uint8_t *)INSTANCE, 19, &w.out), -1);
	cr_expect_eq(buf_len(&w.out), 0);
	world_free(&w);
}

Test(mask, parts_share_values)
{
	struct world w;
	const char *query = "domain=" INSTANCE, *json = "[\"" OTHER "\",\"" INSTANCE "\"]";
	const char *text = "plain";
	struct vault_entry *pending;
	size_t n;
	char want[200];

	world_init(&w);
	cr_assert_eq(mask_scan_query(w.mask, 7, (const uint8_t *)query, strlen(query)), MASK_OK);
	cr_assert_eq(mask_scan_text(w.mask, 3, (const uint8_t *)text, strlen(text)), MASK_OK);
	cr_assert_eq(mask_scan_json(w.mask, 1, (const uint8_t *)json, strlen(json), SCHEMA_NONE),
		     MASK_OK);
	mask_resolve(w.mask, &w.vault.scope);
	pending = mask_pending(w.mask, &n);
	cr_assert_eq(n, 2);
	w.vault.scope.ops->reserve(&w.vault.scope, pending, n);
	cr_assert_eq(mask_resolve(w.mask, &w.vault.scope), 0);
	cr_expect_null(mask_pending(w.mask, &n));
	cr_expect_eq(n, 0);
	cr_expect(mask_found(w.mask, 7) && mask_found(w.mask, 1) && !mask_found(w.mask, 3));
	cr_expect(!mask_found(w.mask, 0));

	cr_assert_eq(mask_splice(w.mask, 1, (const uint8_t *)json, strlen(json), &w.out), 0);
	cr_assert_eq(mask_splice(w.mask, 7, (const uint8_t *)query, strlen(query), &w.out), 0);
	cr_assert_eq(mask_splice(w.mask, 3, (const uint8_t *)text, strlen(text), &w.out), 0);
	snprintf(want, sizeof(want), "[\"%s\",\"%s\"]domain=%splain", placeholder_of(&w, OTHER),
		 placeholder_of(&w, INSTANCE), placeholder_of(&w, INSTANCE));
	expect_is(&w.out, want);
	mask_reset(w.mask);
	cr_expect(!mask_found(w.mask, 7));
	world_free(&w);
}

/* Each line of a file may be a part: thousands of them, in any order of their names. */
Test(mask, thousands_of_parts)
{
	enum { PARTS = 20000 };
	struct world w;
	char id[40], text[PLACEHOLDER_MAX + 1];
	unsigned n = 0;

	world_init(&w);
	for (unsigned i = 0; i < PARTS; i++) {
		unsigned part = i < PARTS - 50 ? i : 2 * PARTS - 51 - i;

		snprintf(id, sizeof(id), "i-%017x", part % 7 + 1);
		cr_assert_eq(mask_scan_text(w.mask, part * 2, (const uint8_t *)id, 19), MASK_OK);
	}
	world_finish(&w, (const uint8_t *)"i-00000000000000001", 19);
	for (unsigned i = 0; i < PARTS; i++) {
		snprintf(id, sizeof(id), "i-%017x", i % 7 + 1);
		buf_clear(&w.out);
		n += mask_found(w.mask, i * 2) && !mask_found(w.mask, i * 2 + 1);
		cr_assert_eq(mask_splice(w.mask, i * 2, (const uint8_t *)id, 19, &w.out), 0);
		strcpy(text, placeholder_of(&w, id));
		expect_is(&w.out, text);
	}
	cr_expect_eq(n, PARTS);
	world_free(&w);
}

Test(mask, counts)
{
	struct world w;
	const char *in = INSTANCE " " VPC " " INSTANCE;
	size_t sum = 0;

	world_init(&w);
	cr_assert_eq(world_text(&w, in, strlen(in)), MASK_OK);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 2);
	for (size_t i = 0; i < TYPE_COUNT; i++)
		sum += mask_counts(w.mask)->by_type[i];
	cr_expect_eq(sum, 3);
	mask_reset(w.mask);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 0);
	world_free(&w);
}

/* max_memory is a refusal, at whatever size it strikes, never a span forgotten. */
Test(mask, memory_is_bounded)
{
	struct world w;
	struct buf in;
	size_t refused = 0, masked = 0;

	world_init(&w);
	buf_init(&in, WORLD_MEMORY);
	cr_assert_eq(buf_puts(&in, "[\""), 0);
	for (unsigned i = 0; i < 40; i++) {
		char id[40];

		snprintf(id, sizeof(id), "\\ni-%017x", i * 7919 + 1);
		cr_assert_eq(buf_puts(&in, id), 0);
	}
	cr_assert_eq(buf_puts(&in, "\"]"), 0);
	for (size_t max = 0; max < 40000; max += 97) {
		struct mask *m = mask_new(w.catalogue, max);
		enum mask_error e = mask_scan_json(m, 0, buf_bytes(&in), buf_len(&in), SCHEMA_NONE);

		cr_assert_not_null(m);
		if (e == MASK_OK) {
			cr_expect_eq(mask_counts(m)->by_type[TYPE_EC2_INSTANCE], 40);
			masked++;
		} else {
			cr_expect_eq(e, MASK_TOO_LARGE);
			cr_expect_eq(masked, 0);
			refused++;
		}
		mask_free(m);
	}
	cr_expect(refused > 10 && masked > 10);
	buf_free(&in);
	world_free(&w);
}

Test(mask, errors_have_sentences)
{
	for (int e = MASK_OK; e <= MASK_TOO_LARGE; e++)
		cr_expect_gt(strlen(mask_error_text((enum mask_error)e)), 10);
}

/* Percent-encoding (RFC 3986): values are seen decoded, what is around them stays encoded. */
Test(mask, query)
{
	static const struct {
		const char *before, *value, *after;
	} table[] = {
		{"", INSTANCE, ""},
		{"id=", INSTANCE, "&x=1"},
		{"id=%20", INSTANCE, "%20"},
		{"a=%e2%82%ac+%", INSTANCE, "+%zz%"},
		{"u=http%3A%2F%2Fhost%2F", INSTANCE, "%3Fq"},
		{"id=%25", INSTANCE, "%2C"},
		{"id=%", INSTANCE, ""},
		{"a=1&b=%c3", "%69%2D0d4c8a1f93b27e65a", "%0a"},
		{"a=", "i%2d0d4c8a1f93b27e6%35a", "+"},
		{"a=", "i%2D%30d4c8a1f93b27e65%61", ""},
		{"%252F", INSTANCE, "%252F"},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char in[300], want[300];

		snprintf(in, sizeof(in), "%s%s%s", table[i].before, table[i].value, table[i].after);
		cr_assert_eq(world_query(&w, in, strlen(in)), MASK_OK);
		snprintf(want, sizeof(want), "%s%s%s", table[i].before,
			 placeholder_of(&w, INSTANCE), table[i].after);
		expect_is(&w.out, want);
	}
	cr_expect_eq(w.vault.n, 1);
	world_free(&w);
}

/* The scanners must not read past the end of what they were given. */
Test(mask, nothing_is_read_behind_the_end)
{
	static const char *const inputs[] = {
		INSTANCE,
		"x=%",
		"x=%4",
		"x=%41",
		"i%2D0d4c8a1f93b27e65%6",
		"EC2_INSTANCE_",
		"EC2_INSTANCE_001",
		"arn:aws:",
		"s3://",
		"10.1.2.",
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct world w;

	world_init(&w);
	cr_assert_neq(map, MAP_FAILED);
	cr_assert_eq(mprotect(map + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		for (size_t len = 0; len <= strlen(inputs[i]); len++) {
			uint8_t *p = map + page - len;

			memcpy(p, inputs[i], len);
			cr_expect_eq(world_text(&w, p, len), MASK_OK);
			cr_expect_eq(world_query(&w, p, len), MASK_OK);
			world_json(&w, p, len, SCHEMA_MESSAGES);
			world_multipart(&w, p, len, "b", true);
		}
	}
	munmap(map, 2 * page);
	world_free(&w);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Pieces that meet badly: values, halves of placeholders, digits, escapes, separators. */
static const char *const pieces[] = {
	INSTANCE,
	OTHER,
	VPC,
	"EC2_INSTANCE_001",
	"EC2_INSTANCE_00",
	"EC2_INSTANCE_",
	"EC2_",
	"INSTANCE_",
	"LITERAL_",
	"LITERAL_001",
	"001",
	"0",
	"1",
	"9",
	"_",
	"-",
	".",
	":",
	"/",
	"\\n",
	"\n",
	"\x1b[31m",
	"i-",
	"account ",
	"420917365588",
	"arn:aws:iam::420917365588:role/",
	"deploy",
	"s3://",
	"kestrel-ledger-west",
	".s3.amazonaws.com",
	"10.20.30.40",
	"10.0.0.0/8",
	"\xc3\xa9",
	"\x80",
	"%2F",
	"A",
	"z",
	" ",
	"\"",
};

/* What a sanitizer looks at comes up early; the property is for the plain build, and the fuzzer's million. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ADVERSARIAL_ROUNDS 4000
#else
#define ADVERSARIAL_ROUNDS 20000
#endif

/* I2 as a property; one vault all along, so that placeholders of earlier texts are real ones. */
Test(mask, round_trip_of_adversarial_text, .timeout = 60)
{
	struct world w;
	struct memo *memo;
	uint64_t state = 0x5eed0fa11ce5;

	world_init(&w);
	memo = w.memo;
	w.vault.unlogged = true;
	for (int round = 0; round < ADVERSARIAL_ROUNDS; round++) {
		char text[600] = "";
		size_t n = next_random(&state) % 12;

		for (size_t i = 0; i < n; i++) {
			size_t pick = next_random(&state) % (sizeof(pieces) / sizeof(pieces[0]));

			strcat(text, pieces[pick]);
		}
		w.memo = round % 16 ? NULL : memo; /* the vault grows, and is looked through */
		expect_round_trip(&w, text, strlen(text));
	}
	w.memo = memo;
	world_free(&w);
}

/* The same with what masking itself made, masked once more: nesting must come undone one by one. */
Test(mask, round_trip_of_masked_text)
{
	struct world w;
	struct buf last, back;
	const char *in = "from " INSTANCE " to " VPC " by EC2_INSTANCE_001 and LITERAL_002";

	world_init(&w);
	buf_init(&last, WORLD_MEMORY);
	buf_init(&back, WORLD_MEMORY);
	cr_assert_eq(buf_puts(&last, in), 0);
	for (int depth = 0; depth < 5; depth++) {
		cr_assert_eq(world_text(&w, buf_bytes(&last), buf_len(&last)), MASK_OK);
		buf_clear(&back);
		world_restore(&w, buf_bytes(&w.out), buf_len(&w.out), &back);
		cr_assert(buf_len(&back) == buf_len(&last) &&
			  !memcmp(buf_bytes(&back), buf_bytes(&last), buf_len(&last)));
		buf_clear(&last);
		cr_assert_eq(buf_append(&last, buf_bytes(&w.out), buf_len(&w.out)), 0);
	}
	buf_free(&last);
	buf_free(&back);
	world_free(&w);
}
