/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_bodies.h"

#include "../../user/mask/unmask.h"

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
	world_free(&w);
	/* Of a scope that does not know it yet. */
	world_init(&w);
	mask_body(&w, "{\"phone\":\"" ACCOUNT "\"}", SCHEMA_NONE);
	cr_expect(out_has(&w, ACCOUNT));
	mask_body(&w, "{\"account_id\":{\"phone\":\"" ACCOUNT "\"}}", SCHEMA_NONE);
	cr_expect(out_has(&w, ACCOUNT));
	mask_body(&w, "[{\"account_id\":\"x\"},\"" ACCOUNT "\"]", SCHEMA_NONE);
	cr_expect(out_has(&w, ACCOUNT));
	world_free(&w);
}

/* JSON has no number that could stand for a value: it becomes a string, all else stays. */
Test(mask_json, a_number_may_be_an_account)
{
	struct world w;

	world_init(&w);
	mask_body(&w, "{\"accountId\": " ACCOUNT " ,\"account_ids\":[" ACCOUNT ",1],\"n\":1}",
		  SCHEMA_NONE);
	cr_expect(out_has(&w, "{\"accountId\": \"AWS_ACCOUNT_001\" ,"
			      "\"account_ids\":[\"AWS_ACCOUNT_001\",1],\"n\":1}"));
	cr_expect_eq(w.vault.n, 1);
	mask_body(&w, BLOCK("\"type\":\"tool_use\",\"input\":{\"accountId\":" ACCOUNT "}"),
		  SCHEMA_MESSAGES);
	cr_expect(out_has(&w, "{\"accountId\":\"AWS_ACCOUNT_001\"}"));
	world_free(&w);
	/* Of a scope that does not know it yet. */
	world_init(&w);
	mask_body(&w,
		  "{\"size\":" ACCOUNT ",\"accountId\":" ACCOUNT "7,\"account\":-" ACCOUNT
		  ",\"account_id\":" ACCOUNT ".5,\"owner\":" ACCOUNT "e1,\"a\":true}",
		  SCHEMA_NONE);
	cr_expect(!mask_found(w.mask, 0));
	mask_body(&w, "{\"max_tokens\":" ACCOUNT "}", SCHEMA_MESSAGES);
	cr_expect(!mask_found(w.mask, 0));
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
