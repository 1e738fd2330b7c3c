/* SPDX-License-Identifier: Apache-2.0 */
/* The page of `awsmaskctl report --html`: its parts, and whole pages from files. */
#include "../../user/ctl/html.h"
#include "../../user/ctl/page.h"
#include "../../user/ctl/plot.h"
#include "tempdir.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define DAY 20000 /* 2024-10-04 */
#define HOSTILE "</title><script>alert(1)</script>\"'&|#"

static struct err e;
static struct config *config;

static void setup(void)
{
	tempdir_make();
	config = config_default();
	cr_assert_not_null(config);
}

static void teardown(void)
{
	config_free(config);
	tempdir_remove();
}

TestSuite(report_page, .init = setup, .fini = teardown, .timeout = 60);

/* ---- parts */

static void expect_text(const char *text, const char *want)
{
	char *got = NULL;
	size_t n;
	FILE *out = open_memstream(&got, &n);

	html_text(out, text);
	fclose(out);
	cr_expect_str_eq(got, want, "%s", got);
	free(got);
}

#define FFFD "\xef\xbf\xbd"

Test(report_page, text_is_escaped)
{
	expect_text("", "");
	expect_text("/user.slice/\xc3\xa4 b", "/user.slice/\xc3\xa4 b");
	expect_text("<b a='1' c=\"2\">&amp;", "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;");
	expect_text("a\tb\nc\x7f\x1b[31m", "a" FFFD "b" FFFD "c" FFFD FFFD "[31m");
	/* bytes that are no UTF-8: alone, cut off, overlong, a surrogate, beyond the last */
	expect_text("\xff\xc3", FFFD FFFD);
	expect_text("\xc0\xaf\xe0\x80\xaf", FFFD FFFD FFFD FFFD FFFD);
	expect_text("\xed\xa0\x80\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD FFFD FFFD);
	/* what turns text round, or hides in it: U+202E, U+200B, U+FEFF, U+2066; U+FFFE is no XML */
	expect_text("a\xe2\x80\xae"
		    "b\xe2\x80\x8b"
		    "c\xef\xbb\xbf\xe2\x81\xa6\xef\xbf\xbe",
		    "a" FFFD "b" FFFD "c" FFFD FFFD FFFD);
	expect_text("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
}

static void expect_written(char *got, const char *want)
{
	cr_expect_str_eq(got, want, "%s", got);
	free(got);
}

#define WRITTEN(call)                                                                              \
	({                                                                                         \
		char *got_ = NULL;                                                                 \
		size_t n_;                                                                         \
		FILE *out = open_memstream(&got_, &n_);                                            \
		call;                                                                              \
		fclose(out);                                                                       \
		got_;                                                                              \
	})

Test(report_page, names_are_shortened_in_the_middle)
{
	expect_written(WRITTEN(html_name(out, "/a.slice", 8)), "/a.slice");
	expect_written(WRITTEN(html_name(out, "/abcdefghijkl", 7)), "/a\xe2\x80\xa6ijkl");
	expect_written(WRITTEN(html_name(out, "<<<<<<<<<<", 4)), "&lt;\xe2\x80\xa6&lt;&lt;");
	expect_written(WRITTEN(html_name(out, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9", 4)),
		       "\xc3\xa4\xe2\x80\xa6\xc3\x9f\xc3\xa9");
}

Test(report_page, numbers)
{
	static const struct {
		uint64_t n;
		const char *count, *compact;
	} rows[] = {
		{0, "0", "0"},
		{999, "999", "999"},
		{1000, "1,000", "1k"},
		{1234, "1,234", "1.2k"},
		{9949, "9,949", "9.9k"},
		{9950, "9,950", "10k"},
		{999499, "999,499", "999k"},
		{999500, "999,500", "1M"},
		{1234567, "1,234,567", "1.2M"},
		{UINT64_MAX, "18,446,744,073,709,551,615", "18E"},
	};
	char text[8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		expect_written(WRITTEN(html_count(out, rows[i].n)), rows[i].count);
		cr_expect_str_eq(html_compact(rows[i].n, text), rows[i].compact, "%s", text);
	}
	expect_written(WRITTEN(html_share(out, 0, 0)), "\xe2\x80\x93");
	expect_written(WRITTEN(html_share(out, 0, 7)), "0%");
	expect_written(WRITTEN(html_share(out, 7, 7)), "100%");
	expect_written(WRITTEN(html_share(out, 1, 100000)), "&lt;0.1%");
	expect_written(WRITTEN(html_share(out, 99999, 100000)), "&gt;99.9%");
	expect_written(WRITTEN(html_share(out, 1, 3)), "33.3%");
}

/* An axis ends at a round number that nothing exceeds, and has not too many lines. */
Test(report_page, scales)
{
	uint64_t n = 0;

	for (int i = 0; i < 3000; i++) {
		struct plot_scale s = plot_scale(n);

		cr_assert_geq(s.top, n);
		cr_assert_gt(s.top, 0u);
		cr_assert_eq(s.top % s.step, 0u);
		cr_assert_leq(s.top / s.step, 5u, "%lu", (unsigned long)n);
		cr_assert(n < 2 || s.top - n < s.step);
		n += n < 1000 ? 1 : n / 50;
		if (n > UINT64_MAX / 40)
			break;
	}
	cr_expect_eq(plot_scale(6000).step, 2000u);
	cr_expect_eq(plot_scale(7).top, 8u);
	cr_expect_geq(plot_scale(UINT64_MAX / 2).top, UINT64_MAX / 2);
}

Test(report_page, levels_of_heat)
{
	unsigned last = 0;

	cr_expect_eq(plot_level(0, 0), 0u);
	cr_expect_eq(plot_level(0, 9), 0u);
	cr_expect_eq(plot_level(1, 1), (unsigned)PLOT_HEAT_LEVELS);
	cr_expect_eq(plot_level(1, 1000000), 1u);
	for (uint64_t n = 1; n <= 5000; n++) {
		unsigned level = plot_level(n, 5000);

		cr_assert_geq(level, last);
		cr_assert(level >= 1 && level <= PLOT_HEAT_LEVELS);
		last = level;
	}
	cr_expect_eq(last, (unsigned)PLOT_HEAT_LEVELS);
}

/* However long the time, there are so many buckets at most, and each day has one. */
Test(report_page, time_is_cut_into_buckets)
{
	char day[16];

	cr_expect_eq(page_time(5, 4).n, 0u);
	cr_expect_eq(page_time(DAY, DAY).n, 1u);
	cr_expect_eq(page_time(DAY, DAY + 99).each, 1);
	cr_expect_eq(page_time(DAY, DAY + 100).each, 7);
	cr_expect_eq(page_time(DAY, DAY + 399).n, 58u);
	for (int64_t days = 1; days < 2900000; days += days < 2000 ? 1 : 9973) {
		struct page_time t = page_time(0, days - 1);

		cr_assert_leq(t.n, (size_t)PAGE_BUCKETS_MAX, "%ld", (long)days);
		report_day_format(days - 1, day);
		cr_assert_eq(page_time_place(&t, day), t.n - 1, "%s", day);
		report_day_format(0, day);
		cr_assert_eq(page_time_place(&t, day), 0u);
		report_day_format(days, day);
		cr_assert_eq(page_time_place(&t, day), SIZE_MAX, "%s", day);
	}
}

static void add_row(json_t *rows, const char *type, const char *mode, int found)
{
	json_array_append_new(
		rows, json_pack("{s:s, s:s, s:i}", "type", type, "mode", mode, "found", found));
}

Test(report_page, lists_are_summed_and_ordered)
{
	json_t *rows = json_array();
	struct page_list l = {0};

	add_row(rows, "B", "observe", 5);
	add_row(rows, "C", "enforce", 9);
	add_row(rows, "A", "enforce", 2);
	add_row(rows, "A", "observe", 3);
	add_row(rows, "D", "enforce", -4); /* nonsense counts as nothing */
	json_array_append_new(rows, json_object());
	cr_assert_eq(page_list_add(&l, rows, "type"), 0);
	page_list_sort(&l, page_by_found);
	cr_assert_eq(l.n, 4u);
	cr_expect_str_eq(l.item[0].name, "C");
	cr_expect_str_eq(l.item[1].name, "A");
	cr_expect_str_eq(l.item[2].name, "B");
	cr_expect_eq(l.item[1].sums.sums[0].found, 2u);
	cr_expect_eq(l.item[1].sums.sums[1].found, 3u);
	cr_expect_eq(page_list_place(&l, "B"), 2u);
	cr_expect_eq(page_list_place(&l, "E"), SIZE_MAX);
	struct page_sums rest = page_list_rest(&l, 1);
	cr_expect_eq(page_both(&rest).found, 10u);
	page_list_free(&l);
	json_decref(rows);
}

/* ---- whole pages */

static struct report_db *new_file(const char *name)
{
	struct report_db *db = report_db_open(in_tempdir(name), &e);

	cr_assert_not_null(db, "%s", e.text);
	cr_assert_eq(report_db_begin(db), 0);
	return db;
}

static void end_file(struct report_db *db)
{
	cr_assert_eq(report_db_commit(db), 0);
	report_db_close(db);
}

static void change_file(const char *name, const char *sql)
{
	sqlite3 *sqlite;

	cr_assert_eq(sqlite3_open(in_tempdir(name), &sqlite), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(sqlite));
	sqlite3_close(sqlite);
}

static void add(struct report_db *db, int64_t day, const char *cgroup, const char *target,
		const char *type, bool observe, uint64_t found)
{
	const struct report_key k = {
		.day = day, .cgroup = cgroup, .target = target, .type = type, .observe = observe};
	const struct report_sums s = {.requests = 1,
				      .findings = found > 0,
				      .found = found,
				      .masked = observe ? 0 : found,
				      .passed = observe ? found : 0};

	cr_assert_eq(report_db_add(db, &k, &s), 0, "%s", report_db_why(db));
}

static void add_outcome(struct report_db *db, int64_t day, const char *cgroup,
			enum report_outcome outcome, const char *why, uint64_t n)
{
	const struct report_key k = {.day = day, .cgroup = cgroup, .target = "t.example"};

	cr_assert_eq(report_db_add_outcome(db, &k, outcome, why, n), 0);
}

/* Of these files; the caller's. */
static char *page_of(const char *const *paths, size_t n, int64_t since)
{
	struct page p = {.since = since, .made = (DAY + 500) * 86400};
	char *text = NULL;
	size_t size;
	FILE *out;

	cr_assert_eq(page_gather_files(&p, NULL, paths, n, &e), 0, "%s", e.text);
	cr_assert_eq(page_settle(&p, config, &e), 0, "%s", e.text);
	out = open_memstream(&text, &size);
	page_write(&p, out);
	fclose(out);
	page_free(&p);
	return text;
}

static char *page_of_one(const char *name, int64_t since)
{
	char *path = strdup(in_tempdir(name));
	char *text = page_of((const char *const *)&path, 1, since);

	free(path);
	return text;
}

static unsigned occurrences(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

#define HAS(text, part) cr_expect(strstr(text, part), "there is no %s", part)
#define HAS_NOT(text, part) cr_expect_not(strstr(text, part), "there is %s", part)

Test(report_page, nothing_was_counted)
{
	char *text;

	end_file(new_file("r.db"));
	text = page_of_one("r.db", 0);
	HAS(text, "Nothing was counted in this period.");
	HAS(text, "no proof of anything");
	HAS(text, "No values were found in this period.");
	HAS(text, "Nobody sent anything in this period.");
	HAS(text, "No request was refused in this period");
	HAS(text, "There are no days with data");
	HAS_NOT(text, "nan");
	HAS_NOT(text, "class=\"scroll plot\"");
	free(text);
}

Test(report_page, totals_and_gaps)
{
	struct report_db *db = new_file("r.db");
	char *text, *again;

	add(db, DAY, "/a", "t.example", "", true, 1000);
	add(db, DAY, "/a", "t.example", "VPC", true, 1000);
	add(db, DAY + 4, "/b", "t.example", "", false, 234);
	add(db, DAY + 4, "/b", "t.example", "VPC", false, 200);
	add(db, DAY + 4, "/b", "t.example", "SUBNET", false, 34);
	add_outcome(db, DAY + 4, "/b", REPORT_REFUSED, "blocked", 7);
	add_outcome(db, DAY + 4, "/b", REPORT_SPLICED, "", 4321);
	end_file(db);
	text = page_of_one("r.db", 0);
	HAS(text, "id=\"n-requests\">2<");
	HAS(text, "id=\"n-found\">1,234<");
	HAS(text, "id=\"n-masked\">234<");
	HAS(text, "id=\"n-passed\">1,000<");
	HAS(text, "id=\"n-spliced\">4,321<");
	HAS(text, "1,000 values that were found went out as they were");
	HAS(text, "<span class=\"day\">2024-10-04</span> to <span class=\"day\">2024-10-08</span>");
	HAS(text, "days with data: 2 of 5; the last of them was 496 days before");
	HAS(text, "it holds a value, which by this host&#39;s policy may not be sent");
	/* Three days without data in the bars, in those of refusals and in the lines. */
	cr_expect_eq(occurrences(text, ": no data</title>"), 9u);
	HAS(text, "2024-10-05: no data");
	again = page_of_one("r.db", 0);
	cr_expect_str_eq(text, again, "not the same twice");
	free(again);
	again = page_of_one("r.db", DAY + 1);
	HAS(again, "id=\"n-found\">234<");
	HAS(again, "Every value that was found was masked, or not sent at all.");
	HAS(again, "by <code>--since</code>");
	free(again);
	free(text);
}

/* Names are the only thing on the page that others have written. */
Test(report_page, hostile_names)
{
	static const char rename_host[] =
		"UPDATE about SET value = '<img src=x onerror=alert(1)>' WHERE name <> ''";
	struct report_db *db = new_file("r.db");
	char *text;

	add(db, DAY, HOSTILE "cgroup", HOSTILE "target", "", false, 5);
	add(db, DAY, HOSTILE "cgroup", HOSTILE "target", HOSTILE "type", false, 5);
	add_outcome(db, DAY, HOSTILE "cgroup", REPORT_REFUSED, HOSTILE "why", 2);
	add_outcome(db, DAY, HOSTILE "cgroup", REPORT_DENIED, HOSTILE "denied", 2);
	end_file(db);
	change_file("r.db", rename_host);
	text = page_of_one("r.db", 0);
	HAS_NOT(text, "<script");
	HAS(text, "&lt;img src=x onerror=alert(1)&gt;</th><td>&lt;img");
	HAS_NOT(text, "<img");
	HAS_NOT(text, "'&|");
	HAS(text, "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;|#");
	cr_expect_eq(occurrences(text, "<title>awsmask"), 1u);
	cr_expect_eq(occurrences(text, "<html"), 1u);
	free(text);
}

Test(report_page, identifiers_in_names_are_masked)
{
	struct report_db *db = new_file("r.db");
	char *text;

	add(db, DAY, "/team.slice/i-0f1e2d3c4b5a69788", "i-0f1e2d3c4b5a69788.example", "", false,
	    1);
	add(db, DAY, "/team.slice/i-0f1e2d3c4b5a69788", "t", "VPC", false, 1);
	add(db, DAY, "/team.slice/vpc-0aa11bb22cc33dd44/x", "t", "", false, 1);
	end_file(db);
	text = page_of_one("r.db", 0);
	HAS_NOT(text, "0f1e2d3c4b5a69788");
	HAS_NOT(text, "0aa11bb22cc33dd44");
	HAS(text, "/team.slice/EC2_INSTANCE_001<");
	HAS(text, ">EC2_INSTANCE_001.example<");
	HAS(text, "/team.slice/VPC_001/x<");
	HAS(text, "held identifiers, which are masked here");
	free(text);
}

/* Much of everything makes no large page, and sums are those of all. */
Test(report_page, much_of_everything)
{
	struct report_db *db = new_file("r.db");
	char cgroup[300], type[48], *text;

	for (int d = 0; d < 400; d++)
		for (int t = 0; t < 60; t++) {
			snprintf(type, sizeof(type), "TYPE_NUMBER_%d_WITH_A_LONG_LABEL", t);
			add(db, DAY + d, "/first", "t", type, d % 2, 1 + (uint64_t)t);
		}
	for (int c = 0; c < 200; c++) {
		snprintf(cgroup, sizeof(cgroup), "/%0250d/%d", 7, c);
		add(db, DAY, cgroup, "t", "", false, 10);
		for (int t = 0; t < 60; t++) {
			snprintf(type, sizeof(type), "TYPE_NUMBER_%d_WITH_A_LONG_LABEL", t);
			add(db, DAY, cgroup, "t", type, false, 1);
		}
	}
	end_file(db);
	text = page_of_one("r.db", 0);
	cr_expect_lt(strlen(text), 400000u, "%zu", strlen(text));
	HAS(text, "id=\"n-found\">2,000<");
	HAS(text, "160 other cgroups");
	HAS(text, "20 other types");
	HAS(text, "all others");
	free(text);
	/* With all days, though nothing but one was counted with requests. */
	db = report_db_open(in_tempdir("r.db"), &e);
	cr_assert_eq(report_db_begin(db), 0);
	add(db, DAY + 399, "/first", "t", "", false, 10);
	end_file(db);
	text = page_of_one("r.db", 0);
	HAS(text, "Each bar is 7 days.");
	HAS(text, "2024-10-04 to 2024-10-10 (1 of 7 days)");
	/* The year is on the axis where it is another one. */
	cr_expect_eq(occurrences(text, ">2024-10-04</text>"), 2u);
	cr_expect_eq(occurrences(text, ">2025-01-24</text>"), 2u);
	cr_expect_eq(occurrences(text, ">03-21</text>"), 2u);
	cr_expect_lt(strlen(text), 600000u, "%zu", strlen(text));
	free(text);
}

Test(report_page, several_hosts_are_one_page)
{
	struct report_db *db = new_file("a.db");
	char *paths[2], *text;

	add(db, DAY, "/a", "t", "", false, 3);
	add(db, DAY, "/a", "t", "VPC", false, 3);
	end_file(db);
	db = new_file("b.db");
	add(db, DAY + 1, "/a", "t", "", true, 4);
	add(db, DAY + 1, "/a", "t", "VPC", true, 4);
	end_file(db);
	paths[0] = strdup(in_tempdir("a.db"));
	paths[1] = strdup(in_tempdir("b.db"));
	text = page_of((const char *const *)paths, 2, 0);
	HAS(text, "id=\"n-found\">7<");
	HAS(text, "2 hosts");
	/* Both were written here, so the files' paths tell them apart. */
	HAS(text, "/a.db)</th>");
	HAS(text, "/b.db)</th>");
	free(text);
	free(paths[0]);
	free(paths[1]);
}

/* What an older version made has neither reasons nor connections, and the page says so. */
Test(report_page, a_file_without_outcomes)
{
	struct report_db *db = new_file("r.db");
	const struct report_key k = {.day = DAY, .cgroup = "/a", .target = "t", .type = ""};
	const struct report_sums s = {.requests = 3, .refused = 2};
	char *text;

	cr_assert_eq(report_db_add(db, &k, &s), 0);
	end_file(db);
	change_file("r.db", "DROP TABLE about; DROP TABLE outcome");
	text = page_of_one("r.db", 0);
	HAS(text, "not counted by the version that made the file");
	HAS(text, "(reason not recorded)");
	HAS(text, "1 file of an earlier version");
	free(text);
}
