/* SPDX-License-Identifier: Apache-2.0 */
#include "tempdir.h"
#include "../../user/daemon/vault_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DB "vault.db"
#define FIRST_TYPE TYPE_LITERAL
#define LAST_TYPE ((enum mask_type)(TYPE_COUNT - 1))

static const uint8_t key[VAULT_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[VAULT_KEY_SIZE] = "another key, also of 32 bytes..";
static struct err e;

TestSuite(vault, .init = tempdir_make, .fini = tempdir_remove, .timeout = 120);

static struct vault *open_vault(void)
{
	struct vault *v = vault_open(in_tempdir(DB), key, &e);

	cr_assert(v != NULL, "%s", e.text);
	return v;
}

static struct vault_scope *open_scope(struct vault *v, const char *name)
{
	struct vault_scope *s = vault_scope(v, name, &e);

	cr_assert(s != NULL, "%s", e.text);
	return s;
}

/* The value's number; 0 when it was refused. */
static uint32_t reserve_bytes(struct vault_scope *s, enum mask_type type, const void *value,
			      size_t len)
{
	struct vault_entry entry = {type, 0, value, len};

	return s->ops->reserve(s, &entry, 1) == 0 ? entry.number : 0;
}

static uint32_t reserve(struct vault_scope *s, const char *value)
{
	return reserve_bytes(s, FIRST_TYPE, value, strlen(value));
}

static uint32_t look_up(struct vault_scope *s, const char *value)
{
	uint32_t number;

	return s->ops->number(s, FIRST_TYPE, (const uint8_t *)value, strlen(value), &number) == 1
		       ? number
		       : 0;
}

static bool holds(struct vault_scope *s, enum mask_type type, uint32_t number, const void *value,
		  size_t len)
{
	const uint8_t *found;
	size_t found_len;

	return s->ops->value(s, type, number, &found, &found_len) == 1 && found_len == len &&
	       !memcmp(found, value, len);
}

static bool holds_text(struct vault_scope *s, uint32_t number, const char *value)
{
	return holds(s, FIRST_TYPE, number, value, strlen(value));
}

/* Change the file behind the vault's back. */
static void with_sqlite(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	cr_assert_eq(sqlite3_open(in_tempdir(DB), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &why), SQLITE_OK, "%s", why);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

static bool file_contains(const char *path, const char *text)
{
	FILE *f = fopen(path, "r");
	static char bytes[1 << 20];
	size_t n;

	if (!f)
		return false;
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return memmem(bytes, n, text, strlen(text)) != NULL;
}

Test(vault, numbers_begin_at_one_and_repeat_for_the_same_value)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "uid:1000");

	cr_assert_eq(look_up(s, "i-0aa11bb22cc33dd44"), 0);
	cr_assert_eq(reserve(s, "i-0aa11bb22cc33dd44"), 1);
	cr_assert_eq(reserve(s, "i-0ee55ff6677889900"), 2);
	cr_assert_eq(reserve(s, "i-0aa11bb22cc33dd44"), 1);
	cr_assert_eq(look_up(s, "i-0ee55ff6677889900"), 2);
	cr_assert(holds_text(s, 1, "i-0aa11bb22cc33dd44"));
	cr_assert(!holds_text(s, 3, "i-0aa11bb22cc33dd44"));
	cr_assert(!holds_text(s, 0, ""));
	cr_assert(!holds_text(s, PLACEHOLDER_NUMBER_MAX, ""));
	cr_assert(!holds_text(s, UINT32_MAX, ""));
	vault_close(v);
}

Test(vault, types_count_for_themselves)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");
	struct type_set types;

	s->ops->types(s, &types);
	for (int t = 0; t < TYPE_COUNT; t++)
		cr_assert(!type_set_has(&types, (enum mask_type)t));
	for (int t = 0; t < TYPE_COUNT; t++)
		cr_assert_eq(reserve_bytes(s, (enum mask_type)t, "471100112233", 12), 1);
	cr_assert(holds(s, LAST_TYPE, 1, "471100112233", 12));
	s->ops->types(s, &types);
	for (int t = 0; t < TYPE_COUNT; t++)
		cr_assert(type_set_has(&types, (enum mask_type)t));
	vault_close(v);
}

