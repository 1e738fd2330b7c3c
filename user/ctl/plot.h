/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_PLOT_H
#define AWSMASKCTL_PLOT_H
/*
 * Plots as inline SVG: no script, no style of their own. Colours are classes that the page's style
 * sheet knows (s0, s1 ... of series, h0 ... of heat), so that they follow its light and dark; what a
 * pointer rests on is told by <title>. Whatever a plot shows stands in a table too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLOT_WIDTH 760
#define PLOT_SERIES_MAX 8 /* the last of them is for all others, and grey */
#define PLOT_HEAT_LEVELS 6

/* An axis from 0 that ends at a round number. */
struct plot_scale {
	uint64_t step, top; /* top is a multiple of step, at most 5 times, and at least max and 1 */
};
struct plot_scale plot_scale(uint64_t max);
/* Which of the heat's levels: 0 for nothing, PLOT_HEAT_LEVELS for half of the most, and more. */
unsigned plot_level(uint64_t n, uint64_t max);

/* A place on the axis of time. */
struct plot_bucket {
	char day[16];  /* 2026-11-21; the first, if it has several */
	char name[96]; /* when it is pointed at */
	bool data;     /* false: nothing was counted then, which is not the same as zero */
};

struct plot {
	const char *id, *title, *description;
};

/* Bars side by side, each a stack of series from below: count[bucket * series + s]. */
struct plot_bars {
	struct plot plot;
	const struct plot_bucket *bucket;
	const char *const *series_name;
	const uint64_t *count;
	size_t buckets, series;
	bool others; /* the last series is all others */
};
void plot_bars(FILE *out, const struct plot_bars *p);

/* Shares of 1 over time, with gaps where there is none (below 0). */
struct plot_lines {
	struct plot plot;
	const struct plot_bucket *bucket;
	const char *const *series_name;
	const double *share; /* [bucket * series + s] */
	size_t buckets, series;
};
void plot_lines(FILE *out, const struct plot_lines *p);

/* Rows by columns: count[row * columns + column]. */
struct plot_heat {
	struct plot plot;
	const char *const *row_name, *const *column_name;
	const uint64_t *count;
	size_t rows, columns;
	const char *row_word, *column_word; /* "cgroup", "type" */
};
void plot_heat(FILE *out, const struct plot_heat *p);

/* A bar for each name, from the left, of one or two series stacked. */
struct plot_ranks {
	struct plot plot;
	const char *const *name;
	const uint64_t *count; /* [row * series + s] */
	const char *const *series_name;
	const char *const *series_class;
	size_t rows, series;
};
void plot_ranks(FILE *out, const struct plot_ranks *p);

/* One bar, which is all there is, in parts. */
struct plot_parts {
	struct plot plot;
	const char *const *name;
	const char *const *part_class;
	const uint64_t *count;
	size_t parts;
};
void plot_parts(FILE *out, const struct plot_parts *p);

/* What the colours mean, for HTML. NULL classes: those of series. */
void plot_legend(FILE *out, const char *const *name, const char *const *class, size_t n,
		 bool others);
/* The class of a series. */
const char *plot_series_class(size_t series, size_t n, bool others);

#endif
