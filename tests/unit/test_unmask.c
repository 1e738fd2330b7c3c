/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/unmask.h"
#include "../guard.h"
#include "../memory_vault.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct memory_vault vault;

static void open_vault(void)
{
	memory_vault_init(&vault);
	memory_vault_put(&vault, TYPE_EC2_INSTANCE, 1, "i-0a1b2c3d4e5f60718");
	memory_vault_put(&vault, TYPE_EC2_INSTANCE, 2, "i-09f8e7d6");
	memory_vault_put(&vault, TYPE_EC2_INSTANCE, 1234, "i-0123");
	memory_vault_put(&vault, TYPE_S3_BUCKET, 1, "quo\"te\\back\nline\x01 \xc3\xa9");
	memory_vault_put(&vault, TYPE_LITERAL, 1, "EC2_INSTANCE_001");
}

static void close_vault(void)
{
	memory_vault_free(&vault);
}

TestSuite(unmask, .init = open_vault, .fini = close_vault);

/* Feed in pieces that end at the cuts, each before a guard page. */
static void text_pieces(const char *text, size_t len, const size_t *cuts, size_t n, unsigned depth,
			struct buf *out, struct unmask_counts *counts)
{
	struct unmask_text u;
	size_t at = 0;

	unmask_text_init(&u, &vault.scope, depth);
	for (size_t i = 0; i <= n; i++) {
		size_t end = i == n ? len : cuts[i];
		struct guarded g = guarded_copy(text + at, end - at);

		cr_assert(unmask_text_feed(&u, g.p, end - at, out) == 0);
		guarded_free(&g);
		at = end;
	}
	cr_assert(unmask_text_finish(&u, out) == 0);
	*counts = u.counts;
}

static void text_is(const struct buf *out, const char *want, const char *text, size_t cut)
{
	cr_assert(buf_len(out) == strlen(want) &&
			  (!*want || memcmp(buf_bytes(out), want, strlen(want)) == 0),
		  "%s cut at %zu: %.*s", text, cut, (int)buf_len(out),
		  (const char *)buf_bytes(out));
}

/* At once, at every split into two, and byte by byte. */
static void text_becomes(const char *text, unsigned depth, const char *want, size_t restored)
{
	size_t len = strlen(text), *cuts = calloc(len + 1, sizeof(*cuts));
	struct unmask_counts counts;
	struct buf out;

	for (size_t i = 0; i <= len + 1; i++) {
		buf_init(&out, 1 << 16);
		if (i < len)
			cuts[i] = i;
		if (i <= len)
			text_pieces(text, len, &i, 1, depth, &out, &counts);
		else
			text_pieces(text, len, cuts, len, depth, &out, &counts);
		text_is(&out, want, text, i);
		cr_assert(counts.restored == restored, "%s: %zu", text, counts.restored);
		buf_free(&out);
	}
	free(cuts);
}

Test(unmask, text)
{
	text_becomes("", 0, "", 0);
	text_becomes("nothing here", 0, "nothing here", 0);
	text_becomes("EC2_INSTANCE_001", 0, "i-0a1b2c3d4e5f60718", 1);
	text_becomes("a EC2_INSTANCE_001, EC2_INSTANCE_002.", 0,
		     "a i-0a1b2c3d4e5f60718, i-09f8e7d6.", 2);
	text_becomes("EC2_INSTANCE_001EC2_INSTANCE_002", 0, "i-0a1b2c3d4e5f60718i-09f8e7d6", 2);
	text_becomes("EC2_INSTANCE_1234 EC2_INSTANCE_123", 0, "i-0123 EC2_INSTANCE_123", 1);
	text_becomes("EC2_INSTANCE_0011", 0, "EC2_INSTANCE_0011", 0);
	text_becomes("EC2_EC2_INSTANCE_EC2_INSTANCE_002_", 0, "EC2_EC2_INSTANCE_i-09f8e7d6_", 1);
	text_becomes("xEC2_INSTANCE_002y", 0, "xi-09f8e7d6y", 1);
	text_becomes("the tail EC2_INSTANCE_00", 0, "the tail EC2_INSTANCE_00", 0);
	text_becomes("\\nEC2_INSTANCE_002\\n", 0, "\\ni-09f8e7d6\\n", 1);
}

