/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/log.h"
#include "../../user/daemon/report.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static struct err e;

static void setup(void)
{
	tempdir_make();
	log_level(LOG_EMERG);
}

TestSuite(report, .init = setup, .fini = tempdir_remove, .timeout = 60);

/* A request with so many instances, and as many buckets of which one is known. */
static void count(struct report *r, int64_t day, const char *cgroup, bool observe, unsigned n)
{
	struct mask_counts counts = {0};
	const struct report_request q = {.day = day,
					 .cgroup = cgroup,
					 .target = "t.example",
					 .observe = observe,
					 .passed_on = true,
					 .counts = &counts};

	counts.by_type[TYPE_EC2_INSTANCE] = counts.by_type[TYPE_S3_BUCKET] = n;
	counts.known_by_type[TYPE_S3_BUCKET] = counts.by_knowledge = n > 0;
	if (n) {
		mask_counts_note(&counts, TYPE_EC2_INSTANCE);
		mask_counts_note(&counts, TYPE_S3_BUCKET);
	}
	report_count(r, &q);
}

static json_t *rows_of(const char *path, unsigned by)
{
	const struct report_query q = {.by = by};
	struct report_db *db = report_db_open_reading(path, &e);
	json_t *answer;

	cr_assert_not_null(db, "%s", e.text);
	answer = report_rows(db, &q, 0, SIZE_MAX, &e);
	cr_assert_not_null(answer, "%s", e.text);
	report_db_close(db);
	return answer;
}

static void expect_mode(const char *path, const char *mode, const char *key, json_int_t want)
{
	json_t *answer = rows_of(path, 0);
	json_t *sums = json_object_get(json_object_get(answer, "modes"), mode);
	json_int_t is = json_integer_value(json_object_get(sums, key));

	cr_expect_eq(is, want, "%s %s is %lld", mode, key, (long long)is);
	json_decref(answer);
}

static struct report_state state_of(struct report *r)
{
	struct report_state s;

	report_state(r, &s);
	return s;
}

Test(report, what_is_counted_is_in_the_file)
{
	const char *path = in_tempdir("r.db");
	int64_t today = report_today();
	struct report *r = report_new(path, 90, &types_builtin);
	json_t *answer, *row;

	count(r, today, "/a", true, 3);
	count(r, today, "/a", true, 0);
	count(r, today, "/a", false, 2);
	cr_assert_eq(state_of(r).unwritten, 3u);
	cr_assert_eq(report_flush(r, today), 0);
	cr_assert_eq(state_of(r).unwritten, 0u);
	cr_assert_eq(report_flush(r, today), 0);
	expect_mode(path, "observe", "requests", 2);
	expect_mode(path, "observe", "findings", 1);
	expect_mode(path, "observe", "found", 6);
	expect_mode(path, "observe", "passed", 6);
	expect_mode(path, "observe", "masked", 0);
	expect_mode(path, "observe", "known", 1);
	expect_mode(path, "enforce", "masked", 4);
	expect_mode(path, "enforce", "passed", 0);
	answer = rows_of(path, 1u << REPORT_BY_TYPE);
	cr_assert_eq(json_array_size(json_object_get(answer, "rows")), 4u);
	row = json_array_get(json_object_get(answer, "rows"), 1);
	cr_expect_str_eq(json_string_value(json_object_get(row, "type")), "EC2_INSTANCE");
	cr_expect_str_eq(json_string_value(json_object_get(row, "mode")), "observe");
	cr_expect_eq(json_integer_value(json_object_get(row, "found")), 3);
	cr_expect_eq(json_integer_value(json_object_get(row, "known")), 0);
	json_decref(answer);
	report_free(r);
}

