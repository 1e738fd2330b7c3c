/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path says nothing that the document says: it is put together from the schemas' own keys, indices
 * and signs. Asking for several offsets at once is asking for each. First byte: the schema.
 */
#include "../../user/mask/json_path.h"
#include "fuzz.h"

#include <string.h>

/* What stands between two signs is a number, or a key somewhere in the schemas. */
static int is_word(const char *p, size_t len)
{
	bool known = false;

	if (strspn(p, "0123456789") >= len)
		return 1;
	for (schema_node n = 0; n < SCHEMA_NODES && !known; n++)
		known = schema_word(n, (const uint8_t *)p, len) != NULL;
	return known;
}

static void check_path(const char *text)
{
	MUST(strlen(text) < JSON_PATH_MAX);
	if (!*text)
		return;
	MUST(*text == '$');
	while (*text) {
		size_t len;

		if (!strcmp(text, "#key"))
			return;
		text += strspn(text, "$.[]*");
		len = strcspn(text, "$.[]*#");
		MUST(len == 0 || is_word(text, len));
		MUST(len || !*text || *text == '#');
		text += len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_path all[8], one;
	enum schema schema;

	if (size < 2)
		return 0;
	schema = (enum schema)(data[0] % (SCHEMA_RESULT + 1));
	data++;
	size--;
	for (size_t i = 0; i < 8; i++)
		all[i].off = size * i / 8;
	json_paths(data, size, schema, all, 8);
	for (size_t i = 0; i < 8; i++) {
		one.off = all[i].off;
		json_paths(data, size, schema, &one, 1);
		MUST(!strcmp(one.text, all[i].text));
		check_path(one.text);
	}
	return 0;
}
