/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/config_list.h"
#include "command.h"

#include <stdlib.h>
#include <string.h>

static int show(const struct ctl *c, const struct config *config)
{
	char *text = config_print(config);
	int status = STATUS_DONE;

	if (!text) {
		struct err e;

		err_set(&e, "memory is out");
		return ctl_refuse(c, &e);
	}
	if (c->option[OPTION_JSON])
		status = ctl_print_json(json_pack("{s:b, s:s}", "ok", 1, "yaml", text));
	else
		fputs(text, stdout);
	free(text);
	return status;
}

/* An expression without anchors costs each request something: how to mend it. */
static void print_costs(const struct config *config)
{
	for (size_t i = 0; i < config->type_count; i++) {
		const struct config_type *t = &config->types[i];

		if (t->expression[0] && !t->facts.anchored)
			printf("types.%s: no two bytes are known with which each match begins, so "
			       "it "
			       "is tried at %u of 1000 bytes of ordinary text; give anchors: "
			       "[...]\n",
			       t->name, t->facts.tries);
	}
}

/* Whether the lists' files can be read and are in order. */
static int check_lists(const struct config *config, struct err *e)
{
	struct buf content;
	int status;

	buf_init(&content, LIST_FILE_MAX * LIST_FILES_MAX);
	status = list_read_all(config, &content, e);
	buf_free(&content);
	return status;
}

int cmd_config(struct ctl *c, int argc, char **argv)
{
	bool check = strcmp(argv[0], "check") == 0;
	const char *path;
	bool exists;
	struct err e;

	if (!check && strcmp(argv[0], "show") != 0)
		return ctl_usage_error(c, "'%s' is neither check nor show", argv[0]);
	if (argc > 1)
		c->option[OPTION_CONFIG] = argv[1];
	if (!ctl_config(c, &e))
		return ctl_refuse(c, &e);
	if (!check)
		return show(c, c->config);
	if (check_lists(c->config, &e) < 0)
		return ctl_refuse(c, &e);
	path = ctl_config_path(c, &exists);
	if (c->option[OPTION_JSON])
		return ctl_print_json(
			json_pack("{s:b, s:s, s:b}", "ok", 1, "config", path, "exists", exists));
	printf(exists ? "%s is a valid configuration\n"
		      : "%s is not there: the defaults hold, which are valid\n",
	       harmless(path));
	print_costs(c->config);
	return STATUS_DONE;
}
