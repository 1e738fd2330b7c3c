/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_PLOT_PRIVATE_H
#define AWSMASKCTL_PLOT_PRIVATE_H
/* What the kinds of plots share. */
#include "html.h"
#include "plot.h"

#define PLOT_LABELS_MAX 8 /* along the axis of time */

/* Where the data goes, inside of the axes. */
struct plot_area {
	double left, top, width, height;
};

/* <svg>, with its title and its description for those who cannot see it. `fits`: also where it is
 * narrow, for there is no text in it; others scroll. */
void plot_begin(FILE *out, const struct plot *p, double width, double height, bool fits);
void plot_end(FILE *out);
/* Lines across, and their values beside them; `percent`: the scale's top is 100. */
void plot_grid(FILE *out, const struct plot_area *a, const struct plot_scale *s, bool percent);
/* Labels below, as many as fit, and what has no data hatched. */
void plot_time(FILE *out, const struct plot_area *a, const struct plot_bucket *bucket, size_t n);

#endif
