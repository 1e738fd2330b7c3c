/* SPDX-License-Identifier: Apache-2.0 */
#include "plot_private.h"

#include <string.h>

#define TICKS_MAX 5
#define YEAR 5 /* characters of a day, with the dash */

struct plot_scale plot_scale(uint64_t max)
{
	static const uint64_t steps[] = {1, 2, 5};
	struct plot_scale s = {.step = 1};

	for (uint64_t unit = 1;; unit *= 10) {
		for (int i = 0; i < 3; i++) {
			s.step = unit * steps[i];
			/* Beyond this another step would not fit into the number. */
			if (max / s.step < TICKS_MAX || s.step > UINT64_MAX / 20)
				break;
		}
		if (max / s.step < TICKS_MAX || s.step > UINT64_MAX / 20)
			break;
	}
	s.top = (max / s.step + (max % s.step != 0)) * s.step;
	if (!s.top)
		s.top = s.step;
	return s;
}

unsigned plot_level(uint64_t n, uint64_t max)
{
	/* Of the most; closer together where there is most of it. */
	static const unsigned parts[PLOT_HEAT_LEVELS] = {0, 256, 32, 8, 4, 2};
	unsigned level = PLOT_HEAT_LEVELS;

	if (!n)
		return 0;
	while (level > 1 && n < max / parts[level - 1])
		level--;
	return level;
}

const char *plot_series_class(size_t series, size_t n, bool others)
{
	static const char *const classes[PLOT_SERIES_MAX] = {"s0", "s1", "s2", "s3",
							     "s4", "s5", "s6", "sx"};

	return others && series == n - 1 ? classes[PLOT_SERIES_MAX - 1] : classes[series];
}

void plot_legend(FILE *out, const char *const *name, const char *const *class, size_t n,
		 bool others)
{
	fputs("<ul class=\"legend\">", out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out,
			"<li><svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">"
			"<rect class=\"%s\" width=\"12\" height=\"12\" rx=\"2\"/></svg>",
			class ? class[i] : plot_series_class(i, n, others));
		html_name(out, name[i], 60);
		fputs("</li>", out);
	}
	fputs("</ul>\n", out);
}

void plot_begin(FILE *out, const struct plot *p, double width, double height, bool fits)
{
	fprintf(out,
		"<div class=\"scroll plot\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">\n"
		"<svg id=\"%s\"%s viewBox=\"0 0 %.0f %.0f\" role=\"img\""
		" aria-labelledby=\"%s-title %s-desc\">\n<title id=\"%s-title\">%s</title>"
		"<desc id=\"%s-desc\">",
		p->title, p->id, fits ? " class=\"fit\"" : "", width, height, p->id, p->id, p->id,
		p->title, p->id);
	html_text(out, p->description);
	fprintf(out, "</desc>\n");
}

void plot_end(FILE *out)
{
	fputs("</svg></div>\n", out);
}

void plot_grid(FILE *out, const struct plot_area *a, const struct plot_scale *s, bool percent)
{
	char text[8];

	for (uint64_t at = 0;; at += s->step) {
		double y = a->top + a->height * (1 - (double)at / (double)s->top);

		fprintf(out,
			"<line class=\"%s\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"tick end\" x=\"%.0f\" y=\"%.1f\">%s%s</text>\n",
			at ? "grid" : "axis", a->left, a->left + a->width, y, y, a->left - 8, y + 4,
			html_compact(at, text), percent ? "%" : "");
		if (at >= s->top)
			break;
	}
}

void plot_time(FILE *out, const struct plot_area *a, const struct plot_bucket *bucket, size_t n)
{
	size_t every = (n + PLOT_LABELS_MAX - 1) / PLOT_LABELS_MAX;
	double each = a->width / (double)n;
	const char *year = "";

	for (size_t i = 0; i < n; i++) {
		double x = a->left + each * (double)i;
		const char *day = bucket[i].day;

		if (!bucket[i].data)
			fprintf(out,
				"<g><title>%s: no data</title><rect class=\"nodata\" x=\"%.1f\" "
				"y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/></g>\n",
				bucket[i].name, x, a->top, each, a->height);
		if (i % every)
			continue;
		/* The year once, and again when it is another. */
		fprintf(out, "<text class=\"tick mid\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			x + each / 2, a->top + a->height + 18,
			strncmp(year, day, YEAR) ? day : day + YEAR);
		year = day;
	}
}
