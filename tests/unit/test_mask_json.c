/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_world.h"

#include "../../user/mask/unmask.h"

#include <criterion/criterion.h>

#define ID "i-0b7d29ce4f1a8365e"
#define ID2 "i-05c3e8a17f92b4d60"
/* Letters and digits only, so it may hide in base64. */
#define KEY_ID "AKIAQ3EGRTYWVB2ZLKJH"
#define ACCOUNT "738291046512"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static bool out_has(const struct world *w, const char *text)
{
	return buf_len(&w->out) && memmem(buf_bytes(&w->out), buf_len(&w->out), text, strlen(text));
}

/* Mask the body; everything outside the values stays, everything masked comes back. */
static void mask_body(struct world *w, const char *body, enum schema schema)
{
	cr_assert_eq(world_json(w, body, strlen(body), schema), MASK_OK, "%s", body);
	world_same_json(w, (const uint8_t *)body, strlen(body), buf_bytes(&w->out),
			buf_len(&w->out), schema == SCHEMA_NONE);
}

static void expect_passed(struct world *w, const char *body, const char *value)
{
	mask_body(w, body, SCHEMA_MESSAGES);
	cr_expect(out_has(w, value), "masked: %s", body);
}

static void expect_masked(struct world *w, const char *body, const char *value)
{
	mask_body(w, body, SCHEMA_MESSAGES);
	cr_expect(!out_has(w, value), "passed: %s", body);
}

#define BLOCK(members) "{\"messages\":[{\"role\":\"assistant\",\"content\":[{" members "}]}]}"
#define RESULT(members) BLOCK("\"type\":\"tool_result\",\"content\":[{" members "}]")

/* Each place where text may stand. */
static const char *const masked_places[] = {
	"\"" ID "\"",
	"[\"" ID "\"]",
	"{\"system\":\"you watch " ID "\"}",
	"{\"system\":[{\"type\":\"text\",\"text\":\"you watch " ID "\"}]}",
	"{\"messages\":\"" ID "\"}",
	"{\"messages\":[\"" ID "\"]}",
	"{\"messages\":[{\"role\":\"user\",\"content\":\"" ID "\"}]}",
	"{\"messages\":[{\"role\":\"system\",\"content\":\"" ID "\"}]}",
	"{\"messages\":[{\"role\":\"user\",\"content\":[\"" ID "\"]}]}",
	"{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"" ID "\"}}]}",
	"{\"messages\":[{\"role\":\"user\",\"note\":\"" ID "\",\"content\":\"\"}]}",
	"{\"messages\":[{\"role\":[\"" ID "\"]}]}",
	"{\"messages\":[{\"role\":{\"type\":\"" ID "\"}}]}",
	"{\"messages\":[[{\"role\":\"" ID "\"}]]}",
	BLOCK("\"type\":\"text\",\"text\":\"" ID "\""),
	BLOCK("\"type\":\"text\",\"text\":{\"type\":\"" ID "\"}"),
	BLOCK("\"type\":\"text\",\"text\":\"\",\"" ID "\":1"),
	BLOCK("\"type\":\"text\",\"text\":\"\",\"citations\":[{\"cited_text\":\"" ID "\"}]"),
	BLOCK("\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"" ID "\",\"input\":{}"),
	BLOCK("\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":\"" ID "\""),
	BLOCK("\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"" ID "\":{}}"),
	BLOCK("\"type\":\"tool_use\",\"input\":{\"a\":[[{\"b\":[\"" ID "\"]}]]}"),
	BLOCK("\"type\":\"server_tool_use\",\"input\":{\"query\":\"" ID "\"}"),
	BLOCK("\"type\":\"tool_result\",\"content\":\"" ID "\""),
	BLOCK("\"type\":\"tool_result\",\"content\":{\"type\":\"" ID "\"}"),
	RESULT("\"type\":\"text\",\"text\":\"" ID "\""),
	RESULT("\"type\":\"" ID "\""),
	RESULT("\"" ID "\":\"text\""),
	RESULT("\"type\":\"search_result\",\"source\":\"" ID "\""),
	BLOCK("\"type\":\"document\",\"title\":\"" ID "\""),
	BLOCK("\"type\":\"document\",\"context\":\"" ID "\""),
	BLOCK("\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
	      "\"data\":\"" ID "\"}"),
	BLOCK("\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":"
	      "\"text\",\"text\":\"" ID "\"}]}"),
	BLOCK("\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://h/" ID "\"}"),
	BLOCK("\"type\":\"nobody knows\",\"payload\":{\"id\":\"" ID "\"}"),
	"{\"tools\":[{\"name\":\"" ID "\"}]}",
	"{\"tools\":[{\"name\":\"n\",\"description\":\"" ID "\"}]}",
	"{\"tools\":[{\"name\":\"n\",\"input_schema\":{\"type\":\"" ID "\"}}]}",
	"{\"tools\":[{\"input_schema\":{\"properties\":{\"" ID "\":{\"enum\":[\"x\"]}}}}]}",
	"{\"tool_choice\":{\"type\":\"tool\",\"name\":\"" ID "\"}}",
	"{\"stop_sequences\":[\"" ID "\"]}",
	"{\"safeguards\":[{\"cwd\":\"/home/" ID "\"}]}",
	"{\"" ID "\":1}",
	"{\"metadata\":{\"project\":\"" ID "\"}}",
	"{\"metadata\":{\"user_id\":{\"type\":\"" ID "\"}}}",
	"{\"model\":[\"" ID "\"]}",
	"{\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"title\":\"" ID
	"\"}}}}",
};

