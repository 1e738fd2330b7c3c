/* SPDX-License-Identifier: Apache-2.0 */
#include "report_ask.h"
#include "report_html.h"
#include "report_table.h"

#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 3
#define DAYS_MAX 36500

/* What is asked, of the daemon or of a file. */
struct inquiry {
	struct ctl *ctl;
	struct report_source from;
	int64_t since;
	unsigned by[TABLES_MAX]; /* bits of enum report_column */
	size_t tables;
};

/* ---- arguments; 0, or -1 after saying what is wrong */

static int take_since(struct inquiry *q)
{
	const char *text = q->ctl->option[OPTION_SINCE];
	char *end;
	long days;

	if (!text || report_day_parse(text, &q->since) == 0)
		return 0;
	days = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || days < 1 || days > DAYS_MAX) {
		ctl_usage_error(q->ctl,
				"--since is '%s', and can be a number of days such as 7, or a date "
				"such as 2026-11-01",
				text);
		return -1;
	}
	q->since = report_today() - days + 1;
	if (q->since < 0)
		q->since = 0;
	return 0;
}

static int take_by(struct inquiry *q)
{
	const char *text = q->ctl->option[OPTION_BY];
	char *copy, *save, *word;
	int found = 0;

	if (!text) {
		q->by[q->tables++] = 1u << REPORT_BY_TYPE;
		q->by[q->tables++] = 1u << REPORT_BY_CGROUP;
		q->by[q->tables++] = 1u << REPORT_BY_DAY;
		return 0;
	}
	copy = strdup(text);
	q->tables = 1;
	for (word = copy ? strtok_r(copy, ", ", &save) : NULL; word && found >= 0;
	     word = strtok_r(NULL, ", ", &save)) {
		found = report_column_find(word);
		if (found >= 0)
			q->by[0] |= 1u << found;
	}
	free(copy);
	if (found >= 0 && q->by[0])
		return 0;
	ctl_usage_error(q->ctl, "--by is '%s', and can be %s, or several with commas between", text,
			REPORT_COLUMN_WORDS);
	return -1;
}

/* ---- saying */

static int by_found(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "found"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "found"));

	return x < y ? 1 : x > y ? -1 : 0;
}

