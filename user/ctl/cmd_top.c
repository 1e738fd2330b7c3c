/* SPDX-License-Identifier: Apache-2.0 */
#include "top.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH_COLUMNS 160
#define DELAY_MIN 0.1
#define DELAY_MAX 3600

static void wait_seconds(double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds,
				.tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void print_sheet(struct sheet *s)
{
	static const enum colour colours[] = {
		[TONE_PLAIN] = COLOUR_PLAIN, [TONE_HEAD] = COLOUR_BOLD, [TONE_GOOD] = COLOUR_GREEN,
		[TONE_WARN] = COLOUR_YELLOW, [TONE_BAD] = COLOUR_RED,	[TONE_FAINT] = COLOUR_FAINT,
	};

	for (size_t i = 0; i < s->count; i++) {
		const struct sheet_line *l = &s->lines[i];
		bool plain = l->tone == TONE_PLAIN;
		int len = (int)strlen(l->text);

		while (len && l->text[len - 1] == ' ')
			len--;
		printf("%s%.*s%s\n", plain ? "" : colour_of(stdout, colours[l->tone]), len, l->text,
		       plain ? "" : colour_of(stdout, COLOUR_PLAIN));
	}
	sheet_clear(s);
}

/* Everything there is, view by view. */
static void print_all(const struct top *t)
{
	struct sheet s = {.count = 0};

	top_show_head(&s, t, BATCH_COLUMNS);
	print_sheet(&s);
	for (int view = 0; view < TOP_VIEW_COUNT; view++) {
		printf("\n-- %s\n", top_view_word((enum top_view)view));
		top_show_view(&s, t, (enum top_view)view, BATCH_COLUMNS);
		print_sheet(&s);
	}
	fflush(stdout);
}

/* Rates are of the time between two looks, so the first one is not printed. */
static int batch(struct ctl *c, struct top *t, unsigned long count, double delay)
{
	struct err e;

	for (unsigned long n = 0; count == 0 || n <= count; n++) {
		snapshot_free(&t->before);
		t->before = t->now;
		t->now = (struct snapshot){.at = 0};
		if (snapshot_take(&t->now, c, &e) != CLIENT_DONE)
			return ctl_refuse(c, &e);
		snapshot_compare(&t->now, &t->before);
		if (n > 1)
			printf("\n");
		if (n > 0)
			print_all(t);
		if (ferror(stdout))
			break;
		if (count == 0 || n < count)
			wait_seconds(delay);
	}
	return STATUS_DONE;
}

static int take_delay(struct ctl *c, double *delay)
{
	const char *text = c->option[OPTION_DELAY];
	char *end;

	*delay = 2;
	if (!text)
		return 0;
	*delay = strtod(text, &end);
	if (end != text && !*end && *delay >= DELAY_MIN && *delay <= DELAY_MAX)
		return 0;
	ctl_usage_error(c, "--delay is '%s', and can be %g to %d seconds", text, DELAY_MIN,
			DELAY_MAX);
	return -1;
}

/* How often it is printed; 0: without end. */
static int take_count(struct ctl *c, unsigned long *count)
{
	const char *text = c->option[OPTION_BATCH];
	char *end;

	*count = 1;
	if (!text)
		return 0;
	*count = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && *count < 1000000000)
		return 0;
	ctl_usage_error(c, "--batch is '%s', and can be a number, or 0 for again and again", text);
	return -1;
}

static int take_sort(struct ctl *c, struct top *t)
{
	char words[256] = "";
	int found;

	if (!c->option[OPTION_SORT])
		return 0;
	found = top_sort_find(c->option[OPTION_SORT]);
	if (found >= 0) {
		t->sort = (enum top_sort)found;
		return 0;
	}
	for (int i = 0; i < TOP_SORT_COUNT; i++) {
		strcat(words, i ? ", " : "");
		strcat(words, top_sort_word((enum top_sort)i));
	}
	ctl_usage_error(c, "--sort is '%s', and can be one of %s", c->option[OPTION_SORT], words);
	return -1;
}

int cmd_top(struct ctl *c, int argc, char **argv)
{
	struct top t = {.view = TOP_FLOWS};
	bool text = c->option[OPTION_BATCH] || c->option[OPTION_ONCE];
	unsigned long count;
	double delay;
	int status;

	(void)argc;
	(void)argv;
	if (take_delay(c, &delay) < 0 || take_count(c, &count) < 0 || take_sort(c, &t) < 0)
		return STATUS_USAGE;
	if (c->option[OPTION_FILTER])
		snprintf(t.filter, sizeof(t.filter), "%s", c->option[OPTION_FILTER]);
	if (!text && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return ctl_usage_error(c, "this is no terminal: give --once, or --batch COUNT");
	status = text ? batch(c, &t, count, delay) : top_screen(c, &t, delay);
	snapshot_free(&t.now);
	snapshot_free(&t.before);
	return status;
}
