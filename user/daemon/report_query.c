/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from a report's file. */
#include "report_db_private.h"
#include "awsmask/abi.h"

#include <stdio.h>
#include <string.h>

#define SQL_MAX 2048

enum {
	EACH_MODE = REPORT_COLUMN_COUNT,
	EACH_FIRST,
	EACH_LAST,
	EACH_SUMS,
	EACH_OUTCOME = EACH_SUMS, /* of outcomes */
	EACH_WHY,
	EACH_COUNT
};

static void put(char sql[static SQL_MAX], const char *text)
{
	size_t len = strlen(sql);

	snprintf(sql + len, SQL_MAX - len, "%s", text);
}

/* The columns that are asked for, each with a comma behind it; `others`: what stands for the rest. */
static void put_columns(char sql[static SQL_MAX], unsigned by, const char *others)
{
	for (int i = 0; i < REPORT_COLUMN_COUNT; i++) {
		const char *column = by >> i & 1 ? report_columns[i] : others;

		if (column) {
			put(sql, column);
			put(sql, ", ");
		}
	}
}

/* The groups come sorted by their columns. */
static void put_order(char sql[static SQL_MAX])
{
	put(sql, " ORDER BY ");
	for (int i = 0; i <= EACH_MODE; i++) {
		char column[8];

		snprintf(column, sizeof(column), "%s%d", i ? ", " : "", i + 1);
		put(sql, column);
	}
}

static void sums_sql(unsigned by, char sql[static SQL_MAX])
{
	put(sql, "SELECT ");
	put_columns(sql, by, "NULL");
	put(sql, "mode, min(day), max(day)");
#define X(name, meaning) put(sql, ", sum(" #name ")");
	REPORT_SUMS(X)
#undef X
	put(sql, " FROM tally WHERE day >= ? AND type ");
	put(sql, by >> REPORT_BY_TYPE & 1 ? "<> '' GROUP BY " : "= '' GROUP BY ");
	put_columns(sql, by, NULL);
	put(sql, "mode");
	put_order(sql);
}

static void outcomes_sql(unsigned by, char sql[static SQL_MAX])
{
	by &= ~(1u << REPORT_BY_TYPE);
	put(sql, "SELECT ");
	put_columns(sql, by, "NULL");
	put(sql, "mode, min(day), max(day), outcome, why, sum(count)"
		 " FROM outcome WHERE day >= ? GROUP BY ");
	put_columns(sql, by, NULL);
	put(sql, "mode, outcome, why");
	put_order(sql);
	put(sql, ", outcome, why");
}

static int read_row(struct report_db *db, sqlite3_stmt *st, bool outcomes, char day[static 16],
		    struct report_row *row)
{
	const char *mode = (const char *)sqlite3_column_text(st, EACH_MODE);
	int at = EACH_SUMS;

	for (int i = 0; i < REPORT_COLUMN_COUNT; i++)
		row->text[i] = (const char *)sqlite3_column_text(st, i);
	if (row->text[REPORT_BY_DAY]) {
		report_day_format(sqlite3_column_int64(st, REPORT_BY_DAY), day);
		row->text[REPORT_BY_DAY] = day;
	}
	row->observe = mode && !strcmp(mode, POLICY_OBSERVE_WORD);
	row->first = sqlite3_column_int64(st, EACH_FIRST);
	row->last = sqlite3_column_int64(st, EACH_LAST);
	row->outcome = row->why = NULL;
	if (outcomes) {
		row->outcome = (const char *)sqlite3_column_text(st, EACH_OUTCOME);
		row->why = (const char *)sqlite3_column_text(st, EACH_WHY);
		row->count = (uint64_t)sqlite3_column_int64(st, EACH_COUNT);
	}
#define X(name, meaning) row->sums.name = outcomes ? 0 : (uint64_t)sqlite3_column_int64(st, at++);
	REPORT_SUMS(X)
#undef X
	if (mode && (row->observe || !strcmp(mode, POLICY_ENFORCE_WORD)))
		return 0;
	return report_db_failed(db, SQLITE_CORRUPT);
}

int report_db_each(struct report_db *db, const struct report_query *q,
		   int (*row)(void *arg, const struct report_row *row), void *arg)
{
	struct report_row r;
	sqlite3_stmt *st = NULL;
	char sql[SQL_MAX] = "", day[16];
	int rc, result = 0;

	if (q->outcomes && !db->has_later)
		return 0;
	(q->outcomes ? outcomes_sql : sums_sql)(q->by, sql);
	rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(st, 1, q->since);
	while (result == 0 && rc != SQLITE_DONE) {
		rc = rc == SQLITE_OK || rc == SQLITE_ROW ? sqlite3_step(st) : rc;
		if (rc == SQLITE_ROW) {
			result = read_row(db, st, q->outcomes, day, &r);
			if (result == 0)
				result = row(arg, &r);
		} else if (rc != SQLITE_DONE) {
			result = report_db_failed(db, rc);
		}
	}
	sqlite3_finalize(st);
	return result;
}

const char *report_db_about(struct report_db *db, const char *name,
			    char text[static REPORT_ABOUT_MAX])
{
	const char *value = NULL;
	sqlite3_stmt *st = NULL;

	*text = 0;
	if (db->has_later &&
	    sqlite3_prepare_v2(db->sqlite, "SELECT value FROM about WHERE name = ?", -1, &st,
			       NULL) == SQLITE_OK) {
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
		if (sqlite3_step(st) == SQLITE_ROW)
			value = (const char *)sqlite3_column_text(st, 0);
		snprintf(text, REPORT_ABOUT_MAX, "%s", value ? value : "");
	}
	sqlite3_finalize(st);
	return text;
}
