/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/report_db.h"
#include "tempdir.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define DAY 20000 /* 2024-10-04 */

static struct err e;

TestSuite(report_db, .init = tempdir_make, .fini = tempdir_remove, .timeout = 60);

static struct report_db *open_db(void)
{
	struct report_db *db = report_db_open(in_tempdir("r.db"), &e);

	cr_assert_not_null(db, "%s", e.text);
	return db;
}

static struct report_key key(int64_t day, const char *cgroup, const char *type, bool observe)
{
	return (struct report_key){.day = day,
				   .cgroup = cgroup,
				   .target = "t.example",
				   .type = type,
				   .observe = observe};
}

static void add(struct report_db *db, struct report_key k, uint64_t requests, uint64_t found)
{
	const struct report_sums s = {.requests = requests, .findings = 1, .found = found};

	cr_assert_eq(report_db_begin(db), 0, "%s", report_db_why(db));
	cr_assert_eq(report_db_add(db, &k, &s), 0, "%s", report_db_why(db));
	cr_assert_eq(report_db_commit(db), 0, "%s", report_db_why(db));
}

/* All rows as text, one after another. */
static int print_row(void *arg, const struct report_row *row)
{
	char *text = arg;

	for (int i = 0; i < REPORT_COLUMN_COUNT; i++)
		if (row->text[i])
			sprintf(text + strlen(text), "%s ", row->text[i]);
	sprintf(text + strlen(text), "%s %ld-%ld %lu/%lu;", row->observe ? "O" : "E",
		(long)row->first - DAY, (long)row->last - DAY, (unsigned long)row->sums.requests,
		(unsigned long)row->sums.found);
	return 0;
}

static void expect(struct report_db *db, unsigned by, int64_t since, const char *want)
{
	const struct report_query q = {.by = by, .since = since};
	char text[4096] = "";

	cr_assert_eq(report_db_each(db, &q, print_row, text), 0, "%s", report_db_why(db));
	cr_expect_str_eq(text, want, "%s", text);
}

#define BY(column) (1u << REPORT_BY_##column)

Test(report_db, sums_are_told_apart_by_what_is_asked)
{
	struct report_db *db = open_db();

	expect(db, 0, 0, "");
	add(db, key(DAY, "/a", "", true), 2, 5);
	add(db, key(DAY, "/a", "VPC", true), 1, 4);
	add(db, key(DAY, "/a", "SUBNET", true), 1, 1);
	add(db, key(DAY + 1, "/a", "", true), 3, 1);
	add(db, key(DAY + 1, "/a", "VPC", true), 1, 1);
	add(db, key(DAY + 1, "/b", "", false), 10, 7);
	add(db, key(DAY + 1, "/b", "VPC", false), 9, 7);
	add(db, key(DAY + 1, "/b", "", false), 1, 0);
	expect(db, 0, 0, "E 1-1 11/7;O 0-1 5/6;");
	expect(db, BY(TYPE), 0, "SUBNET O 0-0 1/1;VPC E 1-1 9/7;VPC O 0-1 2/5;");
	expect(db, BY(CGROUP), 0, "/a O 0-1 5/6;/b E 1-1 11/7;");
	expect(db, BY(DAY), 0, "2024-10-04 O 0-0 2/5;2024-10-05 E 1-1 11/7;2024-10-05 O 1-1 3/1;");
	expect(db, BY(TARGET), 0, "t.example E 1-1 11/7;t.example O 0-1 5/6;");
	expect(db, BY(DAY) | BY(TYPE), DAY + 1,
	       "2024-10-05 VPC E 1-1 9/7;2024-10-05 VPC O 1-1 1/1;");
	expect(db, 0, DAY + 2, "");
	report_db_close(db);
}

Test(report_db, opened_again_it_is_there_and_old_days_can_go)
{
	struct report_db *db = open_db();

	for (int i = 0; i < 5; i++)
		add(db, key(DAY + i, "/a", "", true), 1, 1);
	report_db_close(db);
	db = open_db();
	expect(db, 0, 0, "O 0-4 5/5;");
	cr_assert_eq(report_db_prune(db, DAY + 3), 0);
	expect(db, 0, 0, "O 3-4 2/2;");
	report_db_close(db);
	db = report_db_open_reading(in_tempdir("r.db"), &e);
	cr_assert_not_null(db, "%s", e.text);
	expect(db, 0, 0, "O 3-4 2/2;");
	cr_assert_eq(report_db_prune(db, DAY + 9), -1);
	report_db_close(db);
}