Test(report, refused_requests_were_neither_masked_nor_passed)
{
	struct mask_counts counts = {.by_type[TYPE_VPC] = 2};
	struct report_request q = {.day = report_today(),
				   .cgroup = "",
				   .target = "t",
				   .refused = "not-json",
				   .counts = &counts};
	struct report *r = report_new(in_tempdir("r.db"), 90, &types_builtin);

	mask_counts_note(&counts, TYPE_VPC);
	report_count(r, &q);
	q.observe = q.passed_on = true;
	q.unmaskable = "not-json";
	q.refused = NULL;
	report_count(r, &q);
	report_free(r);
	expect_mode(in_tempdir("r.db"), "enforce", "refused", 1);
	expect_mode(in_tempdir("r.db"), "enforce", "found", 2);
	expect_mode(in_tempdir("r.db"), "enforce", "masked", 0);
	expect_mode(in_tempdir("r.db"), "observe", "unmaskable", 1);
	expect_mode(in_tempdir("r.db"), "observe", "passed", 2);
}

/* Some of what is found is masked, some only observed; and some refuses the request. */
Test(report, policy_decides_what_became_of_it)
{
	struct mask_counts counts = {.by_type[TYPE_VPC] = 2, .observed[TYPE_SUBNET] = 3};
	struct report_request q = {.day = report_today(),
				   .cgroup = "",
				   .target = "t",
				   .passed_on = true,
				   .counts = &counts};
	struct report *r = report_new(in_tempdir("r.db"), 90, &types_builtin);

	mask_counts_note(&counts, TYPE_VPC);
	mask_counts_note(&counts, TYPE_SUBNET);
	report_count(r, &q);
	mask_counts_note(&counts, TYPE_S3_BUCKET);
	counts.blocked = counts.blocked_by_type[TYPE_S3_BUCKET] = 4;
	q.passed_on = false;
	q.refused = "blocked";
	report_count(r, &q);
	q.refused = NULL;
	q.unmaskable = "blocked";
	q.observe = q.passed_on = true;
	report_count(r, &q);
	report_free(r);
	expect_mode(in_tempdir("r.db"), "enforce", "requests", 2);
	expect_mode(in_tempdir("r.db"), "enforce", "found", 5 + 9);
	expect_mode(in_tempdir("r.db"), "enforce", "masked", 2);
	expect_mode(in_tempdir("r.db"), "enforce", "passed", 3);
	expect_mode(in_tempdir("r.db"), "enforce", "blocked", 4);
	expect_mode(in_tempdir("r.db"), "observe", "found", 9);
	expect_mode(in_tempdir("r.db"), "observe", "passed", 9);
	expect_mode(in_tempdir("r.db"), "observe", "blocked", 0);
	expect_mode(in_tempdir("r.db"), "observe", "unmaskable", 1);
}

static json_int_t outcome_count(json_t *rows, const char *outcome, const char *why)
{
	json_int_t n = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "outcome")), outcome) &&
		    !strcmp(json_string_value(json_object_get(row, "why")), why))
			n += json_integer_value(json_object_get(row, "count"));
	}
	return n;
}

static void connect_to(struct report *r, const char *target, enum report_outcome outcome,
		       const char *why)
{
	const struct report_connection q = {.day = report_today(),
					    .cgroup = "/a",
					    .target = target,
					    .outcome = outcome,
					    .why = why};

	report_count_connection(r, &q);
}

/* Also those that had to wait for a file, and without a request of theirs. */
Test(report, outcomes_of_requests_and_connections)
{
	const struct report_query q = {.by = 1u << REPORT_BY_DAY | 1u << REPORT_BY_CGROUP,
				       .outcomes = true};
	const struct mask_counts none = {0};
	struct report_request bad = {.day = report_today(),
				     .cgroup = "/a",
				     .target = "t",
				     .refused = "not-json",
				     .counts = &none};
	const char *path = in_tempdir("r.db");
	struct report_db *db;
	struct report *r;
	json_t *answer, *row;

	put_file(path, "no database at all, but long enough to be looked at as one, is it?", 66);
	r = report_new(path, 90, &types_builtin);
	report_count(r, &bad);
	connect_to(r, "", REPORT_SPLICED, "");
	cr_assert_eq(report_flush(r, report_today()), -1);
	report_count(r, &bad);
	connect_to(r, "", REPORT_SPLICED, "");
	connect_to(r, "t", REPORT_OPENED, "");
	connect_to(r, "", REPORT_DENIED, "malformed ClientHello");
	cr_assert_eq(unlink(path), 0);
	report_free(r);
	db = report_db_open_reading(path, &e);
	cr_assert_not_null(db, "%s", e.text);
	answer = report_rows(db, &q, 0, SIZE_MAX, &e);
	cr_assert_not_null(answer, "%s", e.text);
	report_db_close(db);
	for (int i = 0; i < 2; i++) {
		json_t *rows = json_object_get(answer, i ? "rows" : "outcomes");

		cr_expect_eq(json_array_size(rows), 4u);
		cr_expect_eq(outcome_count(rows, "refused", "not-json"), 2);
		cr_expect_eq(outcome_count(rows, "spliced", ""), 2);
		cr_expect_eq(outcome_count(rows, "opened", ""), 1);
		cr_expect_eq(outcome_count(rows, "denied", "malformed ClientHello"), 1);
	}
	row = json_array_get(json_object_get(answer, "rows"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "cgroup")), "/a");
	cr_expect_not_null(json_object_get(row, "day"));
	cr_expect_not_null(json_object_get(answer, "host"));
	cr_expect_eq(
		json_integer_value(json_object_get(
			json_object_get(json_object_get(answer, "modes"), "enforce"), "requests")),
		2);
	json_decref(answer);
}

