/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/sse.h"
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
	memory_vault_put(&vault, TYPE_S3_BUCKET, 1, "a\"b\\c\nd");
}

static void close_vault(void)
{
	memory_vault_free(&vault);
}

TestSuite(sse, .init = open_vault, .fini = close_vault);

#define HEAD "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"
#define TEXT(index, text)                                                                          \
	HEAD #index ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"
#define TOOL(index, json)                                                                          \
	HEAD #index ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" json "\"}}"    \
		    "\n\n"
#define STOP(index)                                                                                \
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":" #index      \
	"}\n\n"
#define PING "event: ping\ndata: {\"type\": \"ping\"}\n\n"

/* Feed in pieces that end at the cuts, each before a guard page, and finish. */
static int pieces(enum schema schema, const char *in, size_t len, const size_t *cuts, size_t n,
		  struct buf *out)
{
	struct sse *s = sse_new(&vault.scope, schema, 1 << 16);
	size_t at = 0;
	int rc = 0;

	cr_assert(s != NULL);
	for (size_t i = 0; i <= n && rc == 0; i++) {
		size_t end = i == n ? len : cuts[i];
		struct guarded g = guarded_copy(in + at, end - at);

		rc = sse_feed(s, g.p, end - at, out);
		guarded_free(&g);
		at = end;
	}
	if (rc == 0)
		rc = sse_finish(s, out);
	sse_free(s);
	return rc;
}

static void is(const struct buf *out, const char *want, const char *in, size_t cut)
{
	size_t n = strlen(want);

	cr_assert(buf_len(out) == n && (n == 0 || memcmp(buf_bytes(out), want, n) == 0),
		  "cut at %zu:\n%s\nbecame:\n%.*s\nnot:\n%s", cut, in, (int)buf_len(out),
		  (const char *)buf_bytes(out), want);
}

/* At once, at every split into two, and byte by byte. */
static void becomes_by(enum schema schema, const char *in, const char *want)
{
	size_t len = strlen(in), *cuts = calloc(len + 1, sizeof(*cuts));
	struct buf out;

	for (size_t i = 0; i <= len; i++) {
		cuts[i] = i;
		buf_init(&out, 1 << 20);
		cr_assert(pieces(schema, in, len, &i, 1, &out) == 0);
		is(&out, want, in, i);
		buf_free(&out);
	}
	buf_init(&out, 1 << 20);
	cr_assert(pieces(schema, in, len, cuts, len, &out) == 0);
	is(&out, want, in, len);
	buf_free(&out);
	free(cuts);
}

static void becomes(const char *in, const char *want)
{
	becomes_by(SCHEMA_EVENT, in, want);
}

Test(sse, what_has_no_placeholder_passes_byte_for_byte)
{
	static const char *const streams[] = {
		"",
		"\n",
		"\r\n\r\n\n\r\r",
		": a comment\n",
		":\r\n\r\n",
		TEXT(0, "Hello") PING TEXT(0, "") TEXT(0, " w\\u00f6rld\\/") STOP(0),
		"\xef\xbb\xbf" TEXT(0, "after a byte order mark"),
		"\xef\xbb\xbf\n\xef\xbb\xbf: no comment\n\n",
		"data: {\"type\":\"ping\"}\r\n\r\n: comment\r\ndata:{}\r\n\r\n",
		"data: {\"type\":\"ping\"}\r\rdata:{}\r\r",
		"data\n\ndata:\n\ndata: \n\ndata:  x\n\n",
		"id: 7\nretry: 100\nunknown: x\nevent: a\n\n",
		"data: [DONE]\n\n",
		"data: {\"type\":\ndata: \"content_block_delta\"\n: inside\ndata: }\n\n",
		"data: cut",
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\"",
		"data: {}\n",
		"data: [1,[{\"type\":\"error\"}],\"text\"]\n\n",
		"data: \"a string\"\n\n",
		"data: {\"type\":7,\"index\":\"x\",\"delta\":[\"text\"]}\n\n",
	};

	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
		becomes(streams[i], streams[i]);
		becomes_by(SCHEMA_NONE, streams[i], streams[i]);
	}
}