/* Each key of the API, where it is none of the API's. */
static const char *const api_keys[] = {
	"id",
	"type",
	"role",
	"model",
	"signature",
	"thinking",
	"data",
	"text",
	"name",
	"user_id",
	"source",
	"tool_use_id",
	"metadata",
	"cache_control",
	"diagnostics",
	"messages",
	"system",
	"encrypted_content",
	"media_type",
	"output_config",
	"context_management",
	"encrypted_index",
};

Test(mask_json, masked_places)
{
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(masked_places); i++) {
		char batch[600];

		expect_masked(&w, masked_places[i], ID);
		cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 1);
		snprintf(batch, sizeof(batch),
			 "{\"requests\":[{\"custom_id\":\"%s\",\"params\":%s}]}", ID2,
			 masked_places[i]);
		mask_body(&w, batch, SCHEMA_BATCHES);
		cr_expect(!out_has(&w, ID) && !out_has(&w, ID2), "%s", batch);
	}
	world_free(&w);
}

Test(mask_json, api_keys_mean_nothing_in_free_form)
{
	static const char *const around[] = {
		BLOCK("\"type\":\"tool_use\",\"input\":{\"%s\":\"" ID "\"}"),
		BLOCK("\"type\":\"tool_use\",\"input\":{\"a\":[{\"%1$s\":{\"%1$s\":\"" ID "\"}}]}"),
		RESULT("\"type\":\"text\",\"%s\":\"" ID "\""),
		RESULT("\"type\":\"text\",\"text\":\"\",\"x\":{\"%s\":\"" ID "\"}"),
		RESULT("\"type\":\"image\",\"source\":{\"type\":\"base64\",\"%s\":\"" ID "\"}"),
		"{\"tools\":[{\"input_schema\":{\"%s\":\"" ID "\"}}]}",
		"{\"unknown\":{\"%s\":\"" ID "\"}}",
		"{\"safeguards\":[{\"%s\":\"" ID "\"}]}",
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(around); i++) {
		for (size_t j = 0; j < SIZE(api_keys); j++) {
			char body[500];

			snprintf(body, sizeof(body), around[i], api_keys[j]);
			expect_masked(&w, body, ID);
		}
	}
	world_free(&w);
}

Test(mask_json, verbatim_places)
{
	static const char *const places[] = {
		"{\"model\":\"" ID "\"}",
		"{\"metadata\":{\"user_id\":\"" ID "\"}}",
		"{\"diagnostics\":{\"a\":[{\"b\":\"" ID "\"}]}}",
		"{\"diagnostics\":{\"" ID "\":1}}",
		"{\"context_management\":{\"edits\":[{\"type\":\"" ID "\"}]}}",
		"{\"output_config\":{\"effort\":\"" ID "\"}}",
		"{\"output_config\":{\"format\":{\"type\":\"" ID "\"}}}",
		"{\"cache_control\":{\"type\":\"" ID "\"}}",
		"{\"system\":[{\"type\":\"" ID "\",\"text\":\"\"}]}",
		"{\"messages\":[{\"role\":\"" ID "\",\"content\":\"\"}]}",
		"{\"tools\":[{\"type\":\"" ID "\",\"cache_control\":{\"" ID "\":\"" ID "\"}}]}",
		"{\"tool_choice\":{\"type\":\"" ID "\"}}",
		BLOCK("\"type\":\"" ID "\""),
		BLOCK("\"type\":\"tool_use\",\"id\":\"" ID "\""),
		BLOCK("\"id\":\"" ID "\",\"type\":\"server_tool_use\""),
		BLOCK("\"type\":\"tool_result\",\"tool_use_id\":\"" ID "\""),
		BLOCK("\"tool_use_id\":\"" ID "\",\"type\":\"web_search_tool_result\""),
		BLOCK("\"type\":\"text\",\"text\":\"\",\"cache_control\":{\"ttl\":\"" ID "\"}"),
		BLOCK("\"type\":\"image\",\"source\":{\"media_type\":\"" ID "\"}"),
		BLOCK("\"type\":\"redacted_thinking\",\"data\":\"" ID "\""),
		BLOCK("\"data\":\"" ID "\",\"type\":\"redacted_thinking\""),
		BLOCK("\"type\":\"compaction\",\"encrypted_content\":\"" ID "\""),
		BLOCK("\"type\":\"web_search_tool_result\",\"content\":[{\"type\":"
		      "\"web_search_result\",\"encrypted_content\":\"" ID "\"}]"),
		BLOCK("\"content\":[{\"encrypted_content\":\"" ID "\",\"type\":"
		      "\"web_search_result\"}],\"type\":\"web_search_tool_result\""),
		BLOCK("\"type\":\"text\",\"citations\":[{\"encrypted_index\":\"" ID "\",\"type\":"
		      "\"web_search_result_location\"}]"),
		/* The same, spelled with escapes. */
		"{\"mod\\u0065l\":\"" ID "\"}",
		BLOCK("\"\\u0074ype\":\"redacted\\u005fthinking\",\"d\\u0061ta\":\"" ID "\""),
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(places); i++) {
		expect_passed(&w, places[i], ID);
		cr_expect(!mask_found(w.mask, 0), "%s", places[i]);
	}
	world_free(&w);
}

