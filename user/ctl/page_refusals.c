/* SPDX-License-Identifier: Apache-2.0 */
/* What did not get through: requests by reason, and connections. */
#include "../wire/exchange.h"
#include "page_private.h"

#include <stdlib.h>
#include <string.h>

#define REASONS_MAX 20 /* there are about as many */

static const char unrecorded[] = "(reason not recorded)";

static uint64_t count_stopped(const struct page_sums *s)
{
	return page_outcome(s, REPORT_REFUSED) + page_outcome(s, REPORT_UNMASKABLE);
}

/* Refused requests whose reason an older version did not write down. */
static uint64_t without_reason(const struct page *p, enum report_outcome outcome)
{
	const struct report_sums both = page_both(&p->all);
	uint64_t n = outcome == REPORT_REFUSED ? both.refused : both.unmaskable;
	uint64_t known = page_outcome(&p->all, outcome);

	return n > known ? n - known : 0;
}

/* What clients were told, without whose words they were and what follows. */
static void say_reason(FILE *out, const char *word)
{
	static const struct {
		const char *word, *text;
	} told[] = {
#define X(name, word, status, type, text) {word, text},
		EXCHANGE_REFUSALS(X)
#undef X
	};
	static const char ours[] = "awsmask refused this ";
	const char *text = NULL, *colon;
	char sentence[256];

	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		if (!strcmp(told[i].word, word))
			text = told[i].text;
	fputs("<td>", out);
	if (text) {
		colon = strncmp(text, ours, sizeof(ours) - 1) ? NULL : strstr(text, ": ");
		text = colon ? colon + 2 : text;
		snprintf(sentence, sizeof(sentence), "%.*s",
			 (int)(strstr(text, ". ") ? strstr(text, ". ") - text : (long)strlen(text)),
			 text);
		if (strstr(sentence, " of the type ${type}"))
			memmove(strstr(sentence, " of the type ${type}"),
				strstr(sentence, "${type}") + 7,
				strlen(strstr(sentence, "${type}") + 7) + 1);
		if (*sentence && sentence[strlen(sentence) - 1] == '.')
			sentence[strlen(sentence) - 1] = 0;
		html_text(out, sentence);
	}
	fputs("</td>", out);
}

/* ---- requests */

struct reasons {
	const char *name[REASONS_MAX + 2];
	uint64_t count[(REASONS_MAX + 2) * 2]; /* refused, would have been */
	size_t n;
};

static void add_reason(struct reasons *r, const char *name, uint64_t refused, uint64_t unmaskable)
{
	if (!refused && !unmaskable)
		return;
	r->name[r->n] = name;
	r->count[r->n * 2] = refused;
	r->count[r->n++ * 2 + 1] = unmaskable;
}

static struct reasons reasons_of(const struct page *p)
{
	struct page_sums rest = page_list_rest(&p->reasons, REASONS_MAX);
	struct reasons r = {.n = 0};

	for (size_t i = 0; i < p->reasons.n && i < REASONS_MAX; i++) {
		const struct page_item *item = &p->reasons.item[i];

		add_reason(&r, item->name, page_outcome(&item->sums, REPORT_REFUSED),
			   page_outcome(&item->sums, REPORT_UNMASKABLE));
	}
	add_reason(&r, "all others", page_outcome(&rest, REPORT_REFUSED),
		   page_outcome(&rest, REPORT_UNMASKABLE));
	add_reason(&r, unrecorded, without_reason(p, REPORT_REFUSED),
		   without_reason(p, REPORT_UNMASKABLE));
	return r;
}

