/* SPDX-License-Identifier: Apache-2.0 */
#include "plot_private.h"

#define HEIGHT 240
#define MARKS_MAX 40 /* points are marked while there are so few */

static double x_of(const struct plot_lines *p, const struct plot_area *a, size_t bucket)
{
	return a->left + a->width / (double)p->buckets * ((double)bucket + 0.5);
}

static double y_of(const struct plot_area *a, double share)
{
	return a->top + a->height * (1 - share);
}

/* One stroke for each run without a gap. */
static void put_line(FILE *out, const struct plot_lines *p, const struct plot_area *a, size_t s)
{
	bool drawing = false;

	fprintf(out, "<path class=\"line l%zu\" d=\"", s);
	for (size_t i = 0; i < p->buckets; i++) {
		double share = p->share[i * p->series + s];

		if (share >= 0)
			fprintf(out, "%c%.1f %.1f", drawing ? 'L' : 'M', x_of(p, a, i),
				y_of(a, share));
		drawing = share >= 0;
	}
	fputs("\"/>\n", out);
}

/* A shape for each series, for those who see its colour and its dashes badly. */
static void put_mark(FILE *out, double x, double y, size_t s)
{
	if (s == 0)
		fprintf(out, "<circle class=\"m0\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.4\"/>", x, y);
	else
		fprintf(out,
			"<rect class=\"m%zu\" x=\"%.1f\" y=\"%.1f\" width=\"6\" height=\"6\"/>", s,
			x - 3, y - 3);
}

/* A point that stands alone is no line, so it is always marked. */
static bool is_alone(const struct plot_lines *p, size_t i, size_t s)
{
	return (i == 0 || p->share[(i - 1) * p->series + s] < 0) &&
	       (i + 1 == p->buckets || p->share[(i + 1) * p->series + s] < 0);
}

static void put_bucket(FILE *out, const struct plot_lines *p, const struct plot_area *a, size_t i)
{
	double each = a->width / (double)p->buckets;

	fprintf(out, "<g class=\"bar\"><title>%s", p->bucket[i].name);
	for (size_t s = 0; s < p->series; s++) {
		double share = p->share[i * p->series + s];

		fputs("\n", out);
		html_text(out, p->series_name[s]);
		fputs(": ", out);
		if (share >= 0)
			fprintf(out, "%.1f%%", share * 100);
		else
			fputs("none", out);
	}
	fprintf(out,
		"</title><rect class=\"hit\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		"height=\"%.1f\"/>",
		a->left + each * (double)i, a->top, each, a->height);
	for (size_t s = p->series; s-- > 0;) {
		double share = p->share[i * p->series + s];

		if (share >= 0 && (p->buckets <= MARKS_MAX || is_alone(p, i, s)))
			put_mark(out, x_of(p, a, i), y_of(a, share), s);
	}
	fputs("</g>\n", out);
}

void plot_lines(FILE *out, const struct plot_lines *p)
{
	const struct plot_area a = {48, 12, PLOT_WIDTH - 56, HEIGHT - 44};
	const struct plot_scale percent = {.step = 25, .top = 100};

	plot_begin(out, &p->plot, PLOT_WIDTH, HEIGHT, false);
	plot_grid(out, &a, &percent, true);
	plot_time(out, &a, p->bucket, p->buckets);
	for (size_t s = p->series; s-- > 0;)
		put_line(out, p, &a, s);
	for (size_t i = 0; i < p->buckets; i++)
		if (p->bucket[i].data)
			put_bucket(out, p, &a, i);
	plot_end(out);
}