/* What looks like a place above, but for one thing. */
Test(mask_json, nearly_verbatim_places)
{
	static const char *const places[] = {
		BLOCK("\"type\":\"text\",\"id\":\"" ID "\""),
		BLOCK("\"id\":\"" ID "\""),
		BLOCK("\"type\":\"tool_use\",\"id\":\"x\",\"id\":\"" ID "\""),
		BLOCK("\"type\":\"tool_use\",\"id\":\"" ID "\",\"type\":\"text\""),
		BLOCK("\"type\":\"text\",\"tool_use_id\":\"" ID "\""),
		BLOCK("\"type\":\"text\",\"data\":\"" ID "\""),
		BLOCK("\"data\":\"" ID "\""),
		BLOCK("\"type\":\"redacted_thinking\",\"data\":\"\",\"data\":\"" ID "\""),
		BLOCK("\"type\":\"redacted_thinking\",\"data\":\"" ID "\",\"data\":\"\""),
		BLOCK("\"type\":\"redacted_thinking\",\"data\":\"" ID "\",\"type\":\"text\""),
		BLOCK("\"type\":\"text\",\"data\":\"" ID "\",\"type\":\"redacted_thinking\""),
		BLOCK("\"type\":\"redacted_thinking\",\"data\":\"" ID "\",\"typ\\u0065\":5"),
		BLOCK("\"type\":[\"redacted_thinking\"],\"data\":\"" ID "\""),
		BLOCK("\"type\":\"redacted_thinking\",\"data\":[\"" ID "\"]"),
		BLOCK("\"type\":\"redacted_thinking\",\"text\":\"" ID "\""),
		BLOCK("\"type\":\"text\",\"encrypted_content\":\"" ID "\""),
		RESULT("\"type\":\"web_search_result\",\"encrypted_content\":\"" ID "\""),
		BLOCK("\"type\":\"web_search_tool_result\",\"content\":[{\"type\":\"text\","
		      "\"encrypted_content\":\"" ID "\"}]"),
		BLOCK("\"type\":\"web_search_tool_result\",\"type\":\"tool_result\",\"content\":["
		      "{\"type\":\"web_search_result\",\"encrypted_content\":\"" ID "\"}]"),
		BLOCK("\"content\":[{\"type\":\"web_search_result\",\"encrypted_content\":\"" ID
		      "\"}],\"type\":\"tool_result\""),
		BLOCK("\"type\":\"web_search_tool_result\",\"content\":[{\"type\":"
		      "\"web_search_result\",\"title\":\"" ID "\"}]"),
		BLOCK("\"type\":\"text\",\"citations\":[{\"encrypted_index\":\"" ID
		      "\",\"type\":\"char_location\"}]"),
		"{\"messages\":[{\"type\":\"redacted_thinking\",\"data\":\"" ID "\"}]}",
		"{\"type\":\"redacted_thinking\",\"data\":\"" ID "\"}",
		"{\"messages\":[{\"content\":{\"type\":\"redacted_thinking\",\"data\":\"" ID
		"\"}}]}",
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(places); i++)
		expect_masked(&w, places[i], ID);
	world_free(&w);
}

#define MEMBERS_MAX 5