Test(report_db, what_is_rolled_back_was_not)
{
	struct report_key k = key(DAY, "/a", "", true);
	const struct report_sums s = {.requests = 1};
	struct report_db *db = open_db();

	cr_assert_eq(report_db_begin(db), 0);
	cr_assert_eq(report_db_add(db, &k, &s), 0);
	report_db_rollback(db);
	report_db_rollback(db);
	expect(db, 0, 0, "");
	report_db_close(db);
}

Test(report_db, only_its_owner_may_read_it)
{
	struct stat st;

	report_db_close(open_db());
	cr_assert_eq(stat(in_tempdir("r.db"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600, "%o", st.st_mode);
}

static void refused(bool reading, const char *name, const char *part)
{
	struct report_db *db = reading ? report_db_open_reading(in_tempdir(name), &e)
				       : report_db_open(in_tempdir(name), &e);

	cr_assert_null(db, "%s", name);
	cr_assert(strstr(e.text, name) && strstr(e.text, part), "%s", e.text);
}

Test(report_db, what_is_no_report_is_refused_in_words)
{
	char junk[8192];

	for (int i = 0; i < 2; i++) {
		memset(junk, 'x', sizeof(junk));
		put_file(in_tempdir("junk"), junk, sizeof(junk));
		refused(i, "junk", "damaged; move it away");
		/* A right header before junk. */
		memcpy(junk, "SQLite format 3\0\x10\0\1\1\0\x40\x20\x20", 24);
		put_file(in_tempdir("worse"), junk, sizeof(junk));
		refused(i, "worse", "damaged");
		cr_assert(i || mkdir(in_tempdir("dir"), 0700) == 0);
		refused(i, "dir", "regular file");
		refused(i, "no/such", "No such file");
	}
	cr_assert_eq(symlink("elsewhere", in_tempdir("link")), 0);
	refused(false, "link", "regular file");
	put_file(in_tempdir("empty"), "", 0);
	refused(true, "empty", "has not written");
}

/* Damage behind the first page shows when it is read. */
Test(report_db, damage_is_found_when_it_is_met)
{
	const struct report_query q = {.by = BY(CGROUP)};
	struct report_db *db = open_db();
	char name[300], junk[4096], text[1 << 16] = "";
	int fd;

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "/%0250d", i);
		add(db, key(DAY, name, "", true), 1, 1);
	}
	report_db_close(db);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(in_tempdir("r.db"), O_WRONLY);
	for (int page = 2; page < 6; page++)
		cr_assert_eq(pwrite(fd, junk, sizeof(junk), page * 4096), (ssize_t)sizeof(junk));
	close(fd);
	db = report_db_open_reading(in_tempdir("r.db"), &e);
	cr_assert_not_null(db, "%s", e.text);
	cr_assert_eq(report_db_each(db, &q, print_row, text), -1);
	cr_assert(strstr(report_db_why(db), "damaged"), "%s", report_db_why(db));
	report_db_close(db);
}

/* ---- outcomes, and files of a version that had none */

static void add_outcome(struct report_db *db, struct report_key k, enum report_outcome outcome,
			const char *why, uint64_t count)
{
	cr_assert_eq(report_db_begin(db), 0, "%s", report_db_why(db));
	cr_assert_eq(report_db_add_outcome(db, &k, outcome, why, count), 0, "%s",
		     report_db_why(db));
	cr_assert_eq(report_db_commit(db), 0, "%s", report_db_why(db));
}

static int print_outcome(void *arg, const struct report_row *row)
{
	char *text = arg;

	for (int i = 0; i < REPORT_COLUMN_COUNT; i++)
		if (row->text[i])
			sprintf(text + strlen(text), "%s ", row->text[i]);
	sprintf(text + strlen(text), "%s %s%s%s %lu;", row->observe ? "O" : "E", row->outcome,
		*row->why ? "/" : "", row->why, (unsigned long)row->count);
	cr_assert_eq(row->sums.requests + row->sums.found, 0u);
	return 0;
}

