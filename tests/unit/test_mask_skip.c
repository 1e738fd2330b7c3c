/* SPDX-License-Identifier: Apache-2.0 */
/* What passes verbatim, and that nothing else does: each rule with its near misses. */
#include "mask_bodies.h"

Test(mask_skip, verbatim_places)
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
Test(mask_skip, nearly_verbatim_places)
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

Test(mask_skip, signed_thinking)
{
	in_each_order((const char *const[]){"\"type\":\"thinking\"", THOUGHT,
					    "\"signature\":\"RXJk\"", "\"cache_control\":null"},
		      4, signed_passes);
	in_each_order((const char *const[]){"\"type\":\"\\u0074hinking\"",
					    "\"thinking\":\"a\\n" ID "\"",
					    "\"signatur\\u0065\":\"RXJk\""},
		      3, signed_passes);
}

Test(mask_skip, unsigned_thinking)
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
Test(mask_skip, signatures_belong_to_their_object)
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
Test(mask_skip, signed_placeholders_are_not_counted)
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

Test(mask_skip, base64_sources)
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

Test(mask_skip, what_is_no_base64_source)
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

Test(mask_skip, base64_sources_of_other_blocks)
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

Test(mask_skip, base64_sources_in_free_form)
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

Test(mask_skip, billing_block)
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