/* Call `check` with every order of the members, joined by commas. */
static void each_order(const char *const *members, size_t n, size_t done,
		       const char *order[static MEMBERS_MAX],
		       void (*check)(struct world *w, const char *joined), struct world *w)
{
	char joined[600] = "";

	if (done == n) {
		for (size_t i = 0; i < n; i++) {
			strcat(joined, i ? "," : "");
			strcat(joined, order[i]);
		}
		check(w, joined);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		bool used = false;

		for (size_t j = 0; j < done; j++)
			used |= order[j] == members[i];
		if (used)
			continue;
		order[done] = members[i];
		each_order(members, n, done + 1, order, check, w);
	}
}

static void in_each_order(const char *const *members, size_t n,
			  void (*check)(struct world *w, const char *joined))
{
	const char *order[MEMBERS_MAX];
	struct world w;

	world_init(&w);
	each_order(members, n, 0, order, check, &w);
	world_free(&w);
}

static char *in_block(const char *members)
{
	static char body[2000];

	snprintf(body, sizeof(body), BLOCK("%s"), members);
	return body;
}

static void signed_passes(struct world *w, const char *members)
{
	expect_passed(w, in_block(members), ID);
	cr_expect_eq(mask_counts(w->mask)->signed_passed, 1, "%s", members);
	cr_expect_eq(mask_counts(w->mask)->by_type[TYPE_EC2_INSTANCE], 0);
	cr_expect(!mask_found(w->mask, 0));
}

static void unsigned_is_masked(struct world *w, const char *members)
{
	expect_masked(w, in_block(members), ID);
	cr_expect_eq(mask_counts(w->mask)->signed_passed, 0, "%s", members);
}

#define THOUGHT "\"thinking\":\"look at " ID "\""

Test(mask_json, signed_thinking)
{
	in_each_order((const char *const[]){"\"type\":\"thinking\"", THOUGHT,
					    "\"signature\":\"RXJk\"", "\"cache_control\":null"},
		      4, signed_passes);
	in_each_order((const char *const[]){"\"type\":\"\\u0074hinking\"",
					    "\"thinking\":\"a\\n" ID "\"",
					    "\"signatur\\u0065\":\"RXJk\""},
		      3, signed_passes);
}

Test(mask_json, unsigned_thinking)
{
	static const char *const sets[][MEMBERS_MAX] = {
		{"\"type\":\"thinking\"", THOUGHT},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":null"},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":[\"RXJk\"]"},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":{\"signature\":\"RXJk\"}"},
		{"\"type\":\"thinking\"", THOUGHT, "\"Signature\":\"RXJk\""},
		{"\"type\":\"text\"", THOUGHT, "\"signature\":\"RXJk\""},
		{"\"type\":null", THOUGHT, "\"signature\":\"RXJk\""},
		{THOUGHT, "\"signature\":\"RXJk\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"RXJk\"", "\"signature\":\"\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"RXJk\"",
		 "\"signature\":\"UXJk\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"RXJk\"",
		 "\"type\":\"thinking\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"RXJk\"", "\"type\":\"text\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"RXJk\"",
		 "\"t\\u0079pe\":\"text\""},
		{"\"type\":\"thinking\"", THOUGHT, "\"signature\":\"RXJk\"", "\"thinking\":\"\""},
		{"\"type\":\"thinking\"", "\"thinking\":[\"" ID "\"]", "\"signature\":\"RXJk\""},
		{"\"type\":\"thinking\"", "\"text\":\"" ID "\"", "\"signature\":\"RXJk\""},
	};

	for (size_t i = 0; i < SIZE(sets); i++) {
		size_t n = 0;

		while (n < MEMBERS_MAX && sets[i][n])
			n++;
		in_each_order(sets[i], n, unsigned_is_masked);
	}
}

/* A signature of another object does not count. */
Test(mask_json, signatures_belong_to_their_object)
{
	struct world w;

	world_init(&w);
	expect_masked(&w,
		      BLOCK("\"type\":\"thinking\"," THOUGHT "},{\"type\":\"thinking\","
			    "\"thinking\":\"\",\"signature\":\"RXJk\""),
		      ID);
	expect_masked(&w, BLOCK("\"type\":\"thinking\",\"x\":{\"signature\":\"RXJk\"}," THOUGHT),
		      ID);
	expect_masked(&w,
		      "{\"signature\":\"RXJk\",\"messages\":[{\"signature\":\"RXJk\",\"content\":["
		      "{\"type\":\"thinking\"," THOUGHT "}]}]}",
		      ID);
	world_free(&w);
}

/* Placeholders in what the model thought left as placeholders before: no value passes there. */
Test(mask_json, signed_placeholders_are_not_counted)
{
	struct world w;

	world_init(&w);
	mask_body(&w,
		  in_block("\"type\":\"thinking\",\"thinking\":\"EC2_INSTANCE_001, " ID
			   "\",\"signature\":\"RXJk\""),
		  SCHEMA_MESSAGES);
	cr_expect(out_has(&w, "EC2_INSTANCE_001"));
	cr_expect_eq(mask_counts(w.mask)->signed_passed, 1);
	world_free(&w);
}

