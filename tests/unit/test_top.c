/* SPDX-License-Identifier: Apache-2.0 */
/* What `awsmaskctl top` makes of what the daemon says: rates, quantiles, order, lines; and text that is harmless. */
#include "../../user/ctl/colour.h"
#include "../../user/ctl/harmless.h"
#include "../../user/ctl/progress.h"
#include "../../user/ctl/rates.h"
#include "../../user/ctl/top.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <string.h>

static void utf8(void)
{
	cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

/* ---- text from outside */

Test(harmless, controls_are_question_marks, .init = utf8)
{
	cr_expect_str_eq(harmless("\033[2J\033]0;owned\007"), "?[2J?]0;owned?");
	cr_expect_str_eq(harmless("a\nb\tc\rd\177e"), "a?b?c?d?e");
	cr_expect_str_eq(harmless("\xc2\x9b"
				  "2J"),
			 "??2J", "CSI in one character");
	cr_expect_str_eq(harmless("\x9b"
				  "2J"),
			 "?2J", "CSI in one byte");
	cr_expect_str_eq(harmless("\xe2\x80\xae"
				  "txt.exe"),
			 "???txt.exe", "writing is turned round");
	cr_expect_str_eq(harmless("a\xe2\x80\x8b"
				  "b\xef\xbb\xbf\xf3\xa0\x80\x81"),
			 "a???b???????", "what is not seen");
	cr_expect_str_eq(harmless(NULL), "");
}

Test(harmless, letters_of_all_languages_stay, .init = utf8)
{
	cr_expect_str_eq(harmless("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xa7"),
			 "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xa7");
}

Test(harmless, half_characters_and_forged_ones_do_not, .init = utf8)
{
	cr_expect_str_eq(harmless("\xc3"), "?");
	cr_expect_str_eq(harmless("\xc0\x9b"), "??", "an overlong CSI");
	cr_expect_str_eq(harmless("\xe0\x80\x9b"), "???");
	cr_expect_str_eq(harmless("\xed\xa0\x80"), "???", "a surrogate");
	cr_expect_str_eq(harmless("\xf4\x90\x80\x80"), "????", "beyond the last one");
	cr_expect_str_eq(harmless("a\xff"), "a?");
}

/* There the bytes of one letter may be a control sequence. */
Test(harmless, terminals_without_utf8_get_ascii_alone)
{
	setlocale(LC_CTYPE, "C");
	cr_expect_str_eq(harmless("\xc3\x9b"), "??");
	cr_expect_str_eq(harmless("plain"), "plain");
}

Test(harmless, every_byte_alone_and_every_pair_holds_no_control, .init = utf8)
{
	for (unsigned a = 1; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			const char text[] = {(char)a, (char)b, 0};
			const char *out = harmless(text);

			cr_assert_eq(strlen(out), strlen(text));
			for (const char *p = out; *p; p++)
				cr_assert((unsigned char)*p >= 0x20 && *p != 0x7f);
			cr_assert(!strchr(out, '\xc2') ||
				  (unsigned char)strchr(out, '\xc2')[1] >= 0xa0);
		}
}

Test(harmless, eight_may_be_used_at_once, .init = utf8)
{
	const char *all[8];
	char text[3] = "a0";

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 8; i++) {
			text[1] = (char)('0' + i);
			all[i] = harmless(text);
		}
		for (unsigned i = 0; i < 8; i++)
			cr_expect_eq(all[i][1], (char)('0' + i));
	}
}

/* ---- colours */

Test(colour, one_place_decides)
{
	cr_expect(colour_wanted(NULL, true, NULL, "xterm"));
	cr_expect(colour_wanted("auto", true, "", "xterm"), "an empty NO_COLOR says nothing");
	cr_expect_not(colour_wanted(NULL, false, NULL, "xterm"), "a pipe");
	cr_expect_not(colour_wanted(NULL, true, "1", "xterm"));
	cr_expect_not(colour_wanted("auto", true, "1", "xterm"));
	cr_expect_not(colour_wanted(NULL, true, NULL, "dumb"));
	cr_expect_not(colour_wanted(NULL, true, NULL, NULL));
	cr_expect_not(colour_wanted(NULL, true, NULL, ""));
	cr_expect(colour_wanted("always", false, "1", "dumb"), "who asks for them gets them");
	cr_expect_not(colour_wanted("never", true, NULL, "xterm"));
}

