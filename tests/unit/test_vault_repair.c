/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read of a damaged vault is kept, and no number is ever used again. */
#include "tempdir.h"
#include "../../user/daemon/vault_repair.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Behind the C library's headers, which have a part of it themselves. */
#include <linux/ptrace.h>

#define DB "vault.db"
#define VALUES 400

static const uint8_t key[VAULT_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[VAULT_KEY_SIZE] = "another key, also of 32 bytes..";
static struct vault_found found;
static struct err e;

static uint32_t reserve(struct vault *v, const char *scope, const char *text)
{
	struct vault_scope *s = vault_scope(v, scope, &e);
	struct vault_entry entry = {TYPE_LITERAL, 0, (const uint8_t *)text, strlen(text)};

	cr_assert_not_null(s, "%s", e.text);
	cr_assert_eq(s->ops->reserve(s, &entry, 1), 0, "%s", vault_last_error(v));
	return entry.number;
}

static const char *value(unsigned n)
{
	static char text[64];

	snprintf(text, sizeof(text), "the value with the number %u", n);
	return text;
}

/* VALUES of one scope, with their own numbers, and one of another. */
static void fill(void)
{
	struct vault_entry entries[VALUES];
	static char texts[VALUES][64];
	struct vault *v;
	struct vault_scope *s;

	tempdir_make();
	v = vault_open(in_tempdir(DB), key, &e);
	cr_assert_not_null(v, "%s", e.text);
	s = vault_scope(v, "uid:1", &e);
	for (unsigned n = 0; n < VALUES; n++) {
		strcpy(texts[n], value(n + 1));
		entries[n] = (struct vault_entry){TYPE_LITERAL, 0, (uint8_t *)texts[n],
						  strlen(texts[n])};
	}
	cr_assert_eq(s->ops->reserve(s, entries, VALUES), 0);
	cr_assert_eq(reserve(v, "uid:2", "of another scope"), 1);
	vault_close(v);
}

TestSuite(vault_repair, .init = fill, .fini = tempdir_remove, .timeout = 60);

static void with_sqlite(const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(in_tempdir(DB), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void overwrite(off_t at, size_t len)
{
	static uint8_t junk[8 * 4096];
	int fd = open(in_tempdir(DB), O_WRONLY);

	memset(junk, 0xa5, sizeof(junk));
	cr_assert_eq(pwrite(fd, junk, len, at), (ssize_t)len);
	close(fd);
}

static bool exists(const char *name)
{
	return access(in_tempdir(name), F_OK) == 0;
}

/* Repair it. What was saved has the numbers that it had; new ones are above all that were used. */
static void repair(size_t least, size_t most)
{
	struct vault *v;
	struct vault_scope *s;
	uint32_t number;
	size_t kept = 0;

	cr_assert_eq(vault_check(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_assert_not(found.sound);
	cr_assert_not(exists(DB ".damaged-1"), "looking changes nothing");
	cr_assert_eq(vault_repair(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect_geq(found.mappings, least, "%zu", found.mappings);
	cr_expect_leq(found.mappings, most, "%zu", found.mappings);
	cr_expect_geq(found.floor, (uint32_t)VALUES);
	cr_expect(exists(DB ".damaged-1"));
	cr_expect_not(exists(DB ".new"));
	v = vault_open(in_tempdir(DB), key, &e);
	cr_assert_not_null(v, "%s", e.text);
	s = vault_scope(v, "uid:1", &e);
	cr_assert_not_null(s, "%s", e.text);
	for (unsigned n = 1; n <= VALUES; n++) {
		if (!s->ops->number(s, TYPE_LITERAL, (const uint8_t *)value(n), strlen(value(n)),
				    &number))
			continue;
		cr_expect_eq(number, n);
		kept++;
	}
	cr_expect_geq(kept + 1, found.mappings);
	cr_expect_gt(reserve(v, "uid:1", "something new"), found.floor);
	cr_expect_gt(reserve(v, "uid:3", "in a scope that may have been lost"), found.floor);
	vault_close(v);
	cr_assert_eq(vault_check(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect(found.sound);
}

Test(vault_repair, a_sound_one_stays_as_it_is)
{
	struct stat before, after;

	cr_assert_eq(stat(in_tempdir(DB), &before), 0);
	cr_assert_eq(vault_check(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect(found.sound);
	cr_expect_eq(found.mappings, (size_t)VALUES + 1);
	cr_assert_eq(vault_repair(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect(found.sound && !*found.aside);
	cr_assert_eq(stat(in_tempdir(DB), &after), 0);
	cr_expect_eq(before.st_ino, after.st_ino);
	cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

Test(vault_repair, pages_that_are_overwritten_cost_what_they_held)
{
	struct vault *v;

	overwrite((off_t)4096 * 12, 3 * 4096);
	v = vault_open(in_tempdir(DB), key, &e);
	cr_expect_null(v);
	cr_expect(strstr(e.text, "awsmaskctl vault repair"), "%s", e.text);
	repair(VALUES / 2, VALUES);
	cr_expect_eq(found.lost, 0u);
}

Test(vault_repair, a_value_that_was_changed_is_dropped_alone)
{
	with_sqlite("UPDATE entry SET sealed = zeroblob(60) WHERE id = 7");
	repair(VALUES, VALUES);
}

Test(vault_repair, the_highest_number_is_lost_and_not_used_again)
{
	with_sqlite("DELETE FROM entry WHERE id = 400; UPDATE entry SET number = 1 WHERE id = 399 "
		    "AND 0;"
		    "UPDATE entry SET sealed = zeroblob(60) WHERE id = 401");
	repair(VALUES - 1, VALUES - 1);
}

Test(vault_repair, a_file_that_was_cut)
{
	struct stat st;

	cr_assert_eq(stat(in_tempdir(DB), &st), 0);
	cr_assert_eq(truncate(in_tempdir(DB), st.st_size / 2), 0);
	repair(VALUES / 8, VALUES);
}

Test(vault_repair, a_file_without_its_head)
{
	overwrite(0, 4096);
	repair(0, 0);
}

/* Wherever it is damaged: what is saved is right, and what is new has a number of its own. */
Test(vault_repair, damage_anywhere)
{
	static uint8_t whole[1 << 20];
	FILE *f = fopen(in_tempdir(DB), "r");
	size_t len = fread(whole, 1, sizeof(whole), f);
	uint32_t seed = 20310;
	unsigned saved = 0;

	fclose(f);
	cr_assert(len > 8 * 4096 && len < sizeof(whole));
	for (int round = 0; round < 40; round++) {
		put_file(in_tempdir(DB), whole, len);
		cr_assert_eq(chmod(in_tempdir(DB), 0600), 0);
		for (int i = 0; i <= round % 4; i++) {
			seed = seed * 1664525 + 1013904223;
			overwrite((off_t)(seed % len), 1 + (seed >> 8) % 300);
		}
		cr_assert_eq(vault_check(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
		if (!found.sound)
			repair(0, VALUES + 1);
		saved += found.mappings > VALUES / 2;
		unlink(in_tempdir(DB ".damaged-1"));
	}
	cr_expect_gt(saved, 20u, "most of it mostly can be saved: %u", saved);
}

Test(vault_repair, a_second_time_counts_on)
{
	uint32_t floor;

	with_sqlite("UPDATE entry SET sealed = zeroblob(60) WHERE id = 7");
	cr_assert_eq(vault_repair(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	floor = found.floor;
	with_sqlite("UPDATE entry SET sealed = zeroblob(60) WHERE id = 8");
	cr_assert_eq(vault_repair(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect_gt(found.floor, floor);
	cr_expect(exists(DB ".damaged-1") && exists(DB ".damaged-2"));
}

Test(vault_repair, another_key_is_no_damage)
{
	cr_expect_eq(vault_repair(in_tempdir(DB), other_key, NULL, &found, &e), -1);
	cr_expect(strstr(e.text, "another key"), "%s", e.text);
	cr_expect_not(exists(DB ".damaged-1"));
	cr_expect_not(exists(DB ".new"));
	cr_assert_eq(vault_check(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect(found.sound);
}

Test(vault_repair, what_is_not_there_is_not_made)
{
	cr_expect_eq(vault_check(in_tempdir("no.db"), key, NULL, &found, &e), -1);
	cr_expect_eq(vault_repair(in_tempdir("no.db"), key, NULL, &found, &e), -1);
	cr_expect(strstr(e.text, "No such file"), "%s", e.text);
	cr_expect_not(exists("no.db"));
}

/* ---- killed at any moment */

static uint8_t db_image[1 << 20], wal_image[1 << 20];
static size_t db_len, wal_len;

static size_t take_file(const char *name, uint8_t *to, size_t max)
{
	FILE *f = fopen(in_tempdir(name), "r");
	size_t len = f ? fread(to, 1, max, f) : 0;

	cr_assert(len > 0 && len < max);
	fclose(f);
	return len;
}

/* A damaged file, with a value that stands only in its -wal. */
static void damage_beside_changes(void)
{
	struct vault *v = vault_open(in_tempdir(DB), key, &e);

	cr_assert_not_null(v, "%s", e.text);
	reserve(v, "uid:4", "only in the changes");
	db_len = take_file(DB, db_image, sizeof(db_image));
	wal_len = take_file(DB "-wal", wal_image, sizeof(wal_image));
	vault_close(v);
	memset(db_image + (size_t)4096 * 12, 0xa5, (size_t)3 * 4096);
}

static void put_damaged(void)
{
	static const char *const names[] = {DB "-shm",	     DB ".new",		  DB ".repaired",
					    DB ".damaged-1", DB ".damaged-1-wal", DB};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(in_tempdir(names[i]));
	put_file(in_tempdir(DB), db_image, db_len);
	put_file(in_tempdir(DB "-wal"), wal_image, wal_len);
	cr_assert_eq(chmod(in_tempdir(DB), 0600), 0);
}

static bool changes_names(const struct __ptrace_syscall_info *call)
{
	if (call->op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	switch (call->entry.nr) {
#ifdef SYS_rename
	case SYS_rename:
	case SYS_link:
	case SYS_unlink:
#endif
	case SYS_renameat2:
	case SYS_linkat:
	case SYS_unlinkat:
		return true;
	default:
		return false;
	}
}

/* A repair that is killed before its call number `at` that changes names. false: it has not as many, and ended. */
static bool killed_before(unsigned at)
{
	struct __ptrace_syscall_info call;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(vault_repair(in_tempdir(DB), key, NULL, &found, &e) ? 1 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSTOPPED(status));
	cr_assert_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD), 0);
	for (unsigned n = 0;;) {
		cr_assert_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			cr_assert_eq(WEXITSTATUS(status), 0, "the repair failed");
			return false;
		}
		cr_assert(WIFSTOPPED(status));
		cr_assert_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call), 0);
		if (changes_names(&call) && n++ == at)
			break;
	}
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return true;
}

/* As it stands after a kill: opened, or repaired once more. Returns how many were saved. */
static size_t saved_at_last(bool *again)
{
	struct vault *v = vault_open(in_tempdir(DB), key, &e);

	*again = !v;
	if (!v) {
		cr_assert(strstr(e.text, "awsmaskctl vault repair"), "%s", e.text);
		cr_assert_eq(vault_repair(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
		v = vault_open(in_tempdir(DB), key, &e);
	}
	cr_assert_not_null(v, "%s", e.text);
	cr_expect_eq(reserve(v, "uid:4", "only in the changes"), 1u);
	vault_close(v);
	cr_assert_eq(vault_check(in_tempdir(DB), key, NULL, &found, &e), 0, "%s", e.text);
	cr_expect(found.sound);
	return found.mappings;
}

Test(vault_repair, killed_at_any_moment_it_leaves_the_old_one_or_the_new_one)
{
	unsigned at = 0, before = 0, after = 0;
	size_t saved = 0, now;
	bool again;

	damage_beside_changes();
	for (bool killed = true; killed; at++) {
		put_damaged();
		killed = killed_before(at);
		now = saved_at_last(&again);
		before += again;
		after += killed && !again;
		cr_expect(!saved || now == saved, "killed before call %u: %zu, not %zu", at, now,
			  saved);
		saved = now;
		cr_expect(exists(DB ".damaged-1"));
		cr_expect_not(exists(DB ".damaged-2"));
		cr_expect_not(exists(DB ".repaired") || exists(DB ".new"));
	}
	cr_expect(before > 2 && after > 2, "%u and %u moments", before, after);
}
