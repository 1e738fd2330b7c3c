/* SPDX-License-Identifier: Apache-2.0 */
/* How results and errors are said, and the configuration is read. */
#include "command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct config *ctl_config(struct ctl *c, struct err *e)
{
	const char *path = c->option[OPTION_CONFIG];

	if (!c->config)
		c->config = config_load(path ? path : CONFIG_PATH, path == NULL, e);
	return c->config;
}

const char *ctl_config_path(const struct ctl *c, bool *exists)
{
	const char *path = c->option[OPTION_CONFIG] ? c->option[OPTION_CONFIG] : CONFIG_PATH;

	*exists = access(path, F_OK) == 0;
	return path;
}

/* A filter's standard output is the text it makes, whatever --json means to it. */
static bool output_is_facts(const struct ctl *c)
{
	return c->command && !(c->command->options & OPTION_BIT(VAULT));
}

int ctl_refuse(const struct ctl *c, const struct err *e)
{
	fprintf(stderr, "%sawsmaskctl: %s%s\n", colour_of(stderr, COLOUR_RED), harmless(e->text),
		colour_of(stderr, COLOUR_PLAIN));
	if (c->option[OPTION_JSON] && output_is_facts(c))
		(void)ctl_print_json(json_pack("{s:b, s:s}", "ok", 0, "error", e->text));
	return STATUS_REFUSED;
}

/* Names in it may have come from anywhere. */
static void say_line(const char *format, va_list args, const char *end)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	fprintf(stderr, "awsmaskctl: %s%s\n", harmless(text), end);
	free(text);
}

int ctl_usage_error(const struct ctl *c, const char *format, ...)
{
	char end[64];
	va_list args;

	snprintf(end, sizeof(end), "; see `awsmaskctl help%s%s`", c->command ? " " : "",
		 c->command ? c->command->name : "");
	va_start(args, format);
	say_line(format, args, end);
	va_end(args);
	return STATUS_USAGE;
}

void ctl_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_line(format, args, "");
	va_end(args);
}

int ctl_print_json(json_t *j)
{
	int failed;

	if (!j) {
		ctl_note("memory is out, or a text is no UTF-8: nothing can be printed as JSON");
		return STATUS_REFUSED;
	}
	/* A terminal is shown it, too: nothing but what jansson escapes. */
	failed = json_dumpf(j, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(j);
	return failed ? STATUS_REFUSED : STATUS_DONE;
}
