/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "../daemon/program_path.h"
#include "dry_run.h"

#include <limits.h>

static void say_older(const json_t *answer)
{
	json_int_t closed = json_integer_value(json_object_get(answer, "closed")),
		   left = json_integer_value(json_object_get(answer, "left"));
	const char *warning = json_string_value(json_object_get(answer, "warning"));

	if (closed)
		printf("%lld older connection%s closed; clients make them again, through "
		       "awsmaskd\n",
		       (long long)closed, closed == 1 ? " was" : "s were");
	if (left)
		ctl_note("%lld older connections could not be closed and go on "
			 "unmasked: restart the processes that hold them",
			 (long long)left);
	if (warning)
		ctl_note("connections older than this may go on unmasked: %s; restart "
			 "the processes that this is about",
			 warning);
}

/* A wrong path would look like one that is enrolled. */
static void say_if_missing(const char *path)
{
	struct program_finds finds;
	size_t n;

	program_finds_init(&finds);
	program_path_find(&finds, path, 1);
	(void)program_files(&finds, &n);
	if (!n)
		ctl_note("there is no program %s yet; it is covered when there is", path);
	program_finds_free(&finds);
}

static void say_program(const char *path, const json_t *answer)
{
	json_int_t processes = json_integer_value(json_object_get(answer, "processes"));

	printf("enrolled the program %s\n", harmless(path));
	if (processes)
		printf("%lld process%s already, what it started included\n", (long long)processes,
		       processes == 1 ? " runs it" : "es run it");
	say_older(answer);
	say_if_missing(path);
}

static int enroll_programs(struct ctl *c, int argc, char **argv)
{
	json_t *all = json_array(), *answer;
	struct err e;

	for (int i = 0; i < argc; i++) {
		if (client_enroll_program(c, argv[i], &answer, &e) != CLIENT_DONE) {
			json_decref(all);
			return ctl_refuse(c, &e);
		}
		if (!c->option[OPTION_JSON])
			say_program(argv[i], answer);
		json_array_append_new(all, answer);
	}
	if (c->option[OPTION_JSON])
		return ctl_print_json(json_pack("{s:b, s:o}", "ok", 1, "programs", all));
	json_decref(all);
	return STATUS_DONE;
}

int cmd_enroll(struct ctl *c, int argc, char **argv)
{
	char path[PATH_MAX];
	json_t *answer;
	struct err e;

	if (!c->option[OPTION_EXE] && argc > 1)
		return ctl_usage_error(c, "'%s' is one argument too many", argv[1]);
	if (c->option[OPTION_DRY_RUN])
		return dry_run(c, argc, argv);
	if (c->option[OPTION_EXE])
		return enroll_programs(c, argc, argv);
	if (cgroup_resolve(argv[0], path, sizeof(path), &e) < 0 ||
	    client_enroll(c, path, &answer, &e) != CLIENT_DONE)
		return ctl_refuse(c, &e);
	if (c->option[OPTION_JSON])
		return ctl_print_json(answer);
	printf("enrolled %s\n", harmless(path));
	say_older(answer);
	json_decref(answer);
	return STATUS_DONE;
}
