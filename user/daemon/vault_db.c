/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_db.h"
#include "vault_file.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 2
#define APPLICATION_ID 0x61776d76 /* "awmv" */
#define BUSY_MS 5000
#define RETRY_MS 5
#define BLOB_MAX (64 << 20)

#define FLOOR_TABLE                                                                                \
	"CREATE TABLE floor (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);"

/* Version 1 had no floor. */
static const char to_version_2[] = FLOOR_TABLE "PRAGMA user_version = 2;";

static const char schema[] =
	"CREATE TABLE canary (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL);"
	"CREATE TABLE entry (id INTEGER PRIMARY KEY, scope BLOB NOT NULL, label TEXT NOT NULL,"
	" number INTEGER NOT NULL, hash BLOB NOT NULL, sealed BLOB NOT NULL,"
	" UNIQUE (scope, label, number), UNIQUE (scope, label, hash));"
	"CREATE INDEX entry_scope ON entry (scope, id);"
	"PRAGMA application_id = 1635216758;" FLOOR_TABLE "PRAGMA user_version = 2;";

#define STATEMENTS(X)                                                                              \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(CANARY, "SELECT sealed FROM canary")                                                     \
	X(SET_CANARY, "INSERT INTO canary (id, sealed) VALUES (1, ?)")                             \
	X(NUMBER, "SELECT number FROM entry WHERE scope = ? AND label = ? AND hash = ?")           \
	X(HIGHEST,                                                                                 \
	  "SELECT max(coalesce((SELECT max(number) FROM entry WHERE scope = ? AND label = ?), 0)," \
	  " coalesce((SELECT number FROM floor), 0))")                                             \
	X(SET_FLOOR, "INSERT OR REPLACE INTO floor (id, number) VALUES (1, ?)")                    \
	X(INSERT, "INSERT INTO entry (scope, label, number, hash, sealed) VALUES (?, ?, ?, ?, ?)") \
	X(VERSION, "PRAGMA data_version")                                                          \
	X(LABELS, "SELECT DISTINCT label FROM entry")                                              \
	X(EACH, "SELECT id, label, number, sealed FROM entry WHERE scope = ? AND id > ?"           \
		" ORDER BY id")

enum statement {
#define X(name, sql) STATEMENT_##name,
	STATEMENTS(X)
#undef X
		STATEMENT_COUNT
};

static const char *const statement_sql[] = {
#define X(name, sql) sql,
	STATEMENTS(X)
#undef X
};

struct vault_db {
	sqlite3 *sqlite;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	char path[PATH_MAX], wal[PATH_MAX + 4];
	dev_t dev; /* the file's, to notice when it is taken away */
	ino_t ino;
	const char *why;
};

static const char *reason(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return "the vault's disk is full";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another process keeps the vault's file locked";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return VAULT_DAMAGED;
	case SQLITE_IOERR:
		return "the vault's disk reports errors";
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return "the vault's file or directory may not be written";
	case SQLITE_NOMEM:
		return "memory is out";
	default:
		return "the vault's file refuses the change";
	}
}

static int failed(struct vault_db *db, int rc)
{
	db->why = reason(rc);
	return -1;
}

const char *vault_db_why(const struct vault_db *db)
{
	return db->why;
}

/* A statement, ready to be bound. It is reset by finish(). */
static sqlite3_stmt *statement(struct vault_db *db, enum statement s)
{
	if (!db->statements[s])
		sqlite3_prepare_v3(db->sqlite, statement_sql[s], -1, SQLITE_PREPARE_PERSISTENT,
				   &db->statements[s], NULL);
	return db->statements[s];
}