/* What was found most comes first; days stay in their order. NULL: memory is out. */
static json_t *sorted(json_t *rows, unsigned by)
{
	size_t n = json_array_size(rows);
	json_t **list, *out = json_array();

	if (by >> REPORT_BY_DAY & 1 || n == 0) {
		json_decref(out);
		return json_incref(rows);
	}
	list = calloc(n, sizeof(json_t *));
	if (!list) {
		json_decref(out);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		list[i] = json_array_get(rows, i);
	qsort(list, n, sizeof(json_t *), by_found);
	for (size_t i = 0; i < n; i++)
		json_array_append(out, list[i]);
	free(list);
	return out;
}

static void say_nothing(const struct inquiry *q)
{
	char since[16];

	report_day_format(q->since, since);
	printf("nothing was counted%s%s: no request of an enrolled cgroup to a target has come to "
	       "its end.\n"
	       "Is a cgroup enrolled (`awsmaskctl list`)? Have its clients connected since then? "
	       "`awsmaskctl check` looks further.\n",
	       q->since ? " since " : "", q->since ? since : "");
}

/* What the daemon has counted and could not write is not in the rows. */
static void say_missing(json_t *answer)
{
	json_int_t unwritten = json_integer_value(json_object_get(answer, "unwritten"));
	json_int_t lost = json_integer_value(json_object_get(answer, "lost"));

	if (unwritten || lost)
		ctl_note("%" JSON_INTEGER_FORMAT
			 " requests are counted and could not be written yet, "
			 "%" JSON_INTEGER_FORMAT " are lost: see `awsmaskctl status`",
			 unwritten, lost);
}

static void say_table(const struct inquiry *q, size_t i, json_t *answer, json_t *rows)
{
	json_t *modes = json_object_get(answer, "modes");

	if (i == 0)
		say_missing(answer);
	if (json_object_size(modes) == 0) {
		if (i == 0)
			say_nothing(q);
		return;
	}
	if (i == 0)
		report_summary_print(modes);
	if (json_array_size(rows)) {
		printf("\n");
		report_table_print(q->by[i], rows, modes);
	}
}

static int say_json(json_t *first, json_t *tables)
{
	json_t *out = json_pack("{s:b, s:O, s:O}", "ok", 1, "modes",
				json_object_get(first, "modes"), "tables", tables);
	json_t *unwritten = json_object_get(first, "unwritten");
	json_t *outcomes = json_object_get(first, "outcomes");

	if (out && outcomes)
		json_object_set(out, "outcomes", outcomes);
	if (out && unwritten) {
		json_object_set(out, "unwritten", unwritten);
		json_object_set(out, "lost", json_object_get(first, "lost"));
	}
	return ctl_print_json(out);
}

static int report(struct inquiry *q)
{
	json_t *first = NULL, *tables = json_array();
	int status = STATUS_DONE;
	struct err e;

	for (size_t i = 0; i < q->tables; i++) {
		const struct report_query query = {.by = q->by[i], .since = q->since};
		json_t *answer, *rows = NULL;

		q->from.progress = progress_begin(q->ctl, "asking", 0, PROGRESS_THINGS);
		answer = report_ask_all(&q->from, &query, &e);
		progress_end(q->from.progress);
		if (answer && !(rows = sorted(json_object_get(answer, "rows"), q->by[i])))
			err_set(&e, "memory is out");
		if (!rows) {
			json_decref(answer);
			status = ctl_refuse(q->ctl, &e);
			break;
		}
		if (!q->ctl->option[OPTION_JSON])
			say_table(q, i, answer, rows);
		json_array_append_new(
			tables,
			json_pack("{s:o, s:O}", "by", report_columns_json(q->by[i]), "rows", rows));
		json_decref(rows);
		if (!first)
			first = json_incref(answer);
		json_decref(answer);
	}
	if (status == STATUS_DONE && q->ctl->option[OPTION_JSON])
		status = say_json(first, tables);
	json_decref(first);
	json_decref(tables);
	return status;
}

/* The page has its own tables. 0, or -1 after saying what is wrong. */
static int check_words(const struct ctl *c, int argc)
{
	const char *html = c->option[OPTION_HTML];

	if (html && (c->option[OPTION_BY] || c->option[OPTION_JSON]))
		ctl_usage_error(c, "--html goes with neither --by nor --json");
	else if (html && !*html)
		ctl_usage_error(c, "--html names no file; - is standard output");
	else if (!html && argc)
		ctl_usage_error(c,
				"files as arguments are for --html; a table is of one: --db FILE");
	else if (argc && c->option[OPTION_DB])
		ctl_usage_error(c, "files are named by --db or as arguments, not by both");
	else
		return 0;
	return -1;
}

static int page(const struct inquiry *q, int argc, char **argv)
{
	const char *const *files = (const char *const *)argv;

	if (q->ctl->option[OPTION_DB])
		return report_html(q->ctl, q->since, &q->ctl->option[OPTION_DB], 1);
	return report_html(q->ctl, q->since, files, (size_t)argc);
}

int cmd_report(struct ctl *c, int argc, char **argv)
{
	struct inquiry q = {.ctl = c, .from = {.ctl = c}};
	struct err e;
	int status;

	if (check_words(c, argc) < 0 || take_since(&q) < 0 || take_by(&q) < 0)
		return STATUS_USAGE;
	if (c->option[OPTION_HTML])
		return page(&q, argc, argv);
	if (c->option[OPTION_DB]) {
		q.from.db = report_db_open_reading(c->option[OPTION_DB], &e);
		if (!q.from.db)
			return ctl_refuse(c, &e);
	}
	status = report(&q);
	report_db_close(q.from.db);
	return status;
}
