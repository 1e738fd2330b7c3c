/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/json_path.h"
#include "../guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SECRET "i-0c5d7e9f1a2b3c4d6"

/* The path of the first occurrence of `mark`. */
static void path_of(const char *json, enum schema schema, const char *mark, struct json_path *path)
{
	const char *at = strstr(json, mark);

	cr_assert_not_null(at, "%s", mark);
	path->off = (size_t)(at - json);
	json_paths((const uint8_t *)json, strlen(json), schema, path, 1);
}

static void expect(const char *json, enum schema schema, const char *mark, const char *want)
{
	struct json_path path;

	path_of(json, schema, mark, &path);
	cr_expect_str_eq(path.text, want, "%s in %s: %s", mark, json, path.text);
}

Test(json_path, keys_of_the_schema_are_named_and_elements_counted)
{
	static const char json[] =
		"{\"model\":\"m1\",\"system\":[{\"type\":\"text\",\"text\":\"S0\"}],"
		"\"messages\":[{\"role\":\"user\",\"content\":\"C0\"},{\"role\":\"user\","
		"\"content\":["
		"{\"type\":\"text\",\"text\":\"T0\"},{\"type\":\"tool_result\",\"content\":["
		"{\"type\":\"text\",\"text\":\"R0\"}]}]}]}";

	expect(json, SCHEMA_MESSAGES, "m1", "$.model");
	expect(json, SCHEMA_MESSAGES, "S0", "$.system[0].text");
	expect(json, SCHEMA_MESSAGES, "C0", "$.messages[0].content");
	expect(json, SCHEMA_MESSAGES, "T0", "$.messages[1].content[0].text");
	expect(json, SCHEMA_MESSAGES, "R0", "$.messages[1].content[1].content[0].text");
	expect(json, SCHEMA_NONE, "R0", "$.*[1].*[1].*[0].*");
}

Test(json_path, keys_of_the_client_are_never_written)
{
	static const char json[] =
		"{\"messages\":[{\"content\":[{\"input\":{\"" SECRET "\":\"V0\",\"text\":\"V1\","
		"\"a\":[1,{\"b\":\"V2\"}]},\"" SECRET "x\":\"V3\",\"te\\u0078t\":\"V4\"}]}],"
		"\"diagnostics\":{\"" SECRET "y\":\"V5\"},\"messages \":\"V6\",\"\":\"V7\"}";

	expect(json, SCHEMA_MESSAGES, SECRET, "$.messages[0].content[0].input.*#key");
	expect(json, SCHEMA_MESSAGES, "V0", "$.messages[0].content[0].input.*");
	expect(json, SCHEMA_MESSAGES, "V1", "$.messages[0].content[0].input.*");
	expect(json, SCHEMA_MESSAGES, "V2", "$.messages[0].content[0].input.*[1].*");
	expect(json, SCHEMA_MESSAGES, "V3", "$.messages[0].content[0].*");
	expect(json, SCHEMA_MESSAGES, "V4", "$.messages[0].content[0].text");
	expect(json, SCHEMA_MESSAGES, "V5", "$.diagnostics.*");
	expect(json, SCHEMA_MESSAGES, "V6", "$.*");
	expect(json, SCHEMA_MESSAGES, "V7", "$.*");
}

Test(json_path, what_is_no_string_has_no_path)
{
	expect("{\"model\": 12}", SCHEMA_MESSAGES, "12", "");
	expect("{\"model\": \"x\"}", SCHEMA_MESSAGES, ": ", "");
	expect("\"lone\"", SCHEMA_MESSAGES, "lone", "$");
	expect("[\"a\", \"bb\"]", SCHEMA_NONE, "bb", "$[1]");
	expect("{\"model\": \"x\", nonsense: \"y\"}", SCHEMA_MESSAGES, "y", "");
}

Test(json_path, many_offsets_in_one_walk)
{
	static const char json[] = "{\"system\":\"aXbXc\",\"messages\":[{\"content\":\"XX\"}]}";
	struct json_path paths[5];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(json); i++)
		if (json[i] == 'X')
			paths[n++].off = i;
	paths[n++].off = sizeof(json) + 100;
	json_paths((const uint8_t *)json, sizeof(json) - 1, SCHEMA_MESSAGES, paths, n);
	cr_expect_str_eq(paths[0].text, "$.system");
	cr_expect_str_eq(paths[1].text, "$.system");
	cr_expect_str_eq(paths[2].text, "$.messages[0].content");
	cr_expect_str_eq(paths[3].text, "$.messages[0].content");
	cr_expect_str_eq(paths[4].text, "");
}

/* Too deep, and too long: cut off with "..", inside its bounds. */
Test(json_path, depth_and_length_are_bounded)
{
	char json[4096];
	struct json_path path;
	size_t len = 0;

	for (int i = 0; i < 200; i++)
		len += (size_t)sprintf(json + len, "{\"k\":");
	len += (size_t)sprintf(json + len, "\"V\"");
	for (int i = 0; i < 200; i++)
		json[len++] = '}';
	json[len] = 0;
	path_of(json, SCHEMA_NONE, "V", &path);
	cr_expect_str_eq(path.text, "$.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*..");

	len = 0;
	for (int i = 0; i < 16; i++) {
		len += (size_t)sprintf(json + len, "[");
		for (int k = 0; k < 100; k++)
			len += (size_t)sprintf(json + len, "0,");
	}
	len += (size_t)sprintf(json + len, "\"V\"]]]]]]]]]]]]]]]]");
	path_of(json, SCHEMA_NONE, "V", &path);
	cr_expect_str_eq(path.text, "$[100][100][100][100][100][100][100][100][100][100][100][100]"
				    "[100][100][100][100]");
}

/* Whatever is cut off, nothing is read behind the end, and each path is the schema's own words. */
Test(json_path, every_prefix_and_every_offset)
{
	static const char json[] = "{\"messages\":[{\"content\":[{\"te\\u0078t\":\"" SECRET
				   "\"},{\"" SECRET "\":[\"\\ud83d\\ude00\"]}]}]}";

	for (size_t len = 0; len < sizeof(json); len++) {
		struct guarded g = guarded_copy(json, len);

		for (size_t off = 0; off <= len; off++) {
			struct json_path path = {.off = off};

			json_paths(g.p, len, SCHEMA_MESSAGES, &path, 1);
			cr_assert_null(strstr(path.text, "i-0c"), "%s", path.text);
			cr_assert_eq(strspn(path.text, "$.messagcontxt[]0123456789*#key"),
				     strlen(path.text), "%s", path.text);
		}
		guarded_free(&g);
	}
}