Test(sse, a_byte_order_mark_belongs_to_no_field)
{
	becomes("\xef\xbb\xbf"
		"data: EC2_INSTANCE_002\n\ndata: EC2_INSTANCE_001\n\n",
		"\xef\xbb\xbf"
		"data: i-09f8e7d6\n\ndata: i-0a1b2c3d4e5f60718\n\n");
	/* Later it is a part of a name that nobody knows. */
	becomes("\n\xef\xbb\xbf"
		"data: EC2_INSTANCE_002\n\n",
		"\n\xef\xbb\xbf"
		"data: EC2_INSTANCE_002\n\n");
}

Test(sse, a_placeholder_within_one_delta)
{
	becomes(TEXT(0, "in EC2_INSTANCE_002, \\u00e9 \\/"), TEXT(0, "in i-09f8e7d6, \\u00e9 \\/"));
	becomes(TEXT(0, "<S3_BUCKET_001>"), TEXT(0, "<a\\\"b\\\\c\\nd>"));
	becomes(TOOL(0, "{\\\"k\\\":\\\"S3_BUCKET_001\\\"}"),
		TOOL(0, "{\\\"k\\\":\\\"a\\\\\\\"b\\\\\\\\c\\\\nd\\\"}"));
}

Test(sse, a_placeholder_torn_over_deltas)
{
	becomes(TEXT(0, "in EC2_IN") TEXT(0, "STANCE_0") TEXT(0, "02") TEXT(0, "") TEXT(0, ", yes"),
		TEXT(0, "in ") TEXT(0, "") TEXT(0, "") TEXT(0, "") TEXT(0, "i-09f8e7d6, yes"));
	becomes(TEXT(0, "EC2_IN") TEXT(0, "DIA"), TEXT(0, "") TEXT(0, "EC2_INDIA"));
	becomes(TEXT(0, "EC2_INSTANCE_002") TEXT(0, "3 ."),
		TEXT(0, "") TEXT(0, "EC2_INSTANCE_0023 ."));
	becomes(TOOL(1, "{\\\"id\\\":\\\"EC2_INST") TOOL(1, "ANCE_002\\\"}") STOP(1),
		TOOL(1, "{\\\"id\\\":\\\"") TOOL(1, "i-09f8e7d6\\\"}") STOP(1));
}

Test(sse, a_placeholder_torn_and_spelled_in_escapes)
{
	becomes(TEXT(0, "\\u0045C2\\u005f") TEXT(0, "INSTANCE_00\\u0032") TEXT(0, "\\u00e9"),
		TEXT(0, "") TEXT(0, "") TEXT(0, "i-09f8e7d6\\u00e9"));
	/* The E and the C here are digits of an escape of the inner string. */
	becomes(TOOL(0, "\\\"\\\\u00") TOOL(0, "EC2_INSTANCE_002") TOOL(0, "\\\""),
		TOOL(0, "\\\"\\\\u00") TOOL(0, "") TOOL(0, "EC2_INSTANCE_002\\\""));
	becomes(TOOL(0, "\\\"\\\\") TOOL(0, "u00E") TOOL(0, "C2_INSTANCE_002 EC2_INSTANCE_002!"),
		TOOL(0, "\\\"\\\\") TOOL(0, "u00") TOOL(0, "EC2_INSTANCE_002 i-09f8e7d6!"));
	becomes(TOOL(0, "\\\"\\\\\\\\u00EC2_INSTANCE_002!"), TOOL(0, "\\\"\\\\\\\\u00i-09f8e7d6!"));
}

Test(sse, a_tail_leaves_before_the_block_stops)
{
	becomes(TEXT(0, "in EC2_INSTANCE_002") PING STOP(0),
		TEXT(0, "in ") PING TEXT(0, "i-09f8e7d6") STOP(0));
	becomes(TEXT(0, "S3_BUCKET_001") STOP(0), TEXT(0, "") TEXT(0, "a\\\"b\\\\c\\nd") STOP(0));
	becomes(TEXT(0, "EC2_INST") STOP(0) TEXT(0, "ANCE_002 "),
		TEXT(0, "") TEXT(0, "EC2_INST") STOP(0) TEXT(0, "ANCE_002 "));
	becomes(TOOL(12, "\\\"S3_BUCKET_001") STOP(12),
		TOOL(12, "\\\"") TOOL(12, "a\\\\\\\"b\\\\\\\\c\\\\nd") STOP(12));
}