Test(unmask, text_is_escaped_for_its_depth)
{
	text_becomes("<S3_BUCKET_001>", 0, "<quo\"te\\back\nline\x01 \xc3\xa9>", 1);
	text_becomes("<S3_BUCKET_001>", 1, "<quo\\\"te\\\\back\\nline\\u0001 \xc3\xa9>", 1);
	text_becomes("<S3_BUCKET_001>", 2, "<quo\\\\\\\"te\\\\\\\\back\\\\nline\\\\u0001 \xc3\xa9>",
		     1);
}

/* I2: what looked like a placeholder in the client's own text comes back as that text. */
Test(unmask, a_literal_is_not_restored_twice)
{
	text_becomes("LITERAL_001", 0, "EC2_INSTANCE_001", 1);
	text_becomes("LITERAL_001 EC2_INSTANCE_002", 0, "EC2_INSTANCE_001 i-09f8e7d6", 2);
}

/* I6: what this scope does not hold stays, and is counted. */
Test(unmask, unknown_placeholders_stay)
{
	static const char text[] = "S3_BUCKET_002 EC2_INSTANCE_999 EC2_INSTANCE_002 ";
	struct unmask_counts counts;
	struct buf out;

	text_becomes(text, 0, "S3_BUCKET_002 EC2_INSTANCE_999 i-09f8e7d6 ", 1);
	for (size_t i = 0; i < strlen(text); i++) {
		buf_init(&out, 1000);
		text_pieces(text, strlen(text), &i, 1, 0, &out, &counts);
		cr_assert(counts.unknown == 2, "cut at %zu: %zu", i, counts.unknown);
		buf_free(&out);
	}
}

Test(unmask, text_holds_back_only_what_could_go_on)
{
	static const struct {
		const char *piece;
		size_t out;
	} cases[] = {{"plain", 5},	     {"plain E", 6},
		     {"plain EC2_INST", 6},  {"EC2_INSTANCE_001", 0},
		     {"EC2_INSTANCE_x", 14}, {"EC2_INSTANCE_001 ", 20},
		     {"lower ec2", 9}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct unmask_text u;
		struct buf out;

		buf_init(&out, 1000);
		unmask_text_init(&u, &vault.scope, 0);
		cr_assert(unmask_text_feed(&u, (const uint8_t *)cases[i].piece,
					   strlen(cases[i].piece), &out) == 0);
		cr_expect(buf_len(&out) == cases[i].out, "%s: %zu", cases[i].piece, buf_len(&out));
		buf_free(&out);
	}
}

Test(unmask, an_empty_scope_holds_nothing_back)
{
	struct memory_vault none;
	struct unmask_text u;
	struct buf out;

	memory_vault_init(&none);
	buf_init(&out, 1000);
	unmask_text_init(&u, &none.scope, 0);
	cr_assert(unmask_text_feed(&u, (const uint8_t *)"EC2_INSTANCE_00", 15, &out) == 0);
	cr_assert(buf_len(&out) == 15);
	buf_free(&out);
	memory_vault_free(&none);
}

Test(unmask, text_says_when_out_is_full)
{
	struct unmask_text u;
	struct buf out;

	for (size_t max = 0; max < 25; max++) {
		int rc;

		buf_init(&out, max);
		unmask_text_init(&u, &vault.scope, 0);
		rc = unmask_text_feed(&u, (const uint8_t *)"id EC2_INSTANCE_001", 19, &out);
		if (rc == 0)
			rc = unmask_text_finish(&u, &out);
		cr_expect((rc == 0) == (max >= 22), "%zu", max);
		buf_free(&out);
	}
}