static void finish(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

static int run(struct vault_db *db, enum statement s)
{
	sqlite3_stmt *st = statement(db, s);
	int rc = st ? sqlite3_step(st) : sqlite3_errcode(db->sqlite);

	finish(st);
	return rc == SQLITE_DONE ? 0 : failed(db, rc);
}

/* A file that was removed or replaced still takes writes, which nobody would ever find again. */
static int still_there(struct vault_db *db)
{
	struct stat st;

	if (stat(db->path, &st) == 0 && st.st_dev == db->dev && st.st_ino == db->ino)
		return 0;
	db->why = "the vault's file was removed or replaced while in use; restart awsmaskd";
	return -1;
}

int vault_db_begin(struct vault_db *db)
{
	if (still_there(db))
		return -1;
	return run(db, STATEMENT_BEGIN);
}

int vault_db_commit(struct vault_db *db)
{
	return run(db, STATEMENT_COMMIT);
}

void vault_db_rollback(struct vault_db *db)
{
	const char *why = db->why;

	/* Some errors roll back by themselves; then there is nothing left to do. */
	if (!sqlite3_get_autocommit(db->sqlite))
		run(db, STATEMENT_ROLLBACK);
	db->why = why;
}

int vault_db_canary(struct vault_db *db, uint8_t *sealed, size_t size, size_t *len)
{
	sqlite3_stmt *st = statement(db, STATEMENT_CANARY);
	int rc = st ? sqlite3_step(st) : sqlite3_errcode(db->sqlite), found = 0;

	if (rc == SQLITE_ROW) {
		size_t n = (size_t)sqlite3_column_bytes(st, 0);
		const void *bytes = sqlite3_column_blob(st, 0);
		found = bytes && n <= size ? 1 : failed(db, SQLITE_CORRUPT);
		if (found == 1) {
			memcpy(sealed, bytes, n);
			*len = n;
		}
	} else if (rc != SQLITE_DONE) {
		found = failed(db, rc);
	}
	finish(st);
	return found;
}

int vault_db_set_canary(struct vault_db *db, const uint8_t *sealed, size_t len)
{
	sqlite3_stmt *st = statement(db, STATEMENT_SET_CANARY);

	if (!st)
		return failed(db, sqlite3_errcode(db->sqlite));
	sqlite3_bind_blob(st, 1, sealed, (int)len, SQLITE_STATIC);
	return run(db, STATEMENT_SET_CANARY);
}

static sqlite3_stmt *statement_at(struct vault_db *db, enum statement s,
				  const struct vault_place *place)
{
	sqlite3_stmt *st = statement(db, s);

	if (!st) {
		failed(db, sqlite3_errcode(db->sqlite));
		return NULL;
	}
	sqlite3_bind_blob(st, 1, place->scope, VAULT_HASH_SIZE, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, place->label, -1, SQLITE_STATIC);
	return st;
}

/* One number from one row. 1: found, 0: no row, -1 */
static int read_number(struct vault_db *db, sqlite3_stmt *st, uint32_t *number)
{
	int rc = sqlite3_step(st), found = 0;

	if (rc == SQLITE_ROW) {
		int64_t n = sqlite3_column_int64(st, 0);
		found = n >= 0 && n <= UINT32_MAX ? 1 : failed(db, SQLITE_CORRUPT);
		if (found == 1)
			*number = (uint32_t)n;
	} else if (rc != SQLITE_DONE) {
		found = failed(db, rc);
	}
	finish(st);
	return found;
}

int vault_db_number(struct vault_db *db, const struct vault_place *place,
		    const uint8_t hash[static VAULT_HASH_SIZE], uint32_t *number)
{
	sqlite3_stmt *st = statement_at(db, STATEMENT_NUMBER, place);

	if (!st)
		return -1;
	sqlite3_bind_blob(st, 3, hash, VAULT_HASH_SIZE, SQLITE_STATIC);
	return read_number(db, st, number);
}

int vault_db_highest(struct vault_db *db, const struct vault_place *place, uint32_t *number)
{
	sqlite3_stmt *st = statement_at(db, STATEMENT_HIGHEST, place);

	return st && read_number(db, st, number) == 1 ? 0 : -1;
}

int vault_db_set_floor(struct vault_db *db, uint32_t number)
{
	sqlite3_stmt *st = statement(db, STATEMENT_SET_FLOOR);

	if (!st)
		return failed(db, sqlite3_errcode(db->sqlite));
	sqlite3_bind_int64(st, 1, number);
	return run(db, STATEMENT_SET_FLOOR);
}

int vault_db_version(struct vault_db *db, int64_t *version)
{
	sqlite3_stmt *st = statement(db, STATEMENT_VERSION);
	int rc = st ? sqlite3_step(st) : sqlite3_errcode(db->sqlite);

	if (rc == SQLITE_ROW)
		*version = sqlite3_column_int64(st, 0);
	finish(st);
	return rc == SQLITE_ROW ? 0 : failed(db, rc);
}

int vault_db_insert(struct vault_db *db, const struct vault_place *place,
		    const uint8_t hash[static VAULT_HASH_SIZE], const uint8_t *sealed, size_t len)
{
	sqlite3_stmt *st = statement_at(db, STATEMENT_INSERT, place);

	if (!st)
		return -1;
	if (len > BLOB_MAX) {
		db->why = "a value is too long for the vault";
		return -1;
	}
	sqlite3_bind_int64(st, 3, place->number);
	sqlite3_bind_blob(st, 4, hash, VAULT_HASH_SIZE, SQLITE_STATIC);
	sqlite3_bind_blob(st, 5, sealed, (int)len, SQLITE_STATIC);
	return run(db, STATEMENT_INSERT);
}

static int read_row(struct vault_db *db, sqlite3_stmt *st, struct vault_row *row)
{
	int64_t number = sqlite3_column_int64(st, 2);

	row->id = sqlite3_column_int64(st, 0);
	row->place.label = (const char *)sqlite3_column_text(st, 1);
	row->place.number = (uint32_t)number;
	row->sealed = sqlite3_column_blob(st, 3);
	row->len = (size_t)sqlite3_column_bytes(st, 3);
	if (!row->place.label || !row->sealed || number < 1 || number > UINT32_MAX)
		return failed(db, SQLITE_CORRUPT);
	return 0;
}

int vault_db_each(struct vault_db *db, const uint8_t scope[static VAULT_HASH_SIZE], int64_t after,
		  int (*row)(void *arg, const struct vault_row *row), void *arg)
{
	sqlite3_stmt *st = statement(db, STATEMENT_EACH);
	struct vault_row r = {.place.scope = scope};
	int rc, result = 0;

	if (!st)
		return failed(db, sqlite3_errcode(db->sqlite));
	sqlite3_bind_blob(st, 1, scope, VAULT_HASH_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, after);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && result == 0) {
		result = read_row(db, st, &r);
		if (result == 0)
			result = row(arg, &r);
	}
	if (result == 0 && rc != SQLITE_DONE)
		result = failed(db, rc);
	finish(st);
	return result;
}

