/* SPDX-License-Identifier: Apache-2.0 */
/* The page as a whole, and what its sections share. */
#include "page_private.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *id, *title;
	void (*write)(const struct page *p, FILE *out);
} sections[] = {
	{"summary", "Summary", page_write_summary},
	{"types", "What was found, over time", page_write_types},
	{"cgroups", "Who sent it", page_write_cgroups},
	{"refusals", "What was refused", page_write_refusals},
	{"coverage", "Coverage", page_write_coverage},
	{"hosts", "Hosts and what is enrolled", page_write_hosts},
	{"limits", "What is protected, and what is not", page_write_limits},
	{"making", "How this page was made", page_write_making},
};
#define SECTIONS (sizeof(sections) / sizeof(*sections))

/* ---- what sections share */

bool page_has_outcomes(const struct page *p)
{
	for (int i = 0; i < REPORT_OUTCOME_COUNT; i++)
		if (page_outcome(&p->all, (enum report_outcome)i))
			return true;
	for (size_t i = 0; i < p->hosts; i++)
		if (*p->host[i].version)
			return true;
	return false;
}

void page_day(FILE *out, int64_t day)
{
	char text[16];

	report_day_format(day, text);
	fprintf(out, "<span class=\"day\">%s</span>", text);
}

void page_say_bucket(const struct page *p, const char *what, FILE *out)
{
	if (p->time.each > 1)
		fprintf(out, " %s is %" PRId64 " days.", what, p->time.each);
}

void page_buckets(const struct page *p, struct plot_bucket bucket[static PAGE_BUCKETS_MAX])
{
	const struct page_time *t = &p->time;
	unsigned days[PAGE_BUCKETS_MAX] = {0};

	for (size_t i = 0; i < p->days.n; i++) {
		size_t at = page_time_place(t, p->days.item[i].name);

		if (at < t->n)
			days[at]++;
	}
	for (size_t i = 0; i < t->n; i++) {
		int64_t first = t->first + (int64_t)i * t->each, last = first + t->each - 1;
		struct plot_bucket *b = &bucket[i];
		char from[16], to[16];

		if (last > t->last)
			last = t->last;
		report_day_format(first, from);
		report_day_format(last, to);
		b->data = days[i] > 0;
		snprintf(b->day, sizeof(b->day), "%s", from);
		if (t->each == 1)
			snprintf(b->name, sizeof(b->name), "%s", from);
		else
			snprintf(b->name, sizeof(b->name), "%s to %s (%u of %" PRId64 " days)",
				 from, to, days[i], last - first + 1);
	}
}

uint64_t *page_by_time(const struct page *p, const struct page_list *names, const char *key,
		       json_t *rows, uint64_t (*count)(const struct page_sums *s), size_t series,
		       bool others)
{
	size_t wide = series + others, i;
	uint64_t *all = calloc(p->time.n * wide + 1, sizeof(*all));
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, key));
		const char *day = json_string_value(json_object_get(row, "day"));
		size_t at = page_time_place(&p->time, day);
		size_t s = name ? page_list_place(names, name) : SIZE_MAX;
		struct page_sums sums = page_row(row);

		if (all && at != SIZE_MAX && s != SIZE_MAX && (s < series || others))
			all[at * wide + (s < series ? s : series)] += count(&sums);
	}
	return all;
}

void page_time_table(const struct page *p, FILE *out, const char *caption, const char *const *names,
		     const uint64_t *count, size_t series)
{
	struct plot_bucket bucket[PAGE_BUCKETS_MAX];
	char heads[PLOT_SERIES_MAX * 56 + 32] = "Day";

	page_buckets(p, bucket);
	for (size_t s = 0; s < series; s++)
		html_head_add(heads, sizeof(heads), names[s]);
	html_fold(out, "The numbers behind it");
	html_table(out, NULL, caption, heads);
	for (size_t i = 0; i < p->time.n; i++) {
		fprintf(out, "<tr><th scope=\"row\" class=\"day\">%s</th>", bucket[i].name);
		for (size_t s = 0; s < series && bucket[i].data; s++)
			html_cell_count(out, count[i * series + s]);
		if (!bucket[i].data)
			fprintf(out, "<td class=\"n zero\" colspan=\"%zu\">no data</td>", series);
		html_row_end(out);
	}
	html_table_end(out);
	html_fold_end(out);
}

