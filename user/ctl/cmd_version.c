/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

int cmd_version(struct ctl *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (c->option[OPTION_JSON])
		return ctl_print_json(json_pack("{s:b, s:s}", "ok", 1, "version", AWSMASK_VERSION));
	printf("awsmaskctl %s\n", AWSMASK_VERSION);
	return STATUS_DONE;
}