#define SOURCE(members) "\"source\":{" members "}"
#define BASE64 "\"type\":\"base64\""
#define DATA "\"data\":\"" KEY_ID "\""

static char *in_image(const char *members)
{
	static char block[1000];

	snprintf(block, sizeof(block), "\"type\":\"image\"," SOURCE("%s"), members);
	return block;
}

static char *in_result(const char *members)
{
	static char body[2000];

	snprintf(body, sizeof(body), RESULT("%s"), members);
	return body;
}

static void base64_passes(struct world *w, const char *members)
{
	expect_passed(w, in_block(in_image(members)), KEY_ID);
	expect_passed(w, in_result(in_image(members)), KEY_ID);
}

static void base64_is_masked(struct world *w, const char *members)
{
	expect_masked(w, in_block(in_image(members)), KEY_ID);
	expect_masked(w, in_result(in_image(members)), KEY_ID);
}

static void media_passes(struct world *w, const char *members)
{
	expect_passed(w, in_block(members), KEY_ID);
	expect_passed(w, in_result(members), KEY_ID);
}

static void no_media_is_masked(struct world *w, const char *members)
{
	expect_masked(w, in_block(members), KEY_ID);
	expect_masked(w, in_result(members), KEY_ID);
}

Test(mask_json, base64_sources)
{
	in_each_order((const char *const[]){BASE64, DATA, "\"media_type\":\"image/png\""}, 3,
		      base64_passes);
	in_each_order((const char *const[]){"\"type\":\"b\\u0061se64\"",
					    "\"d\\u0061ta\":\"" KEY_ID "\\/9\\u002b=\""},
		      2, base64_passes);
	in_each_order((const char *const[]){"\"type\":\"image\"", SOURCE(BASE64 "," DATA)}, 2,
		      media_passes);
	in_each_order((const char *const[]){"\"type\":\"document\"", SOURCE(DATA "," BASE64)}, 2,
		      media_passes);
}

Test(mask_json, what_is_no_base64_source)
{
	static const char *const sets[][MEMBERS_MAX] = {
		{"\"type\":\"text\"", DATA},
		{DATA},
		{"\"type\":64", DATA},
		{BASE64, "\"data\":\"" KEY_ID " \""},
		{BASE64, "\"data\":\"" KEY_ID "\\n\""},
		{BASE64, "\"data\":\"=" KEY_ID "\""},
		{BASE64, "\"data\":\"the key is " KEY_ID ".\""},
		{BASE64, "\"data\":[\"" KEY_ID "\"]"},
		{BASE64, DATA, BASE64},
		{BASE64, DATA, "\"type\":\"text\""},
		{BASE64, DATA, "\"data\":\"\""},
		{BASE64, "\"url\":\"" KEY_ID "\""},
		{BASE64, "\"dat\":\"" KEY_ID "\""},
		{BASE64, "\"source\":{" BASE64 "," DATA "}"},
	};

	for (size_t i = 0; i < SIZE(sets); i++) {
		size_t n = 0;

		while (n < MEMBERS_MAX && sets[i][n])
			n++;
		in_each_order(sets[i], n, base64_is_masked);
	}
}

Test(mask_json, base64_sources_of_other_blocks)
{
	static const char *const sets[][MEMBERS_MAX] = {
		{"\"type\":\"text\"", SOURCE(BASE64 "," DATA)},
		{SOURCE(BASE64 "," DATA)},
		{"\"type\":\"image\"", "\"type\":\"document\"", SOURCE(BASE64 "," DATA)},
		{"\"type\":\"image\"", "\"source\":[{" BASE64 "," DATA "}]"},
		{"\"type\":\"image\"", "\"Source\":{" BASE64 "," DATA "}"},
		{"\"type\":\"image\"", BASE64, DATA},
	};

	for (size_t i = 0; i < SIZE(sets); i++) {
		size_t n = 0;

		while (n < MEMBERS_MAX && sets[i][n])
			n++;
		in_each_order(sets[i], n, no_media_is_masked);
	}
}

Test(mask_json, base64_sources_in_free_form)
{
	struct world w;

	world_init(&w);
	expect_masked(&w,
		      BLOCK("\"type\":\"tool_use\",\"input\":{\"type\":\"image\"," SOURCE(
			      BASE64 "," DATA) "}"),
		      KEY_ID);
	expect_masked(&w,
		      BLOCK("\"type\":\"tool_use\",\"input\":{\"content\":[{\"type\":"
			    "\"image\"," SOURCE(BASE64 "," DATA) "}]}"),
		      KEY_ID);
	expect_masked(&w,
		      RESULT("\"type\":\"x\",\"content\":[{\"type\":\"image\"," SOURCE(
			      BASE64 "," DATA) "}]"),
		      KEY_ID);
	mask_body(&w, in_block(in_image(BASE64 "," DATA)), SCHEMA_NONE);
	cr_expect(!out_has(&w, KEY_ID));
	world_free(&w);
}

