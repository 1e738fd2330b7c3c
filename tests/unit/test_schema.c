/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The place at a path such as messages[].content[].text, and whether its last key is known. */
static schema_node place_of(enum schema s, const char *path, bool *known)
{
	schema_node n = schema_root(s);

	*known = false;
	while (*path) {
		size_t len = strcspn(path, ".[");

		if (!strncmp(path, "[]", 2)) {
			n = schema_element(n);
			path += 2;
		} else if (*path == '.') {
			path++;
		} else {
			n = schema_key(n, (const uint8_t *)path, len, known);
			path += len;
		}
	}
	return n;
}

static enum schema_rule rule_of(enum schema s, const char *path)
{
	bool known;

	return schema_rule(place_of(s, path, &known));
}

static bool known(enum schema s, const char *path)
{
	bool is;

	place_of(s, path, &is);
	return is;
}

static const struct {
	const char *path;
	enum schema_rule rule;
	bool known;
} request_table[] = {
	{"", SCHEMA_MASK, false},
	{"model", SCHEMA_VERBATIM, true},
	{"max_tokens", SCHEMA_MASK, true},
	{"nobody_defined_this", SCHEMA_MASK, false},
	{"system", SCHEMA_MASK, true},
	{"system[].type", SCHEMA_VERBATIM, true},
	{"system[].text", SCHEMA_BILLING, true},
	{"system[].cache_control.ttl", SCHEMA_VERBATIM, true},
	{"messages[].role", SCHEMA_VERBATIM, true},
	{"messages[].content", SCHEMA_MASK, true},
	{"messages[].content[]", SCHEMA_MASK, true},
	{"messages[].content[].type", SCHEMA_VERBATIM, true},
	{"messages[].content[].text", SCHEMA_MASK, true},
	{"messages[].content[].id", SCHEMA_OPAQUE, true},
	{"messages[].content[].tool_use_id", SCHEMA_OPAQUE, true},
	{"messages[].content[].name", SCHEMA_MASK, true},
	{"messages[].content[].input", SCHEMA_MASK, true},
	{"messages[].content[].thinking", SCHEMA_SIGNED, true},
	{"messages[].content[].signature", SCHEMA_OPAQUE, true},
	{"messages[].content[].data", SCHEMA_OPAQUE, true},
	{"messages[].content[].encrypted_content", SCHEMA_OPAQUE, true},
	{"messages[].content[].cache_control.type", SCHEMA_VERBATIM, true},
	{"messages[].content[].source.media_type", SCHEMA_VERBATIM, true},
	{"messages[].content[].source.data", SCHEMA_BASE64, true},
	{"messages[].content[].source.url", SCHEMA_MASK, true},
	{"messages[].content[].citations[].encrypted_index", SCHEMA_OPAQUE, true},
	{"messages[].content[].citations[].cited_text", SCHEMA_MASK, true},
	{"messages[].content[].content", SCHEMA_MASK, true},
	{"messages[].content[].content[].text", SCHEMA_MASK, true},
	{"messages[].content[].content[].type", SCHEMA_MASK, true},
	{"messages[].content[].content[].encrypted_content", SCHEMA_OPAQUE, true},
	{"messages[].content[].content[].source", SCHEMA_MASK, true},
	{"messages[].content[].content[].source.data", SCHEMA_BASE64, true},
	{"messages[].content[].content[].source.media_type", SCHEMA_MASK, true},
	{"messages[].content[].content[].signature", SCHEMA_MASK, false},
	{"messages[].content[].content[].id", SCHEMA_MASK, false},
	{"messages[].content[].content[].cache_control.type", SCHEMA_MASK, false},
	{"tools[].name", SCHEMA_MASK, true},
	{"tools[].type", SCHEMA_VERBATIM, true},
	{"tools[].description", SCHEMA_MASK, true},
	{"tools[].cache_control.type", SCHEMA_VERBATIM, true},
	{"tools[].input_schema", SCHEMA_MASK, true},
	{"tool_choice.type", SCHEMA_VERBATIM, true},
	{"tool_choice.name", SCHEMA_MASK, true},
	{"metadata.user_id", SCHEMA_VERBATIM, true},
	{"metadata.other", SCHEMA_MASK, false},
	{"diagnostics.a.b[].c", SCHEMA_VERBATIM, true},
	{"context_management.edits[].type", SCHEMA_VERBATIM, true},
	{"context_management.edits[].trigger.type", SCHEMA_VERBATIM, true},
	{"context_management.edits[].keep", SCHEMA_VERBATIM, true},
	{"context_management.edits[].exclude_tools[]", SCHEMA_MASK, true},
	{"context_management.edits[].instructions", SCHEMA_MASK, true},
	{"context_management.edits[].other", SCHEMA_MASK, false},
	{"context_management.other", SCHEMA_MASK, false},
	{"output_config.effort", SCHEMA_VERBATIM, true},
	{"output_config.a[].b", SCHEMA_VERBATIM, true},
	{"output_config.format.type", SCHEMA_VERBATIM, true},
	{"output_config.format.schema.description", SCHEMA_MASK, false},
	{"safeguards[].cwd", SCHEMA_MASK, false},
};

