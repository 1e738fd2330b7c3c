/* SPDX-License-Identifier: Apache-2.0 */
#include "plot_private.h"

#define NAMES 236 /* width of the rows' names */
#define HEADS 118 /* height of the columns' */
#define RIGHT 44  /* room for the last of these, which leans over */
#define CELL_HEIGHT 26
#define CELL_MAX 64.0

static uint64_t most(const struct plot_heat *p)
{
	uint64_t max = 0;

	for (size_t i = 0; i < p->rows * p->columns; i++)
		if (p->count[i] > max)
			max = p->count[i];
	return max;
}

static void put_heads(FILE *out, const struct plot_heat *p, double cell)
{
	for (size_t c = 0; c < p->columns; c++) {
		double x = NAMES + cell * ((double)c + 0.5);

		fprintf(out,
			"<text class=\"tick\" transform=\"translate(%.1f %d) rotate(-45)\">"
			"<title>",
			x + 3, HEADS - 8);
		html_name(out, p->column_name[c], 60);
		fputs("</title>", out);
		html_name(out, p->column_name[c], 22);
		fputs("</text>\n", out);
	}
}

static void put_cell(FILE *out, const struct plot_heat *p, double cell, uint64_t max, size_t r,
		     size_t c)
{
	uint64_t n = p->count[r * p->columns + c];
	double x = NAMES + cell * (double)c, y = HEADS + CELL_HEIGHT * (double)r;
	unsigned level = plot_level(n, max);
	char text[8];

	fprintf(out, "<g><rect class=\"h%u\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
		level, x + 1, y + 1, cell - 2, CELL_HEIGHT - 2);
	if (n) {
		fputs("<title>", out);
		html_name(out, p->row_name[r], 80);
		fputs("\n", out);
		html_name(out, p->column_name[c], 60);
		fputs(": ", out);
		html_count(out, n);
		fprintf(out, "</title><text class=\"cell t%u\" x=\"%.1f\" y=\"%.1f\">%s</text>",
			level, x + cell / 2, y + CELL_HEIGHT / 2.0 + 4, html_compact(n, text));
	}
	fputs("</g>", out);
}

static void put_row(FILE *out, const struct plot_heat *p, double cell, uint64_t max, size_t r)
{
	fprintf(out, "<text class=\"name end\" x=\"%d\" y=\"%.1f\"><title>", NAMES - 10,
		HEADS + CELL_HEIGHT * ((double)r + 0.5) + 4);
	html_name(out, p->row_name[r], 120);
	fputs("</title>", out);
	html_name(out, p->row_name[r], 34);
	fputs("</text>\n", out);
	for (size_t c = 0; c < p->columns; c++)
		put_cell(out, p, cell, max, r, c);
	fputs("\n", out);
}

void plot_heat(FILE *out, const struct plot_heat *p)
{
	double cell = (PLOT_WIDTH - NAMES - RIGHT) / (double)p->columns;
	uint64_t max = most(p);

	if (cell > CELL_MAX)
		cell = CELL_MAX;
	plot_begin(out, &p->plot, PLOT_WIDTH, HEADS + CELL_HEIGHT * (double)p->rows + 4, false);
	put_heads(out, p, cell);
	for (size_t r = 0; r < p->rows; r++)
		put_row(out, p, cell, max, r);
	plot_end(out);
}
