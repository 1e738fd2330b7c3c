/* SPDX-License-Identifier: Apache-2.0 */
#include "run_say.h"

#include <string.h>

enum { REQUESTS, FOUND, MASKED, REFUSED, KEYS };
static const char *const keys[KEYS] = {"requests", "found", "masked", "refused"};

void run_say_begin(struct ctl *c, const char *cgroup, bool alone)
{
	const char *found = NULL;
	json_t *all, *entry;
	struct err e;
	size_t i;

	if (!c->option[OPTION_VERBOSE])
		return;
	if (client_collect(c, "list", "enrolled", &all, &e) != CLIENT_DONE) {
		ctl_note("%s", e.text);
		return;
	}
	json_array_foreach(all, i, entry)
	{
		const char *path = json_string_value(json_object_get(entry, "cgroup"));

		if (path && strcmp(path, cgroup) == 0)
			found = json_string_value(json_object_get(entry, "mode"));
	}
	ctl_note("%s is enrolled (%s), by %s", cgroup, found ? found : "no more",
		 alone ? "an awsmaskd of its own" : "the awsmaskd that runs here");
	json_decref(all);
}

/* Sums over the rows of this cgroup. -1 and a sentence. */
static int ask(struct ctl *c, const char *cgroup, json_int_t sums[static KEYS], struct err *e)
{
	json_int_t offset = 0;

	do {
		json_t *answer, *row;
		size_t i;

		if (client_call(c,
				json_pack("{s:s, s:[s], s:I}", "command", "report", "by", "cgroup",
					  "offset", offset),
				&answer, e) != CLIENT_DONE)
			return -1;
		json_array_foreach(json_object_get(answer, "rows"), i, row)
		{
			const char *path = json_string_value(json_object_get(row, "cgroup"));

			for (int k = 0; path && strcmp(path, cgroup) == 0 && k < KEYS; k++)
				sums[k] += json_integer_value(json_object_get(row, keys[k]));
		}
		offset = json_integer_value(json_object_get(answer, "next"));
		json_decref(answer);
	} while (offset > 0);
	return 0;
}

void run_say_end(struct ctl *c, const char *cgroup)
{
	json_int_t sums[KEYS] = {0};
	struct err e;

	if (!c->option[OPTION_VERBOSE])
		return;
	if (ask(c, cgroup, sums, &e) < 0)
		ctl_note("%s", e.text);
	else
		ctl_note("requests to targets: %" JSON_INTEGER_FORMAT
			 ", values found: %" JSON_INTEGER_FORMAT ", masked: %" JSON_INTEGER_FORMAT
			 ", requests refused: %" JSON_INTEGER_FORMAT,
			 sums[REQUESTS], sums[FOUND], sums[MASKED], sums[REFUSED]);
}
