/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/redirect.h"
#include "client.h"
#include "rates.h"
#include "sheet.h"

#include <string.h>

/* What deserves a second look: words say it, a colour makes it stand out. */
static enum colour colour_of_value(const char *key, const json_t *value)
{
	static const struct {
		const char *key, *value;
		enum colour colour;
	} known[] = {
		{"mode", POLICY_ENFORCE_WORD, COLOUR_GREEN},
		{"mode", POLICY_OBSERVE_WORD, COLOUR_YELLOW},
		{"fail", "open", COLOUR_YELLOW},
	};
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(key, known[i].key) && !strcmp(text, known[i].value))
			return known[i].colour;
	if (!strcmp(key, "enrolled") && json_is_integer(value) && !json_integer_value(value))
		return COLOUR_YELLOW;
	return COLOUR_PLAIN;
}

static void print_value(const char *key, const json_t *value)
{
	enum colour colour = colour_of_value(key, value);

	if (!json_is_string(value) && !json_is_integer(value))
		return;
	printf("%-24s %s", harmless(key), colour == COLOUR_PLAIN ? "" : colour_of(stdout, colour));
	if (json_is_string(value))
		printf("%s", harmless(json_string_value(value)));
	else
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	printf("%s\n", colour == COLOUR_PLAIN ? "" : colour_of(stdout, COLOUR_PLAIN));
}

static void print_list(const char *key, const json_t *list)
{
	json_t *item;
	size_t i;

	printf("%-24s", harmless(key));
	json_array_foreach(list, i, item)
	{
		if (json_is_string(item))
			printf(" %s", harmless(json_string_value(item)));
		else
			printf(" %" JSON_INTEGER_FORMAT, json_integer_value(item));
	}
	printf("\n");
}

static void print_title(const char *title)
{
	printf("\n%s%s%s\n", colour_of(stdout, COLOUR_BOLD), harmless(title),
	       colour_of(stdout, COLOUR_PLAIN));
}

/* Since the counters began. */
static void print_latencies(const json_t *latencies)
{
	char half[SHORT_MAX], most[SHORT_MAX];
	const char *name;
	json_t *value;

	print_title("latencies");
	json_object_foreach((json_t *)latencies, name, value)
	{
		struct histogram h;

		if (histogram_read(&h, value) < 0 || !histogram_count(&h))
			printf("  %-26s nothing yet\n", harmless(name));
		else
			printf("  %-26s half within %s, 99%% within %s\n", harmless(name),
			       short_quantile(half, &h, 0.5), short_quantile(most, &h, 0.99));
	}
}

/* The counters that moved: a hundred zeros would hide them. --json has all. */
static void print_counters(const char *title, json_t *counters)
{
	const char *key;
	json_t *value;
	bool any = false;

	print_title(title);
	json_object_foreach(counters, key, value)
	{
		if (json_is_string(value)) {
			printf("  %-22s %s\n", harmless(key), harmless(json_string_value(value)));
		} else if (json_integer_value(value) != 0) {
			printf("  %-22s %" JSON_INTEGER_FORMAT "\n", harmless(key),
			       json_integer_value(value));
		} else {
			continue;
		}
		any = true;
	}
	if (!any)
		printf("  nothing yet\n");
}

static void print_status(json_t *status)
{
	const char *key;
	json_t *value;

	json_object_foreach(status, key, value)
	{
		if (json_is_array(value))
			print_list(key, value);
		else
			print_value(key, value);
	}
	json_object_foreach(status, key, value)
	{
		if (json_is_object(value) && !strcmp(key, "latencies"))
			print_latencies(value);
		else if (json_is_object(value))
			print_counters(key, value);
	}
}

/* What can be seen without a daemon: whether the kernel still refuses what is enrolled. */
static int status_alone(const struct ctl *c, const struct err *why)
{
	int pinned = redirect_pinned();

	ctl_refuse(&(struct ctl){.command = c->command}, why);
	if (c->option[OPTION_JSON])
		(void)ctl_print_json(json_pack("{s:b, s:b, s:b, s:s}", "ok", 0, "running", 0,
					       "pinned", pinned > 0, "error", why->text));
	else if (pinned > 0)
		printf("links are pinned in the kernel: connections of enrolled cgroups to masked "
		       "ports are refused until awsmaskd runs again\n");
	else
		printf("nothing is pinned in the kernel: no connection is masked or refused\n");
	return STATUS_REFUSED;
}

int cmd_status(struct ctl *c, int argc, char **argv)
{
	enum client_result result;
	json_t *answer;
	struct err e;

	(void)argc;
	(void)argv;
	result = client_call(c, json_pack("{s:s}", "command", "status"), &answer, &e);
	if (result == CLIENT_ABSENT)
		return status_alone(c, &e);
	if (result != CLIENT_DONE)
		return ctl_refuse(c, &e);
	json_object_set_new(answer, "running", json_true());
	json_object_set_new(answer, "pinned", json_boolean(redirect_pinned() > 0));
	if (c->option[OPTION_JSON])
		return ctl_print_json(answer);
	print_status(answer);
	json_decref(answer);
	return STATUS_DONE;
}