Test(sse, a_tail_leaves_before_all_that_ends_a_text)
{
	static const char *const ends[] = {
		"event: error\ndata: "
		"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
		"event: error\ndata: no JSON\n\n",
		"data: {\"type\":\"error\"}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{}}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
		"data: {\"type\":\"content_block_stop\"}\n\n",
		"",
		"event: content_block_delta\ndata: {\"type\":\"content_blo",
	};
	char in[1000], want[1000];

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(in, sizeof(in), "%s%s", TEXT(3, "EC2_INSTANCE_002"), ends[i]);
		snprintf(want, sizeof(want), "%s%s", TEXT(3, "") TEXT(3, "i-09f8e7d6"), ends[i]);
		becomes(in, want);
	}
}

/* What else a stream may bring neither ends a text nor waits for one. */
Test(sse, blocks_are_texts_of_their_own)
{
	static const char others[] =
		": comment\n" PING
		"data: {\"type\":\"new_thing\",\"text\":\"EC2_INSTANCE\"}\n\n" STOP(
			1) "data: x\n\n";
	char in[2000], want[2000];

	snprintf(in, sizeof(in), "%s%s%s", TEXT(0, "EC2_INST"), others, TEXT(0, "ANCE_002."));
	snprintf(want, sizeof(want), "%s%s%s", TEXT(0, ""), others, TEXT(0, "i-09f8e7d6."));
	becomes(in, want);
	becomes(TEXT(0, "EC2_IN") TOOL(1, "EC2_INSTANCE") TEXT(0, "STANCE_002") TOOL(1, "_001")
			STOP(1) STOP(0),
		TEXT(0, "") TOOL(1, "") TEXT(0, "") TOOL(1, "") TOOL(1, "i-0a1b2c3d4e5f60718")
			STOP(1) TEXT(0, "i-09f8e7d6") STOP(0));
	becomes(TEXT(0, "EC2_INSTANCE_002") TOOL(0, "EC2_INSTANCE_001"),
		TEXT(0, "") TEXT(0, "i-09f8e7d6") TOOL(0, "") TOOL(0, "i-0a1b2c3d4e5f60718"));
}

static void dialect_becomes(const char *dialect)
{
	char in[1000], want[1000], eol[3] = {dialect[0], dialect[1] == '\n' ? '\n' : 0};
	const char *space = strchr(dialect, '_') ? " " : "";
	const char *json = "{\"type\":\"content_block_delta\",\"index\":5,\"delta\":{\"type\":"
			   "\"text_delta\",\"text\":\"%s\"}}";
	char event[100] = "", data[200], first[400];

	if (strchr(dialect, 'e'))
		snprintf(event, sizeof(event), "event:%scontent_block_delta%s", space, eol);
	snprintf(data, sizeof(data), json, "EC2_INSTANCE_002");
	snprintf(in, sizeof(in), "%sdata:%s%s%s%s", event, space, data, eol, eol);
	snprintf(data, sizeof(data), json, "");
	snprintf(first, sizeof(first), "%sdata:%s%s%s%s", event, space, data, eol, eol);
	snprintf(data, sizeof(data), json, "i-09f8e7d6");
	snprintf(want, sizeof(want), "%s%sdata:%s%s%s%s", first, event, space, data, eol, eol);
	becomes(in, want);
}

Test(sse, what_is_added_is_in_the_streams_own_dialect)
{
	dialect_becomes("\n_e");
	dialect_becomes("\n_");
	dialect_becomes("\n");
	dialect_becomes("\r\n_e");
	dialect_becomes("\r\n");
	dialect_becomes("\re");
	dialect_becomes("\r_");
}

Test(sse, only_the_string_changes)
{
	becomes("id: 1\ndata:  { \"delta\" : { \"text\" : \"EC2_INSTANCE_002!\" , \"type\":"
		"\"text_delta\"},\t\"index\":0, \"x\":1.50,\"type\":\"content_block_delta\"  }\n"
		": end\nevent:content_block_delta\n\n",
		"id: 1\ndata:  { \"delta\" : { \"text\" : \"i-09f8e7d6!\" , \"type\":"
		"\"text_delta\"},\t\"index\":0, \"x\":1.50,\"type\":\"content_block_delta\"  }\n"
		": end\nevent:content_block_delta\n\n");
}