static void expect_outcomes(struct report_db *db, unsigned by, int64_t since, const char *want)
{
	const struct report_query q = {.by = by, .since = since, .outcomes = true};
	char text[4096] = "";

	cr_assert_eq(report_db_each(db, &q, print_outcome, text), 0, "%s", report_db_why(db));
	cr_expect_str_eq(text, want, "%s", text);
}

Test(report_db, outcomes_are_kept_by_day_and_reason)
{
	struct report_db *db = open_db();

	expect_outcomes(db, 0, 0, "");
	add_outcome(db, key(DAY, "/a", "", false), REPORT_REFUSED, "blocked", 2);
	add_outcome(db, key(DAY, "/a", "", false), REPORT_REFUSED, "not-json", 1);
	add_outcome(db, key(DAY + 1, "/a", "", false), REPORT_REFUSED, "blocked", 3);
	add_outcome(db, key(DAY + 1, "/b", "", true), REPORT_SPLICED, "", 7);
	add_outcome(db, key(DAY + 1, "/b", "", true), REPORT_SPLICED, "", 1);
	expect_outcomes(db, 0, 0, "E refused/blocked 5;E refused/not-json 1;O spliced 8;");
	expect_outcomes(db, BY(DAY), DAY + 1,
			"2024-10-05 E refused/blocked 3;2024-10-05 O spliced 8;");
	expect_outcomes(db, BY(CGROUP) | BY(TYPE), 0,
			"/a E refused/blocked 5;/a E refused/not-json 1;/b O spliced 8;");
	cr_assert_eq(report_db_prune(db, DAY + 1), 0);
	expect_outcomes(db, 0, 0, "E refused/blocked 3;O spliced 8;");
	/* They are nobody's findings. */
	expect(db, 0, 0, "");
	report_db_close(db);
}

Test(report_db, a_file_says_whose_it_is)
{
	struct report_db *db = open_db();
	char text[REPORT_ABOUT_MAX];
	struct utsname host;

	cr_assert_eq(uname(&host), 0);
	cr_expect_str_eq(report_db_about(db, "host", text), host.nodename);
	cr_expect_str_eq(report_db_about(db, "version", text), AWSMASK_VERSION);
	cr_expect_str_eq(report_db_about(db, "value", text), "");
	report_db_close(db);
}

/* What a version wrote that knew of neither. */
static void make_old_file(void)
{
	static const char sql[] =
		"CREATE TABLE tally (day INTEGER NOT NULL, cgroup TEXT NOT NULL, target TEXT NOT "
		"NULL, mode TEXT NOT NULL, type TEXT NOT NULL, requests INTEGER NOT NULL, findings "
		"INTEGER NOT NULL, found INTEGER NOT NULL, masked INTEGER NOT NULL, passed INTEGER "
		"NOT NULL, blocked INTEGER NOT NULL, known INTEGER NOT NULL, refused INTEGER NOT "
		"NULL, unmaskable INTEGER NOT NULL, PRIMARY KEY (day, cgroup, target, mode, type)) "
		"WITHOUT ROWID; PRAGMA application_id = 1635216754; PRAGMA user_version = 1;"
		"INSERT INTO tally VALUES (20000, '/a', 't', 'enforce', '', 4, 3, 9, 9, 0, 0, 0, "
		"1, 0), (20000, '/a', 't', 'enforce', 'VPC', 3, 3, 9, 9, 0, 0, 0, 1, 0)";
	sqlite3 *sqlite;

	cr_assert_eq(sqlite3_open(in_tempdir("r.db"), &sqlite), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(sqlite));
	sqlite3_close(sqlite);
}

