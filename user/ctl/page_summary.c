/* SPDX-License-Identifier: Apache-2.0 */
/* The first thing that is read: what it comes to, in words and in a few numbers. */
#include "page_private.h"
#include "awsmask/abi.h"

/* What became of values that were found. */
enum fate { FATE_MASKED, FATE_UNSENT, FATE_OBSERVED, FATE_POLICY, FATE_COUNT };

static const char *const fate_names[FATE_COUNT] = {
	[FATE_MASKED] = "masked",
	[FATE_UNSENT] = "not sent: their request was refused or failed",
	[FATE_OBSERVED] = "left as they were: observe mode",
	[FATE_POLICY] = "left as they were: policy for their type",
};
static const char *const fate_classes[FATE_COUNT] = {
	[FATE_MASKED] = "s0", [FATE_UNSENT] = "s2", [FATE_OBSERVED] = "s1", [FATE_POLICY] = "s3"};

static void find_fates(const struct page *p, uint64_t fate[static FATE_COUNT])
{
	const struct report_sums both = page_both(&p->all);
	uint64_t gone = both.masked + both.passed;

	fate[FATE_MASKED] = both.masked;
	fate[FATE_OBSERVED] = p->all.sums[1].passed;
	fate[FATE_POLICY] = p->all.sums[0].passed;
	fate[FATE_UNSENT] = both.found > gone ? both.found - gone : 0;
}

static void say_nothing(const struct page *p, FILE *out)
{
	fputs("<div class=\"verdict none\"><p class=\"head\"><strong>Nothing was counted in this "
	      "period.</strong></p>\n<p>",
	      out);
	if (p->days.n)
		fputs("Connections were seen, and no request to a target came to its end.", out);
	else
		fputs("No request of an enrolled cgroup to a target came to its end, and no "
		      "connection was seen. That is no proof of anything: perhaps nothing is "
		      "enrolled, or "
		      "its clients have not connected. <code>awsmaskctl list</code> and "
		      "<code>awsmaskctl check</code> tell which.",
		      out);
	fputs("</p></div>\n", out);
}

static void say_left(FILE *out, const uint64_t fate[static FATE_COUNT], uint64_t found)
{
	uint64_t left = fate[FATE_OBSERVED] + fate[FATE_POLICY];

	fputs("<div class=\"verdict\"><p class=\"head\"><strong>", out);
	html_many(out, left, "value", "values");
	fputs(" that were found went out as they were</strong> (", out);
	html_share(out, left, found);
	fputs(").</p>\n<p>", out);
	if (fate[FATE_OBSERVED]) {
		html_count(out, fate[FATE_OBSERVED]);
		fputs(" in observe mode, which counts and changes nothing. ", out);
	}
	if (fate[FATE_POLICY]) {
		html_count(out, fate[FATE_POLICY]);
		fputs(" in enforce mode, since the configuration only observes their type.", out);
	}
	fputs("</p></div>\n", out);
}

static void say_verdict(const struct page *p, FILE *out, const uint64_t fate[static FATE_COUNT])
{
	const struct report_sums both = page_both(&p->all);

	if (!both.requests) {
		say_nothing(p, out);
	} else if (fate[FATE_OBSERVED] + fate[FATE_POLICY]) {
		say_left(out, fate, both.found);
	} else if (!both.found) {
		fputs("<div class=\"verdict none\"><p class=\"head\"><strong>No identifier was "
		      "found in any request.</strong></p><p>",
		      out);
		html_many(out, both.requests, "request was", "requests were");
		fputs(" looked at.</p></div>\n", out);
	} else {
		fputs("<div class=\"verdict good\"><p class=\"head\"><strong>Every value that was "
		      "found was masked, or not sent at all.</strong></p><p>",
		      out);
		html_many(out, both.found, "value", "values");
		fputs(" in ", out);
		html_many(out, both.findings, "request", "requests");
		fputs(". What is not found is not masked; see "
		      "<a href=\"#limits\">what is protected, and what is not</a>.</p></div>\n",
		      out);
	}
}

/* ---- numbers */

static void begin_number(FILE *out, const char *title, const char *id, uint64_t n)
{
	fprintf(out, "<div><dt>%s</dt><dd class=\"big\" id=\"n-%s\">", title, id);
	html_count(out, n);
	fputs("</dd><dd class=\"sub\">", out);
}

static void share_number(FILE *out, const char *title, const char *id, uint64_t n, uint64_t of,
			 const char *what)
{
	begin_number(out, title, id, n);
	html_share(out, n, of);
	fprintf(out, " %s</dd></div>\n", what);
}

