/* SPDX-License-Identifier: Apache-2.0 */
/* A report's rows as JSON: what the daemon answers, and what is read from a file without one. */
#include "report.h"
#include "awsmask/abi.h"

#define OUTCOMES_MAX 100

struct rows {
	json_t *list, *modes, *outcomes;
	uint64_t offset, total;
	size_t room;
	bool full, broken;
};

static int put_new(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static json_t *sums_json(const struct report_sums *s)
{
	json_t *all = json_object();

#define X(name, meaning) (void)put_new(all, #name, json_integer((json_int_t)s->name));
	REPORT_SUMS(X)
#undef X
	return all;
}

static int put_days(json_t *object, const struct report_row *row)
{
	char first[16], last[16];

	report_day_format(row->first, first);
	report_day_format(row->last, last);
	return put_new(object, "first", json_string(first)) ||
			       put_new(object, "last", json_string(last))
		       ? -1
		       : 0;
}

static json_t *row_json(const struct report_row *row)
{
	json_t *all = row->outcome ? json_pack("{s:s, s:s?, s:I}", "outcome", row->outcome, "why",
					       row->why, "count", (json_int_t)row->count)
				   : sums_json(&row->sums);

	for (int i = 0; i < REPORT_COLUMN_COUNT; i++)
		if (row->text[i] && put_new(all, report_columns[i], json_string(row->text[i]))) {
			json_decref(all);
			return NULL;
		}
	if (put_new(all, "mode", json_string(policy_mode_word(row->observe))) ||
	    (!row->text[REPORT_BY_DAY] && put_days(all, row))) {
		json_decref(all);
		return NULL;
	}
	return all;
}

static int on_row(void *arg, const struct report_row *row)
{
	struct rows *rows = arg;
	json_t *j;
	size_t bytes;

	if (rows->total++ < rows->offset || rows->full)
		return 0;
	j = row_json(row);
	bytes = j ? json_dumpb(j, NULL, 0, JSON_COMPACT) + 1 : 0;
	/* At least one, so that asking again comes to an end. */
	if (bytes > rows->room && json_array_size(rows->list)) {
		rows->full = true;
		json_decref(j);
		return 0;
	}
	rows->room -= bytes < rows->room ? bytes : rows->room;
	if (json_array_append_new(rows->list, j) == 0)
		return 0;
	rows->broken = true;
	return -1;
}

static int on_outcome(void *arg, const struct report_row *row)
{
	struct rows *rows = arg;

	/* A damaged or hostile file may hold any words. */
	if (json_array_size(rows->outcomes) == OUTCOMES_MAX)
		return 0;
	rows->broken = json_array_append_new(rows->outcomes, row_json(row)) != 0;
	return rows->broken ? -1 : 0;
}

static int put_about(json_t *answer, struct report_db *db, const char *name)
{
	char text[REPORT_ABOUT_MAX];

	report_db_about(db, name, text);
	return *text ? put_new(answer, name, json_string(text)) : 0;
}

static int on_mode(void *arg, const struct report_row *row)
{
	struct rows *rows = arg;
	json_t *sums = sums_json(&row->sums);

	if (put_days(sums, row) ||
	    put_new(rows->modes, policy_mode_word(row->observe), json_incref(sums)))
		rows->broken = true;
	json_decref(sums);
	return rows->broken ? -1 : 0;
}

static int read_all(struct report_db *db, const struct report_query *q, struct rows *rows)
{
	const struct report_query modes = {.since = q->since};
	const struct report_query outcomes = {.since = q->since, .outcomes = true};

	return report_db_each(db, q, on_row, rows) || report_db_each(db, &modes, on_mode, rows) ||
			       report_db_each(db, &outcomes, on_outcome, rows)
		       ? -1
		       : 0;
}

json_t *report_rows(struct report_db *db, const struct report_query *q, uint64_t offset,
		    size_t room, struct err *e)
{
	struct rows rows = {.list = json_array(),
			    .modes = json_object(),
			    .outcomes = json_array(),
			    .offset = offset,
			    .room = room};
	json_t *answer = NULL;
	uint64_t next;

	err_set(e, "memory is out");
	if (read_all(db, q, &rows) == 0)
		answer = json_pack("{s:b, s:I, s:O, s:O, s:O}", "ok", 1, "total",
				   (json_int_t)rows.total, "rows", rows.list, "modes", rows.modes,
				   "outcomes", rows.outcomes);
	else
		err_set(e, "the report cannot be read: %s",
			rows.broken ? "a text in it is no UTF-8, or memory is out"
				    : report_db_why(db));
	next = offset + json_array_size(rows.list);
	if (answer && rows.full)
		(void)put_new(answer, "next", json_integer((json_int_t)next));
	if (answer && (put_about(answer, db, "host") || put_about(answer, db, "version"))) {
		json_decref(answer);
		answer = NULL;
	}
	json_decref(rows.list);
	json_decref(rows.modes);
	json_decref(rows.outcomes);
	return answer;
}
