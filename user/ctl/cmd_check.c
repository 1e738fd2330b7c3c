/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdarg.h>
#include <string.h>

static const struct {
	const char *word, *json;
	enum colour colour;
} states[] = {
	[CHECK_OK] = {"ok", "ok", COLOUR_GREEN},
	[CHECK_WARNING] = {"warning", "warning", COLOUR_YELLOW},
	[CHECK_FAILED] = {"not ok", "failed", COLOUR_RED},
};

void check_say(struct checks *k, const char *id, enum check_state state, const char *advice,
	       const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (state == CHECK_FAILED)
		k->failed++;
	if (k->list) {
		json_array_append_new(k->list, json_pack("{s:s, s:s, s:s, s:s}", "id", id, "state",
							 states[state].json, "text", text, "advice",
							 advice));
		return;
	}
	printf("%s%-7s%s  %-10s %s\n", colour_of(stdout, states[state].colour), states[state].word,
	       colour_of(stdout, COLOUR_PLAIN), id, harmless(text));
	if (*advice)
		printf("                    -> %s\n", harmless(advice));
	/* The live check takes a moment: show what is known. */
	fflush(stdout);
}

/* Only a configuration that is wrong is worth a word when nothing but a connection is asked for. */
static struct config *check_config(struct checks *k)
{
	struct config *stand_in = NULL;
	const char *path;
	bool exists;
	struct err e;

	k->config = ctl_config(k->ctl, &e);
	if (k->config && k->ctl->option[OPTION_HERE])
		return NULL;
	if (k->config) {
		path = ctl_config_path(k->ctl, &exists);
		check_say(k, "config", CHECK_OK, "", "%s is %s", path,
			  exists ? "valid" : "not there: the defaults hold");
	} else {
		check_say(k, "config", CHECK_FAILED, "the other checks use the defaults", "%s",
			  e.text);
		k->config = stand_in = config_default();
	}
	return stand_in;
}

int cmd_check(struct ctl *c, int argc, char **argv)
{
	static void (*const rooms[])(struct checks * k) = {
		check_host, check_trust, check_env, check_clients, check_masking, check_live};
	struct checks k = {.ctl = c};
	struct config *stand_in;

	(void)argc;
	(void)argv;
	if (c->option[OPTION_JSON] && !(k.list = json_array()))
		return STATUS_REFUSED;
	stand_in = check_config(&k);
	if (!k.config) {
		ctl_note("memory is out");
		json_decref(k.list);
		return STATUS_REFUSED;
	}
	if (c->option[OPTION_HERE])
		check_here(&k);
	for (size_t i = 0; !c->option[OPTION_HERE] && i < sizeof(rooms) / sizeof(rooms[0]); i++)
		rooms[i](&k);
	if (c->option[OPTION_BYPASS])
		check_bypass(&k);
	config_free(stand_in);
	if (k.list && ctl_print_json(json_pack("{s:b, s:i, s:o}", "ok", k.failed == 0, "failed",
					       (int)k.failed, "checks", k.list)) != STATUS_DONE)
		return STATUS_REFUSED;
	return k.failed ? STATUS_REFUSED : STATUS_DONE;
}