Test(sse, data_over_several_lines)
{
	becomes("data: {\"type\":\"content_block_delta\",\ndata:\"index\":0,\r\n: c\ndata\ndata: "
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"EC2_INSTANCE_\"\ndata:  }}\n\n" TEXT(
			0, "002 "),
		"data: {\"type\":\"content_block_delta\",\ndata:\"index\":0,\r\n: c\ndata\ndata: "
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"\"\ndata:  }}\n\n" TEXT(
			0, "i-09f8e7d6 "));
}

Test(sse, data_that_is_no_json_is_text)
{
	becomes("data: EC2_INSTANCE_002\n\n", "data: i-09f8e7d6\n\n");
	becomes("data:<EC2_INSTANCE_002\rdata: EC2_INSTANCE_009 EC2_INSTANCE_001>\r\r",
		"data:<i-09f8e7d6\rdata: EC2_INSTANCE_009 i-0a1b2c3d4e5f60718>\r\r");
	/* A line break in a value must not end the field. */
	becomes("data: (S3_BUCKET_001)\r\n\r\n", "data: (a\"b\\c\r\ndata: d)\r\n\r\n");
}

Test(sse, other_events_are_restored_in_place)
{
	becomes("data: {\"type\":\"new\",\"x\":[\"EC2_INSTANCE_002\"],\"EC2_INSTANCE_001\":0}\n\n",
		"data: {\"type\":\"new\",\"x\":[\"i-09f8e7d6\"],\"i-0a1b2c3d4e5f60718\":0}\n\n");
	becomes("data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
		"\"text\",\"text\":\"EC2_INSTANCE_002\"}}\n\n",
		"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
		"\"text\",\"text\":\"i-09f8e7d6\"}}\n\n");
	becomes(HEAD "0,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"type\":"
		     "\"char_location\",\"cited_text\":\"EC2_INSTANCE_002\"}}}\n\n",
		HEAD "0,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"type\":"
		     "\"char_location\",\"cited_text\":\"i-09f8e7d6\"}}}\n\n");
	becomes(HEAD "\"x\",\"delta\":{\"type\":\"text_delta\",\"text\":\"EC2_INSTANCE_002\"}}\n\n",
		HEAD "\"x\",\"delta\":{\"type\":\"text_delta\",\"text\":\"i-09f8e7d6\"}}\n\n");
	becomes_by(SCHEMA_NONE, "data: {\"thinking\":\"EC2_INSTANCE_002\"}\n\n",
		   "data: {\"thinking\":\"i-09f8e7d6\"}\n\n");
	/* Messages show what they are, whatever the path that they came by. */
	becomes_by(SCHEMA_NONE, TEXT(0, "EC2_INSTANCE_") TEXT(0, "002\\n"),
		   TEXT(0, "") TEXT(0, "i-09f8e7d6\\n"));
	becomes_by(SCHEMA_ANSWER, TEXT(0, "EC2_INSTANCE_") TEXT(0, "002\\n"),
		   TEXT(0, "") TEXT(0, "i-09f8e7d6\\n"));
}

/* I5 */
Test(sse, thoughts_and_signatures_pass_verbatim)
{
	static const char stream[] = HEAD
		"0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"EC2_INSTANCE_002\"}}"
		"\n\n" HEAD
		"0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\" EC2_INST\"}}\n\n" HEAD
		"0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EC2_INSTANCE_002\"}}"
		"\n\n" STOP(0) "data: "
			       "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{"
			       "\"type\":"
			       "\"redacted_thinking\",\"data\":\"EC2_INSTANCE_002\"}}\n\n";

	becomes(stream, stream);
}

/* I6 */
Test(sse, unknown_placeholders_stay)
{
	static const char in[] =
		TEXT(0, "EC2_INSTANCE_999 S3_BUCKET_002 EC2_INST") TEXT(0, "ANCE_777") STOP(0);
	struct sse *s = sse_new(&vault.scope, SCHEMA_EVENT, 1000);
	struct buf out;

	becomes(in, TEXT(0, "EC2_INSTANCE_999 S3_BUCKET_002 ") TEXT(0, "")
			    TEXT(0, "EC2_INSTANCE_777") STOP(0));
	buf_init(&out, 10000);
	cr_assert(sse_feed(s, (const uint8_t *)in, strlen(in), &out) == 0);
	cr_assert(sse_feed(s, (const uint8_t *)TEXT(0, "EC2_INSTANCE_002."),
			   strlen(TEXT(0, "EC2_INSTANCE_002.")), &out) == 0);
	cr_assert(sse_counts(s)->unknown == 3 && sse_counts(s)->restored == 1);
	buf_free(&out);
	sse_free(s);
}

