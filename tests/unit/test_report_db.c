/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/report_db.h"
#include "tempdir.h"

#include <fcntl.h>
#include <sys/stat.h>
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
	db = open_db();
	cr_assert_eq(report_db_each(db, &q, print_row, text), -1);
	cr_assert(strstr(report_db_why(db), "damaged"), "%s", report_db_why(db));
	report_db_close(db);
}

#define WRITERS 6
#define ROUNDS 20
#define PATIENCE 30

/* As the daemon does it: what the others' locks did not let through is tried again later. */
static int add_patiently(struct report_db *db, const struct report_key *key,
			 const struct report_sums *sums)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (report_db_begin(db) == 0 && report_db_add(db, key, sums) == 0 &&
		    report_db_commit(db) == 0)
			return 0;
		report_db_rollback(db);
	}
	return -1;
}

static struct report_db *open_patiently(void)
{
	struct report_db *db = NULL;

	for (int i = 0; !db && i < PATIENCE; i++)
		db = report_db_open(in_tempdir("r.db"), &e);
	return db;
}

/* Processes that write the same rows at once: nothing is lost. */
Test(report_db, writers_at_once)
{
	struct report_db *db;
	char want[64];
	int status;

	for (int w = 0; w < WRITERS; w++) {
		if (fork())
			continue;
		db = open_patiently();
		struct report_key k = key(DAY, "/a", "", true);
		const struct report_sums s = {.requests = 1, .found = 2};

		for (int i = 0; i < ROUNDS; i++)
			if (!db || add_patiently(db, &k, &s))
				_exit(1);
		report_db_close(db);
		_exit(0);
	}
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
