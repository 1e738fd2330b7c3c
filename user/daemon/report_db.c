/* SPDX-License-Identifier: Apache-2.0 */
#include "report_db_private.h"
#include "awsmask/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/*
 * The oldest schema that understands the file. A table that came later, and that an older version
 * does not miss, leaves the number as it is: so either version reads and writes what the other made.
 */
#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x61776d72 /* "awmr" */
#define BUSY_MS 2000

static const char schema[] =
	"CREATE TABLE tally (day INTEGER NOT NULL, cgroup TEXT NOT NULL, target TEXT NOT NULL,"
	" mode TEXT NOT NULL, type TEXT NOT NULL"
#define X(name, meaning) ", " #name " INTEGER NOT NULL"
	REPORT_SUMS(X)
#undef X
		", PRIMARY KEY (day, cgroup, target, mode, type)) WITHOUT ROWID;"
		"PRAGMA application_id = 1635216754;"
		"PRAGMA user_version = 1;";

/* Came later: made wherever it is missing. */
static const char later[] =
	"CREATE TABLE IF NOT EXISTS outcome (day INTEGER NOT NULL, cgroup TEXT NOT NULL,"
	" target TEXT NOT NULL, mode TEXT NOT NULL, outcome TEXT NOT NULL, why TEXT NOT NULL,"
	" count INTEGER NOT NULL,"
	" PRIMARY KEY (day, cgroup, target, mode, outcome, why)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
	" WITHOUT ROWID;";

static const char outcome_sql[] = "INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?)"
				  " ON CONFLICT DO UPDATE SET count = count + excluded.count";

static const char about_sql[] = "INSERT INTO about VALUES (?, ?)"
				" ON CONFLICT DO UPDATE SET value = excluded.value"
				" WHERE value <> excluded.value";

static const char add_sql[] = "INSERT INTO tally VALUES (?, ?, ?, ?, ?"
#define X(name, meaning) ", ?"
	REPORT_SUMS(X)
#undef X
		") ON CONFLICT DO UPDATE SET day = day"
#define X(name, meaning) ", " #name " = " #name " + excluded." #name
	REPORT_SUMS(X)
#undef X
	;

enum { ADD_FIRST_SUM = 6 };

const char *const report_columns[REPORT_COLUMN_COUNT] = {
#define X(name, word) word,
	REPORT_COLUMNS(X)
#undef X
};

const char *const report_outcomes[REPORT_OUTCOME_COUNT] = {
#define X(name, word, meaning) word,
	REPORT_OUTCOMES(X)
#undef X
};

int report_column_find(const char *word)
{
	for (int i = 0; word && i < REPORT_COLUMN_COUNT; i++)
		if (!strcmp(report_columns[i], word))
			return i;
	return -1;
}

void report_sums_add(struct report_sums *to, const struct report_sums *s)
{
#define X(name, meaning) to->name += s->name;
	REPORT_SUMS(X)
#undef X
}

static const char *reason(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return "its disk is full";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another process keeps it locked";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "it is damaged; move it away, and a new one is begun";
	case SQLITE_IOERR:
		return "its disk reports errors";
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return "it or its directory may not be written";
	case SQLITE_NOMEM:
		return "memory is out";
	default:
		return "it refuses the change";
	}
}

int report_db_failed(struct report_db *db, int rc)
{
	db->why = reason(rc);
	return -1;
}

const char *report_db_why(const struct report_db *db)
{
	return db->why;
}

static int execute(struct report_db *db, const char *sql)
{
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : report_db_failed(db, rc);
}

/* A file that was removed or replaced still takes writes, which nobody would ever find again. */
bool report_db_is_there(const struct report_db *db)
{
	struct stat st;

	return stat(db->path, &st) == 0 && st.st_dev == db->dev && st.st_ino == db->ino;
}

int report_db_begin(struct report_db *db)
{
	return execute(db, "BEGIN IMMEDIATE");
}

int report_db_commit(struct report_db *db)
{
	return execute(db, "COMMIT");
}

void report_db_rollback(struct report_db *db)
{
	const char *why = db->why;

	/* Some errors roll back by themselves; then there is nothing left to do. */
	if (!sqlite3_get_autocommit(db->sqlite))
		execute(db, "ROLLBACK");
	db->why = why;
}

static int prepare(struct report_db *db, const char *sql, sqlite3_stmt **st)
{
	int rc = *st ? SQLITE_OK
		     : sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);

	return rc == SQLITE_OK ? 0 : report_db_failed(db, rc);
}

static int step(struct report_db *db, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : report_db_failed(db, rc);
}

/* What every row begins with. */
static void bind_key(sqlite3_stmt *st, const struct report_key *key)
{
	sqlite3_bind_int64(st, 1, key->day);
	sqlite3_bind_text(st, 2, key->cgroup, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, key->target, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, policy_mode_word(key->observe), -1, SQLITE_STATIC);
}

int report_db_add(struct report_db *db, const struct report_key *key,
		  const struct report_sums *sums)
{
	int at = ADD_FIRST_SUM;

	if (prepare(db, add_sql, &db->add))
		return -1;
	bind_key(db->add, key);
	sqlite3_bind_text(db->add, 5, key->type, -1, SQLITE_STATIC);
#define X(name, meaning) sqlite3_bind_int64(db->add, at++, (sqlite3_int64)sums->name);
	REPORT_SUMS(X)
#undef X
	return step(db, db->add);
}

