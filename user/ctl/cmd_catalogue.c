/* SPDX-License-Identifier: Apache-2.0 */
#include "../mask/known.h"
#include "command.h"
#include "near.h"

#include <string.h>

static const char *action_of(enum mask_type type)
{
	return type_is_optional(type) ? "allow" : "mask";
}

static const char *learned_of(enum mask_type type)
{
	return known_learns_type(type) ? "learned" : "-";
}

static json_t *type_json(enum mask_type type)
{
	const struct type_info *info = &type_table[type];

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "type", info->label, "sensitivity",
			 sensitivity_names[info->sensitivity], "description", info->description,
			 "action", action_of(type), "learned", known_learns_type(type), "source",
			 info->source);
}

/* `listed`: they were asked for by name, and then all that there is to say is said. */
static void print_type(enum mask_type type, bool listed)
{
	const struct type_info *info = &type_table[type];

	printf("%-24s %-8s %-6s %-8s %s\n", info->label, sensitivity_names[info->sensitivity],
	       action_of(type), learned_of(type), info->description);
	if (listed)
		printf("%24s %s\n", "", info->source);
}

static int print_types(const bool chosen[static TYPE_COUNT], bool listed)
{
	printf("%-24s %-8s %-6s %-8s %s\n", "TYPE", "KIND", "ACTION", "LEARNED", "WHAT IT IS");
	for (int t = 0; t < TYPE_COUNT; t++)
		if (chosen[t])
			print_type((enum mask_type)t, listed);
	return STATUS_DONE;
}

static int print_types_json(const bool chosen[static TYPE_COUNT])
{
	json_t *all = json_array();

	for (int t = 0; t < TYPE_COUNT; t++) {
		if (!chosen[t] || !all || !json_array_append_new(all, type_json(t)))
			continue;
		json_decref(all);
		all = NULL;
	}
	return ctl_print_json(json_pack("{s:b, s:o}", "ok", 1, "types", all));
}

static int refuse_unknown(const struct ctl *c, const char *word)
{
	const char *meant = near_label(word);
	struct err e;

	if (meant)
		err_set(&e, "there is no type '%s': did you mean %s?", word, meant);
	else
		err_set(&e, "there is no type '%s': `awsmaskctl catalogue` lists them all", word);
	return ctl_refuse(c, &e);
}

int cmd_catalogue(struct ctl *c, int argc, char **argv)
{
	bool chosen[TYPE_COUNT] = {false};

	for (int i = 0; i < argc; i++) {
		enum mask_type type = types_find(&types_builtin, argv[i], strlen(argv[i]));

		if (type == TYPE_NONE)
			return refuse_unknown(c, argv[i]);
		chosen[type] = true;
	}
	for (int t = 0; t < TYPE_COUNT && argc == 0; t++)
		chosen[t] = true;
	return c->option[OPTION_JSON] ? print_types_json(chosen) : print_types(chosen, argc > 0);
}
