/* SPDX-License-Identifier: Apache-2.0 */
/* How much of what went out was masked, by day and by target; which hosts, and what is enrolled. */
#include "page_private.h"

#include <inttypes.h>
#include <stdlib.h>

enum line { LINE_KEPT, LINE_ENFORCED, LINE_COUNT };

static const char *const line_names[LINE_COUNT] = {
	[LINE_KEPT] = "values found that did not leave as they were",
	[LINE_ENFORCED] = "requests in enforce mode",
};

/* Everything of each bucket. The caller's; NULL: memory is out. */
static struct page_sums *sum_buckets(const struct page *p)
{
	struct page_sums *all = calloc(p->time.n + 1, sizeof(*all));

	for (size_t i = 0; all && i < p->days.n; i++) {
		size_t at = page_time_place(&p->time, p->days.item[i].name);

		if (at != SIZE_MAX)
			page_sums_add(&all[at], &p->days.item[i].sums);
	}
	return all;
}

static double share(uint64_t part, uint64_t of)
{
	return of ? (double)part / (double)of : -1;
}

static void write_lines(const struct page *p, FILE *out, const struct page_sums *sums)
{
	struct plot_bucket bucket[PAGE_BUCKETS_MAX];
	double shares[PAGE_BUCKETS_MAX * LINE_COUNT];
	const struct plot_lines lines = {
		.plot = {.id = "plot-coverage",
			 .title = "Coverage over time",
			 .description = "Two lines from 0 to 100 percent, with gaps where there is "
					"no data. The table behind it has the numbers."},
		.bucket = bucket,
		.series_name = line_names,
		.share = shares,
		.buckets = p->time.n,
		.series = LINE_COUNT};

	for (size_t i = 0; i < p->time.n; i++) {
		const struct report_sums both = page_both(&sums[i]);

		shares[i * LINE_COUNT + LINE_KEPT] =
			both.passed > both.found ? -1 : share(both.found - both.passed, both.found);
		shares[i * LINE_COUNT + LINE_ENFORCED] =
			share(sums[i].sums[0].requests, both.requests);
	}
	page_buckets(p, bucket);
	plot_lines(out, &lines);
	fputs("<ul class=\"legend\">", out);
	for (int i = 0; i < LINE_COUNT; i++)
		fprintf(out,
			"<li><svg class=\"keyline\" viewBox=\"0 0 30 12\" aria-hidden=\"true\">"
			"<path class=\"line l%d\" d=\"M0 6L30 6\"/></svg>%s</li>",
			i, line_names[i]);
	fputs("</ul>\n", out);
}

static void write_bucket_cells(FILE *out, const struct page_sums *s)
{
	const struct report_sums both = page_both(s);

	html_cell_count(out, s->sums[0].requests);
	html_cell_count(out, s->sums[1].requests);
	html_cell_count(out, both.refused);
	html_cell_count(out, both.found);
	html_cell_count(out, both.masked);
	html_cell_count(out, both.passed);
	html_cell_count(out, page_outcome(s, REPORT_OPENED));
	html_cell_count(out, page_outcome(s, REPORT_SPLICED));
	html_cell_count(out, page_outcome(s, REPORT_DENIED));
	html_row_end(out);
}

static void write_bucket_table(const struct page *p, FILE *out, const struct page_sums *sums)
{
	struct plot_bucket bucket[PAGE_BUCKETS_MAX];

	page_buckets(p, bucket);
	html_fold(out, "The numbers behind it");
	html_table(out, "day-table", "All that was counted, by day",
		   "Day|#Requests enforced|#Requests observed|#Requests refused|#Values "
		   "found|#Masked|#Left as is|#Connections opened|#Passed through|#Refused");
	for (size_t i = 0; i < p->time.n; i++) {
		fprintf(out, "<tr><th scope=\"row\" class=\"day\">%s</th>", bucket[i].name);
		if (bucket[i].data) {
			write_bucket_cells(out, &sums[i]);
		} else {
			fputs("<td class=\"n zero\" colspan=\"9\">no data</td>", out);
			html_row_end(out);
		}
	}
	fputs("<tr class=\"sum\"><th scope=\"row\">Total</th>", out);
	write_bucket_cells(out, &p->all);
	html_table_end(out);
	html_fold_end(out);
}

/* ---- targets */

static void write_target_cells(FILE *out, const struct page_sums *s)
{
	const struct report_sums both = page_both(s);

	html_cell_count(out, page_outcome(s, REPORT_OPENED));
	html_cell_count(out, both.requests);
	html_cell_count(out, both.found);
	html_cell_count(out, both.masked);
	html_cell_count(out, both.passed);
	html_cell_count(out, both.refused);
	html_row_end(out);
}