static void write_reasons(FILE *out, const struct reasons *r)
{
	static const char *const names[] = {"refused", "only observed, would have been refused"};
	static const char *const classes[] = {"s0", "s1"};
	const struct plot_ranks ranks = {
		.plot = {.id = "plot-refusals",
			 .title = "Requests refused, by reason",
			 .description = "A bar for each reason, the most frequent first. The table "
					"below has the numbers."},
		.name = r->name,
		.count = r->count,
		.series_name = names,
		.series_class = classes,
		.rows = r->n,
		.series = 2};

	plot_ranks(out, &ranks);
	plot_legend(out, names, classes, 2, false);
	html_table(out, "refusal-table", "Reasons, most frequent first",
		   "Reason|In words|#Refused|#Would have been refused");
	for (size_t i = 0; i < r->n; i++) {
		html_row(out, r->name[i]);
		say_reason(out, r->name[i]);
		html_cell_count(out, r->count[i * 2]);
		html_cell_count(out, r->count[i * 2 + 1]);
		html_row_end(out);
	}
	html_table_end(out);
}

/* Their rows: neither connections nor what was denied. */
static void write_over_time(const struct page *p, FILE *out)
{
	struct plot_bucket bucket[PAGE_BUCKETS_MAX];
	const char *names[PAGE_SERIES];
	bool others = p->reasons.n > PAGE_SERIES - 1;
	size_t n = others ? PAGE_SERIES - 1 : p->reasons.n;
	uint64_t *count = page_by_time(p, &p->reasons, "why", p->rows[PAGE_DAY_OUTCOME],
				       count_stopped, n, others);
	const struct plot_bars bars = {
		.plot = {.id = "plot-refused-days",
			 .title = "Requests refused over time, by reason",
			 .description = "Stacked bars, the most frequent reason at the bottom. The "
					"table behind it has the numbers."},
		.bucket = bucket,
		.series_name = names,
		.count = count,
		.buckets = p->time.n,
		.series = n + others,
		.others = others};

	for (size_t i = 0; i < n; i++)
		names[i] = p->reasons.item[i].name;
	if (others)
		names[n] = "all others";
	if (!count)
		return;
	page_buckets(p, bucket);
	fputs("<h3>Over time</h3>\n<p class=\"note\">Refused requests, and those that enforcing "
	      "would have refused, together.",
	      out);
	page_say_bucket(p, "Each bar", out);
	fputs("</p>\n", out);
	plot_bars(out, &bars);
	plot_legend(out, names, NULL, n + others, others);
	page_time_table(p, out, bars.plot.title, names, count, n + others);
	free(count);
}

/* ---- connections */

static void write_denials(const struct page *p, FILE *out)
{
	struct page_sums rest = page_list_rest(&p->denials, REASONS_MAX);

	fputs("<h3>Connections</h3>\n", out);
	if (!p->denials.n) {
		fputs(page_has_outcomes(p) ? "<p>No connection was refused.</p>\n"
					   : "<p>Not counted by the version that made the "
					     "file.</p>\n",
		      out);
		return;
	}
	fputs("<p class=\"note\">Refused before there was a request: what they speak cannot be "
	      "masked, or where they go is hidden or not allowed.</p>\n",
	      out);
	html_table(out, "denial-table", "Connections refused, most frequent reason first",
		   "Reason|#Connections");
	for (size_t i = 0; i < p->denials.n && i < REASONS_MAX; i++) {
		html_row(out, p->denials.item[i].name);
		html_cell_count(out, page_outcome(&p->denials.item[i].sums, REPORT_DENIED));
		html_row_end(out);
	}
	if (p->denials.n > REASONS_MAX) {
		html_row_others(out, p->denials.n - REASONS_MAX, "reasons");
		html_cell_count(out, page_outcome(&rest, REPORT_DENIED));
		html_row_end(out);
	}
	html_table_end(out);
}

void page_write_refusals(const struct page *p, FILE *out)
{
	struct reasons r = reasons_of(p);

	fputs("<p>awsmask is closed by default: a request that it cannot mask with certainty is "
	      "refused, in words that the client shows to its user. Nothing of it is sent.</p>\n",
	      out);
	if (r.n)
		write_reasons(out, &r);
	else
		fputs("<p>No request was refused in this period, and none that was observed would "
		      "have been.</p>\n",
		      out);
	if (p->reasons.n)
		write_over_time(p, out);
	write_denials(p, out);
}
