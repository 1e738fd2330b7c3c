/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <stdlib.h>
#include <string.h>

/* Types' labels are a worker's, which reads the network. */
static void print_lines(const char *text)
{
	char *all = strdup(text), *rest = all;

	for (char *line; (line = strsep(&rest, "\n")) && rest;)
		printf("%s\n", harmless(line));
	free(all);
}

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
		print_lines(text);
	json_decref(answer);
	return text ? STATUS_DONE : ctl_refuse(c, &e);
}