Test(schema, request_paths)
{
	for (size_t i = 0; i < SIZE(request_table); i++) {
		const char *path = request_table[i].path;

		cr_assert_eq(rule_of(SCHEMA_MESSAGES, path), request_table[i].rule, "%s", path);
		cr_assert_eq(known(SCHEMA_MESSAGES, path), request_table[i].known, "%s", path);
	}
}

/* Whatever a tool takes, returns or declares, and whatever nobody defined: no key is special. */
Test(schema, free_form_below)
{
	static const char *const above[] = {
		"messages[].content[].input",
		"messages[].content[].input.deeper[]",
		"messages[].content[].unknown",
		"messages[].content[].content[].input",
		"messages[].content[].content[].content[]",
		"messages[].content[].content[].text",
		"tools[].input_schema",
		"tools[].input_schema.properties.type",
		"unknown",
		"unknown[]",
		"messages[].role",
		"messages[].content[].type[]",
	};
	static const char *const keys[] = {
		"id",	      "type",	     "role",	    "model",	     "signature",
		"thinking",   "data",	     "source",	    "cache_control", "metadata",
		"user_id",    "tool_use_id", "source.data", "diagnostics",   "encrypted_content",
		"media_type",
	};

	for (size_t i = 0; i < SIZE(above); i++) {
		for (size_t j = 0; j < SIZE(keys); j++) {
			char path[200];

			snprintf(path, sizeof(path), "%s.%s", above[i], keys[j]);
			cr_expect_eq(rule_of(SCHEMA_MESSAGES, path), SCHEMA_MASK, "%s", path);
			cr_expect(!known(SCHEMA_MESSAGES, path), "%s", path);
		}
	}
}

Test(schema, no_schema_knows_nothing)
{
	for (size_t i = 0; i < SIZE(request_table); i++) {
		cr_expect_eq(rule_of(SCHEMA_NONE, request_table[i].path), SCHEMA_MASK);
		cr_expect(!known(SCHEMA_NONE, request_table[i].path));
	}
}

Test(schema, batches_hold_messages)
{
	for (size_t i = 1; i < SIZE(request_table); i++) {
		char path[200];

		snprintf(path, sizeof(path), "requests[].params.%s", request_table[i].path);
		cr_expect_eq(rule_of(SCHEMA_BATCHES, path), request_table[i].rule, "%s", path);
	}
	cr_expect_eq(rule_of(SCHEMA_BATCHES, "requests[].custom_id"), SCHEMA_MASK);
	cr_expect_eq(rule_of(SCHEMA_BATCHES, "model"), SCHEMA_MASK);
}

