/* SPDX-License-Identifier: Apache-2.0 */
#include "control_host.h"
#include "tempdir.h"

#define REPORT "{\"command\":\"report\"}"

static struct host *host;
static struct report *report;

static void setup(void)
{
	tempdir_make();
	report = report_new(in_tempdir("r.db"), 90, &types_builtin);
	cr_assert_not_null(report);
	host = host_start_reporting(NULL, report, 0);
}

static void teardown(void)
{
	host_stop(host);
	report_free(report);
	tempdir_remove();
}

TestSuite(control_report, .init = setup, .fini = teardown, .timeout = 60);

static void count(const char *cgroup, bool observe, unsigned n)
{
	struct mask_counts counts = {.by_type[TYPE_VPC] = n};
	const struct report_request q = {.day = report_today(),
					 .cgroup = cgroup,
					 .target = "t.example",
					 .observe = observe,
					 .passed_on = true,
					 .counts = &counts};

	mask_counts_note(&counts, TYPE_VPC);
	report_count(report, &q);
}

static json_int_t number(json_t *answer, const char *mode, const char *key)
{
	return json_integer_value(
		json_object_get(json_object_get(json_object_get(answer, "modes"), mode), key));
}

/* What was counted a moment ago is in the answer. */
Test(control_report, sums_are_those_of_now)
{
	json_t *answer, *row;

	count("/a", true, 2);
	count("/b", false, 3);
	answer = host_ask_once(host, "{\"command\":\"report\",\"by\":[\"type\",\"cgroup\"]}");
	cr_assert(is_ok(answer));
	cr_expect_eq(number(answer, "observe", "passed"), 2);
	cr_expect_eq(number(answer, "enforce", "masked"), 3);
	cr_expect_eq(json_integer_value(json_object_get(answer, "total")), 2);
	row = json_array_get(json_object_get(answer, "rows"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "cgroup")), "/a");
	cr_expect_str_eq(json_string_value(json_object_get(row, "type")), "VPC");
	cr_expect_null(json_object_get(row, "day"));
	json_decref(answer);
	count("/a", true, 1);
	answer = host_ask_once(host, REPORT);
	cr_expect_eq(number(answer, "observe", "requests"), 2);
	json_decref(answer);
	answer = host_ask_once(host, "{\"command\":\"report\",\"since\":\"9999-01-01\"}");
	cr_assert(is_ok(answer));
	cr_expect_eq(json_object_size(json_object_get(answer, "modes")), 0u);
	json_decref(answer);
}

Test(control_report, outcomes)
{
	const struct report_connection q = {.day = report_today(),
					    .cgroup = "/a",
					    .target = "",
					    .outcome = REPORT_SPLICED,
					    .why = ""};
	json_t *answer, *row;

	report_count_connection(report, &q);
	answer = host_ask_once(host,
			       "{\"command\":\"report\",\"outcomes\":true,\"by\":[\"cgroup\"]}");
	cr_assert(is_ok(answer));
	cr_expect_eq(json_array_size(json_object_get(answer, "rows")), 1u);
	row = json_array_get(json_object_get(answer, "rows"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "outcome")), "spliced");
	cr_expect_str_eq(json_string_value(json_object_get(row, "cgroup")), "/a");
	cr_expect_eq(json_integer_value(json_object_get(row, "count")), 1);
	json_decref(answer);
}

/* More rows than a line can hold: each answer does fit, and all of them are there. */
Test(control_report, more_than_a_line)
{
	int fd = host_dial(host), pages = 0;
	json_int_t next = 0;
	size_t rows = 0;
	char text[300], request[128];

	for (int i = 0; i < 250; i++) {
		snprintf(text, sizeof(text), "/%0280d", i);
		count(text, true, 1);
	}
	do {
		json_t *answer;

		snprintf(request, sizeof(request),
			 "{\"command\":\"report\",\"by\":[\"cgroup\"],\"offset\":%lld}",
			 (long long)next);
		answer = host_ask(fd, request);
		cr_assert(is_ok(answer));
		rows += json_array_size(json_object_get(answer, "rows"));
		next = json_integer_value(json_object_get(answer, "next"));
		json_decref(answer);
		pages++;
	} while (next);
	cr_expect_eq(rows, 250u);
	cr_expect_gt(pages, 1);
	close(fd);
}

static void refused(const char *request, const char *part)
{
	json_t *answer = host_ask_once(host, request);

	cr_expect(is_refusal(answer, part), "%s", request);
	json_decref(answer);
}

Test(control_report, wrong_questions)
{
	refused("{\"command\":\"report\",\"by\":[\"colour\"]}", "'colour', but by day, cgroup");
	refused("{\"command\":\"report\",\"by\":[7]}", "'this'");
	refused("{\"command\":\"report\",\"by\":\"type\"}", "no list");
	refused("{\"command\":\"report\",\"since\":\"last week\"}", "'last week'");
	refused("{\"command\":\"report\",\"offset\":-1}", "negative");
	refused("{\"command\":\"report\",\"ofset\":1}", "takes by, since, outcomes and offset");
}

Test(control_report, a_damaged_file_is_said)
{
	json_t *answer, *status;

	put_file(in_tempdir("new"),
		 "no database at all, but long enough to be looked at as one, is it?", 66);
	cr_assert_eq(rename(in_tempdir("new"), in_tempdir("r.db")), 0);
	count("/a", true, 1);
	refused(REPORT, "damaged; move it away");
	answer = host_ask_once(host, "{\"command\":\"status\"}");
	status = json_object_get(answer, "report");
	cr_expect(strstr(json_string_value(json_object_get(status, "last_error")), "damaged"));
	cr_expect_eq(json_integer_value(json_object_get(status, "unwritten")), 1);
	json_decref(answer);
	cr_assert_eq(unlink(in_tempdir("r.db")), 0);
	answer = host_ask_once(host, REPORT);
	cr_expect_eq(number(answer, "observe", "requests"), 1);
	json_decref(answer);
}

/* Whoever asks and leaves is not waited for, and nothing of it remains. */
Test(control_report, askers_that_leave)
{
	for (int i = 0; i < 20; i++) {
		int fd = host_dial(host);

		cr_assert_geq(fd, 0);
		cr_assert_gt(send(fd, REPORT "\n", sizeof(REPORT), MSG_NOSIGNAL), 0);
		close(fd);
	}
	json_t *answer = host_ask_once(host, REPORT);
	cr_expect(is_ok(answer));
	json_decref(answer);
}

Test(control_report, none_is_kept)
{
	struct host *other = host_start(NULL, 0);
	json_t *answer = host_ask_once(other, REPORT);

	cr_expect(is_refusal(answer, "report.sqlite"));
	json_decref(answer);
	host_stop(other);
}
