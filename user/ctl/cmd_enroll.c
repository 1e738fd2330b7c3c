/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "client.h"

#include <limits.h>

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
	json_decref(answer);
	return STATUS_DONE;
}