Test(report, a_restart_goes_on_and_old_days_are_forgotten)
{
	const char *path = in_tempdir("r.db");
	int64_t today = report_today();
	struct report *r = report_new(path, 3, &types_builtin);

	count(r, today, "/a", true, 1);
	report_free(r);
	r = report_new(path, 3, &types_builtin);
	count(r, today - 2, "/a", true, 1);
	count(r, today - 3, "/a", true, 1);
	report_free(r);
	/* Pruned when the day's first write comes, and that was before. */
	expect_mode(path, "observe", "requests", 3);
	r = report_new(path, 3, &types_builtin);
	expect_mode(path, "observe", "requests", 2);
	cr_assert_eq(report_flush(r, today + 1), 0);
	expect_mode(path, "observe", "requests", 1);
	report_free(r);
}

Test(report, none_is_kept)
{
	struct report *r = report_new("", 90, &types_builtin);

	count(r, 20000, "/a", true, 1);
	cr_assert_eq(state_of(r).unwritten, 0u);
	cr_assert_eq(report_flush(r, 20000), 0);
	report_free(r);
}

/* While it cannot be written, sums wait; then they are there, once. */
Test(report, a_damaged_file_is_said_and_mended)
{
	const char *path = in_tempdir("r.db");
	int64_t today = report_today();
	struct report *r;

	put_file(path, "no database at all, but long enough to be looked at as one, is it not?",
		 70);
	r = report_new(path, 90, &types_builtin);
	cr_assert_not_null(r);
	cr_assert_eq(state_of(r).failures, 1u);
	for (int i = 0; i < 3; i++) {
		count(r, today, "/a", true, 1);
		cr_assert_eq(report_flush(r, today), -1);
		cr_assert_eq(state_of(r).unwritten, 1u + (unsigned)i);
	}
	cr_assert(strstr(state_of(r).error, "damaged; move it away"), "%s", state_of(r).error);
	cr_assert_eq(rename(path, in_tempdir("away")), 0);
	cr_assert_eq(report_flush(r, today), 0);
	cr_assert_str_eq(state_of(r).error, "");
	cr_assert_eq(state_of(r).unwritten, 0u);
	expect_mode(path, "observe", "requests", 3);
	/* Also when it is taken away in the middle. */
	cr_assert_eq(rename(path, in_tempdir("away")), 0);
	count(r, today, "/a", true, 1);
	cr_assert_eq(report_flush(r, today), 0);
	expect_mode(path, "observe", "requests", 1);
	report_free(r);
}

Test(report, too_much_that_waits_is_lost_and_counted)
{
	struct report *r = report_new(in_tempdir("no/such/directory"), 90, &types_builtin);
	char cgroup[32];

	for (int i = 0; i < TALLY_GROUPS_MAX + 9; i++) {
		snprintf(cgroup, sizeof(cgroup), "/c%d", i);
		count(r, 20000, cgroup, true, 1);
		count(r, 20000, cgroup, true, 1);
	}
	cr_assert_eq(state_of(r).unwritten, 2u * TALLY_GROUPS_MAX);
	cr_assert_eq(state_of(r).lost, 2u * 9);
	cr_assert_eq(report_flush(r, 20000), -1);
	cr_assert_eq(state_of(r).unwritten, 2u * TALLY_GROUPS_MAX);
	cr_assert_eq(state_of(r).lost, 2u * 9);
	report_free(r);
}

