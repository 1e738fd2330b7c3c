/* SPDX-License-Identifier: Apache-2.0 */
/* One record as a line: what it says, that it is JSON whatever is in it, and its link in the chain. */
#include "audit_rig.h"

#include <jansson.h>
#include <openssl/sha.h>

static struct audit_chain chain;
static struct buf out;

static void begin(void)
{
	audit_chain_begin(&chain);
	buf_init(&out, 1 << 20);
}

static void end(void)
{
	buf_free(&out);
}

TestSuite(audit_line, .init = begin, .fini = end);

static json_t *parsed(const struct audit_record *r, const struct audit_line_facts *facts)
{
	json_t *j;

	buf_clear(&out);
	cr_assert_eq(audit_line(&chain, r, facts, &out), 0);
	cr_assert_leq(buf_len(&out), (size_t)AUDIT_LINE_MAX);
	cr_assert_eq(buf_bytes(&out)[buf_len(&out) - 1], '\n');
	cr_assert_null(memchr(buf_bytes(&out), '\n', buf_len(&out) - 1));
	j = json_loadb((const char *)buf_bytes(&out), buf_len(&out), 0, NULL);
	cr_assert_not_null(j, "%.*s", (int)buf_len(&out), (const char *)buf_bytes(&out));
	return j;
}

/* To the letter: others read it, too. */
Test(audit_line, is_as_documented)
{
	struct audit_record r = a_record(0);
	char want[1024], hash[AUDIT_HASH_LEN + 1], body[512];
	json_t *j;

	snprintf(body, sizeof(body),
		 "{\"v\":1,\"seq\":1,\"time\":\"2026-09-21T14:13:20.123Z\",\"host\":\"h\","
		 "\"event\":\"request\",\"uid\":1000,\"target\":\"api.example.com\","
		 "\"verdict\":\"masked\",\"masked\":{\"EC2_INSTANCE\":1},\"prev\":\"%064d\"",
		 0);
	cr_assert_eq(audit_hash(body, strlen(body), hash), 0);
	snprintf(want, sizeof(want), "%s,\"hash\":\"%s\"}\n", body, hash);
	j = parsed(&r, &(struct audit_line_facts){.host = "h"});
	cr_assert_eq(buf_len(&out), strlen(want));
	cr_assert_eq(memcmp(buf_bytes(&out), want, strlen(want)), 0, "%.*s", (int)buf_len(&out),
		     (const char *)buf_bytes(&out));
	cr_assert_str_eq(chain.head, hash);
	json_decref(j);
}

/* Whatever stands in the bytes of a record: a worker may be anybody's by now. */
Test(audit_line, any_bytes_make_one_line_of_json)
{
	struct audit_record r;
	uint8_t *bytes = (uint8_t *)&r;

	for (unsigned seed = 0; seed < 300; seed++) {
		uint32_t x = seed * 2654435761u + 1;
		json_t *j;

		for (size_t i = 0; i < sizeof(r); i++) {
			x = x * 1664525 + 1013904223;
			bytes[i] = seed < 256 ? (uint8_t)seed : (uint8_t)(x >> 24);
		}
		audit_bound(&r);
		j = parsed(&r, &(struct audit_line_facts){.host = "\"\\\n\xff"});
		cr_assert_eq(json_integer_value(json_object_get(j, "seq")), (json_int_t)seed + 1);
		cr_assert_eq(
			audit_line_check((const char *)buf_bytes(&out), buf_len(&out) - 1, &chain),
			1);
		json_decref(j);
	}
}

Test(audit_line, a_full_record_fits)
{
	struct audit_record r;

	memset(&r, '\\', sizeof(r));
	r.event = AUDIT_FLOW;
	r.verdict = AUDIT_SPLICED;
	audit_bound(&r);
	json_decref(parsed(&r, &(struct audit_line_facts){.host = "h", .lost = UINT64_MAX}));
}

Test(audit_line, what_is_not_known_is_absent)
{
	static const char *const keys[] = {"uid",      "pid",	       "comm",	 "model",
					   "usage",    "placeholders", "lost",	 "reason",
					   "restored", "masked",       "verdict"};
	struct audit_record r;
	json_t *j;

	audit_begin(&r, AUDIT_START, AUDIT_NONE);
	j = parsed(&r, &(struct audit_line_facts){.host = "h"});
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		cr_assert_null(json_object_get(j, keys[i]), "%s", keys[i]);
	json_decref(j);
}