Test(vault, one_reservation_numbers_many_and_repeated_values)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");
	char values[300][24];
	struct vault_entry entries[300];

	for (int i = 0; i < 300; i++) {
		snprintf(values[i], sizeof(values[i]), "vpc-%08x", i % 100);
		entries[i] = (struct vault_entry){FIRST_TYPE, 0, (uint8_t *)values[i],
						  strlen(values[i])};
	}
	cr_assert_eq(s->ops->reserve(s, entries, 300), 0);
	for (uint32_t i = 0; i < 300; i++)
		cr_assert_eq(entries[i].number, i % 100 + 1);
	cr_assert_eq(s->ops->reserve(s, entries, 0), 0);
	cr_assert_eq(reserve(s, "vpc-next"), 101);
	vault_close(v);
}

Test(vault, survives_a_restart_and_counts_on)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "uid:7");
	struct type_set types;

	cr_assert_eq(reserve(s, "subnet-0123"), 1);
	cr_assert_eq(reserve(s, "subnet-4567"), 2);
	vault_close(v);
	v = open_vault();
	s = open_scope(v, "uid:7");
	cr_assert_eq(look_up(s, "subnet-4567"), 2);
	cr_assert(holds_text(s, 1, "subnet-0123"));
	s->ops->types(s, &types);
	cr_assert(type_set_has(&types, FIRST_TYPE));
	cr_assert_eq(reserve(s, "subnet-89ab"), 3);
	vault_close(v);
}

static uint32_t reserve_of(struct vault_scope *s, enum mask_type type, const char *text)
{
	struct vault_entry entry = {type, 0, (const uint8_t *)text, strlen(text)};

	cr_assert_eq(s->ops->reserve(s, &entry, 1), 0);
	return entry.number;
}

static bool holds_of(struct vault_scope *s, enum mask_type type, uint32_t number, const char *text)
{
	const uint8_t *value;
	size_t len;

	return s->ops->value(s, type, number, &value, &len) == 1 && len == strlen(text) &&
	       !memcmp(value, text, len);
}

/* Numbers of own types hold for one process; their labels for ever. */
Test(vault, own_types_keep_their_numbers_and_survive_their_configuration)
{
	struct types *types = types_new();
	struct vault *v = open_vault();
	enum mask_type ticket, other;
	struct vault_scope *s;
	char why[256];

	cr_assert_eq(types_add(types, "TICKET", &ticket, why, sizeof(why)), 0);
	cr_assert_eq(vault_types(v, types, &e), 0, "%s", e.text);
	s = open_scope(v, "uid:7");
	cr_assert_eq(reserve_of(s, ticket, "TICK-1"), 1);
	cr_assert_eq(reserve_of(s, ticket, "TICK-2"), 2);
	vault_close(v);
	types_free(types);

	/* Another one stands before it. */
	types = types_new();
	cr_assert_eq(types_add(types, "NICK", &other, why, sizeof(why)), 0);
	cr_assert_eq(types_add(types, "TICKET", &ticket, why, sizeof(why)), 0);
	v = open_vault();
	cr_assert_eq(vault_types(v, types, &e), 0, "%s", e.text);
	s = open_scope(v, "uid:7");
	cr_expect_eq(reserve_of(s, ticket, "TICK-2"), 2);
	cr_expect_eq(reserve_of(s, ticket, "TICK-3"), 3);
	cr_expect_eq(reserve_of(s, other, "TICK-2"), 1);
	vault_close(v);
	types_free(types);

	/* Neither is configured any more; and then one that cannot stand beside it. */
	types = types_new();
	v = open_vault();
	cr_assert_eq(vault_types(v, types, &e), 0, "%s", e.text);
	cr_assert_eq(types->own_count, 2u);
	s = open_scope(v, "uid:7");
	cr_expect(holds_of(s, types_find(types, "TICKET", 6), 3, "TICK-3"));
	cr_expect(holds_of(s, types_find(types, "NICK", 4), 1, "TICK-2"));
	vault_close(v);
	types_free(types);
	types = types_new();
	cr_assert_eq(types_add(types, "MY_TICKET", &ticket, why, sizeof(why)), 0);
	v = open_vault();
	cr_assert_eq(vault_types(v, types, &e), 0, "%s", e.text);
	cr_expect_eq(types_find(types, "TICKET", 6), TYPE_NONE);
	s = open_scope(v, "uid:7");
	cr_expect(!holds_of(s, ticket, 1, "TICK-1"));
	vault_close(v);
	types_free(types);
}