/* ---- rates and quantiles */

static json_t *of_requests(json_int_t n)
{
	return json_pack("{s:{s:I}}", "counters", "requests", n);
}

Test(rates, what_came_between_two_looks_per_second)
{
	json_t *before = of_requests(100), *now = of_requests(160), *anew = of_requests(7);

	cr_expect_float_eq(rate_of(now, before, 2, "counters", "requests"), 30, 1e-9);
	cr_expect_float_eq(rate_of(now, NULL, 2, "counters", "requests"), 0, 1e-9);
	cr_expect_float_eq(rate_of(now, before, 0, "counters", "requests"), 0, 1e-9);
	cr_expect_float_eq(rate_of(now, before, 1, "counters", "missing"), 0, 1e-9);
	/* Another daemon counts from the beginning: never a rate below zero, nor a huge one. */
	cr_expect_float_eq(rate_of(anew, now, 1, "counters", "requests"), 7, 1e-9);
	json_decref(before);
	json_decref(now);
	json_decref(anew);
}

static struct histogram of_counts(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return (struct histogram){.n = 3, .bounds_us = {1000, 2000, 10000}, .counts = {a, b, c, d}};
}

static void expect_quantile(const struct histogram *h, double q, double ms, bool is_beyond)
{
	bool beyond;
	double got = histogram_quantile(h, q, &beyond) * 1e3;

	cr_expect_float_eq(got, ms, 1e-6, "%g is %g ms, not %g", q, got, ms);
	cr_expect_eq(beyond, is_beyond);
}

Test(rates, quantiles_are_spread_within_their_bucket)
{
	struct histogram h = of_counts(50, 40, 9, 1), none = of_counts(0, 0, 0, 0);
	bool beyond;

	expect_quantile(&h, 0.5, 1, false);
	expect_quantile(&h, 0.25, 0.5, false);
	expect_quantile(&h, 0.7, 1.5, false);
	expect_quantile(&h, 0.99, 10, false);
	expect_quantile(&h, 1, 10, true);
	h = of_counts(0, 0, 4, 0);
	expect_quantile(&h, 0.5, 6, false);
	expect_quantile(&h, 0, 2, false);
	h = of_counts(0, 0, 0, 3);
	expect_quantile(&h, 0.5, 10, true);
	cr_expect_lt(histogram_quantile(&none, 0.5, &beyond), 0);
}

Test(rates, quantiles_of_the_interval_alone)
{
	struct histogram before = of_counts(1000, 0, 0, 0), now = of_counts(1000, 10, 0, 0);
	struct histogram anew = of_counts(3, 1, 0, 0), other = {.n = 1, .bounds_us = {7}};

	histogram_since(&now, &before);
	cr_expect_eq(histogram_count(&now), 10u);
	expect_quantile(&now, 0.5, 1.5, false);
	histogram_since(&anew, &before);
	cr_expect_eq(histogram_count(&anew), 4u, "it began anew: all of it is new");
	now = of_counts(1, 2, 3, 4);
	histogram_since(&now, &other);
	cr_expect_eq(histogram_count(&now), 10u);
}

Test(rates, a_histogram_is_read_or_not_at_all)
{
	static const char *const wrong[] = {
		"{}",
		"{\"bounds_us\":[1,2],\"counts\":[1,2]}",
		"{\"bounds_us\":[2,1],\"counts\":[1,2,3]}",
		"{\"bounds_us\":[],\"counts\":[1]}",
		"{\"bounds_us\":7,\"counts\":[1,2]}",
		"{\"bounds_us\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,"
		"26,"
		"27,28,29,30,31,32,33],\"counts\":[1]}",
	};
	struct histogram h = of_counts(1, 2, 3, 4);
	json_t *right =
		json_loads("{\"bounds_us\":[5,9],\"counts\":[1,-2,3],\"sum_ns\":4}", 0, NULL);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		json_t *j = json_loads(wrong[i], 0, NULL);

		cr_assert_not_null(j);
		cr_expect_eq(histogram_read(&h, j), -1, "%s", wrong[i]);
		cr_expect_eq(histogram_count(&h), 10u);
		json_decref(j);
	}
	cr_expect_eq(histogram_read(&h, NULL), -1);
	cr_expect_eq(histogram_read(&h, right), 0);
	cr_expect_eq(histogram_count(&h), 4u);
	json_decref(right);
}