/* A key that only begins like one of the API's, or goes on, is another key. */
Test(schema, keys_are_whole)
{
	bool is;

	for (const char *const *k = (const char *const[]){"mode", "models", "Model", "", NULL}; *k;
	     k++) {
		cr_expect_eq(schema_key(schema_root(SCHEMA_MESSAGES), (const uint8_t *)*k,
					strlen(*k), &is),
			     0);
		cr_expect(!is, "%s", *k);
	}
	cr_expect_eq(schema_key(schema_root(SCHEMA_MESSAGES), (const uint8_t *)"model\0", 6, &is),
		     0);
}

Test(schema, answers_and_events)
{
	static const struct {
		enum schema schema;
		const char *path;
		enum schema_rule rule;
	} table[] = {
		{SCHEMA_ANSWER, "id", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "model", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "usage.server_tool_use.x", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].text", SCHEMA_MASK},
		{SCHEMA_ANSWER, "content[].name", SCHEMA_MASK},
		{SCHEMA_ANSWER, "content[].id", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].input.thinking", SCHEMA_MASK},
		{SCHEMA_ANSWER, "content[].thinking", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].signature", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].data", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].content[].encrypted_content", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].content[].title", SCHEMA_MASK},
		{SCHEMA_ANSWER, "content[].citations[].encrypted_index", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "content[].citations[].cited_text", SCHEMA_MASK},
		{SCHEMA_ANSWER, "stop_sequence", SCHEMA_MASK},
		{SCHEMA_ANSWER, "error.type", SCHEMA_VERBATIM},
		{SCHEMA_ANSWER, "error.message", SCHEMA_MASK},
		{SCHEMA_EVENT, "type", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "message.content[].thinking", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "content_block.signature", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "content_block.text", SCHEMA_MASK},
		{SCHEMA_EVENT, "delta.type", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "delta.text", SCHEMA_MASK},
		{SCHEMA_EVENT, "delta.partial_json", SCHEMA_NESTED_JSON},
		{SCHEMA_EVENT, "delta.thinking", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "delta.signature", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "delta.citation.cited_text", SCHEMA_MASK},
		{SCHEMA_EVENT, "delta.citation.encrypted_index", SCHEMA_VERBATIM},
		{SCHEMA_EVENT, "unknown.thinking", SCHEMA_MASK},
		{SCHEMA_RESULT, "custom_id", SCHEMA_MASK},
		{SCHEMA_RESULT, "result.message.content[].thinking", SCHEMA_VERBATIM},
		{SCHEMA_RESULT, "result.message.content[].text", SCHEMA_MASK},
		{SCHEMA_RESULT, "result.error.error.message", SCHEMA_MASK},
	};

	for (size_t i = 0; i < SIZE(table); i++)
		cr_expect_eq(rule_of(table[i].schema, table[i].path), table[i].rule, "%s",
			     table[i].path);
}

/* Conditions cost nothing in answers: what restores need not know them. */
Test(schema, answers_have_no_conditions)
{
	static const enum schema answers[] = {SCHEMA_ANSWER, SCHEMA_EVENT, SCHEMA_RESULT};

	for (size_t i = 0; i < SIZE(answers); i++) {
		for (size_t j = 0; j < SIZE(request_table); j++) {
			enum schema_rule r = rule_of(answers[i], request_table[j].path);

			cr_expect(r == SCHEMA_MASK || r == SCHEMA_VERBATIM);
		}
	}
}

static unsigned type_of(const char *text)
{
	return schema_type_of((const uint8_t *)text, strlen(text));
}

