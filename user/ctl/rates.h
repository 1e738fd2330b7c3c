/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_RATES_H
#define AWSMASKCTL_RATES_H
/* What two looks at growing numbers say of the time between them. Pure. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* By how much the member `key` of the objects `group` of two statuses grew, per second; `before` may be NULL, and
 * `seconds` 0: then there is none. One that is smaller than before began anew: all of it came since. */
double rate_of(const json_t *now, const json_t *before, double seconds, const char *group,
	       const char *key);

#define HISTOGRAM_BOUNDS_MAX 32

struct histogram {
	unsigned n; /* bounds; there is one count more */
	uint64_t bounds_us[HISTOGRAM_BOUNDS_MAX];
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
};

/* From a status' "latencies". 0, or -1: it is no such thing. */
int histogram_read(struct histogram *h, const json_t *j);
/* Leave of *h what came since. Of another shape, or if one count fell: all of it did. */
void histogram_since(struct histogram *h, const struct histogram *before);
uint64_t histogram_count(const struct histogram *h);
/*
 * Seconds within which the share q of them was, evenly spread within each bucket. -1: there is none. *beyond: it is
 * more than that, the last bound.
 */
double histogram_quantile(const struct histogram *h, double q, bool *beyond);

#endif