Test(audit_line, usage_and_placeholders)
{
	struct audit_record r = a_record(0);
	json_t *j, *usage;

	strcpy(r.usage.model, "m-1");
	r.usage.known = 1u << USAGE_OUTPUT;
	r.usage.counts[USAGE_OUTPUT] = 57;
	strcpy(r.placeholders[0].label, "VPC");
	r.placeholders[0].n = 7;
	strcpy(r.placeholders[1].label, "VPC");
	r.placeholders[1].n = 1234;
	r.placeholder_count = 2;
	r.more_placeholders = 5;
	j = parsed(&r, &(struct audit_line_facts){.host = "h", .lost = 3});
	usage = json_object_get(j, "usage");
	cr_assert_eq(json_object_size(usage), 1u);
	cr_assert_eq(json_integer_value(json_object_get(usage, "output")), 57);
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(j, "placeholders"), 0)),
			 "VPC_007");
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(j, "placeholders"), 1)),
			 "VPC_1234");
	cr_assert_eq(json_integer_value(json_object_get(j, "more_placeholders")), 5);
	cr_assert_eq(json_integer_value(json_object_get(j, "lost")), 3);
	json_decref(j);
}

Test(audit_line, more_types_than_there_is_room_for_are_summed_up)
{
	struct audit_count counts[AUDIT_TYPES_MAX];
	uint32_t n = 0;
	char label[16];

	for (unsigned i = 0; i < AUDIT_TYPES_MAX + 10; i++) {
		snprintf(label, sizeof(label), "T%u", i);
		audit_count(counts, &n, label, i == AUDIT_TYPES_MAX ? UINT64_MAX : 1);
	}
	cr_assert_eq(n, (uint32_t)AUDIT_TYPES_MAX);
	cr_assert_str_eq(counts[AUDIT_TYPES_MAX - 1].label, "other");
	cr_assert_eq(counts[AUDIT_TYPES_MAX - 1].n, UINT32_MAX);
	cr_assert_str_eq(counts[AUDIT_TYPES_MAX - 2].label, "T22");
}

/* Each byte of a line counts, but for those of the hash's own spelling, which must be as written, too. */
Test(audit_line, any_other_byte_is_noticed)
{
	struct audit_record r = a_record(0);
	struct audit_chain c;
	char *line;
	size_t len;

	cr_assert_eq(audit_line(&chain, &r, &(struct audit_line_facts){.host = "h"}, &out), 0);
	line = (char *)buf_bytes(&out);
	len = buf_len(&out) - 1;
	cr_assert_eq(audit_line_check(line, len, &c), 1);
	cr_assert_eq(c.seq, 1u);
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			line[i] ^= (char)(1 << bit);
			cr_assert_eq(audit_line_check(line, len, &c), 0, "byte %zu, bit %d", i,
				     bit);
			line[i] ^= (char)(1 << bit);
		}
		cr_assert_eq(audit_line_check(line, i, &c), 0, "cut at %zu", i);
	}
}

/* ---- from one process to another */

static void expect_same(const struct audit_record *a, const struct audit_record *b)
{
	cr_expect(!memcmp(a, b, offsetof(struct audit_record, comm)));
#define X(text) cr_expect_str_eq(a->text, b->text);
	AUDIT_TEXTS(X)
#undef X
	cr_expect(!memcmp(a->masked, b->masked, a->masked_count * sizeof(*a->masked)));
	cr_expect(!memcmp(a->observed, b->observed, a->observed_count * sizeof(*a->observed)));
	cr_expect(!memcmp(a->placeholders, b->placeholders,
			  a->placeholder_count * sizeof(*a->placeholders)));
}

static void fill(struct audit_record *r, unsigned types, unsigned placeholders)
{
	audit_begin(r, AUDIT_REQUEST, AUDIT_MASKED);
	audit_text(r->path, sizeof(r->path), "/v1/messages");
	memset(r->cgroup, 'g', sizeof(r->cgroup) - 1); /* all the room there is */
	for (unsigned i = 0; i < types; i++)
		audit_count(r->masked, &r->masked_count, "VPC", i + 1);
	for (unsigned i = 0; i < types / 2; i++)
		audit_count(r->observed, &r->observed_count, "SUBNET", i + 1);
	for (; r->placeholder_count < placeholders; r->placeholder_count++)
		r->placeholders[r->placeholder_count].n = r->placeholder_count;
}