#define BILLING "x-anthropic-billing-header: cc_version=2.1.7; h=" ID "; cch=4e0b1;"

Test(mask_json, billing_block)
{
	struct world w;

	world_init(&w);
	expect_passed(&w, "{\"system\":[{\"type\":\"text\",\"text\":\"" BILLING "\"}]}", ID);
	expect_passed(&w, "{\"system\":[{\"text\":\"" BILLING "\",\"type\":\"text\"},{}]}", ID);
	expect_masked(&w, "{\"system\":[{},{\"type\":\"text\",\"text\":\"" BILLING "\"}]}", ID);
	expect_masked(&w, "{\"system\":[\"\",{\"text\":\"" BILLING "\"}]}", ID);
	expect_masked(&w, "{\"system\":[0,{\"text\":\"" BILLING "\"}]}", ID);
	expect_masked(&w, "{\"system\":[[{\"text\":\"" BILLING "\"}]]}", ID);
	expect_masked(&w, "{\"system\":[{\"text\":\" " BILLING "\"}]}", ID);
	expect_masked(&w, "{\"system\":[{\"text\":\"" BILLING "\\n" ID "\"}]}", ID);
	expect_masked(&w, "{\"system\":\"" BILLING "\"}", ID);
	expect_masked(&w, "{\"system\":{\"text\":\"" BILLING "\"}}", ID);
	expect_masked(&w, "{\"messages\":[{\"content\":[{\"text\":\"" BILLING "\"}]}]}", ID);
	expect_masked(&w, "{\"system\":[{\"text\":\"" BILLING "\",\"text\":\"" ID2 "\"}]}", ID2);
	world_free(&w);
}

/* I3: a body spelled as unusually as JSON allows. */
Test(mask_json, spelling_is_kept)
{
	static const char body[] =
		"\t{ \"model\" : \"m\" ,\r\n \"max_tokens\": 1.0E+02, \"x\":-0.0e-0,\"messages\" :["
		" { \"content\" : [ {\"text\":\"caf\\u00e9 \\ud83d\\ude00 \\/ "
		"\\u0069-0b7d29ce4f1a83"
		"65e\\n" ID2
		"\\\"\" , \"type\":\"text\" } ],\"role\":\"user\"} ] , \"x\" : null}\n";
	struct world w;

	world_init(&w);
	mask_body(&w, body, SCHEMA_MESSAGES);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 2);
	cr_expect_eq(w.vault.n, 2);
	cr_expect(memory_vault_find(&w.vault, TYPE_EC2_INSTANCE, ID, strlen(ID)));
	cr_expect(out_has(&w, "caf\\u00e9 \\ud83d\\ude00 \\/ "));
	cr_expect(out_has(&w, "\"max_tokens\": 1.0E+02, \"x\":-0.0e-0,\"messages\" :[ {"));
	cr_expect(!out_has(&w, "\\u0069-"));
	world_free(&w);
}

Test(mask_json, without_values_nothing_changes)
{
	static const char body[] = "{\"a\": [1, 2.50, \"\\u0041\", {\"b\":\"\"}], \"c\":\"\\/\"}";
	struct world w;

	world_init(&w);
	mask_body(&w, body, SCHEMA_NONE);
	cr_expect(!mask_found(w.mask, 0));
	cr_expect(buf_len(&w.out) == strlen(body) && out_has(&w, body));
	world_free(&w);
}

/* Text inside text inside text: the escapes that remain are boundaries, the value is the same. */
Test(mask_json, nested_text)
{
	struct buf text, next;
	struct world w;

	world_init(&w);
	buf_init(&text, 1 << 20);
	buf_init(&next, 1 << 20);
	cr_assert_eq(buf_puts(&text, "first\n" ID "\n\"" ID2 "\"\t" ID "\\"), 0);
	for (int depth = 0; depth < 5; depth++) {
		cr_assert_eq(buf_puts(&next, "{\"k\":\""), 0);
		cr_assert_eq(jstr_escape(&next, buf_bytes(&text), buf_len(&text), 1), 0);
		cr_assert_eq(buf_append(&next, "\"}", 3), 0);
		mask_body(&w, (const char *)buf_bytes(&next), SCHEMA_NONE);
		cr_expect(!out_has(&w, ID + 3) && !out_has(&w, ID2 + 3), "depth %d", depth);
		cr_expect_eq(w.vault.n, 2);
		buf_truncate(&next, buf_len(&next) - 1);
		buf_clear(&text);
		cr_assert_eq(buf_append(&text, buf_bytes(&next), buf_len(&next)), 0);
		buf_clear(&next);
	}
	buf_free(&text);
	buf_free(&next);
	world_free(&w);
}