/* ---- flows */

static json_t *flow(json_int_t id, const char *comm, json_int_t bytes)
{
	return json_pack("{s:I, s:s, s:I, s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:s}", "id", id,
			 "comm", comm, "answer_bytes", bytes, "bytes", bytes, "cgroup", "/a/b",
			 "age_ms", (json_int_t)5000, "doing", "streaming", "doing_ms",
			 (json_int_t)1000, "pid", id * 10, "uid", (json_int_t)1000, "target",
			 "api.anthropic.com");
}

/* The first ids in this order. */
static void expect_order(json_t *flows, enum top_sort sort, json_int_t first, json_int_t second)
{
	json_t **list = top_sorted(flows, sort);

	cr_assert_not_null(list);
	cr_expect_eq(json_integer_value(json_object_get(list[0], "id")), first, "by %s",
		     top_sort_word(sort));
	cr_expect_eq(json_integer_value(json_object_get(list[1], "id")), second, "by %s",
		     top_sort_word(sort));
	free(list);
}

Test(top, flows_are_sorted)
{
	json_t *flows = json_pack("[o, o, o]", flow(3, "node", 10), flow(1, "zsh", 500),
				  flow(2, "curl", 10));

	expect_order(flows, TOP_SORT_BYTES, 1, 2);
	expect_order(flows, TOP_SORT_PROGRAM, 2, 3);
	expect_order(flows, TOP_SORT_AGE, 1, 2);
	expect_order(flows, TOP_SORT_RATE, 1, 2);
	for (int i = 0; i < TOP_SORT_COUNT; i++)
		cr_expect_eq(top_sort_find(top_sort_word((enum top_sort)i)), i);
	cr_expect_eq(top_sort_find("colour"), -1);
	json_decref(flows);
}

Test(top, a_flow_has_the_rate_of_the_time_between)
{
	struct snapshot before = {.at = 10, .status = json_object()},
			now = {.at = 12, .status = json_object()};

	before.flows = json_pack("[o, o]", flow(1, "a", 100), flow(2, "b", 5000));
	now.flows =
		json_pack("[o, o, o]", flow(3, "new", 80), flow(2, "b", 5000), flow(1, "a", 300));
	snapshot_compare(&now, &before);
	cr_expect_float_eq(json_number_value(json_object_get(json_array_get(now.flows, 0), "rate")),
			   40, 1e-9);
	cr_expect_float_eq(json_number_value(json_object_get(json_array_get(now.flows, 1), "rate")),
			   0, 1e-9);
	cr_expect_float_eq(json_number_value(json_object_get(json_array_get(now.flows, 2), "rate")),
			   100, 1e-9);
	snapshot_free(&before);
	/* No earlier look: no rate. */
	snapshot_compare(&now, &before);
	cr_expect_float_eq(json_number_value(json_object_get(json_array_get(now.flows, 2), "rate")),
			   0, 1e-9);
	snapshot_free(&now);
}

static bool shows(const struct sheet *s, const char *what)
{
	for (size_t i = 0; i < s->count; i++)
		if (strstr(s->lines[i].text, what))
			return true;
	return false;
}

Test(top, every_view_at_every_width_keeps_to_it, .init = utf8)
{
	struct top t = {.now = {.at = 2, .status = json_object()}};
	char owned[] = "\033]0;x\007\xe2\x80\xae";

	t.now.flows = json_pack("[o, o]", flow(1, "agent", 700), flow(2, owned, 3));
	t.now.total = 7;
	for (int columns = 20; columns < 250; columns++) {
		for (int view = 0; view < TOP_VIEW_COUNT; view++) {
			struct sheet s = {.count = 0};

			top_show_view(&s, &t, (enum top_view)view, columns);
			cr_assert_gt(s.count, s.head);
			for (size_t i = 0; i < s.count; i++)
				cr_assert(!strpbrk(s.lines[i].text, "\033\007\n"));
			for (size_t i = 0; columns >= 80 && view == TOP_FLOWS && i < s.head; i++)
				cr_assert_leq(text_columns(s.lines[i].text), columns, "%d: %s",
					      columns, s.lines[i].text);
			sheet_clear(&s);
		}
	}
	snapshot_free(&t.now);
}

