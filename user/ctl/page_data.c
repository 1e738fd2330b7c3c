/* SPDX-License-Identifier: Apache-2.0 */
#include "page_data.h"
#include "awsmask/abi.h"

#include <stdlib.h>
#include <string.h>

const struct report_query page_queries[PAGE_QUERY_COUNT] = {
#define X(name, columns, of_outcomes) {.by = (columns), .outcomes = (of_outcomes)},
	PAGE_QUERIES(X)
#undef X
};

/* ---- sums */

void page_sums_add(struct page_sums *to, const struct page_sums *s)
{
	for (int mode = 0; mode < 2; mode++) {
		report_sums_add(&to->sums[mode], &s->sums[mode]);
		for (int i = 0; i < REPORT_OUTCOME_COUNT; i++)
			to->outcomes[mode][i] += s->outcomes[mode][i];
	}
}

struct report_sums page_both(const struct page_sums *s)
{
	struct report_sums both = s->sums[0];

	report_sums_add(&both, &s->sums[1]);
	return both;
}

uint64_t page_outcome(const struct page_sums *s, enum report_outcome outcome)
{
	return s->outcomes[0][outcome] + s->outcomes[1][outcome];
}

static uint64_t number(json_t *row, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(row, key));

	return n > 0 ? (uint64_t)n : 0;
}

struct page_sums page_row(json_t *row)
{
	const char *mode = json_string_value(json_object_get(row, "mode"));
	const char *outcome = json_string_value(json_object_get(row, "outcome"));
	bool observe = mode && !strcmp(mode, POLICY_OBSERVE_WORD);
	struct page_sums s = {0};

	for (int i = 0; outcome && i < REPORT_OUTCOME_COUNT; i++)
		if (!strcmp(outcome, report_outcomes[i]))
			s.outcomes[observe][i] = number(row, "count");
#define X(name, meaning) s.sums[observe].name = number(row, #name);
	REPORT_SUMS(X)
#undef X
	return s;
}

/* ---- lists */

void page_list_free(struct page_list *l)
{
	free(l->item);
	json_decref(l->places);
	*l = (struct page_list){0};
}

size_t page_list_place(const struct page_list *l, const char *name)
{
	json_t *place = json_object_get(l->places, name);

	return place ? (size_t)json_integer_value(place) : SIZE_MAX;
}

static struct page_item *item_of(struct page_list *l, const char *name)
{
	size_t at = page_list_place(l, name);
	struct page_item *more;

	if (at != SIZE_MAX)
		return &l->item[at];
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		more = realloc(l->item, l->room * sizeof(*more));
		if (!more)
			return NULL;
		l->item = more;
	}
	if (!l->places)
		l->places = json_object();
	if (json_object_set_new_nocheck(l->places, name, json_integer((json_int_t)l->n)))
		return NULL;
	l->item[l->n] = (struct page_item){.name = name, .last = -1};
	return &l->item[l->n++];
}

static void widen(struct page_item *i, json_t *row)
{
	int64_t first, last;
	const char *a = json_string_value(json_object_get(row, "first"));
	const char *b = json_string_value(json_object_get(row, "last"));

	if (!a || !b || report_day_parse(a, &first) || report_day_parse(b, &last))
		return;
	if (i->last < 0 || first < i->first)
		i->first = first;
	if (last > i->last)
		i->last = last;
}

int page_list_add(struct page_list *l, json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, key));
		struct page_item *item = name ? item_of(l, name) : NULL;
		struct page_sums s = page_row(row);

		if (name && !item)
			return -1;
		if (!item)
			continue;
		page_sums_add(&item->sums, &s);
		widen(item, row);
	}
	return 0;
}

static int compare(const void *a, const void *b, void *arg)
{
	uint64_t (*weight)(const struct page_item *) =
		*(uint64_t(*const *)(const struct page_item *))arg;
	uint64_t x = weight(a), y = weight(b);

	if (x != y)
		return x < y ? 1 : -1;
	return strcmp(((const struct page_item *)a)->name, ((const struct page_item *)b)->name);
}

void page_list_sort(struct page_list *l, uint64_t (*weight)(const struct page_item *i))
{
	if (l->n)
		qsort_r(l->item, l->n, sizeof(*l->item), compare, &weight);
	for (size_t i = 0; i < l->n; i++)
		json_integer_set(json_object_get(l->places, l->item[i].name), (json_int_t)i);
}

struct page_sums page_list_rest(const struct page_list *l, size_t from)
{
	struct page_sums rest = {0};

	for (size_t i = from; i < l->n; i++)
		page_sums_add(&rest, &l->item[i].sums);
	return rest;
}

uint64_t page_by_found(const struct page_item *i)
{
	return i->sums.sums[0].found + i->sums.sums[1].found;
}

uint64_t page_by_activity(const struct page_item *i)
{
	return i->sums.sums[0].requests + i->sums.sums[1].requests +
	       page_outcome(&i->sums, REPORT_SPLICED) + page_outcome(&i->sums, REPORT_DENIED) +
	       page_outcome(&i->sums, REPORT_OPENED);
}

/* ---- time */

struct page_time page_time(int64_t first, int64_t last)
{
	struct page_time t = {.first = first, .last = last, .each = 1};

	if (last < first)
		return t;
	/* Weeks, then four of them, and so on: lengths in which one can think. */
	for (int64_t factor = 7; (last - first) / t.each >= PAGE_BUCKETS_MAX;
	     factor = factor == 7 ? 4 : 13)
		t.each *= factor;
	t.n = (size_t)((last - first) / t.each + 1);
	return t;
}

size_t page_time_place(const struct page_time *t, const char *day)
{
	int64_t at;

	if (!day || report_day_parse(day, &at) || at < t->first || at > t->last)
		return SIZE_MAX;
	return (size_t)((at - t->first) / t->each);
}
