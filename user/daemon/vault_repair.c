/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_repair.h"
#include "state_dir.h"
#include "vault_file.h"
#include "vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW_BYTES_MIN 128 /* a row and its places in three indexes take more than twice that */

/* The file that is looked through. */
struct old {
	const char *path;
	const struct vault_watcher *watcher; /* NULL: nobody is told */
	sqlite3 *sqlite;
	sqlite3_stmt *row;
	struct vault_keys keys;
	bool whole;	/* so says SQLite */
	int64_t rows;	/* it never had more */
	uint32_t floor; /* its own, or the highest number seen */
};

/* What is done with each mapping; `hash` is the value's. 0 or -1. */
typedef int (*take_row)(void *arg, const struct vault_row *row,
			const uint8_t hash[static VAULT_HASH_SIZE]);

/* ---- reading what may be damaged */

static sqlite3_stmt *prepare(struct old *o, const char *sql)
{
	sqlite3_stmt *st = NULL;

	/* Where the schema cannot be read there is no statement, and stepping NULL is an error. */
	(void)sqlite3_prepare_v2(o->sqlite, sql, -1, &st, NULL);
	return st;
}

static bool is_whole(struct old *o)
{
	sqlite3_stmt *st = prepare(o, "PRAGMA integrity_check(1)");
	bool whole = sqlite3_step(st) == SQLITE_ROW &&
		     !strcmp((const char *)sqlite3_column_text(st, 0), "ok");

	sqlite3_finalize(st);
	return whole;
}