Test(top, a_filter_keeps_the_head_and_what_it_names, .init = utf8)
{
	struct top t = {.now = {.at = 2, .status = json_object()}, .filter = "AGENT"};
	struct sheet s = {.count = 0};

	t.now.flows = json_pack("[o, o]", flow(1, "agent", 700), flow(2, "curl", 3));
	t.now.total = 2;
	top_show_view(&s, &t, TOP_FLOWS, 120);
	cr_expect(shows(&s, "PROGRAM"));
	cr_expect(shows(&s, "agent"));
	cr_expect_not(shows(&s, "curl"));
	sheet_clear(&s);
	snapshot_free(&t.now);
}

Test(top, a_daemon_that_is_gone_is_said)
{
	struct top t = {.absent = "awsmaskd is not running"};
	struct sheet s = {.count = 0};

	top_show(&s, &t, 80);
	cr_expect(shows(&s, "awsmaskd is not running"));
	sheet_clear(&s);
}

/* ---- how things are written */

Test(top, cells_are_cut_and_filled_by_columns, .init = utf8)
{
	char line[64] = "";

	text_cell(line, sizeof(line), "abc", 5);
	text_cell(line, sizeof(line), "\xe6\x97\xa5\xe6\x9c\xac", 3); /* two wide letters */
	text_cell(line, sizeof(line), "7", -3);
	text_cell(line, sizeof(line), "abcdef", 4);
	cr_expect_str_eq(line, "abc  \xe6\x97\xa5   7abc~");
	cr_expect_eq(text_columns(line), 15);
}

Test(top, numbers_are_short)
{
	char out[SHORT_MAX];

	cr_expect_str_eq(short_count(out, 0), "0");
	cr_expect_str_eq(short_count(out, 0.5), "0.5");
	cr_expect_str_eq(short_count(out, 1203), "1203");
	cr_expect_str_eq(short_count(out, 56234), "56.2k");
	cr_expect_str_eq(short_count(out, 1.1e6), "1.1M");
	cr_expect_str_eq(short_bytes(out, 999), "999 B");
	cr_expect_str_eq(short_bytes(out, 13100), "13.1 kB");
	cr_expect_str_eq(short_age(out, 4000), "4s");
	cr_expect_str_eq(short_age(out, 12 * 60000), "12m");
	cr_expect_str_eq(short_age(out, 5 * 86400000ull), "5d");
	cr_expect_str_eq(short_time(out, 0.00005, false), "0.05 ms");
	cr_expect_str_eq(short_time(out, 1.25, true), ">1.2 s");
	cr_expect_str_eq(short_time(out, -1, false), "-");
	for (double n = 1; n < 1e14; n *= 1.37)
		cr_assert_leq(strlen(short_count(out, n)), n < 9.99e11 ? 5u : 8u, "%g", n);
}

/* ---- progress */

static void expect_line(const char *wanted, uint64_t done, uint64_t total, double seconds)
{
	char line[128];

	progress_line(line, sizeof(line), "reading", done, total, PROGRESS_BYTES, seconds);
	cr_expect_str_eq(line, wanted, "%s", line);
}

Test(progress, says_how_far_how_fast_and_how_long_still)
{
	expect_line("reading  12.0 MB of 48.0 MB  25%  6.0 MB/s  7s left", 12000000, 48000000, 2);
	expect_line("reading  48.0 MB of 48.0 MB  100%  12.0 MB/s  4s", 48000000, 48000000, 4);
	expect_line("reading  12.0 MB  6.0 MB/s  2s", 12000000, 0, 2);
	expect_line("reading  0 B of 48.0 MB  0%  3s", 0, 48000000, 3);
	expect_line("reading  2s", 0, 0, 2);
	expect_line("reading  60.0 MB of 48.0 MB  100%  30.0 MB/s  2s", 60000000, 48000000, 2);
}

Test(progress, nobody_is_told_where_nobody_looks)
{
	struct ctl c = {.command = NULL};
	struct progress *p;

	cr_assert(freopen("/dev/null", "w", stderr));
	p = progress_begin(&c, "reading", 5, PROGRESS_THINGS);
	cr_expect_null(p);
	progress_set(p, 1, 5);
	progress_next(p, "writing", 0, PROGRESS_THINGS);
	progress_end(p);
}
