/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_PAGE_DATA_H
#define AWSMASKCTL_PAGE_DATA_H
/* What a page of the report is made from: rows of one or several hosts together, and sums of them. */
#include "../daemon/report_db.h"

#include <jansson.h>

/* What every source is asked: bits of enum report_column, and whether outcomes are. */
#define PAGE_QUERIES(X)                                                                            \
	X(DAY, 1u << REPORT_BY_DAY, false)                                                         \
	X(DAY_TYPE, 1u << REPORT_BY_DAY | 1u << REPORT_BY_TYPE, false)                             \
	X(CGROUP_TYPE, 1u << REPORT_BY_CGROUP | 1u << REPORT_BY_TYPE, false)                       \
	X(CGROUP, 1u << REPORT_BY_CGROUP, false)                                                   \
	X(TARGET, 1u << REPORT_BY_TARGET, false)                                                   \
	X(DAY_OUTCOME, 1u << REPORT_BY_DAY, true)                                                  \
	X(CGROUP_OUTCOME, 1u << REPORT_BY_CGROUP, true)                                            \
	X(TARGET_OUTCOME, 1u << REPORT_BY_TARGET, true)

enum page_query {
#define X(name, by, outcomes) PAGE_##name,
	PAGE_QUERIES(X)
#undef X
		PAGE_QUERY_COUNT
};
extern const struct report_query page_queries[PAGE_QUERY_COUNT];

/* Counts of anything; [observe]. */
struct page_sums {
	struct report_sums sums[2];
	uint64_t outcomes[2][REPORT_OUTCOME_COUNT];
};

void page_sums_add(struct page_sums *to, const struct page_sums *s);
/* Of both modes. */
struct report_sums page_both(const struct page_sums *s);
uint64_t page_outcome(const struct page_sums *s, enum report_outcome outcome);
/* A row of an answer, of sums or of outcomes; words that are not understood are not counted. */
struct page_sums page_row(json_t *row);

/* What has one name each, in an order of one's own. */
struct page_item {
	const char *name; /* the rows' */
	struct page_sums sums;
	int64_t first, last; /* of days on which there is anything; 0 and -1: not known */
};

struct page_list {
	struct page_item *item;
	size_t n, room;
	json_t *places; /* name -> place */
};

void page_list_free(struct page_list *l);
/* Add rows, told apart by this member. 0, or -1: memory is out. */
int page_list_add(struct page_list *l, json_t *rows, const char *key);
/* Most first, by `weight`, and by name where that is equal. */
void page_list_sort(struct page_list *l, uint64_t (*weight)(const struct page_item *i));
/* What stands at `from` and behind it, together. */
struct page_sums page_list_rest(const struct page_list *l, size_t from);
/* SIZE_MAX: it is not there. */
size_t page_list_place(const struct page_list *l, const char *name);

uint64_t page_by_found(const struct page_item *i);
uint64_t page_by_activity(const struct page_item *i);

/* Days, as many to one as make at most PAGE_BUCKETS_MAX of them. */
#define PAGE_BUCKETS_MAX 100
struct page_time {
	int64_t first, last; /* days */
	int64_t each;	     /* days */
	size_t n;	     /* 0: there are no days */
};
struct page_time page_time(int64_t first, int64_t last);
/* The bucket of a row's day. SIZE_MAX: it has none. */
size_t page_time_place(const struct page_time *t, const char *day);

#endif