static void json_becomes(const char *json, enum schema schema, const char *want)
{
	struct guarded g = guarded_copy(json, strlen(json));
	struct unmask_counts counts = {0};
	struct buf out;

	buf_init(&out, 1 << 16);
	cr_assert(buf_puts(&out, "before") == 0);
	cr_assert(unmask_json(&vault.scope, g.p, strlen(json), schema, &out, &counts) == 0);
	buf_drop(&out, 6);
	text_is(&out, want, json, 0);
	buf_free(&out);
	guarded_free(&g);
}

Test(unmask, json_strings_and_keys)
{
	json_becomes("", SCHEMA_NONE, "");
	json_becomes("{\"a\" : [\"EC2_INSTANCE_002\",1.50,null], \"b\\/c\":\"\\u00e9\"}\n",
		     SCHEMA_NONE, "{\"a\" : [\"i-09f8e7d6\",1.50,null], \"b\\/c\":\"\\u00e9\"}\n");
	json_becomes("{\"EC2_INSTANCE_002\":{\"EC2_INSTANCE_001\":1}}", SCHEMA_NONE,
		     "{\"i-09f8e7d6\":{\"i-0a1b2c3d4e5f60718\":1}}");
	json_becomes("\"S3_BUCKET_001\"", SCHEMA_NONE,
		     "\"quo\\\"te\\\\back\\nline\\u0001 \xc3\xa9\"");
}

Test(unmask, json_keeps_the_bytes_around)
{
	json_becomes("[\"\\u00e9\\/\\t EC2_INSTANCE_002 \\ud83d\\ude00\\ud83d\\u0041\"]",
		     SCHEMA_NONE, "[\"\\u00e9\\/\\t i-09f8e7d6 \\ud83d\\ude00\\ud83d\\u0041\"]");
	json_becomes("[\"\\nEC2_INSTANCE_002\\nEC2_INSTANCE_002\\\\\"]", SCHEMA_NONE,
		     "[\"\\ni-09f8e7d6\\ni-09f8e7d6\\\\\"]");
}

Test(unmask, json_is_searched_decoded)
{
	/* The letters of an escape are no letters of a label ... */
	json_becomes("[\"\\u00EC2_INSTANCE_002\"]", SCHEMA_NONE, "[\"\\u00EC2_INSTANCE_002\"]");
	/* ... but letters may be spelled as escapes, digits too. */
	json_becomes("[\"\\u0045C2\\u005fINSTANCE_00\\u0032!\"]", SCHEMA_NONE, "[\"i-09f8e7d6!\"]");
	json_becomes("[\"EC2_INSTANCE_002\\u0031\"]", SCHEMA_NONE, "[\"EC2_INSTANCE_002\\u0031\"]");
	json_becomes("{\"\\u0045C2_INSTANCE_002\":0}", SCHEMA_NONE, "{\"i-09f8e7d6\":0}");
}

Test(unmask, what_is_not_json_is_text)
{
	json_becomes("[\"EC2_INSTANCE_002\"", SCHEMA_NONE, "[\"i-09f8e7d6\"");
	json_becomes("<S3_BUCKET_001>", SCHEMA_NONE, "<quo\\\"te\\\\back\\nline\\u0001 \xc3\xa9>");
	json_becomes("[\"EC2_INSTANCE_002\"] EC2_INSTANCE_001", SCHEMA_NONE,
		     "[\"i-09f8e7d6\"] i-0a1b2c3d4e5f60718");
}

Test(unmask, what_is_not_json_counts_once)
{
	struct unmask_counts counts = {.restored = 10};
	struct buf out;

	buf_init(&out, 1000);
	cr_assert(unmask_json(&vault.scope, (const uint8_t *)"[\"EC2_INSTANCE_002 S3_BUCKET_009\"",
			      32, SCHEMA_NONE, &out, &counts) == 0);
	cr_assert(counts.restored == 11 && counts.unknown == 1);
	buf_free(&out);
}

