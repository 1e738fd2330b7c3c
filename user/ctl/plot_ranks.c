/* SPDX-License-Identifier: Apache-2.0 */
#include "plot_private.h"

#define NAMES 180
#define NUMBERS 90
#define ROW 28
#define BAR 16
#define PARTS_HEIGHT 34

static uint64_t row_sum(const struct plot_ranks *p, size_t row)
{
	uint64_t sum = 0;

	for (size_t s = 0; s < p->series; s++)
		sum += p->count[row * p->series + s];
	return sum;
}

static void put_bars(FILE *out, const struct plot_ranks *p, size_t row, uint64_t max)
{
	double y = ROW * (double)row, wide = PLOT_WIDTH - NAMES - NUMBERS, x = NAMES;

	for (size_t s = 0; s < p->series; s++) {
		uint64_t n = p->count[row * p->series + s];
		double w = max ? wide * (double)n / (double)max : 0;

		if (!n)
			continue;
		fprintf(out, "<g><title>");
		html_name(out, p->name[row], 60);
		fputs(", ", out);
		html_text(out, p->series_name[s]);
		fputs(": ", out);
		html_count(out, n);
		fprintf(out,
			"</title><rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%d\"/></g>",
			p->series_class[s], x, y + (ROW - BAR) / 2.0, w < 1 ? 1 : w, BAR);
		x += w < 1 ? 1 : w;
	}
	fprintf(out, "<text class=\"name num\" x=\"%.1f\" y=\"%.1f\">", x + 8, y + ROW / 2.0 + 4);
	html_count(out, row_sum(p, row));
	fputs("</text>\n", out);
}

void plot_ranks(FILE *out, const struct plot_ranks *p)
{
	uint64_t max = 0;

	for (size_t r = 0; r < p->rows; r++)
		if (row_sum(p, r) > max)
			max = row_sum(p, r);
	plot_begin(out, &p->plot, PLOT_WIDTH, ROW * (double)p->rows, false);
	for (size_t r = 0; r < p->rows; r++) {
		fprintf(out, "<text class=\"name end\" x=\"%d\" y=\"%.1f\">", NAMES - 10,
			ROW * ((double)r + 0.5) + 4);
		html_name(out, p->name[r], 26);
		fputs("</text>", out);
		put_bars(out, p, r, max);
	}
	plot_end(out);
}

void plot_parts(FILE *out, const struct plot_parts *p)
{
	double x = 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < p->parts; i++)
		sum += p->count[i];
	plot_begin(out, &p->plot, PLOT_WIDTH, PARTS_HEIGHT, true);
	for (size_t i = 0; i < p->parts; i++) {
		double w = sum ? PLOT_WIDTH * ((double)p->count[i] / (double)sum) : 0;

		if (!p->count[i])
			continue;
		fputs("<g><title>", out);
		html_text(out, p->name[i]);
		fputs(": ", out);
		html_count(out, p->count[i]);
		fprintf(out,
			"</title><rect class=\"%s\" x=\"%.1f\" y=\"4\" width=\"%.1f\" "
			"height=\"26\"/></g>\n",
			p->part_class[i], x, w < 2 ? 2 : w);
		x += w;
	}
	plot_end(out);
}