/* false: it cannot be read. No row, and NULL, are 0. */
static bool read_number(struct old *o, const char *sql, int64_t *number)
{
	sqlite3_stmt *st = prepare(o, sql);
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		*number = sqlite3_column_int64(st, 0);
	else if (rc == SQLITE_DONE)
		*number = 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static int64_t bytes_of(const char *path, const char *suffix)
{
	char name[PATH_MAX + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Also of a file that has been cut: its head says how many pages there were. */
static int64_t rows_at_most(struct old *o)
{
	uint8_t head[32] = {0};
	int64_t bytes = bytes_of(o->path, ""), said;
	int fd = open(o->path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, head, sizeof(head)) < 0)
			memset(head, 0, sizeof(head));
		close(fd);
	}
	said = (int64_t)((uint64_t)(head[16] << 8 | head[17]) *
			 ((uint64_t)head[28] << 24 | head[29] << 16 | head[30] << 8 | head[31]));
	/* A head that is damaged itself may say anything. */
	if (said > bytes && said / 64 <= bytes)
		bytes = said;
	return (bytes + bytes_of(o->path, "-wal")) / ROW_BYTES_MIN;
}

static void old_close(struct old *o)
{
	sqlite3_finalize(o->row);
	sqlite3_close(o->sqlite);
	vault_keys_wipe(&o->keys);
}

static int old_open(struct old *o, const char *path, const uint8_t key[static VAULT_KEY_SIZE],
		    struct err *e)
{
	int64_t floor = 0, last = 0;
	struct stat st;

	*o = (struct old){.path = path};
	if (vault_file_settle(path, e))
		return -1;
	if (stat(path, &st))
		return err_set(e, "%s: %s", path, strerror(errno));
	if (vault_keys_derive(&o->keys, key, VAULT_KEY_SIZE))
		return err_set(e, "%s: the sealing keys cannot be derived: OpenSSL has no HKDF",
			       path);
	if (sqlite3_open_v2(path, &o->sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL))
		return err_set(e, "%s: it cannot be opened: %s", path, sqlite3_errmsg(o->sqlite));
	sqlite3_busy_timeout(o->sqlite, 5000);
	/* A file that was cut is only read with a schema that may be written, which it is not. */
	(void)sqlite3_exec(o->sqlite,
			   "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
			   "PRAGMA writable_schema = ON",
			   NULL, NULL, NULL);
	o->whole = is_whole(o);
	o->rows = rows_at_most(o);
	if (o->whole && read_number(o, "SELECT max(id) FROM entry", &last) && last >= 0)
		o->rows = last;
	/* Version 1 has none. */
	if (read_number(o, "SELECT number FROM floor", &floor) && floor > 0 &&
	    floor <= PLACEHOLDER_NUMBER_MAX)
		o->floor = (uint32_t)floor;
	o->row = prepare(o, "SELECT id, label, number, sealed, scope FROM entry WHERE id = ?");
	return 0;
}

static bool fill_row(sqlite3_stmt *st, struct vault_row *row)
{
	int64_t number = sqlite3_column_int64(st, 2);

	row->place.label = (const char *)sqlite3_column_text(st, 1);
	row->place.number = (uint32_t)number;
	row->sealed = sqlite3_column_blob(st, 3);
	row->len = (size_t)sqlite3_column_bytes(st, 3);
	row->place.scope = sqlite3_column_blob(st, 4);
	return row->place.label && row->place.scope && row->sealed &&
	       sqlite3_column_bytes(st, 4) == VAULT_HASH_SIZE && number > 0 &&
	       number <= PLACEHOLDER_NUMBER_MAX && row->len >= VAULT_SEAL_OVERHEAD;
}

/* What unseals is what was sealed there, whatever else of the file is damaged. 1, 0: it does not; -1: memory. */
static int proven(const struct old *o, const struct vault_row *row,
		  uint8_t hash[static VAULT_HASH_SIZE])
{
	size_t len = row->len - VAULT_SEAL_OVERHEAD;
	uint8_t *value = malloc(len + 1);
	int result;

	if (!value)
		return -1;
	result = vault_unseal(&o->keys, &row->place, row->sealed, row->len, value) == 0;
	if (result && vault_value_hash(&o->keys, &row->place, value, len, hash))
		result = -1;
	explicit_bzero(value, len + 1);
	free(value);
	return result;
}

/* Row by row, each looked for by itself: a page that is damaged hides no more than its own. */
static int walk(struct old *o, struct vault_found *f, take_row take, void *arg, struct err *e)
{
	uint8_t hash[VAULT_HASH_SIZE];
	struct vault_row row;
	int64_t newest = 0;
	int good;

	*f = (struct vault_found){0};
	for (row.id = 1; row.id <= o->rows; row.id++) {
		if (o->watcher)
			o->watcher->tell(o->watcher->arg, (uint64_t)row.id, (uint64_t)o->rows);
		sqlite3_bind_int64(o->row, 1, row.id);
		good = 0;
		if (sqlite3_step(o->row) == SQLITE_ROW && fill_row(o->row, &row))
			good = proven(o, &row, hash);
		if (good == 1 && row.place.number > o->floor)
			o->floor = row.place.number;
		if (good == 1 && take && take(arg, &row, hash))
			good = -1;
		sqlite3_reset(o->row);
		if (good < 0)
			return err_set(e,
				       "%s: what could be read cannot be kept: memory is out, or "
				       "the disk is full",
				       o->path);
		if (good)
			newest = row.id;
		f->mappings += (size_t)good;
	}
	f->lost = (size_t)((o->whole ? o->rows : newest) - (int64_t)f->mappings);
	f->sound = o->whole && f->lost == 0;
	return 0;
}

/* The row that proves the key reads well, and is another key's. */
static bool of_another_key(struct old *o)
{
	static const uint8_t nowhere[VAULT_HASH_SIZE];
	const struct vault_place place = {.scope = nowhere, .label = "canary"};
	sqlite3_stmt *st = prepare(o, "SELECT sealed FROM canary");
	uint8_t text[256];
	bool other = false;

	if (sqlite3_step(st) == SQLITE_ROW) {
		size_t len = (size_t)sqlite3_column_bytes(st, 0);

		other = len < VAULT_SEAL_OVERHEAD || len > sizeof(text) ||
			vault_unseal(&o->keys, &place, sqlite3_column_blob(st, 0), len, text);
	}
	sqlite3_finalize(st);
	return other;
}

static int check_found(struct old *o, const struct vault_found *f, struct err *e)
{
	if (f->mappings == 0 && of_another_key(o))
		return err_set(e,
			       "%s: sealed with another key; put the key back that it was made "
			       "with",
			       o->path);
	return 0;
}

int vault_check(const char *path, const uint8_t key[static VAULT_KEY_SIZE],
		const struct vault_watcher *watcher, struct vault_found *found, struct err *e)
{
	struct old o;
	int rc = old_open(&o, path, key, e);

	o.watcher = watcher;
	if (rc == 0)
		rc = walk(&o, found, NULL, NULL, e);
	if (rc == 0)
		rc = check_found(&o, found, e);
	old_close(&o);
	return rc;
}

/* ---- the new file */

static int keep_row(void *arg, const struct vault_row *row,
		    const uint8_t hash[static VAULT_HASH_SIZE])
{
	struct vault *v = arg;

	return vault_db_insert(v->db, &row->place, hash, row->sealed, row->len);
}

static void unlink_all(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char name[PATH_MAX + 8];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		(void)unlink(name);
	}
}

/* Numbers that rows may have had of which nothing is left. */
static int set_floor(struct old *o, struct vault *v, struct vault_found *f, struct err *e)
{
	int64_t floor = (int64_t)o->floor + rows_at_most(o);

	if (floor >= PLACEHOLDER_NUMBER_MAX)
		return err_set(e,
			       "%s: no numbers are left for new placeholders; move it away to "
			       "begin with new ones",
			       o->path);
	f->floor = (uint32_t)floor;
	return vault_db_set_floor(v->db, f->floor) ? err_set(e, "%s", vault_db_why(v->db)) : 0;
}

