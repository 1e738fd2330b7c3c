/* SPDX-License-Identifier: Apache-2.0 */
#include "plot_private.h"

#define HEIGHT 300
#define GAP 0.16 /* between bars, of a bar */
#define BAR_MAX 48.0

static uint64_t sum_of(const struct plot_bars *p, size_t bucket)
{
	uint64_t sum = 0;

	for (size_t s = 0; s < p->series; s++)
		sum += p->count[bucket * p->series + s];
	return sum;
}

static void put_told(FILE *out, const struct plot_bars *p, size_t bucket)
{
	fprintf(out, "<title>%s: ", p->bucket[bucket].name);
	html_count(out, sum_of(p, bucket));
	for (size_t s = 0; s < p->series; s++) {
		if (!p->count[bucket * p->series + s])
			continue;
		fputs("\n", out);
		html_name(out, p->series_name[s], 60);
		fputs(" ", out);
		html_count(out, p->count[bucket * p->series + s]);
	}
	fputs("</title>", out);
}

static void put_stack(FILE *out, const struct plot_bars *p, const struct plot_area *a,
		      const struct plot_scale *scale, size_t bucket)
{
	double each = a->width / (double)p->buckets, wide = each * (1 - GAP);
	double base = a->top + a->height, x;
	uint64_t below = 0;

	if (wide > BAR_MAX)
		wide = BAR_MAX;
	x = a->left + each * ((double)bucket + 0.5) - wide / 2;
	fputs("<g class=\"bar\">", out);
	put_told(out, p, bucket);
	fprintf(out, "<rect class=\"hit\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
		a->left + each * (double)bucket, a->top, each, a->height);
	for (size_t s = 0; s < p->series; s++) {
		uint64_t n = p->count[bucket * p->series + s];
		double low = a->height * (double)below / (double)scale->top;
		double high = a->height * (double)(below + n) / (double)scale->top;

		if (!n)
			continue;
		below += n;
		fprintf(out,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%.1f\"/>",
			plot_series_class(s, p->series, p->others), x, base - high, wide,
			high - low < 0.6 ? 0.6 : high - low);
	}
	fputs("</g>\n", out);
}

void plot_bars(FILE *out, const struct plot_bars *p)
{
	const struct plot_area a = {48, 12, PLOT_WIDTH - 56, HEIGHT - 44};
	struct plot_scale scale;
	uint64_t max = 0;

	for (size_t i = 0; i < p->buckets; i++)
		if (sum_of(p, i) > max)
			max = sum_of(p, i);
	scale = plot_scale(max);
	plot_begin(out, &p->plot, PLOT_WIDTH, HEIGHT, false);
	plot_grid(out, &a, &scale, false);
	plot_time(out, &a, p->bucket, p->buckets);
	for (size_t i = 0; i < p->buckets; i++)
		if (p->bucket[i].data)
			put_stack(out, p, &a, &scale, i);
	plot_end(out);
}