int report_db_add_outcome(struct report_db *db, const struct report_key *key,
			  enum report_outcome outcome, const char *why, uint64_t count)
{
	if (prepare(db, outcome_sql, &db->add_outcome))
		return -1;
	bind_key(db->add_outcome, key);
	sqlite3_bind_text(db->add_outcome, 5, report_outcomes[outcome], -1, SQLITE_STATIC);
	sqlite3_bind_text(db->add_outcome, 6, why, -1, SQLITE_STATIC);
	sqlite3_bind_int64(db->add_outcome, 7, (sqlite3_int64)count);
	return step(db, db->add_outcome);
}

int report_db_prune(struct report_db *db, int64_t before)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM tally WHERE day < %lld; DELETE FROM outcome WHERE day < %lld",
		 (long long)before, (long long)before);
	return execute(db, sql);
}

/* ---- opening */

/* An existing file is only looked at; a new one is for its owner alone. */
static int make_file(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EEXIST)
		return err_set(e, "%s: the report cannot be made: %s", path, strerror(errno));
	if (lstat(path, &st))
		return err_set(e, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: the report is not a regular file; name another path", path);
	return 0;
}

static int read_number(struct report_db *db, const char *sql, int64_t *n)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : report_db_failed(db, rc);
}

/* Whose file it is. 1: nobody's yet; 0: a report that can be understood. */
static int check_kind(struct report_db *db)
{
	int64_t version, id, objects;

	if (read_number(db, "PRAGMA user_version", &version) ||
	    read_number(db, "PRAGMA application_id", &id) ||
	    read_number(db, "SELECT count(*) FROM sqlite_master", &objects))
		return -1;
	if (!version && !id && !objects)
		return 1;
	if (id != APPLICATION_ID) {
		db->why = "this is another program's database; name another path";
		return -1;
	}
	if (version > SCHEMA_VERSION) {
		db->why = "it was written by a newer awsmask; update awsmask, or name another path";
		return -1;
	}
	return 0;
}

/* Whose counts these are, once the file has been carried away. */
static int say_about(struct report_db *db, const char *name, const char *value)
{
	sqlite3_stmt *st = NULL;
	int result = prepare(db, about_sql, &st);

	if (result == 0) {
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
		result = step(db, st);
	}
	sqlite3_finalize(st);
	return result;
}

static int sign(struct report_db *db)
{
	struct utsname host;

	if (uname(&host))
		return 0; /* the file's name stands for it then */
	return say_about(db, "host", host.nodename) || say_about(db, "version", AWSMASK_VERSION)
		       ? -1
		       : 0;
}

static int make_tables(struct report_db *db)
{
	int kind;

	if (report_db_begin(db))
		return -1;
	kind = check_kind(db);
	if (kind < 0 || (kind == 1 && execute(db, schema)) || execute(db, later) || sign(db) ||
	    report_db_commit(db)) {
		report_db_rollback(db);
		return -1;
	}
	return 0;
}

/* Whether an older version wrote it, which had no such tables. */
static int find_later(struct report_db *db)
{
	int64_t tables = 0;

	if (read_number(db,
			"SELECT count(*) FROM sqlite_master WHERE type = 'table'"
			" AND name IN ('outcome', 'about')",
			&tables))
		return -1;
	db->has_later = tables == 2;
	return 0;
}

static int check_through(struct report_db *db, bool reading)
{
	int kind;

	if (execute(db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
			"PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL"))
		return -1;
	if (!reading)
		return make_tables(db) ? -1 : find_later(db);
	kind = check_kind(db);
	if (kind == 1)
		db->why = "it is empty: awsmaskd has not written into it yet";
	return kind == 0 ? find_later(db) : -1;
}

static int open_file(struct report_db *db, bool reading)
{
	struct stat st;
	int rc = sqlite3_open_v2(db->path, &db->sqlite,
				 (reading ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
					 SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
				 NULL);

	if (rc != SQLITE_OK || stat(db->path, &st))
		return report_db_failed(db, rc == SQLITE_OK ? SQLITE_CANTOPEN : rc);
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	sqlite3_extended_result_codes(db->sqlite, 1);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(db->sqlite, BUSY_MS);
	return check_through(db, reading);
}

static struct report_db *db_open(const char *path, bool reading, struct err *e)
{
	struct report_db *db = calloc(1, sizeof(*db));

	if (!db || !(db->path = strdup(path))) {
		free(db);
		err_set(e, "%s: memory is out", path);
		return NULL;
	}
	db->why = "nothing has failed";
	if (open_file(db, reading) == 0)
		return db;
	err_set(e, "%s: the report cannot be used: %s", path, db->why);
	report_db_close(db);
	return NULL;
}

struct report_db *report_db_open(const char *path, struct err *e)
{
	return make_file(path, e) ? NULL : db_open(path, false, e);
}

struct report_db *report_db_open_reading(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st)) {
		err_set(e, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(e, "%s: this is not a regular file, so it is no report", path);
		return NULL;
	}
	return db_open(path, true, e);
}

void report_db_close(struct report_db *db)
{
	if (!db)
		return;
	sqlite3_finalize(db->add);
	sqlite3_finalize(db->add_outcome);
	sqlite3_close(db->sqlite);
	free(db->path);
	free(db);
}
