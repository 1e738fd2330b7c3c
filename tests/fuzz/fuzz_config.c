/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes: a configuration or a sentence about one line. What is taken prints as text that reads
 * back to the same; what is refused names the file and a line.
 */
#include "../../user/daemon/config_list.h"
#include "../../user/daemon/config_types.h"
#include "fuzz.h"

#include <string.h>

static void check_sentence(const struct err *e)
{
	size_t len = strnlen(e->text, sizeof(e->text));

	if (len == sizeof(e->text) || strncmp(e->text, "f.yaml:", 7) != 0)
		abort();
	if (e->text[7] < '1' || e->text[7] > '9')
		abort();
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)e->text[i] < 0x20)
			abort();
}

/* What was accepted can be made: types get their numbers, and each an action. */
static void check_types(const struct config *c)
{
	const struct config_list *files[LIST_FILES_MAX];
	struct types *types = config_own_types(c);

	if (!types || types->own_count > TYPES_CONFIGURED_MAX)
		abort();
	if (list_files(c, files) > LIST_FILES_MAX)
		abort();
	for (unsigned t = 0; t < types_count(types); t++)
		if (config_action(c, types, (enum mask_type)t, c->targets[0]) >= ACTION_COUNT)
			abort();
	types_free(types);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {{0}};
	struct config *c = config_parse("f.yaml", (const char *)data, size, &e), *again;
	char *text, *second;

	if (!c) {
		check_sentence(&e);
		return 0;
	}
	text = config_print(c);
	again = config_parse("f.yaml", text, strlen(text), &e);
	if (!again)
		abort();
	second = config_print(again);
	if (strcmp(text, second) != 0 || c->target_count == 0 || c->port_count == 0)
		abort();
	check_types(c);
	for (size_t i = 0; i < c->target_count; i++)
		if (!config_is_target(again, c->targets[i]))
			abort();
	free(text);
	free(second);
	config_free(c);
	config_free(again);
	return 0;
}
