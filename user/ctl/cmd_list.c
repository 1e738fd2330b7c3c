/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <string.h>

/* NULL: they cannot be had. */
static json_t *namespaces(struct ctl *c, struct err *e)
{
	json_t *answer, *list;

	if (client_call(c, json_pack("{s:s}", "command", "status"), &answer, e) != CLIENT_DONE)
		return NULL;
	list = json_incref(json_object_get(answer, "namespaces"));
	json_decref(answer);
	if (!list)
		err_set(e, "awsmaskd's answer is not understood: is it of another version?");
	return list;
}

static int print_json(struct ctl *c, json_t *cgroups, json_t *programs)
{
	struct err e;
	json_t *served = namespaces(c, &e);

	if (!served) {
		json_decref(cgroups);
		json_decref(programs);
		return ctl_refuse(c, &e);
	}
	return ctl_print_json(json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "enrolled", cgroups,
					"programs", programs, "namespaces", served));
}

static const char *text_of(const json_t *entry, const char *key, const char *missing)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text ? text : missing;
}

/* The word says it; the colour makes it stand out among many. */
static void print_entry(const json_t *entry, const char *key, const char *prefix)
{
	const char *mode = text_of(entry, "mode", "?");
	bool masks = strcmp(mode, POLICY_ENFORCE_WORD) == 0;

	printf("%8" JSON_INTEGER_FORMAT "  %s%-8s%s %-7s %s%s\n",
	       json_integer_value(json_object_get(entry, "id")),
	       colour_of(stdout, masks ? COLOUR_GREEN : COLOUR_YELLOW), harmless(mode),
	       colour_of(stdout, COLOUR_PLAIN), harmless(text_of(entry, "fail", "?")), prefix,
	       harmless(text_of(entry, key, "(gone)")));
}

static void print_all(const json_t *entries, const char *key, const char *prefix)
{
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		print_entry(entry, key, prefix);
	}
}

int cmd_list(struct ctl *c, int argc, char **argv)
{
	json_t *cgroups, *programs;
	struct err e;

	(void)argc;
	(void)argv;
	if (client_collect(c, "list", "enrolled", &cgroups, &e) != CLIENT_DONE)
		return ctl_refuse(c, &e);
	if (client_collect(c, "programs", "programs", &programs, &e) != CLIENT_DONE) {
		json_decref(cgroups);
		return ctl_refuse(c, &e);
	}
	if (c->option[OPTION_JSON])
		return print_json(c, cgroups, programs);
	if (json_array_size(cgroups) + json_array_size(programs) == 0)
		printf("no cgroup and no program is enrolled\n");
	print_all(cgroups, "cgroup", "");
	print_all(programs, "exe", "exe:");
	json_decref(cgroups);
	json_decref(programs);
	return STATUS_DONE;
}