Test(vault, scopes_know_nothing_of_each_other)
{
	struct vault *v = open_vault();
	struct vault_scope *a = open_scope(v, "uid:1"), *b = open_scope(v, "uid:2");

	cr_assert_eq(reserve(a, "sg-0a0a0a0a"), 1);
	cr_assert_eq(look_up(b, "sg-0a0a0a0a"), 0);
	cr_assert(!holds_text(b, 1, "sg-0a0a0a0a"));
	cr_assert_eq(reserve(b, "sg-0b0b0b0b"), 1);
	cr_assert(holds_text(a, 1, "sg-0a0a0a0a"));
	cr_assert_eq(open_scope(v, "uid:1"), a);
	cr_assert_eq(open_scope(v, "uid:2"), b);
	cr_assert_neq(open_scope(v, "uid:22"), b);
	vault_close(v);
}

Test(vault, takes_any_bytes)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");
	size_t big_len = 1 << 20;
	uint8_t *big = malloc(big_len);

	for (size_t i = 0; i < big_len; i++)
		big[i] = (uint8_t)(i * 131 >> 3);
	for (int round = 0; round < 2; round++) {
		cr_assert_eq(reserve_bytes(s, FIRST_TYPE, "a\0b", 3), 1);
		cr_assert_eq(reserve_bytes(s, FIRST_TYPE, "a\0c", 3), 2);
		cr_assert_eq(reserve_bytes(s, FIRST_TYPE, "a", 1), 3);
		cr_assert_eq(reserve_bytes(s, FIRST_TYPE, "", 0), 4);
		cr_assert_eq(reserve_bytes(s, FIRST_TYPE, big, big_len), 5);
		cr_assert(holds(s, FIRST_TYPE, 1, "a\0b", 3));
		cr_assert(holds(s, FIRST_TYPE, 4, "", 0));
		cr_assert(holds(s, FIRST_TYPE, 5, big, big_len));
		vault_close(v);
		v = open_vault();
		s = open_scope(v, "host");
	}
	vault_close(v);
	free(big);
}

Test(vault, refuses_an_absurd_value_whole)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");
	size_t len = (size_t)17 << 20;
	uint8_t *huge = calloc(1, len);
	struct vault_entry entries[] = {{FIRST_TYPE, 0, (const uint8_t *)"small", 5},
					{FIRST_TYPE, 0, huge, len}};

	cr_assert_eq(s->ops->reserve(s, entries, 2), -1);
	cr_assert(strstr(vault_last_error(v), "too long"));
	cr_assert_eq(look_up(s, "small"), 0);
	cr_assert_eq(reserve(s, "after"), 1);
	free(huge);
	vault_close(v);
}

Test(vault, values_stay_where_they_are)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");
	const uint8_t *first, *later;
	size_t len;
	char value[32];

	cr_assert_eq(reserve(s, "i-first"), 1);
	cr_assert_eq(s->ops->value(s, FIRST_TYPE, 1, &first, &len), 1);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(value, sizeof(value), "i-%u", i);
		cr_assert_eq(reserve(s, value), i + 2);
	}
	cr_assert_eq(s->ops->value(s, FIRST_TYPE, 1, &later, &len), 1);
	cr_assert_eq(first, later);
	cr_assert_arr_eq(first, "i-first", 7);
	vault_close(v);
}