static void write_targets(const struct page *p, FILE *out)
{
	struct page_sums rest = page_list_rest(&p->targets, PAGE_ROWS_MAX);
	struct page_sums elsewhere = {0};

	fputs("<h3>Where it went</h3>\n<p class=\"note\">Targets are opened and masked. All other "
	      "hosts are passed through unopened, and their names are not kept.</p>\n",
	      out);
	html_table(out, "target-table", "Targets, the busiest first",
		   "Target|#Connections opened|#Requests|#Values found|#Masked|#Left as "
		   "is|#Requests refused");
	for (size_t i = 0; i < p->targets.n && i < PAGE_ROWS_MAX; i++) {
		const struct page_item *item = &p->targets.item[i];

		/* Without a name: connections to others. */
		if (!*item->name && !page_both(&item->sums).requests) {
			elsewhere = item->sums;
			continue;
		}
		html_row(out, item->name);
		write_target_cells(out, &item->sums);
	}
	if (p->targets.n > PAGE_ROWS_MAX) {
		html_row_others(out, p->targets.n - PAGE_ROWS_MAX, "targets");
		write_target_cells(out, &rest);
	}
	html_table_end(out);
	if (page_outcome(&elsewhere, REPORT_SPLICED)) {
		fputs("<p>To other hosts: ", out);
		html_many(out, page_outcome(&elsewhere, REPORT_SPLICED),
			  "connection, passed through unopened.",
			  "connections, passed through unopened.");
		fputs("</p>\n", out);
	}
}

void page_write_coverage(const struct page *p, FILE *out)
{
	struct page_sums *sums = sum_buckets(p);

	if (!p->time.n || !sums) {
		fputs("<p>There are no days with data in this period.</p>\n", out);
		free(sums);
		return;
	}
	fputs("<p>What of the traffic was masked, of what awsmask saw. It sees what is enrolled; a "
	      "process that is not enrolled is not in these numbers.",
	      out);
	page_say_bucket(p, "Each point", out);
	fputs("</p>\n", out);
	write_lines(p, out, sums);
	write_bucket_table(p, out, sums);
	free(sums);
	write_targets(p, out);
}

/* ---- hosts */

static void write_host_cells(FILE *out, const struct page_host *h)
{
	const struct report_sums both = page_both(&h->sums);

	html_cell_count(out, h->days);
	html_cell_count(out, h->sums.sums[0].requests);
	html_cell_count(out, h->sums.sums[1].requests);
	html_cell_count(out, both.found);
	html_cell_count(out, both.passed);
	html_cell_count(out, both.refused);
	html_row_end(out);
}

static void write_host(FILE *out, const struct page_host *h)
{
	html_row(out, h->name);
	html_cell_text(out, *h->version ? h->version : "not said");
	fputs("<td>", out);
	if (h->last >= 0)
		page_day(out, h->first);
	fputs("</td><td>", out);
	if (h->last >= 0)
		page_day(out, h->last);
	fputs("</td>", out);
	write_host_cells(out, h);
}

static void write_other_hosts(const struct page *p, FILE *out)
{
	struct page_host others = {.last = -1};

	for (size_t i = PAGE_ROWS_MAX; i < p->hosts; i++) {
		page_sums_add(&others.sums, &p->host[i].sums);
		others.days += p->host[i].days;
	}
	html_row_others(out, p->hosts - PAGE_ROWS_MAX, "hosts");
	fputs("<td></td><td></td><td></td>", out);
	write_host_cells(out, &others);
}

static void write_enrolled(const struct page *p, FILE *out)
{
	fputs("<h3>Enrolled when this page was made</h3>\n", out);
	if (!p->from_daemon) {
		fputs("<p>The page was made from files, and these say who sent something, not who "
		      "is enrolled. <code>awsmaskctl list</code> on each host does.</p>\n",
		      out);
		return;
	}
	if (!p->enrolled_count) {
		fputs("<p>No cgroup and no program.</p>\n", out);
		return;
	}
	html_table(out, "enrolled-table", "Cgroups and programs",
		   "Name|What|Mode|When awsmaskd is down");
	for (size_t i = 0; i < p->enrolled_count && i < PAGE_ROWS_MAX; i++) {
		const struct page_enrolled *e = &p->enrolled[i];

		html_row(out, e->name);
		html_cell_text(out, e->program ? "program" : "cgroup");
		html_cell_text(out, e->mode);
		html_cell_text(out, e->fail);
		html_row_end(out);
	}
	if (p->enrolled_count > PAGE_ROWS_MAX) {
		html_row_others(out, p->enrolled_count - PAGE_ROWS_MAX, "enrolments");
		fputs("<td></td><td></td><td></td>", out);
		html_row_end(out);
	}
	html_table_end(out);
}

void page_write_hosts(const struct page *p, FILE *out)
{
	html_table(out, "host-table", "Hosts, by name",
		   "Host|awsmask|First day|Last day|#Days with data|#Requests enforced|#Requests "
		   "observed|#Values found|#Left as is|#Requests refused");
	for (size_t i = 0; i < p->hosts && i < PAGE_ROWS_MAX; i++)
		write_host(out, &p->host[i]);
	if (p->hosts > PAGE_ROWS_MAX)
		write_other_hosts(p, out);
	html_table_end(out);
	write_enrolled(p, out);
}
