/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

/* All enrolments: the daemon gives as many as fit on a line, and says where to go on. */
static json_t *collect(struct ctl *c, struct err *e)
{
	json_t *all = json_array();
	json_int_t offset = 0;

	while (all) {
		json_t *request = json_pack("{s:s, s:I}", "command", "list", "offset", offset);
		json_t *answer, *next;

		if (client_call(c, request, &answer, e) != CLIENT_DONE) {
			json_decref(all);
			return NULL;
		}
		if (json_array_extend(all, json_object_get(answer, "enrolled")) < 0) {
			err_set(e,
				"awsmaskd's answer is not understood: is it of another version?");
			json_decref(answer);
			json_decref(all);
			return NULL;
		}
		next = json_object_get(answer, "next");
		if (json_integer_value(next) <= offset) {
			json_decref(answer);
			return all;
		}
		offset = json_integer_value(next);
		json_decref(answer);
	}
	err_set(e, "memory is out");
	return NULL;
}

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

static int print_json(struct ctl *c, json_t *enrolled)
{
	struct err e;
	json_t *served = namespaces(c, &e);

	if (!served) {
		json_decref(enrolled);
		return ctl_refuse(c, &e);
	}
	return ctl_print_json(
		json_pack("{s:b, s:o, s:o}", "ok", 1, "enrolled", enrolled, "namespaces", served));
}

static const char *text_of(const json_t *entry, const char *key, const char *missing)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text ? text : missing;
}

int cmd_list(struct ctl *c, int argc, char **argv)
{
	json_t *all, *entry;
	struct err e;
	size_t i;

	(void)argc;
	(void)argv;
	all = collect(c, &e);
	if (!all)
		return ctl_refuse(c, &e);
	if (c->option[OPTION_JSON])
		return print_json(c, all);
	if (json_array_size(all) == 0)
		printf("no cgroup is enrolled\n");
	json_array_foreach(all, i, entry) printf(
		"%8" JSON_INTEGER_FORMAT "  %-8s %-7s %s\n",
		json_integer_value(json_object_get(entry, "id")), text_of(entry, "mode", "?"),
		text_of(entry, "fail", "?"), text_of(entry, "cgroup", "(gone)"));
	json_decref(all);
	return STATUS_DONE;
}
