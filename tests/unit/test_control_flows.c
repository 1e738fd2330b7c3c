/* SPDX-License-Identifier: Apache-2.0 */
/* What `flows` answers: all of them, piece by piece, whatever their names are. */
#include "control_host.h"

#define FLOWS "{\"command\":\"flows\"}"

static struct host *host;
static struct board *board;

static void start(void)
{
	int fd = board_make();

	cr_assert_geq(fd, 0);
	board = board_open(fd, 0);
	cr_assert_not_null(board);
	host = host_start_showing(board);
}

static void stop(void)
{
	host_stop(host);
	board_close(board);
}

TestSuite(control_flows, .init = start, .fini = stop);

static unsigned show(const char *comm, uint32_t pid)
{
	struct board_text t = {.uid = 1000, .pid = pid, .port = 443};
	struct board_motion m = {.doing = BOARD_STREAM, .masked = 3, .answer_bytes = 1234};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	memset(t.cgroup, '\033', sizeof(t.cgroup) - 1); /* each is six bytes in JSON */
	t.cgroup[sizeof(t.cgroup) - 1] = 0;
	return board_enter(board, &t, &m);
}

Test(control_flows, none_is_an_answer_too)
{
	json_t *answer = host_ask_once(host, FLOWS);

	cr_assert(is_ok(answer));
	cr_expect_eq(json_integer_value(json_object_get(answer, "total")), 0);
	cr_expect_eq(json_array_size(json_object_get(answer, "flows")), 0u);
	cr_expect_eq(json_array_size(json_object_get(answer, "workers")), 1u);
	cr_expect_null(json_object_get(answer, "next"));
	json_decref(answer);
}

Test(control_flows, a_flow_is_told_with_what_it_does)
{
	unsigned place = show("agent", 41);
	json_t *answer, *flow;

	board_target(board, place, "api.anthropic.com");
	answer = host_ask_once(host, FLOWS);
	flow = json_array_get(json_object_get(answer, "flows"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(flow, "comm")), "agent");
	cr_expect_str_eq(json_string_value(json_object_get(flow, "doing")), "streaming");
	cr_expect_str_eq(json_string_value(json_object_get(flow, "target")), "api.anthropic.com");
	cr_expect_str_eq(json_string_value(json_object_get(flow, "mode")), "enforce");
	cr_expect_eq(json_integer_value(json_object_get(flow, "pid")), 41);
	cr_expect_eq(json_integer_value(json_object_get(flow, "masked")), 3);
	cr_expect_eq(json_integer_value(json_object_get(flow, "answer_bytes")), 1234);
	cr_expect_eq(json_integer_value(json_object_get(flow, "worker")), getpid());
	cr_expect_null(json_object_get(flow, "container"), "what is not known is missing");
	json_decref(answer);
}

Test(control_flows, names_that_are_no_utf8_do_not_hide_a_flow)
{
	json_t *answer;

	show("\xff\xfe\033[2J", 7);
	answer = host_ask_once(host, FLOWS);
	cr_assert(is_ok(answer));
	cr_expect_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(answer, "flows"), 0), "comm")),
			 "??\033[2J");
	json_decref(answer);
}

/* Every one of them once, in pieces that each fit a line. */
Test(control_flows, thousands_come_in_pieces)
{
	enum { MANY = 1000 };
	char request[64];
	bool seen[MANY] = {false};
	json_int_t next = 0;
	unsigned pieces = 0, n = 0;

	for (unsigned i = 0; i < MANY; i++)
		show("agent", i);
	do {
		json_t *answer, *flow;
		size_t i;

		snprintf(request, sizeof(request), "{\"command\":\"flows\",\"offset\":%lld}",
			 (long long)next);
		answer = host_ask_once(host, request);
		cr_assert(is_ok(answer), "a piece does not fit a line");
		cr_expect_eq(json_integer_value(json_object_get(answer, "total")), MANY);
		cr_expect_eq(json_object_get(answer, "workers") != NULL, next == 0);
		json_array_foreach(json_object_get(answer, "flows"), i, flow)
		{
			json_int_t pid = json_integer_value(json_object_get(flow, "pid"));

			cr_assert(pid >= 0 && pid < MANY && !seen[pid]);
			seen[pid] = true;
			n++;
		}
		next = json_integer_value(json_object_get(answer, "next"));
		json_decref(answer);
		pieces++;
	} while (next);
	cr_expect_eq(n, (unsigned)MANY);
	cr_expect_gt(pieces, 10u);
}

Test(control_flows, who_asks_wrongly_is_refused)
{
	json_t *answer = host_ask_once(host, "{\"command\":\"flows\",\"offset\":-1}");

	cr_expect(is_refusal(answer, "offset"));
	json_decref(answer);
	answer = host_ask_once(host, "{\"command\":\"flows\",\"offset\":999999}");
	cr_expect(is_refusal(answer, "offset"));
	json_decref(answer);
	answer = host_ask_once(host, "{\"command\":\"flows\",\"all\":true}");
	cr_expect(is_refusal(answer, "offset"));
	json_decref(answer);
}

Test(control_flows, status_tells_latencies)
{
	json_t *answer, *of;

	stats_observe(&host->stats, HISTOGRAM_REQUEST_ADDED, 60000);
	answer = host_ask_once(host, "{\"command\":\"status\"}");
	of = json_object_get(json_object_get(answer, "latencies"), "request_added_seconds");
	cr_expect_eq(json_array_size(json_object_get(of, "bounds_us")), (size_t)STATS_BUCKETS);
	cr_expect_eq(json_array_size(json_object_get(of, "counts")), (size_t)STATS_BUCKETS + 1);
	cr_expect_eq(json_integer_value(json_array_get(json_object_get(of, "counts"), 1)), 1);
	cr_expect_eq(json_integer_value(json_object_get(of, "sum_ns")), 60000);
	json_decref(answer);
}