Test(audit_line, packed_and_unpacked_cut_anywhere)
{
	static const unsigned sizes[][2] = {{0, 0}, {1, 1}, {30, AUDIT_PLACEHOLDERS_MAX}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t bytes[AUDIT_PACKED_MAX];
		struct audit_record r, back;
		size_t n;

		fill(&r, sizes[i][0], sizes[i][1]);
		n = audit_pack(&r, bytes);
		cr_assert_leq(n, sizeof(bytes));
		cr_assert_eq(audit_unpack(&back, bytes, n), n);
		expect_same(&r, &back);
		cr_assert_eq(audit_packed_size(bytes), n);
		for (size_t cut = 0; cut < n; cut++)
			cr_assert_eq(audit_unpack(&back, bytes, cut), 0u, "cut at %zu", cut);
		bytes[0]++;
		cr_expect_eq(audit_unpack(&back, bytes, n), 0u, "it says another length");
	}
}

static void begin_packed(struct buf *b)
{
	buf_init(b, 1 << 20);
	cr_assert_eq(buf_append(b, &(uint64_t){0}, sizeof(uint64_t)), 0);
}

/* What is in *b, its length put before it, and more behind it: whether it is a record. */
static bool is_packed(struct buf *b, struct audit_record *back)
{
	uint64_t size = buf_len(b);

	memcpy(b->data + b->head, &size, sizeof(size));
	cr_assert_not_null(buf_reserve(b, 4 * AUDIT_PACKED_MAX));
	memset(b->data + b->tail, 0, 4 * AUDIT_PACKED_MAX);
	return audit_unpack(back, buf_bytes(b), size + 4 * AUDIT_PACKED_MAX) == size;
}

/* With the length that its counts ask for, or what fits into that many bytes. */
static bool packs(const struct audit_record *lie)
{
	size_t counts = (size_t)lie->masked_count + lie->observed_count + lie->placeholder_count;
	struct audit_record back;
	struct buf b;
	bool is;

	begin_packed(&b);
	cr_assert_eq(buf_append(&b, lie, offsetof(struct audit_record, comm)), 0);
#define X(text) cr_assert_eq(buf_append(&b, lie->text, strlen(lie->text) + 1), 0);
	AUDIT_TEXTS(X)
#undef X
	for (size_t i = 0; i < counts && i < 1000; i++)
		cr_assert_eq(
			buf_append(&b, &(struct audit_count){.n = 1}, sizeof(struct audit_count)),
			0);
	is = is_packed(&b, &back);
	buf_free(&b);
	return is;
}

Test(audit_line, packed_counts_that_lie)
{
	struct audit_record r;

	fill(&r, 1, 1);
	cr_expect(packs(&r));
	for (unsigned which = 0; which < 3; which++) {
		struct audit_record lie = r;
		uint32_t *counts[] = {&lie.masked_count, &lie.observed_count,
				      &lie.placeholder_count};

		*counts[which] = UINT32_MAX / 2;
		cr_expect_not(packs(&lie));
		*counts[which] = AUDIT_PLACEHOLDERS_MAX + 1;
		cr_expect_not(packs(&lie));
	}
}

/* A text that has no end, in its field or in the record. */
Test(audit_line, packed_texts_without_an_end)
{
	static const size_t rooms[] = {
#define X(text) sizeof(((struct audit_record *)0)->text),
		AUDIT_TEXTS(X)
#undef X
	};
	size_t n = sizeof(rooms) / sizeof(*rooms);

	for (size_t which = 0; which < n; which++) {
		for (size_t len = rooms[which] - 1; len <= rooms[which]; len++) {
			struct audit_record r = {.event = AUDIT_FLOW}, back;
			char text[512] = "";
			struct buf b;

			begin_packed(&b);
			memset(text, 't', len);
			cr_assert_eq(buf_append(&b, &r, offsetof(struct audit_record, comm)), 0);
			for (size_t i = 0; i < n; i++)
				cr_assert_eq(buf_append(&b, i == which ? text : "",
							i == which ? len + 1 : 1),
					     0);
			cr_expect_eq(is_packed(&b, &back), len < rooms[which], "text %zu of %zu",
				     which, len);
			buf_truncate(&b, buf_len(&b) - (n - which));
			cr_expect_not(is_packed(&b, &back), "text %zu is the last and has no end",
				      which);
			buf_free(&b);
		}
	}
}