int vault_db_labels(struct vault_db *db, void (*each)(void *arg, const char *label), void *arg)
{
	sqlite3_stmt *st = statement(db, STATEMENT_LABELS);
	int rc;

	if (!st)
		return failed(db, sqlite3_errcode(db->sqlite));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (sqlite3_column_text(st, 0))
			each(arg, (const char *)sqlite3_column_text(st, 0));
	finish(st);
	return rc == SQLITE_DONE ? 0 : failed(db, rc);
}

static size_t file_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

size_t vault_db_bytes(const struct vault_db *db)
{
	return file_bytes(db->path) + file_bytes(db->wal);
}

static int pragma_is(struct vault_db *db, const char *sql, const char *want)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL), result = -1;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		result = text && !strcmp(text, want) ? 0 : failed(db, SQLITE_CORRUPT);
	} else {
		failed(db, rc);
	}
	sqlite3_finalize(st);
	return result;
}

static int pragma_number(struct vault_db *db, const char *sql, uint32_t *n)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL), result;

	result = rc == SQLITE_OK ? read_number(db, st, n) : failed(db, rc);
	sqlite3_finalize(st);
	return result == 1 ? 0 : -1;
}

static int execute(struct vault_db *db, const char *sql)
{
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : failed(db, rc);
}

/* Make the tables of a new file, or know the version of an old one. */
static int check_schema(struct vault_db *db)
{
	uint32_t version, id, objects;

	if (vault_db_begin(db))
		return -1;
	if (pragma_number(db, "PRAGMA user_version", &version) ||
	    pragma_number(db, "PRAGMA application_id", &id) ||
	    pragma_number(db, "SELECT count(*) FROM sqlite_master", &objects))
		goto fail;
	if (version == 0 && id == 0 && objects == 0 && execute(db, schema))
		goto fail;
	if (version == 1 && id == APPLICATION_ID && execute(db, to_version_2))
		goto fail;
	if (objects && id != APPLICATION_ID) {
		db->why = "this is another program's database; name another path";
		goto fail;
	}
	if (version > SCHEMA_VERSION) {
		db->why = "it was written by a newer awsmask; update awsmask, or name another path";
		goto fail;
	}
	if (vault_db_commit(db) == 0)
		return 0;
fail:
	vault_db_rollback(db);
	return -1;
}

/*
 * Two processes that open a new file at once meet here, and SQLite answers one of them at once instead of
 * asking the busy handler: it holds a lock itself that the other may be waiting for.
 */
static int switch_to_wal(struct vault_db *db)
{
	for (int waited = 0;; waited += RETRY_MS) {
		if (pragma_is(db, "PRAGMA journal_mode = WAL", "wal") == 0)
			return 0;
		if ((sqlite3_errcode(db->sqlite) & 0xff) != SQLITE_BUSY || waited >= BUSY_MS)
			return -1;
		sqlite3_sleep(RETRY_MS);
	}
}

static int check_through(struct vault_db *db)
{
	if (execute(db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
			"PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL"))
		return -1;
	if (switch_to_wal(db))
		return -1;
	if (check_schema(db))
		return -1;
	return pragma_is(db, "PRAGMA quick_check(1)", "ok");
}

static int open_file(struct vault_db *db)
{
	struct stat st;
	int rc = sqlite3_open_v2(
		db->path, &db->sqlite,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);

	if (rc != SQLITE_OK || stat(db->path, &st))
		return failed(db, rc == SQLITE_OK ? SQLITE_CANTOPEN : rc);
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	sqlite3_extended_result_codes(db->sqlite, 1);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(db->sqlite, BUSY_MS);
	return check_through(db);
}

struct vault_db *vault_db_open(const char *path, struct err *e)
{
	struct vault_db *db;

	if (strlen(path) >= PATH_MAX) {
		err_set(e, "the vault's path is too long; write a shorter one");
		return NULL;
	}
	if (vault_file_settle(path, e) || vault_file_make(path, e))
		return NULL;
	db = calloc(1, sizeof(*db));
	if (!db) {
		err_set(e, "%s: memory is out", path);
		return NULL;
	}
	strcpy(db->path, path);
	snprintf(db->wal, sizeof(db->wal), "%s-wal", path);
	db->why = "nothing has failed";
	if (open_file(db) == 0)
		return db;
	if (!strcmp(db->why, reason(SQLITE_CORRUPT)))
		err_set(e, "%s: " VAULT_DAMAGED ", which keeps what can be read of it", path);
	else
		err_set(e, "%s: %s", path, db->why);
	vault_db_close(db);
	return NULL;
}

void vault_db_close(struct vault_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sqlite);
	free(db);
}
