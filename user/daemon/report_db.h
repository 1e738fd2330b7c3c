/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REPORT_DB_H
#define AWSMASK_REPORT_DB_H
/*
 * The report's file: sums per day, cgroup, target, mode and type, what became of requests and
 * connections, and whose counts these are. SQLite with a rollback journal, so that the one file,
 * copied anywhere, can be read. Not locked: its owner lets one thread in at a
 * time; other processes are kept apart by the file's own locks. Counts only, never values (I8).
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is counted; each is a column. Of a type, `requests` and `findings` are those that held it. */
#define REPORT_SUMS(X)                                                                             \
	X(requests, "requests to targets")                                                         \
	X(findings, "requests in which something was found")                                       \
	X(found, "values found")                                                                   \
	X(masked, "values replaced")                                                               \
	X(passed, "values that left as they were: observed only")                                  \
	X(blocked, "values for whose sake their request was refused")                              \
	X(known, "values found that no rule found: known from before")                             \
	X(refused, "requests that were refused")                                                   \
	X(unmaskable, "requests that were only observed, and would have been refused")

struct report_sums {
#define X(name, meaning) uint64_t name;
	REPORT_SUMS(X)
#undef X
};

/* What became of requests and connections, each with a word for why ("": it needs none). The names of
 * hosts that are no targets are not kept: any of them may be a value. */
#define REPORT_OUTCOMES(X)                                                                         \
	X(REFUSED, "refused", "requests that were refused")                                        \
	X(UNMASKABLE, "unmaskable",                                                                \
	  "requests that were only observed, and would have been refused")                         \
	X(OPENED, "opened", "connections to targets, opened")                                      \
	X(SPLICED, "spliced", "connections to other hosts, passed through unopened")               \
	X(DENIED, "denied", "connections that were refused")

enum report_outcome {
#define X(name, word, meaning) REPORT_##name,
	REPORT_OUTCOMES(X)
#undef X
		REPORT_OUTCOME_COUNT
};

extern const char *const report_outcomes[REPORT_OUTCOME_COUNT];

/* Columns by which sums can be told apart; the mode always does. */
#define REPORT_COLUMNS(X)                                                                          \
	X(DAY, "day")                                                                              \
	X(CGROUP, "cgroup")                                                                        \
	X(TARGET, "target")                                                                        \
	X(TYPE, "type")

#define REPORT_COLUMN_WORDS "day, cgroup, target or type"

enum report_column {
#define X(name, word) REPORT_BY_##name,
	REPORT_COLUMNS(X)
#undef X
		REPORT_COLUMN_COUNT
};

extern const char *const report_columns[REPORT_COLUMN_COUNT];

struct report_key {
	int64_t day;		     /* since 1970-01-01, UTC */
	const char *cgroup, *target; /* "": none (the explicit listener) */
	const char *type;	     /* label; "": a request as a whole */
	bool observe;
};

struct report_query {
	unsigned by;   /* bits 1 << enum report_column */
	int64_t since; /* day */
	bool outcomes; /* they, not sums; told apart by why, too. A type has none */
};

/* One row of an answer. What it is not told apart by is NULL (day: the first of them). */
struct report_row {
	const char *text[REPORT_COLUMN_COUNT]; /* [REPORT_BY_DAY] as well */
	bool observe;
	int64_t first, last; /* days */
	struct report_sums sums;
	const char *outcome, *why; /* of a row of outcomes, with its count; else NULL */
	uint64_t count;
};

struct report_db;

/* Open or create it (0600). NULL and a sentence. */
struct report_db *report_db_open(const char *path, struct err *e);
/* Open one that is there, to read only. */
struct report_db *report_db_open_reading(const char *path, struct err *e);
void report_db_close(struct report_db *db);
/* Whether the path still leads to the file that was opened. */
bool report_db_is_there(const struct report_db *db);

/*
 * Everything below returns 0, or -1 when it failed (report_db_why() says why) and changes nothing
 * then.
 */
int report_db_begin(struct report_db *db); /* takes the file's write lock */
int report_db_commit(struct report_db *db);
void report_db_rollback(struct report_db *db);
/* Inside begin and commit. */
int report_db_add(struct report_db *db, const struct report_key *key,
		  const struct report_sums *sums);
/* The key's type is not looked at. */
int report_db_add_outcome(struct report_db *db, const struct report_key *key,
			  enum report_outcome outcome, const char *why, uint64_t count);
int report_db_prune(struct report_db *db, int64_t before); /* forget days before this one */
/* Rows in the order of their columns; sums by type leave requests as a whole out. -1 too when row()
 * says it: then nothing has failed. A file of an older version has no outcomes. */
int report_db_each(struct report_db *db, const struct report_query *q,
		   int (*row)(void *arg, const struct report_row *row), void *arg);
/* What the file says of itself: the "host" on which it was written last, and that awsmask's
 * "version". text; "": an older version wrote it. */
#define REPORT_ABOUT_MAX 256
const char *report_db_about(struct report_db *db, const char *name,
			    char text[static REPORT_ABOUT_MAX]);
/* The column of this name, or -1. */
int report_column_find(const char *word);
void report_sums_add(struct report_sums *to, const struct report_sums *s);
/* A sentence; static. */
const char *report_db_why(const struct report_db *db);

/* Days as people write them: "2026-11-21". 0, or -1: it is no date. */
int report_day_parse(const char *text, int64_t *day);
void report_day_format(int64_t day, char text[static 16]);
int64_t report_today(void);

#endif
