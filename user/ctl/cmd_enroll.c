/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "client.h"

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
		fprintf(stderr,
			"awsmaskctl: %lld older connections could not be closed and go on "
			"unmasked: "
			"restart the processes in this cgroup\n",
			(long long)left);
	if (warning)
		fprintf(stderr,
			"awsmaskctl: connections older than this may go on unmasked: %s; restart "
			"the "
			"processes in this cgroup\n",
			warning);
}

int cmd_enroll(struct ctl *c, int argc, char **argv)
{
	char path[PATH_MAX];
	json_t *answer;
	struct err e;

	(void)argc;
	if (cgroup_resolve(argv[0], path, sizeof(path), &e) < 0 ||
	    client_enroll(c, path, &answer, &e) != CLIENT_DONE)
		return ctl_refuse(c, &e);
	if (c->option[OPTION_JSON])
		return ctl_print_json(answer);
	printf("enrolled %s\n", path);
	say_older(answer);
	json_decref(answer);
	return STATUS_DONE;
}