Test(vault, the_file_shows_neither_values_nor_scopes)
{
	struct vault *v = open_vault();
	struct stat st;

	cr_assert_eq(reserve(open_scope(v, "uid:31337"), "arn-of-something-dear"), 1);
	cr_assert_eq(stat(in_tempdir(DB), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(stat(in_tempdir(DB "-wal"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	for (int i = 0; i < 2; i++) {
		const char *path = in_tempdir(i ? DB : DB "-wal");
		cr_assert(file_contains(path, "LITERAL")); /* the search does find things */
		cr_assert(!file_contains(path, "something-dear"));
		cr_assert(!file_contains(path, "31337"));
		if (i == 0)
			vault_close(v);
	}
}

/* awsmaskctl runs as root and may be first; the worker that owns the directory comes later. */
Test(vault, a_new_file_belongs_to_its_directory)
{
	uid_t owner = geteuid() == 0 ? 61234 : geteuid();
	struct vault *v;
	struct stat st;

	cr_assert_eq(chown(tempdir, owner, (gid_t)-1), 0);
	v = open_vault();
	reserve(open_scope(v, "host"), "value");
	cr_assert_eq(stat(in_tempdir(DB), &st), 0);
	cr_assert_eq(st.st_uid, owner);
	cr_assert_eq(stat(in_tempdir(DB "-wal"), &st), 0);
	cr_assert_eq(st.st_uid, owner);
	vault_close(v);
}

Test(vault, the_same_value_looks_different_in_each_row)
{
	struct vault *v = open_vault();
	sqlite3 *db;
	sqlite3_stmt *st;

	reserve(open_scope(v, "uid:1"), "same");
	reserve(open_scope(v, "uid:2"), "same");
	reserve_bytes(open_scope(v, "uid:2"), LAST_TYPE, "same", 4);
	vault_close(v);
	cr_assert_eq(sqlite3_open(in_tempdir(DB), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db,
					"SELECT count(*) = count(DISTINCT hash) AND "
					"count(*) = count(DISTINCT sealed) FROM entry",
					-1, &st, NULL),
		     SQLITE_OK);
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
	cr_assert_eq(sqlite3_column_int(st, 0), 1);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

Test(vault, refuses_another_key)
{
	struct vault *v = open_vault();

	reserve(open_scope(v, "host"), "value");
	vault_close(v);
	cr_assert_null(vault_open(in_tempdir(DB), other_key, &e));
	cr_assert(strstr(e.text, "another key"), "%s", e.text);
	v = open_vault();
	cr_assert_eq(look_up(open_scope(v, "host"), "value"), 1);
	vault_close(v);
}

Test(vault, refuses_a_newer_schema)
{
	vault_close(open_vault());
	with_sqlite("PRAGMA user_version = 3");
	cr_assert_null(vault_open(in_tempdir(DB), key, &e));
	cr_assert(strstr(e.text, "newer awsmask"), "%s", e.text);
}

Test(vault, takes_an_older_schema)
{
	struct vault *v = open_vault();

	cr_assert_eq(reserve(open_scope(v, "host"), "value one"), 1);
	vault_close(v);
	with_sqlite("DROP TABLE floor; PRAGMA user_version = 1");
	v = open_vault();
	cr_assert_eq(look_up(open_scope(v, "host"), "value one"), 1);
	cr_assert_eq(reserve(open_scope(v, "host"), "value two"), 2);
	vault_close(v);
}

Test(vault, refuses_anothers_database)
{
	with_sqlite("CREATE TABLE recipes (name TEXT)");
	cr_assert_eq(chmod(in_tempdir(DB), 0600), 0);
	cr_assert_null(vault_open(in_tempdir(DB), key, &e));
	cr_assert(strstr(e.text, "another program's"), "%s", e.text);
}

Test(vault, refuses_what_others_may_read)
{
	vault_close(open_vault());
	cr_assert_eq(chmod(in_tempdir(DB), 0640), 0);
	cr_assert_null(vault_open(in_tempdir(DB), key, &e));
	cr_assert(strstr(e.text, "chmod 600"), "%s", e.text);
}

Test(vault, refuses_what_is_no_file_it_could_use)
{
	cr_assert_null(vault_open(in_tempdir("no/such/directory"), key, &e));
	cr_assert(strstr(e.text, "No such file"), "%s", e.text);
	cr_assert_null(vault_open(tempdir, key, &e));
	cr_assert(strstr(e.text, "regular file"), "%s", e.text);
	vault_close(open_vault());
	cr_assert_eq(symlink(in_tempdir(DB), in_tempdir("link")), 0);
	cr_assert_null(vault_open(in_tempdir("link"), key, &e));
	cr_assert(strstr(e.text, "regular file"), "%s", e.text);
	put_file(in_tempdir("text"), "mode: enforce, and more than a header's worth of words\n",
		 55);
	cr_assert_eq(chmod(in_tempdir("text"), 0600), 0);
	cr_assert_null(vault_open(in_tempdir("text"), key, &e));
	cr_assert(strstr(e.text, "damaged"), "%s", e.text);
}

/* Rows changed behind the seal are noticed, whatever SQLite thinks of them. */
static void tampered(const char *sql)
{
	struct vault *v = open_vault();

	reserve(open_scope(v, "host"), "value one");
	reserve(open_scope(v, "host"), "value two");
	vault_close(v);
	with_sqlite(sql);
	v = open_vault();
	cr_assert_null(vault_scope(v, "host", &e), "%s", sql);
	cr_assert(strstr(e.text, "damaged"), "%s", e.text);
	cr_assert(!strstr(e.text, "value one") && !strstr(e.text, "value two"));
	vault_close(v);
}

Test(vault, notices_a_changed_number)
{
	tampered("UPDATE entry SET number = 77 WHERE number = 2");
}

Test(vault, notices_swapped_values)
{
	tampered("UPDATE entry SET sealed = (SELECT sealed FROM entry WHERE number = 2) "
		 "WHERE number = 1");
}

Test(vault, notices_a_cut_value)
{
	tampered("UPDATE entry SET sealed = x'00' WHERE number = 1");
}

Test(vault, notices_an_emptied_value)
{
	tampered("UPDATE entry SET sealed = x'' WHERE number = 1");
}

Test(vault, notices_an_impossible_number)
{
	tampered("UPDATE entry SET number = -1 WHERE number = 1");
}

Test(vault, notices_a_row_of_another_scope)
{
	struct vault *v = open_vault();

	reserve(open_scope(v, "uid:1"), "of one");
	reserve(open_scope(v, "uid:2"), "of two");
	reserve(open_scope(v, "uid:2"), "of two, too");
	vault_close(v);
	with_sqlite("UPDATE entry SET scope = (SELECT scope FROM entry WHERE id = 1) WHERE id = 3");
	v = open_vault();
	cr_assert_null(vault_scope(v, "uid:1", &e));
	vault_close(v);
}

Test(vault, rows_of_an_unknown_type_rest)
{
	struct vault *v = open_vault();
	struct vault_scope *s;

	reserve(open_scope(v, "host"), "value one");
	vault_close(v);
	with_sqlite("INSERT INTO entry (scope, label, number, hash, sealed) "
		    "SELECT scope, 'OF_A_LATER_VERSION', 1, x'00', x'00' FROM entry");
	v = open_vault();
	s = open_scope(v, "host");
	cr_assert_eq(look_up(s, "value one"), 1);
	cr_assert_eq(reserve(s, "value two"), 2);
	vault_close(v);
}

/* Whatever bytes are flipped: refused with a sentence, or whole. Never a crash, never a wrong
 * value. */
Test(vault, flipped_bytes_never_give_wrong_values)
{
	struct vault *v = open_vault();
	static char bytes[1 << 18];
	char value[64];
	size_t len;
	FILE *f;

	for (unsigned i = 1; i <= 200; i++) {
		snprintf(value, sizeof(value), "value %u with some length to it", i);
		reserve(open_scope(v, "host"), value);
	}
	vault_close(v);
	f = fopen(in_tempdir(DB), "r");
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	srand(4);
	for (int round = 0; round < 60; round++) {
		size_t at = (size_t)rand() % len;
		for (size_t i = at; i < at + 8 && i < len; i++)
			bytes[i] ^= 0x55;
		unlink(in_tempdir(DB "-wal"));
		unlink(in_tempdir(DB "-shm"));
		put_file(in_tempdir(DB), bytes, len);
		for (size_t i = at; i < at + 8 && i < len; i++)
			bytes[i] ^= 0x55;
		e.text[0] = 0;
		v = vault_open(in_tempdir(DB), key, &e);
		struct vault_scope *s = v ? vault_scope(v, "host", &e) : NULL;
		cr_assert(s || e.text[0]);
		for (uint32_t i = 1; s && i <= 200; i++) {
			const uint8_t *found;
			size_t found_len;
			snprintf(value, sizeof(value), "value %u with some length to it", i);
			if (s->ops->value(s, FIRST_TYPE, i, &found, &found_len))
				cr_assert(holds_text(s, i, value));
		}
		if (s)
			reserve(s, "one more");
		vault_close(v);
	}
}

Test(vault, two_openers_never_collide)
{
	struct vault *v = open_vault(), *w = open_vault();
	struct vault_scope *a = open_scope(v, "host"), *b = open_scope(w, "host");

	cr_assert_eq(reserve(a, "one"), 1);
	cr_assert_eq(reserve(b, "two"), 2);
	cr_assert_eq(reserve(b, "one"), 1);
	cr_assert_eq(reserve(a, "three"), 3);
	cr_assert_eq(look_up(a, "two"), 2); /* came in with the third */
	cr_assert(holds_text(a, 2, "two"));
	cr_assert_eq(reserve(b, "three"), 3);
	vault_close(v);
	cr_assert_eq(reserve(b, "four"), 4);
	vault_close(w);
}

Test(vault, a_locked_file_refuses_and_recovers)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(in_tempdir(DB), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(reserve(s, "value"), 0);
	cr_assert(strstr(vault_last_error(v), "locked"), "%s", vault_last_error(v));
	cr_assert_eq(look_up(s, "value"), 0);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	cr_assert_eq(reserve(s, "value"), 1);
	sqlite3_close(db);
	vault_close(v);
}

Test(vault, a_file_taken_away_is_noticed)
{
	struct vault *v = open_vault();
	struct vault_scope *s = open_scope(v, "host");

	cr_assert_eq(reserve(s, "kept"), 1);
	cr_assert_eq(unlink(in_tempdir(DB)), 0);
	cr_assert_eq(reserve(s, "lost"), 0);
	cr_assert(strstr(vault_last_error(v), "removed"), "%s", vault_last_error(v));
	cr_assert_eq(look_up(s, "lost"), 0);
	cr_assert_eq(reserve(s, "kept"), 1); /* what is durable is still served */
	vault_close(v);
}

Test(vault, a_full_disk_refuses_and_recovers)
{
	struct vault_scope *s;
	struct vault *v;
	char value[2000];
	uint32_t last = 0, n;
	int fd;

	tempdir_small_disk("size=400k,mode=700");
	fd = open(in_tempdir("disk/ballast"), O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(posix_fallocate(fd, 0, 100 << 10), 0);
	v = vault_open(in_tempdir("disk/" DB), key, &e);
	cr_assert(v != NULL, "%s", e.text);
	s = open_scope(v, "host");
	memset(value, 'x', sizeof(value));
	for (uint32_t i = 1; i < 1000; i++) {
		memcpy(value, &i, sizeof(i));
		n = reserve_bytes(s, FIRST_TYPE, value, sizeof(value));
		if (!n)
			break;
		cr_assert_eq(n, i);
		last = i;
	}
	cr_assert_gt(last, 5);
	cr_assert_lt(last, 999);
	cr_assert(strstr(vault_last_error(v), "full"), "%s", vault_last_error(v));
	cr_assert_eq(s->ops->number(s, FIRST_TYPE, (uint8_t *)value, sizeof(value), &n), 0);
	for (uint32_t i = 1; i <= last; i++) {
		memcpy(value, &i, sizeof(i));
		cr_assert_eq(reserve_bytes(s, FIRST_TYPE, value, sizeof(value)), i);
	}
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(reserve(s, "room again"), last + 1);
	close(fd);
	vault_close(v);
	v = vault_open(in_tempdir("disk/" DB), key, &e);
	cr_assert(v != NULL, "%s", e.text);
	s = open_scope(v, "host");
	cr_assert_eq(look_up(s, "room again"), last + 1);
	vault_close(v);
	umount2(in_tempdir("disk"), MNT_DETACH);
}

#define THREADS 8
#define VALUES 120

struct worker {
	struct vault *vault;
	unsigned id;
	uint32_t numbers[VALUES];
	const char *wrong;
};

static void shared_value(char text[static 32], unsigned i)
{
	snprintf(text, 32, "eni-%08x", i * 2654435761u);
}

/* Each thread walks the same values from another place, in pieces, looking up in between. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct err why;
	struct vault_scope *s = vault_scope(w->vault, "host", &why);
	char texts[3][32];
	struct type_set types;

	for (unsigned k = 0; s && k < VALUES; k += 3) {
		struct vault_entry entries[3];
		unsigned at[3];
		for (unsigned j = 0; j < 3; j++) {
			at[j] = (k + j + w->id * (VALUES / THREADS)) % VALUES;
			shared_value(texts[j], at[j]);
			entries[j] = (struct vault_entry){FIRST_TYPE, 0, (uint8_t *)texts[j],
							  strlen(texts[j])};
		}
		if (s->ops->reserve(s, entries, 3))
			w->wrong = "refused";
		for (unsigned j = 0; j < 3; j++) {
			w->numbers[at[j]] = entries[j].number;
			if (!holds_text(s, entries[j].number, texts[j]) ||
			    look_up(s, texts[j]) != entries[j].number)
				w->wrong = "not found again";
		}
		s->ops->types(s, &types);
	}
	if (!s)
		w->wrong = "no scope";
	return NULL;
}

Test(vault, threads_agree_on_every_number)
{
	static struct worker workers[THREADS];
	pthread_t threads[THREADS];
	bool used[VALUES + 1] = {false};
	struct vault *v = open_vault();
	struct vault_stats st;

	for (unsigned t = 0; t < THREADS; t++) {
		workers[t] = (struct worker){.vault = v, .id = t};
		cr_assert_eq(pthread_create(&threads[t], NULL, work, &workers[t]), 0);
	}
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (unsigned t = 0; t < THREADS; t++)
		cr_assert_null(workers[t].wrong, "%s", workers[t].wrong);
	for (unsigned i = 0; i < VALUES; i++) {
		uint32_t n = workers[0].numbers[i];
		cr_assert(n >= 1 && n <= VALUES && !used[n]);
		used[n] = true;
		for (unsigned t = 1; t < THREADS; t++)
			cr_assert_eq(workers[t].numbers[i], n);
	}
	vault_stats(v, &st);
	cr_assert_eq(st.scopes, 1);
	cr_assert_eq(st.entries, VALUES);
	cr_assert_gt(st.bytes, 4096);
	vault_close(v);
}

/* Two processes at once, each with all values in an order of its own. */
static int reserve_all(unsigned step, int fd)
{
	struct err why;
	struct vault *v = vault_open(in_tempdir(DB), key, &why);
	struct vault_scope *s = v ? vault_scope(v, "host", &why) : NULL;
	uint32_t numbers[VALUES] = {0};
	char text[32];

	for (unsigned k = 0; s && k < VALUES; k++) {
		unsigned i = k * step % VALUES;
		shared_value(text, i);
		numbers[i] = reserve(s, text);
	}
	vault_close(v);
	return write(fd, numbers, sizeof(numbers)) == sizeof(numbers) ? 0 : 1;
}

Test(vault, processes_agree_on_every_number)
{
	uint32_t numbers[3][VALUES];
	static const unsigned steps[3] = {1, 7, 119};
	bool used[VALUES + 1] = {false};
	int pipes[3][2], status;

	for (int p = 0; p < 3; p++) {
		cr_assert_eq(pipe(pipes[p]), 0);
		if (fork() == 0)
			_exit(reserve_all(steps[p], pipes[p][1]));
	}
	for (int p = 0; p < 3; p++) {
		cr_assert_eq(read(pipes[p][0], numbers[p], sizeof(numbers[p])), sizeof(numbers[p]));
		cr_assert_arr_eq(numbers[p], numbers[0], sizeof(numbers[0]));
	}
	while (wait(&status) > 0)
		cr_assert_eq(status, 0);
	for (int i = 0; i < VALUES; i++) {
		cr_assert(numbers[0][i] >= 1 && numbers[0][i] <= VALUES && !used[numbers[0][i]]);
		used[numbers[0][i]] = true;
	}
}

/* Reserve for ever; tell each committed number. */
static void reserve_and_tell(unsigned round, int fd)
{
	struct err why;
	struct vault *v = vault_open(in_tempdir(DB), key, &why);
	struct vault_scope *s = v ? vault_scope(v, "host", &why) : NULL;
	uint32_t told[2];
	char text[32];

	for (uint32_t i = 0; s; i++) {
		snprintf(text, sizeof(text), "round %u value %u", round, i);
		told[0] = i;
		told[1] = reserve(s, text);
		if (!told[1] || write(fd, told, sizeof(told)) != sizeof(told))
			break;
	}
	_exit(1);
}

static void was_kept(struct vault_scope *s, unsigned round, const uint32_t told[static 2])
{
	char text[32];

	snprintf(text, sizeof(text), "round %u value %u", round, told[0]);
	cr_assert_eq(look_up(s, text), told[1]);
	cr_assert(holds_text(s, told[1], text));
}

#define HEARD_MAX 8

/* Killed some time after it has told so much: any moment will do, and it is killed at many. */
static unsigned kill_once(unsigned round, unsigned heard, unsigned after_us)
{
	uint32_t told[HEARD_MAX + 1][2];
	struct vault_scope *scope;
	unsigned count = heard;
	struct vault *v;
	int fds[2], status;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		reserve_and_tell(round, fds[1]);
	close(fds[1]);
	for (unsigned i = 0; i < heard; i++)
		cr_assert_eq(read(fds[0], told[i], sizeof(told[i])), sizeof(told[i]));
	usleep(after_us);
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	v = open_vault();
	scope = open_scope(v, "host");
	for (unsigned i = 0; i < heard; i++)
		was_kept(scope, round, told[i]);
	for (; read(fds[0], told[heard], sizeof(told[0])) == sizeof(told[0]); count++)
		was_kept(scope, round, told[heard]);
	close(fds[0]);
	vault_close(v);
	return count;
}

/* Two vaults on one file are to each other as two processes. */
Test(vault, opening_a_scope_again_learns_what_others_wrote)
{
	struct vault *one = open_vault(), *two = open_vault();
	struct vault_scope *here = open_scope(one, "uid:1"), *there = open_scope(two, "uid:1");
	uint32_t number = reserve(there, "i-0a1b2c3d");
	const uint8_t *value;
	size_t len;

	cr_assert_neq(number, 0);
	cr_expect_eq(here->ops->value(here, FIRST_TYPE, number, &value, &len), 0);
	cr_expect_eq(open_scope(one, "uid:1"), here);
	cr_assert_eq(here->ops->value(here, FIRST_TYPE, number, &value, &len), 1);
	cr_expect_eq(len, strlen("i-0a1b2c3d"));
	cr_expect_arr_eq(value, "i-0a1b2c3d", len);
	cr_expect_eq(look_up(here, "i-0a1b2c3d"), number);
	/* and it does not disturb what is its own */
	cr_expect_eq(reserve(here, "i-0a1b2c3e"), number + 1);
	cr_expect_eq(reserve(there, "i-0a1b2c3e"), number + 1);
	vault_close(one);
	vault_close(two);
}

Test(vault, a_killed_writer_loses_nothing_it_told)
{
	unsigned told = 0;

	srand(11);
	for (unsigned round = 0; round < 20; round++) /* each second one while it opens, perhaps */
		told += kill_once(round, round % 2 * (1 + (unsigned)rand() % HEARD_MAX),
				  (unsigned)rand() % 40000);
	cr_assert_gt(told, 20);
}

Test(vault, the_key_is_made_once)
{
	uint8_t a[VAULT_KEY_SIZE] = {0}, b[VAULT_KEY_SIZE] = {0};
	const uint8_t zero[VAULT_KEY_SIZE] = {0};
	struct stat st;

	cr_assert_eq(vault_key_load(in_tempdir("key"), a, &e), 0, "%s", e.text);
	cr_assert_eq(vault_key_load(in_tempdir("key"), b, &e), 0, "%s", e.text);
	cr_assert_arr_eq(a, b, sizeof(a));
	cr_assert_arr_neq(a, zero, sizeof(a));
	cr_assert_eq(stat(in_tempdir("key"), &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(st.st_nlink, 1); /* the temporary name is gone */
	cr_assert_eq(vault_key_load(in_tempdir("key2"), b, &e), 0, "%s", e.text);
	cr_assert_arr_neq(a, b, sizeof(a));
}

Test(vault, a_bad_key_file_is_refused)
{
	uint8_t k[VAULT_KEY_SIZE] = "untouched";

	put_file(in_tempdir("short"), "0123456789", 10);
	chmod(in_tempdir("short"), 0600);
	cr_assert_eq(vault_key_load(in_tempdir("short"), k, &e), -1);
	cr_assert(strstr(e.text, "10 bytes instead of 32"), "%s", e.text);
	put_file(in_tempdir("open"), "0123456789abcdef0123456789abcdef", 32);
	chmod(in_tempdir("open"), 0604);
	cr_assert_eq(vault_key_load(in_tempdir("open"), k, &e), -1);
	cr_assert(strstr(e.text, "chmod 600"), "%s", e.text);
	chmod(in_tempdir("open"), 0600);
	cr_assert_eq(symlink(in_tempdir("open"), in_tempdir("link")), 0);
	cr_assert_eq(vault_key_load(in_tempdir("link"), k, &e), -1);
	cr_assert_eq(vault_key_load(tempdir, k, &e), -1);
	cr_assert_eq(vault_key_load(in_tempdir("no/where"), k, &e), -1);
	cr_assert_str_eq((char *)k, "untouched");
	cr_assert_eq(vault_key_load(in_tempdir("open"), k, &e), 0);
}
