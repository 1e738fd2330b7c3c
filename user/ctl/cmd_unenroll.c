/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A bare number is an id: a cgroup of that name can still be given by its absolute path. */
static bool parse_id(const char *text, json_int_t *id)
{
	char *end;
	long long n;

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	*id = n;
	return errno == 0 && n > 0;
}

static int unenroll_programs(struct ctl *c, int argc, char **argv)
{
	json_t *all = json_array(), *answer;
	struct err e;

	for (int i = 0; i < argc; i++) {
		if (client_unenroll_program(c, argv[i], &answer, &e) != CLIENT_DONE) {
			json_decref(all);
			return ctl_refuse(c, &e);
		}
		json_array_append_new(all, answer);
		if (!c->option[OPTION_JSON])
			printf("released the program %s\n", harmless(argv[i]));
	}
	if (c->option[OPTION_JSON])
		return ctl_print_json(json_pack("{s:b, s:o}", "ok", 1, "programs", all));
	json_decref(all);
	return STATUS_DONE;
}

int cmd_unenroll(struct ctl *c, int argc, char **argv)
{
	enum client_result result;
	char path[PATH_MAX];
	json_t *answer;
	json_int_t id;
	struct err e;

	if (c->option[OPTION_EXE])
		return unenroll_programs(c, argc, argv);
	if (argc > 1)
		return ctl_usage_error(c, "'%s' is one argument too many", argv[1]);
	if (parse_id(argv[0], &id))
		result = client_call(c, json_pack("{s:s, s:I}", "command", "unenroll", "id", id),
				     &answer, &e);
	else if (cgroup_resolve(argv[0], path, sizeof(path), &e) == 0)
		result = client_unenroll(c, path, &answer, &e);
	else
		result = CLIENT_REFUSED;
	if (result != CLIENT_DONE)
		return ctl_refuse(c, &e);
	if (c->option[OPTION_JSON])
		return ctl_print_json(answer);
	printf("released %s\n", harmless(argv[0]));
	json_decref(answer);
	return STATUS_DONE;
}