/* I5 */
Test(unmask, signed_and_opaque_parts_pass_verbatim)
{
	static const char text[] =
		"{\"id\":\"msg_EC2_INSTANCE_002\",\"type\":\"message\",\"role\":\"assistant\","
		"\"content\":["
		"{\"type\":\"thinking\",\"thinking\":\"about EC2_INSTANCE_002\",\"signature\":"
		"\"EC2_INSTANCE_002\"},"
		"{\"type\":\"redacted_thinking\",\"data\":\"EC2_INSTANCE_002\"},"
		"{\"type\":\"text\",\"text\":\"about %s\"},"
		"{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"Bash\",\"input\":"
		"{\"command\":\"ls %s\",\"thinking\":\"%s\",\"%s\":[{\"signature\":\"%s\"}]}}],"
		"\"usage\":{\"EC2_INSTANCE_002\":[\"EC2_INSTANCE_002\"]}}";
	char masked[1000], want[1000];
	const char *p = "EC2_INSTANCE_002", *v = "i-09f8e7d6";

	snprintf(masked, sizeof(masked), text, p, p, p, p, p);
	snprintf(want, sizeof(want), text, v, v, v, v, v);
	json_becomes(masked, SCHEMA_ANSWER, want);
}

/* What a caller of the parts must be able to rely on before it tries something else. */
Test(unmask, a_document_that_is_none_leaves_no_trace)
{
	static const char text[] = "{\"a\":\"EC2_INSTANCE_002\",}";
	struct unmask u;
	struct buf out;

	buf_init(&out, 1000);
	cr_assert(buf_puts(&out, "before") == 0);
	unmask_init(&u, &vault.scope);
	cr_assert(unmask_document(&u, (const uint8_t *)text, strlen(text), SCHEMA_NONE, NULL,
				  &out) == 0);
	cr_assert(u.counts.restored == 0 && u.counts.unknown == 0);
	text_is(&out, "before", text, 0);
	cr_assert(unmask_document(&u, (const uint8_t *)text + 5, 18, SCHEMA_NONE, NULL, &out) == 1);
	cr_assert(u.counts.restored == 1);
	text_is(&out, "before\"i-09f8e7d6\"", text, 0);
	unmask_free(&u);
	buf_free(&out);
}

Test(unmask, results_come_a_document_a_line)
{
	json_becomes("{\"result\":{\"message\":{\"id\":\"EC2_INSTANCE_002\"}}}\n"
		     "{\"custom_id\":\"EC2_INSTANCE_002\"}\n\nEC2_INSTANCE_002\n[]",
		     SCHEMA_RESULT,
		     "{\"result\":{\"message\":{\"id\":\"EC2_INSTANCE_002\"}}}\n"
		     "{\"custom_id\":\"i-09f8e7d6\"}\n\ni-09f8e7d6\n[]");
}

Test(unmask, partial_json_is_two_strings_deep)
{
	json_becomes(
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_"
		"delta\",\"partial_json\":\"{\\\"k\\\":\\\"S3_BUCKET_001\"}}",
		SCHEMA_EVENT,
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_"
		"delta\",\"partial_json\":\"{\\\"k\\\":\\\"quo\\\\\\\"te\\\\\\\\back\\\\nline"
		"\\\\u0001 \xc3\xa9\"}}");
}

Test(unmask, json_says_when_out_is_full)
{
	static const char text[] = "[\"EC2_INSTANCE_002\",\"\\n\"]";
	struct unmask_counts counts = {0};
	struct buf out;

	for (size_t max = 0; max < 25; max++) {
		buf_init(&out, max);
		cr_expect((unmask_json(&vault.scope, (const uint8_t *)text, strlen(text),
				       SCHEMA_NONE, &out, &counts) == 0) == (max >= 19),
			  "%zu", max);
		buf_free(&out);
	}
}

Test(unmask, deep_nesting_is_restored_all_the_same)
{
	size_t depth = 3000, len = depth + 16;
	struct unmask_counts counts = {0};
	char *text = malloc(len + 1);
	struct buf out;

	memset(text, '[', depth);
	strcpy(text + depth, "EC2_INSTANCE_002");
	buf_init(&out, 1 << 16);
	cr_assert(unmask_json(&vault.scope, (uint8_t *)text, len, SCHEMA_NONE, &out, &counts) == 0);
	cr_assert(counts.restored == 1 && buf_len(&out) == depth + 10);
	buf_free(&out);
	free(text);
}
