/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

int cmd_reload(struct ctl *c, int argc, char **argv)
{
	json_t *answer;
	struct err e;

	(void)argc, (void)argv;
	if (client_call(c, json_pack("{s:s}", "command", "reload"), &answer, &e) != CLIENT_DONE)
		return ctl_refuse(c, &e);
	if (c->option[OPTION_JSON])
		return ctl_print_json(answer);
	puts("reloaded; connections that were open go on as they were");
	json_decref(answer);
	return STATUS_DONE;
}