/* ... and what that version does with what we made of it: read, add, forget. */
static void use_as_old_version(void)
{
	static const char sql[] =
		"BEGIN IMMEDIATE; INSERT INTO tally VALUES (20001, '/a', 't', 'enforce', '', 1, 1, "
		"2, 2, 0, 0, 0, 0, 0) ON CONFLICT DO UPDATE SET day = day, requests = requests + "
		"excluded.requests; DELETE FROM tally WHERE day < 20000; COMMIT";
	sqlite3_stmt *st;
	sqlite3 *sqlite;

	cr_assert_eq(sqlite3_open(in_tempdir("r.db"), &sqlite), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(sqlite, "PRAGMA user_version", -1, &st, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
	cr_assert_eq(sqlite3_column_int(st, 0), 1, "an older version refuses a higher number");
	sqlite3_finalize(st);
	cr_assert_eq(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(sqlite));
	sqlite3_close(sqlite);
}

Test(report_db, files_of_older_and_newer_versions_are_read_by_both)
{
	char text[REPORT_ABOUT_MAX];
	struct report_db *db;

	make_old_file();
	db = report_db_open_reading(in_tempdir("r.db"), &e);
	cr_assert_not_null(db, "%s", e.text);
	expect(db, 0, 0, "E 0-0 4/9;");
	expect_outcomes(db, BY(DAY), 0, "");
	cr_expect_str_eq(report_db_about(db, "host", text), "");
	report_db_close(db);
	db = open_db();
	expect(db, BY(TYPE), 0, "VPC E 0-0 3/9;");
	add_outcome(db, key(DAY, "/a", "", false), REPORT_REFUSED, "blocked", 1);
	report_db_close(db);
	use_as_old_version();
	db = open_db();
	expect(db, 0, 0, "E 0-1 5/11;");
	expect_outcomes(db, 0, 0, "E refused/blocked 1;");
	cr_expect_neq(*report_db_about(db, "host", text), 0);
	report_db_close(db);
}

#define WRITERS 6
#define ROUNDS 20
#define PATIENCE 15 /* times two seconds */

/* On a busy machine one may wait longer for its turn than it likes to, and say so: nothing is lost by that. */
static bool write_rounds(void)
{
	struct report_key k = key(DAY, "/a", "", true);
	const struct report_sums s = {.requests = 1, .found = 2};
	struct report_db *db = NULL;

	for (int tries = 0; !db && tries < PATIENCE; tries++)
		db = report_db_open(in_tempdir("r.db"), &e);
	for (int i = 0; db && i < ROUNDS; i++) {
		int tries = 0;

		while (report_db_begin(db))
			if (++tries == PATIENCE)
				return false;
		if (report_db_add(db, &k, &s) || report_db_commit(db))
			return false;
	}
	report_db_close(db);
	return db != NULL;
}

/* Processes that write the same rows at once: nothing is lost. */
Test(report_db, writers_at_once)
{
	struct report_db *db;
	char want[64];
	int status;

	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0)
			_exit(write_rounds() ? 0 : 1);
	for (int w = 0; w < WRITERS; w++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	snprintf(want, sizeof(want), "O 0-0 %d/%d;", WRITERS * ROUNDS, WRITERS * ROUNDS * 2);
	db = open_db();
	expect(db, 0, 0, want);
	report_db_close(db);
}

Test(report_db, a_file_that_is_taken_away_is_missed)
{
	struct report_db *db = open_db();

	cr_assert(report_db_is_there(db));
	cr_assert_eq(rename(in_tempdir("r.db"), in_tempdir("s.db")), 0);
	cr_assert_not(report_db_is_there(db));
	report_db_close(open_db());
	cr_assert_not(report_db_is_there(db));
	report_db_close(db);
}

Test(report_db, days)
{
	static const char *const wrong[] = {
		"",	      "2024",	    "2024-10",	  "2024-10-4",	"2024-10-04 ", "2024-02-30",
		"2024-13-01", "1969-12-31", "x024-10-04", "2024/10/04", "+024-10-04"};
	char text[16];
	int64_t day = -7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_expect_eq(report_day_parse(wrong[i], &day), -1, "%s", wrong[i]);
	cr_expect_eq(day, -7);
	for (int64_t d = 0; d < 30000; d++) {
		report_day_format(d, text);
		cr_assert_eq(report_day_parse(text, &day), 0, "%s", text);
		cr_assert_eq(day, d, "%s", text);
	}
	cr_expect_eq(report_day_parse("2024-10-04", &day), 0);
	cr_expect_eq(day, DAY);
	report_day_format(-1, text);
	cr_expect_str_eq(text, "?");
	report_day_format(INT64_MAX, text);
	cr_expect_str_eq(text, "?");
	cr_expect_eq(report_column_find("cgroup"), REPORT_BY_CGROUP);
	cr_expect_eq(report_column_find("mode"), -1);
	cr_expect_eq(report_column_find(NULL), -1);
}