/* ---- the document */

/* No script, no request: nothing but the one style sheet, known by its hash. */
static void write_policy(FILE *out)
{
	unsigned char hash[EVP_MAX_MD_SIZE], text[EVP_MAX_MD_SIZE * 2];
	unsigned size = 0;

	EVP_Digest(page_style, strlen(page_style), hash, &size, EVP_sha256(), NULL);
	EVP_EncodeBlock(text, hash, (int)size);
	fprintf(out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\"/>\n",
		text);
}

static void write_head(FILE *out)
{
	fputs("<!DOCTYPE html>\n"
	      "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n",
	      out);
	write_policy(out);
	fprintf(out,
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		"<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		"<meta name=\"referrer\" content=\"no-referrer\"/>\n"
		"<meta name=\"robots\" content=\"noindex\"/>\n"
		"<meta name=\"generator\" content=\"awsmask %s\"/>\n"
		"<title>awsmask: report for review</title>\n<style>%s</style>\n</head>\n",
		AWSMASK_VERSION, page_style);
}

static void write_period(const struct page *p, FILE *out)
{
	char made[32] = "?";
	struct tm tm;

	if (gmtime_r(&p->made, &tm))
		strftime(made, sizeof(made), "%Y-%m-%d %H:%M", &tm);
	fputs("<p class=\"meta\">", out);
	if (p->time.n) {
		page_day(out, p->time.first);
		fputs(" to ", out);
		page_day(out, p->time.last);
		fputs(" (UTC) \xc2\xb7 ", out);
	} else if (p->since) {
		fputs("from ", out);
		page_day(out, p->since);
		fputs(" on \xc2\xb7 ", out);
	}
	if (p->hosts == 1) {
		fputs("host ", out);
		html_name(out, p->host[0].name, 60);
	} else {
		html_many(out, p->hosts, "host", "hosts");
	}
	fprintf(out, " \xc2\xb7 made <span class=\"day\">%s</span> UTC</p>\n", made);
}

static void write_header(const struct page *p, FILE *out)
{
	fputs("<body>\n<a class=\"skip\" href=\"#summary\">Skip to the summary</a>\n"
	      "<svg width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" "
	      "width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
	      "patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" "
	      "y2=\"6\"/></pattern></defs></svg>\n"
	      "<div class=\"page\">\n<header>\n<p class=\"brand\">awsmask</p>\n"
	      "<h1>AWS identifiers in the traffic of coding agents</h1>\n",
	      out);
	write_period(p, out);
	fputs("<nav aria-label=\"Sections\"><ul>\n", out);
	for (size_t i = 0; i < SECTIONS; i++)
		fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id,
			sections[i].title);
	fputs("</ul></nav>\n</header>\n<main>\n", out);
}

void page_write(const struct page *p, FILE *out)
{
	write_head(out);
	write_header(p, out);
	for (size_t i = 0; i < SECTIONS; i++) {
		fprintf(out,
			"<section id=\"%s\" aria-labelledby=\"%s-head\">\n"
			"<h2 id=\"%s-head\">%s</h2>\n",
			sections[i].id, sections[i].id, sections[i].id, sections[i].title);
		sections[i].write(p, out);
		fputs("</section>\n", out);
	}
	fprintf(out,
		"</main>\n<footer><p class=\"note\">Made by awsmask %s. Counts only: no value that "
		"was masked is on this page.</p></footer>\n</div>\n</body>\n</html>\n",
		AWSMASK_VERSION);
}