Test(schema, types)
{
	cr_expect_eq(type_of("base64"), SCHEMA_TYPE_BASE64);
	cr_expect_eq(type_of("image"), SCHEMA_TYPE_MEDIA);
	cr_expect_eq(type_of("document"), SCHEMA_TYPE_MEDIA);
	cr_expect_eq(type_of("thinking"), SCHEMA_TYPE_THINKING);
	cr_expect_eq(type_of("redacted_thinking"), SCHEMA_TYPE_REDACTED);
	cr_expect_eq(type_of("tool_use"), SCHEMA_TYPE_TOOL_USE);
	cr_expect_eq(type_of("server_tool_use"), SCHEMA_TYPE_TOOL_USE);
	cr_expect_eq(type_of("tool_result"), SCHEMA_TYPE_TOOL_RESULT);
	cr_expect_eq(type_of("mcp_tool_result"), SCHEMA_TYPE_TOOL_RESULT);
	cr_expect_eq(type_of("web_search_tool_result"),
		     SCHEMA_TYPE_TOOL_RESULT | SCHEMA_TYPE_SEARCH_RESULT);
	cr_expect_eq(type_of("text"), 0);
	cr_expect_eq(type_of(""), 0);
	cr_expect_eq(type_of("Thinking"), 0);
	cr_expect_eq(type_of("thinking "), 0);
}

static bool billing(const char *text)
{
	return schema_is_billing((const uint8_t *)text, strlen(text));
}

Test(schema, billing_header)
{
	char lengthy[2000] = "x-anthropic-billing-header:";

	cr_expect(billing("x-anthropic-billing-header: cc_version=2.1.9; cch=0f3a1;"));
	cr_expect(billing("x-anthropic-billing-header:"));
	cr_expect(!billing("x-anthropic-billing-header"));
	cr_expect(!billing(" x-anthropic-billing-header: cch=00000;"));
	cr_expect(!billing("x-anthropic-billing-header: cch=00000;\nand now a story"));
	memset(lengthy + strlen(lengthy), 'a', 1500);
	cr_expect(!billing(lengthy));
}

static bool base64(const char *text)
{
	return schema_is_base64((const uint8_t *)text, strlen(text));
}

Test(schema, base64_alphabet)
{
	cr_expect(base64("AZaz09+/"));
	cr_expect(base64("QUI="));
	cr_expect(base64("QQ=="));
	cr_expect(base64(""));
	cr_expect(!base64("Q==="));
	cr_expect(!base64("QQ==QQ=="));
	cr_expect(!base64("QUI QUI"));
	cr_expect(!base64("QUI-"));
	cr_expect(!base64("QUI_"));
	cr_expect(!base64("QUI\n"));
	cr_expect(!base64("QU\xc3\xa9"));
	for (int c = 0; c < 256; c++) {
		uint8_t byte = (uint8_t)c;
		bool in = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/=",
				      c);

		cr_expect_eq(schema_is_base64(&byte, 1), in, "%d", c);
	}
}

Test(schema, paths)
{
	static const struct {
		const char *path;
		enum schema request, answer;
	} table[] = {
		{"/v1/messages", SCHEMA_MESSAGES, SCHEMA_ANSWER},
		{"/v1/messages/count_tokens", SCHEMA_MESSAGES, SCHEMA_NONE},
		{"/v1/messages/batches", SCHEMA_BATCHES, SCHEMA_NONE},
		{"/v1/messages/batches/msgbatch_1/results", SCHEMA_NONE, SCHEMA_RESULT},
		{"/v1/messages/batches/msgbatch_1", SCHEMA_NONE, SCHEMA_NONE},
		{"/gateway/v1/messages", SCHEMA_MESSAGES, SCHEMA_ANSWER},
		{"/v1/messages/", SCHEMA_NONE, SCHEMA_NONE},
		{"/v1/messagesx", SCHEMA_NONE, SCHEMA_NONE},
		{"/v1/files", SCHEMA_NONE, SCHEMA_NONE},
		{"/api/event_logging/v2/batch", SCHEMA_NONE, SCHEMA_NONE},
		{"/", SCHEMA_NONE, SCHEMA_NONE},
		{"", SCHEMA_NONE, SCHEMA_NONE},
	};

	for (size_t i = 0; i < SIZE(table); i++) {
		const uint8_t *p = (const uint8_t *)table[i].path;
		size_t len = strlen(table[i].path);

		cr_expect_eq(schema_of_request(p, len), table[i].request, "%s", table[i].path);
		cr_expect_eq(schema_of_answer(p, len), table[i].answer, "%s", table[i].path);
	}
}