Test(report, a_full_disk_is_waited_for)
{
	char name[300];
	int64_t today = report_today();
	uint64_t waiting = 0;
	struct report *r;
	int fd;

	tempdir_small_disk("size=200k,mode=700");
	fd = open(in_tempdir("disk/ballast"), O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(posix_fallocate(fd, 0, 100 << 10), 0);
	r = report_new(in_tempdir("disk/r.db"), 90, &types_builtin);
	cr_assert_str_eq(state_of(r).error, "", "%s", state_of(r).error);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "/%0280d", i);
		count(r, today, name, true, 1);
		waiting = state_of(r).unwritten;
		if (report_flush(r, today))
			break;
		waiting = 0;
	}
	cr_assert_eq(waiting, 1u);
	cr_assert(strstr(state_of(r).error, "full"), "%s", state_of(r).error);
	cr_assert_eq(state_of(r).unwritten, 1u);
	cr_assert_eq(ftruncate(fd, 0), 0);
	close(fd);
	cr_assert_eq(report_flush(r, today), 0);
	cr_assert_eq(state_of(r).unwritten, 0u);
	report_free(r);
	umount2(in_tempdir("disk"), MNT_DETACH);
}

#define THREADS 4
#define EACH 2000

static void *count_many(void *arg)
{
	for (int i = 0; i < EACH; i++)
		count(arg, 20000, i % 2 ? "/a" : "/b", true, 1);
	return NULL;
}

static void *flush_many(void *arg)
{
	for (int i = 0; i < 20; i++)
		cr_assert_eq(report_flush(arg, 20000), 0);
	return NULL;
}

Test(report, many_threads_count_while_others_write)
{
	struct report *r = report_new(in_tempdir("r.db"), 3650, &types_builtin);
	pthread_t threads[THREADS + 2];

	for (int i = 0; i < THREADS + 2; i++)
		pthread_create(&threads[i], NULL, i < THREADS ? count_many : flush_many, r);
	for (int i = 0; i < THREADS + 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(report_flush(r, 20000), 0);
	expect_mode(in_tempdir("r.db"), "observe", "requests", THREADS * EACH);
	expect_mode(in_tempdir("r.db"), "observe", "found", THREADS * EACH * 2);
	report_free(r);
}

/* Page by page it is the same as at once. */
Test(report, rows_come_in_pages)
{
	const struct report_query q = {.by = 1u << REPORT_BY_CGROUP | 1u << REPORT_BY_TYPE};
	struct report *r = report_new(in_tempdir("r.db"), 90, &types_builtin);
	struct report_db *db;
	json_t *whole, *pages = json_array();
	json_int_t next = 0;
	char name[16];

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "/c%02d", i);
		count(r, report_today(), name, i % 3, 1);
	}
	report_free(r);
	db = report_db_open_reading(in_tempdir("r.db"), &e);
	whole = report_rows(db, &q, 0, SIZE_MAX, &e);
	cr_assert_eq(json_integer_value(json_object_get(whole, "total")), 100);
	cr_assert_null(json_object_get(whole, "next"));
	for (int calls = 0; calls == 0 || next; calls++) {
		json_t *page = report_rows(db, &q, (uint64_t)next, calls % 2 ? 1 : 1000, &e);

		cr_assert_eq(json_integer_value(json_object_get(page, "total")), 100);
		json_array_extend(pages, json_object_get(page, "rows"));
		next = json_integer_value(json_object_get(page, "next"));
		cr_assert(!next || next == (json_int_t)json_array_size(pages));
		json_decref(page);
	}
	cr_assert(json_equal(pages, json_object_get(whole, "rows")));
	json_decref(pages);
	json_decref(whole);
	report_db_close(db);
}