static void feed_gives(struct sse *s, const char *in, const char *want)
{
	struct buf out;

	buf_init(&out, 10000);
	cr_assert(sse_feed(s, (const uint8_t *)in, strlen(in), &out) == 0);
	is(&out, want, in, 0);
	buf_free(&out);
}

/* Silence ends connections: each event and comment leaves with its last byte. */
Test(sse, nothing_waits_that_need_not)
{
	struct sse *s = sse_new(&vault.scope, SCHEMA_EVENT, 10000);

	feed_gives(s, ": pi", "");
	feed_gives(s, "ng\n", ": ping\n");
	feed_gives(s, "\n", "\n");
	feed_gives(s, TEXT(0, "hello"), TEXT(0, "hello"));
	feed_gives(s, TEXT(0, "EC2_INST"), TEXT(0, ""));
	feed_gives(s, PING, PING);
	feed_gives(s, ": ping\r", ": ping\r");
	feed_gives(s, "\n", "\n");
	feed_gives(s, TEXT(1, "hello"), TEXT(1, "hello"));
	feed_gives(s, "data: {}\r\r", "data: {}\r\r");
	feed_gives(s, "\n", "\n");
	feed_gives(s, "data: {}\n: inside\n", "");
	feed_gives(s, "\n", "data: {}\n: inside\n\n");
	feed_gives(s, TEXT(0, "ANCE_002") STOP(0), TEXT(0, "") TEXT(0, "i-09f8e7d6") STOP(0));
	sse_free(s);
}

Test(sse, many_open_blocks_are_bounded)
{
	struct sse *s = sse_new(&vault.scope, SCHEMA_EVENT, 10000);
	char event[400];
	struct buf out;
	size_t restored;

	buf_init(&out, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(event, sizeof(event),
				 HEAD "%d,\"delta\":{\"type\":\"text_delta\",\"text\":"
				      "\"EC2_INSTANCE_002\"}}\n\n",
				 i);

		cr_assert(sse_feed(s, (uint8_t *)event, n, &out) == 0);
	}
	/* What had to leave early left whole, as a delta of its own block. */
	restored = sse_counts(s)->restored;
	cr_assert(restored > 900 && restored < 1000, "%zu", restored);
	cr_assert(sse_finish(s, &out) == 0);
	cr_assert(sse_counts(s)->restored == 1000);
	buf_free(&out);
	sse_free(s);
}

Test(sse, an_event_too_large_is_an_error)
{
	struct sse *s = sse_new(&vault.scope, SCHEMA_EVENT, 20);
	struct buf out;

	buf_init(&out, 1000);
	cr_assert(sse_feed(s, (const uint8_t *)"data: 9012345678901\n", 20, &out) == 0);
	cr_assert(sse_feed(s, (const uint8_t *)"\n", 1, &out) == -1);
	cr_assert(sse_feed(s, (const uint8_t *)"x", 1, &out) == -1);
	cr_assert(sse_finish(s, &out) == -1);
	cr_assert(buf_len(&out) == 0);
	sse_free(s);
	s = sse_new(&vault.scope, SCHEMA_EVENT, 20);
	for (int i = 0; i < 10; i++)
		cr_assert(sse_feed(s, (const uint8_t *)"data: 901234567890\n\n", 20, &out) == 0);
	cr_assert(buf_len(&out) == 200);
	buf_free(&out);
	sse_free(s);
}

Test(sse, a_full_output_is_an_error)
{
	static const char in[] = TEXT(0, "EC2_INSTANCE_001") "data: EC2_INSTANCE_001\n\n" STOP(0);
	size_t full = strlen(TEXT(0, "") TEXT(0, "i-0a1b2c3d4e5f60718") "data: i-0a1b2c3d4e5f60718"
									"\n\n" STOP(0));
	struct buf out;

	for (size_t max = 0; max < full + 3; max++) {
		buf_init(&out, max);
		cr_assert((pieces(SCHEMA_EVENT, in, strlen(in), NULL, 0, &out) == 0) ==
				  (max >= full),
			  "%zu of %zu", max, full);
		buf_free(&out);
	}
}
