/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_PAGE_PRIVATE_H
#define AWSMASKCTL_PAGE_PRIVATE_H
/* The sections of the page, one function each, and what they share. */
#include "html.h"
#include "page.h"
#include "plot.h"

/* The style sheet. */
extern const char page_style[];

void page_write_summary(const struct page *p, FILE *out);
void page_write_types(const struct page *p, FILE *out);
void page_write_cgroups(const struct page *p, FILE *out);
void page_write_refusals(const struct page *p, FILE *out);
void page_write_coverage(const struct page *p, FILE *out);
void page_write_hosts(const struct page *p, FILE *out);
void page_write_limits(const struct page *p, FILE *out);
void page_write_making(const struct page *p, FILE *out);

/* Whether connections and reasons were counted, if there were any: older versions did not. */
bool page_has_outcomes(const struct page *p);
/* "2026-11-21", or where one bucket has several days, "2026-11-15 to 2026-11-21 (5 of 7 days)". */
void page_buckets(const struct page *p, struct plot_bucket bucket[static PAGE_BUCKETS_MAX]);
/* "Each bar is 7 days." when it is not one. */
void page_say_bucket(const struct page *p, const char *what, FILE *out);
/* Numbers by bucket and by the first `series` names of a list, the others in one more if `others`:
 * [bucket * (series + others) + s]. The caller's; NULL: memory is out. */
uint64_t *page_by_time(const struct page *p, const struct page_list *names, const char *key,
		       json_t *rows, uint64_t (*count)(const struct page_sums *s), size_t series,
		       bool others);
/* The table behind such a plot. */
void page_time_table(const struct page *p, FILE *out, const char *caption, const char *const *names,
		     const uint64_t *count, size_t series);
void page_day(FILE *out, int64_t day);

#endif