Test(mask_json, keys_stay_keys)
{
	struct world w;

	world_init(&w);
	mask_body(&w, "{\"" ID "\":{\"state\":\"up\"},\"" ID2 "\":\"" ID "\",\"a\\n" ID "\":0}",
		  SCHEMA_NONE);
	cr_expect(out_has(&w, "{\"EC2_INSTANCE_001\":{\"state\":\"up\"},\"EC2_INSTANCE_002\":"
			      "\"EC2_INSTANCE_001\",\"a\\nEC2_INSTANCE_001\":0}"));
	world_free(&w);
}

/* A setting's name gives its value away, be it in another string. */
Test(mask_json, values_known_by_their_key)
{
	static const char *const bodies[] = {
		"{\"accountId\":\"" ACCOUNT "\"}",
		"{\"account_id\" : \n\"" ACCOUNT "\"}",
		"{\"account_id\":[\"" ACCOUNT "\"]}",
		"{\"acc\\u006funt_id\":\"" ACCOUNT "\"}",
		"{\"accountId\":\"\\u0037"
		"38291046512\"}",
		"{\"x\":{\"Account\":\"" ACCOUNT "\"}}",
	};
	struct world w;
	char body[300];

	world_init(&w);
	for (size_t i = 0; i < SIZE(bodies); i++) {
		mask_body(&w, bodies[i], SCHEMA_NONE);
		cr_expect(!out_has(&w, "8291046512"), "%s", bodies[i]);
		snprintf(body, sizeof(body), BLOCK("\"type\":\"tool_use\",\"input\":%s"),
			 bodies[i]);
		expect_masked(&w, body, "8291046512");
	}
	cr_expect_eq(w.vault.n, 1);
	mask_body(&w, "{\"phone\":\"" ACCOUNT "\"}", SCHEMA_NONE);
	cr_expect(out_has(&w, ACCOUNT));
	mask_body(&w, "{\"account_id\":{\"phone\":\"" ACCOUNT "\"}}", SCHEMA_NONE);
	cr_expect(out_has(&w, ACCOUNT));
	mask_body(&w, "[{\"account_id\":\"x\"},\"" ACCOUNT "\"]", SCHEMA_NONE);
	cr_expect(out_has(&w, ACCOUNT));
	world_free(&w);
}

Test(mask_json, what_is_not_json)
{
	static const char *const bodies[] = {
		"",
		" ",
		"{",
		"{\"a\":1",
		"{\"a\":1}x",
		"{'a':1}",
		"[1,]",
		"{\"a\"}",
		"\"\\x41\"",
		"\"a\nb\"",
		"nul",
		"01",
		"{\"a\":}",
		"\"" ID,
		"[\"" ID "\"",
		"{\"a\":1}{}",
		"\xef\xbb\xbf{}",
		"/**/{}",
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(bodies); i++) {
		cr_expect_eq(world_json(&w, bodies[i], strlen(bodies[i]), SCHEMA_MESSAGES),
			     MASK_NOT_JSON, "%s", bodies[i]);
		cr_expect_eq(world_json(&w, bodies[i], strlen(bodies[i]), SCHEMA_NONE),
			     MASK_NOT_JSON, "%s", bodies[i]);
	}
	cr_expect_eq(world_json(&w, "\"a\0b\"", 5, SCHEMA_NONE), MASK_NOT_JSON);
	world_free(&w);
}

static void nest(struct buf *b, const char *open, size_t depth, const char *inner,
		 const char *close)
{
	buf_clear(b);
	for (size_t i = 0; i < depth; i++)
		cr_assert_eq(buf_puts(b, open), 0);
	cr_assert_eq(buf_puts(b, inner), 0);
	for (size_t i = 0; i < depth; i++)
		cr_assert_eq(buf_puts(b, close), 0);
	cr_assert_eq(buf_append(b, "", 1), 0);
}

Test(mask_json, depth)
{
	static const char *const opens[] = {"[", "{\"content\":", "{\"messages\":[", "[{\"a\":"};
	static const char *const closes[] = {"]", "}", "]}", "}]"};
	struct world w;
	struct buf b;

	world_init(&w);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < SIZE(opens); i++) {
		for (size_t depth = 1; depth <= 500; depth += depth < 20 ? 1 : 60) {
			nest(&b, opens[i], depth, "\"" ID "\"", closes[i]);
			expect_masked(&w, (const char *)buf_bytes(&b), ID);
		}
	}
	nest(&b, "[", JSTR_MAX_DEPTH + 1, "1", "]");
	cr_expect_eq(world_json(&w, buf_bytes(&b), buf_len(&b) - 1, SCHEMA_NONE), MASK_NOT_JSON);
	buf_free(&b);
	world_free(&w);
}