/* The vault's owner has to be able to open it. */
static int give(const char *made, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) || (geteuid() == 0 && chown(made, st.st_uid, st.st_gid)))
		return err_set(e, "%s: %s", made, strerror(errno));
	return 0;
}

static int make_new(struct old *o, const char *made, const uint8_t key[static VAULT_KEY_SIZE],
		    struct vault_found *found, struct err *e)
{
	struct vault *v = vault_open(made, key, e);
	int rc = -1;

	if (!v)
		return -1;
	if (vault_db_begin(v->db)) {
		err_set(e, "%s: %s", made, vault_db_why(v->db));
	} else if (walk(o, found, keep_row, v, e) || check_found(o, found, e) ||
		   set_floor(o, v, found, e)) {
		vault_db_rollback(v->db);
	} else if (vault_db_commit(v->db)) {
		err_set(e, "%s: %s", made, vault_db_why(v->db));
	} else {
		rc = give(made, o->path, e);
	}
	vault_close(v);
	/* It is moved alone. */
	if (rc == 0 && bytes_of(made, "-wal"))
		rc = err_set(e, "%s: it cannot be completed; is the disk full?", made);
	return rc;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* Another name for the changes, which belong to the file: an earlier attempt's may have been others. */
static int link_changes(const char *path, const char *aside)
{
	char wal[PATH_MAX + 8], aside_wal[PATH_MAX + 8];

	snprintf(wal, sizeof(wal), "%s-wal", path);
	snprintf(aside_wal, sizeof(aside_wal), "%s-wal", aside);
	if (unlink(aside_wal) < 0 && errno != ENOENT)
		return -1;
	return link(wal, aside_wal) < 0 && errno != ENOENT ? -1 : 0;
}

/* Other names for the damaged file and its changes, which keep their own for now. */
static int put_aside(const char *path, struct vault_found *f, struct err *e)
{
	int rc = -1, why;

	for (int n = 1; n < 1000 && rc < 0; n++) {
		if (snprintf(f->aside, sizeof(f->aside), "%s.damaged-%d", path, n) >= PATH_MAX)
			return err_set(e, "%s: the path is too long", path);
		rc = link(path, f->aside);
		if (rc < 0 && errno != EEXIST)
			break;
		if (rc < 0 && is_same_file(path, f->aside)) /* an attempt that did not end */
			rc = 0;
	}
	if (rc == 0 && link_changes(path, f->aside) == 0 && state_dir_sync(path) == 0)
		return 0;
	why = errno;
	if (rc == 0)
		unlink_all(f->aside);
	return err_set(e, "%s: the damaged file cannot be put aside: %s", path, strerror(why));
}

/*
 * At no moment is there no file: a daemon that starts then would begin with new numbers. Nor is there one without its
 * changes: until the new one is complete under the name that vault_file_settle() looks for, the damaged one is whole.
 */
static int exchange_files(const char *path, const char *made, struct vault_found *f, struct err *e)
{
	char repaired[PATH_MAX];

	if (snprintf(repaired, sizeof(repaired), "%s" VAULT_FILE_REPAIRED, path) >=
	    (int)sizeof(repaired))
		return err_set(e, "%s: the path is too long", path);
	if (put_aside(path, f, e) < 0)
		return -1;
	if (rename(made, repaired) < 0) {
		err_set(e, "%s: it cannot be given its new content: %s", path, strerror(errno));
		unlink_all(f->aside);
		return -1;
	}
	if (state_dir_sync(path) < 0)
		return err_set(e, "%s was repaired, but %s cannot take its place: %s", path,
			       repaired, strerror(errno));
	return vault_file_settle(path, e);
}

int vault_repair(const char *path, const uint8_t key[static VAULT_KEY_SIZE],
		 const struct vault_watcher *watcher, struct vault_found *found, struct err *e)
{
	char made[PATH_MAX];
	struct old o;
	int rc;

	if (snprintf(made, sizeof(made), "%s.new", path) >= (int)sizeof(made))
		return err_set(e, "%s: the path is too long", path);
	rc = old_open(&o, path, key, e);
	o.watcher = watcher;
	if (rc == 0)
		rc = walk(&o, found, NULL, NULL, e);
	if (rc || found->sound)
		goto out;
	unlink_all(made); /* of an attempt that did not end */
	rc = make_new(&o, made, key, found, e);
	if (rc == 0)
		rc = exchange_files(path, made, found, e);
	if (rc)
		unlink_all(made);
out:
	old_close(&o);
	return rc;
}
