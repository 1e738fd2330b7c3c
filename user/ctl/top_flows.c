/* SPDX-License-Identifier: Apache-2.0 */
/* The flows, one line each, in as many columns as the terminal has room for. */
#include "top_private.h"
#include "awsmask/abi.h"

#include <stdlib.h>
#include <string.h>

enum column {
	PROGRAM,
	PID,
	USER,
	PLACE,
	TARGET,
	AGE,
	DOING,
	BYTES,
	RATE,
	REQUESTS,
	MASKED,
	RESTORED,
	WORKER,
	COLUMNS
};

static const struct {
	const char *title;
	int width; /* negative: to the right; 0: what is left */
	int from;  /* shown on terminals of at least so many columns */
} columns_of[COLUMNS] = {
	[PROGRAM] = {"PROGRAM", 12, 0}, [PID] = {"PID", -7, 0},
	[USER] = {"UID", -6, 100},	[PLACE] = {"CONTAINER OR CGROUP", 0, 0},
	[TARGET] = {"TARGET", 18, 0},	[AGE] = {"AGE", -4, 0},
	[DOING] = {"DOING", 15, 0},	[BYTES] = {"BYTES", -7, 0},
	[RATE] = {"RATE/S", -7, 90},	[REQUESTS] = {"REQS", -5, 110},
	[MASKED] = {"MASKED", -6, 110}, [RESTORED] = {"RESTORED", -8, 120},
	[WORKER] = {"WORKER", -7, 130},
};

/* How wide what has no width of its own may be. */
static int rest(int width)
{
	int left = width;

	for (int i = 0; i < COLUMNS; i++)
		if (width >= columns_of[i].from)
			left -= abs(columns_of[i].width) + 1;
	return left > 8 ? left : 8;
}

/* What tells paths apart stands at their ends. */
static const char *path_end(const char *path, int columns)
{
	while (text_columns(path) > columns) {
		const char *next = *path ? strchr(path + 1, '/') : NULL;

		if (!next)
			break;
		path = next;
	}
	return path;
}

static void cell(char *line, int column, int width, const char *value)
{
	int columns = columns_of[column].width ? columns_of[column].width : rest(width);

	if (width < columns_of[column].from)
		return;
	text_cell(line, WIDE, value, columns);
	if (column + 1 < COLUMNS)
		text_cell(line, WIDE, "", 1);
}

static void flow_heads(struct sheet *s, int width)
{
	char line[WIDE] = "";

	for (int i = 0; i < COLUMNS; i++)
		cell(line, i, width, columns_of[i].title);
	sheet_add(s, TONE_HEAD, "%s", line);
}

static const char *cell_number(char out[static SHORT_MAX], const json_t *flow, const char *key)
{
	return short_count(out, (double)number(flow, key));
}

/* A program's name, or that of the one which is enrolled for it. */
static void flow_who(char *line, int width, const json_t *flow)
{
	const char *container = text(flow, "container");
	char out[SHORT_MAX];

	cell(line, PROGRAM, width, text(flow, "comm"));
	snprintf(out, sizeof(out), "%" JSON_INTEGER_FORMAT, number(flow, "pid"));
	cell(line, PID, width, number(flow, "pid") ? out : "?");
	snprintf(out, sizeof(out), "%" JSON_INTEGER_FORMAT, number(flow, "uid"));
	cell(line, USER, width, out);
	cell(line, PLACE, width,
	     *container ? container : path_end(text(flow, "cgroup"), rest(width)));
	cell(line, TARGET, width, text(flow, "target"));
}

static void flow_line(struct sheet *s, const json_t *flow, int width)
{
	bool observed = strcmp(text(flow, "mode"), POLICY_OBSERVE_WORD) == 0;
	char line[WIDE] = "", out[SHORT_MAX], doing[64];

	flow_who(line, width, flow);
	cell(line, AGE, width, short_age(out, (uint64_t)number(flow, "age_ms")));
	snprintf(doing, sizeof(doing), "%s%s %s", text(flow, "doing"), observed ? "*" : "",
		 short_age(out, (uint64_t)number(flow, "doing_ms")));
	cell(line, DOING, width, doing);
	cell(line, BYTES, width, short_bytes(out, (double)number(flow, "bytes")));
	cell(line, RATE, width, short_bytes(out, json_number_value(json_object_get(flow, "rate"))));
	cell(line, REQUESTS, width, cell_number(out, flow, "requests"));
	cell(line, MASKED, width, cell_number(out, flow, "masked"));
	cell(line, RESTORED, width, cell_number(out, flow, "restored"));
	snprintf(out, sizeof(out), "%" JSON_INTEGER_FORMAT, number(flow, "worker"));
	cell(line, WORKER, width, out);
	sheet_add(s, observed ? TONE_WARN : TONE_PLAIN, "%s", line);
}

void top_show_flows(struct sheet *s, const struct top *t, int width)
{
	json_t **flows = top_sorted(t->now.flows, t->sort);
	size_t n = json_array_size(t->now.flows);
	bool observed = false;

	flow_heads(s, width);
	sheet_head_ends(s);
	for (size_t i = 0; flows && i < n; i++) {
		flow_line(s, flows[i], width);
		observed |= strcmp(text(flows[i], "mode"), POLICY_OBSERVE_WORD) == 0;
	}
	free(flows);
	if (n == 0)
		sheet_add(s, TONE_FAINT, "no flow is open");
	else if (t->now.total > (json_int_t)n)
		sheet_add(s, TONE_FAINT, "and %" JSON_INTEGER_FORMAT " more",
			  t->now.total - (json_int_t)n);
	if (observed)
		sheet_add(s, TONE_FAINT, "* is only observed: nothing is masked");
}