/* Strings that had to wait are found among those that had not: order is restored. */
Test(mask_json, late_decisions_keep_the_order)
{
	struct world w;
	struct buf b;
	char id[40], block[300];

	world_init(&w);
	w.vault.unlogged = true;
	buf_init(&b, 1 << 20);
	cr_assert_eq(buf_puts(&b, "{\"messages\":[{\"content\":[{}"), 0);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "i-%017x", i * 7919 + 1);
		snprintf(block, sizeof(block),
			 ",{\"id\":\"%s a\",\"thinking\":\"%s b\",\"text\":\"%s c\",\"data\":"
			 "\"%s d\",\"source\":{\"data\":\"%s e\",\"type\":\"text\"}}",
			 id, id, id, id, id);
		cr_assert_eq(buf_puts(&b, block), 0);
	}
	cr_assert_eq(buf_append(&b, "]}]}", 5), 0);
	mask_body(&w, (const char *)buf_bytes(&b), SCHEMA_MESSAGES);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_EC2_INSTANCE], 1000);
	cr_expect_eq(w.vault.n, 200);
	cr_expect(!out_has(&w, "i-0"));
	buf_free(&b);
	world_free(&w);
}

#define TURN_1                                                                                     \
	"{\"system\":\"account " ACCOUNT "\",\"messages\":[{\"role\":\"user\",\"content\":"        \
	"\"stop " ID "\"}"
#define TURN_2                                                                                     \
	",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"EC2_"         \
	"INSTANCE_001 it is\",\"signature\":\"RXJk\"},{\"type\":\"tool_use\",\"id\":\"tu\","       \
	"\"name\":\"n\",\"input\":{\"ids\":[\"" ID "\"]}}]},{\"role\":\"user\",\"content\":[{"     \
	"\"type\":\"tool_result\",\"tool_use_id\":\"tu\",\"content\":\"" ID2 " too\"}]}"

/* I4: a later turn begins with the bytes of the earlier, be it masked by another worker. */
Test(mask_json, later_turns_begin_like_earlier_ones)
{
	struct world w;
	struct mask *first;
	struct buf earlier;
	size_t same;

	world_init(&w);
	buf_init(&earlier, 1 << 16);
	mask_body(&w, TURN_1 "]}", SCHEMA_MESSAGES);
	cr_assert_eq(buf_append(&earlier, buf_bytes(&w.out), buf_len(&w.out)), 0);
	same = buf_len(&earlier) - strlen("]}");
	first = w.mask;
	w.mask = mask_new(w.catalogue, WORLD_MEMORY);
	mask_body(&w, TURN_1 TURN_2 "]}", SCHEMA_MESSAGES);
	cr_assert_gt(buf_len(&w.out), same);
	cr_expect(!memcmp(buf_bytes(&w.out), buf_bytes(&earlier), same));
	cr_expect(out_has(&w, "EC2_INSTANCE_001 it is"));
	mask_free(first);
	buf_free(&earlier);
	world_free(&w);
}

/* The model uses a placeholder as a key; restored, it comes back as a key and is masked again. */
Test(mask_json, a_key_makes_the_round)
{
	struct unmask_counts counts = {0};
	struct world w;
	struct buf answer;
	char body[600];

	world_init(&w);
	buf_init(&answer, 1 << 16);
	mask_body(&w, BLOCK("\"type\":\"text\",\"text\":\"tag " ID "\""), SCHEMA_MESSAGES);
	static const char from_model[] =
		"{\"type\":\"message\",\"content\":[{\"type\":\"tool_use\",\"id\":\"tu\","
		"\"name\":\"tag\",\"input\":{\"EC2_INSTANCE_001\":[\"EC2_INSTANCE_001\"]}}]}";

	cr_assert_eq(unmask_json(&w.vault.scope, (const uint8_t *)from_model, strlen(from_model),
				 SCHEMA_ANSWER, &answer, &counts),
		     0);
	cr_expect(memmem(buf_bytes(&answer), buf_len(&answer), "{\"" ID "\":[\"" ID "\"]}",
			 2 * strlen(ID) + 9));
	snprintf(body, sizeof(body), "{\"messages\":[{\"role\":\"assistant\",\"content\":[%s]}]}",
		 "{\"type\":\"tool_use\",\"id\":\"tu\",\"input\":{\"" ID "\":[\"" ID "\"]}}");
	expect_masked(&w, body, ID);
	cr_expect(out_has(&w, "{\"EC2_INSTANCE_001\":[\"EC2_INSTANCE_001\"]}"));
	cr_expect_eq(w.vault.n, 1);
	buf_free(&answer);
	world_free(&w);
}