static void write_numbers(const struct page *p, FILE *out)
{
	const struct report_sums both = page_both(&p->all);

	fputs("<dl class=\"kpis\">\n", out);
	begin_number(out, "Requests to targets", "requests", both.requests);
	html_share(out, p->all.sums[0].requests, both.requests);
	fputs(" of them in enforce mode</dd></div>\n", out);
	begin_number(out, "Values found", "found", both.found);
	fputs("in ", out);
	html_many(out, both.findings, "request", "requests");
	fputs("</dd></div>\n", out);
	share_number(out, "Values masked", "masked", both.masked, both.found, "of those found");
	share_number(out, "Values left as they were", "passed", both.passed, both.found,
		     "of those found");
	share_number(out, "Requests refused", "refused", both.refused, both.requests,
		     "of all requests");
	begin_number(out, "Connections passed through", "spliced",
		     page_outcome(&p->all, REPORT_SPLICED));
	fputs(page_has_outcomes(p) ? "to hosts that are no targets; not opened"
				   : "not counted by the version that made the file",
	      out);
	fputs("</dd></div>\n</dl>\n", out);
}

static void write_fates(FILE *out, const uint64_t fate[static FATE_COUNT])
{
	const struct plot_parts parts = {
		.plot = {.id = "plot-fates",
			 .title = "What became of the values found",
			 .description = "One bar in parts. The table behind it has the numbers."},
		.name = fate_names,
		.part_class = fate_classes,
		.count = fate,
		.parts = FATE_COUNT};
	uint64_t found = 0;

	for (int i = 0; i < FATE_COUNT; i++)
		found += fate[i];
	fputs("<h3>What became of the values found</h3>\n", out);
	plot_parts(out, &parts);
	plot_legend(out, fate_names, fate_classes, FATE_COUNT, false);
	html_fold(out, "The numbers behind it");
	html_table(out, NULL, "Values found, by what became of them",
		   "What became of them|#Values|#Share");
	for (int i = 0; i < FATE_COUNT; i++) {
		html_row(out, fate_names[i]);
		html_cell_count(out, fate[i]);
		html_cell_share(out, fate[i], found);
		html_row_end(out);
	}
	html_table_end(out);
	html_fold_end(out);
}

/* ---- modes */

static void days_of_mode(const struct page *p, int mode, int64_t *first, int64_t *last)
{
	int64_t day;

	*first = 0;
	*last = -1;
	for (size_t i = 0; i < p->days.n; i++) {
		const struct page_item *item = &p->days.item[i];

		if (!item->sums.sums[mode].requests || report_day_parse(item->name, &day))
			continue;
		if (*last < 0 || day < *first)
			*first = day;
		if (day > *last)
			*last = day;
	}
}

static void write_mode(const struct page *p, FILE *out, int mode)
{
	const struct report_sums *s = &p->all.sums[mode];
	int64_t first, last;

	days_of_mode(p, mode, &first, &last);
	if (last < 0)
		return;
	html_row(out, policy_mode_word((__u32)mode));
	fputs("<td>", out);
	page_day(out, first);
	fputs("</td><td>", out);
	page_day(out, last);
	fputs("</td>", out);
	html_cell_count(out, s->requests);
	html_cell_count(out, s->findings);
	html_cell_count(out, s->found);
	html_cell_count(out, s->masked);
	html_cell_count(out, s->passed);
	html_cell_count(out, s->refused);
	html_cell_count(out, s->unmaskable);
	html_row_end(out);
}

static void write_modes(const struct page *p, FILE *out)
{
	fputs("<h3>By mode</h3>\n<p class=\"note\"><strong>Enforce</strong> masks, and refuses "
	      "what it cannot mask. <strong>Observe</strong> counts what it would have masked or "
	      "refused, and changes nothing.</p>\n",
	      out);
	html_table(out, "modes", "Requests and values, by mode",
		   "Mode|First day|Last day|#Requests|#With findings|#Values found|#Masked|#Left "
		   "as is|#Refused|#Would have been refused");
	write_mode(p, out, 0);
	write_mode(p, out, 1);
	html_table_end(out);
}

void page_write_summary(const struct page *p, FILE *out)
{
	uint64_t fate[FATE_COUNT];

	find_fates(p, fate);
	say_verdict(p, out, fate);
	if (p->days.n)
		write_numbers(p, out);
	if (page_both(&p->all).found)
		write_fates(out, fate);
	if (page_both(&p->all).requests)
		write_modes(p, out);
}
