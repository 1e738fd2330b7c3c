/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

int cmd_metrics(struct ctl *c, int argc, char **argv)
{
	const char *text;
	json_t *answer;
	struct err e;

	(void)argc;
	(void)argv;
	if (client_call(c, json_pack("{s:s}", "command", "metrics"), &answer, &e) != CLIENT_DONE)
		return ctl_refuse(c, &e);
	text = json_string_value(json_object_get(answer, "text"));
	if (!text)
		err_set(&e, "awsmaskd's answer is not understood: is it of another version?");
	else
		fputs(text, stdout);
	json_decref(answer);
	return text ? STATUS_DONE : ctl_refuse(c, &e);
}
