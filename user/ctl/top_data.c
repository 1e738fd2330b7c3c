/* SPDX-License-Identifier: Apache-2.0 */
#include "top.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes that a process has in memory; 0: that cannot be seen. */
static json_int_t memory_of(json_int_t pid)
{
	long long pages = 0;
	char path[64];
	FILE *f;

	if (pid <= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%lld/statm", (long long)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*d %lld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void measure(struct snapshot *s)
{
	json_t *worker;
	size_t i;

	s->memory = memory_of(json_integer_value(json_object_get(s->status, "monitor")));
	json_array_foreach(s->workers, i, worker)
	{
		json_int_t bytes = memory_of(json_integer_value(json_object_get(worker, "pid")));

		if (bytes)
			json_object_set_new(worker, "memory", json_integer(bytes));
		s->memory += bytes;
	}
}

static json_int_t bytes_of(const json_t *flow)
{
	return json_integer_value(json_object_get(flow, "request_bytes")) +
	       json_integer_value(json_object_get(flow, "answer_bytes")) +
	       json_integer_value(json_object_get(flow, "spliced_bytes"));
}

/* One piece of the flows. Returns where the next begins, 0: that was the last; -1: it is none. */
static json_int_t take_flows(struct snapshot *s, const json_t *answer)
{
	json_t *flows = json_object_get(answer, "flows"), *workers, *flow;
	size_t i;

	if (!json_is_array(flows))
		return -1;
	json_array_foreach(flows, i, flow)
	{
		json_object_set_new(flow, "bytes", json_integer(bytes_of(flow)));
	}
	json_array_extend(s->flows, flows);
	workers = json_object_get(answer, "workers");
	if (json_is_array(workers) && !s->workers)
		s->workers = json_incref(workers);
	s->total = json_integer_value(json_object_get(answer, "total"));
	return json_integer_value(json_object_get(answer, "next"));
}

static enum client_result ask_flows(struct snapshot *s, struct ctl *c, struct err *e)
{
	enum client_result result;
	json_int_t next = 0, after;

	s->flows = json_array();
	do {
		json_t *answer;

		result = client_call(c, json_pack("{s:s, s:I}", "command", "flows", "offset", next),
				     &answer, e);
		if (result != CLIENT_DONE)
			return result;
		after = take_flows(s, answer);
		json_decref(answer);
		if (after < 0 || (after && after <= next)) {
			err_set(e,
				"awsmaskd's answer is not understood: is it of another version?");
			return CLIENT_REFUSED;
		}
		next = after;
	} while (next && json_array_size(s->flows) < TOP_FLOWS_MAX);
	return CLIENT_DONE;
}

static enum client_result ask_all(struct snapshot *s, struct ctl *c, struct err *e)
{
	enum client_result result =
		client_call(c, json_pack("{s:s}", "command", "status"), &s->status, e);

	if (result == CLIENT_DONE)
		result = ask_flows(s, c, e);
	if (result == CLIENT_DONE)
		result = client_collect(c, "list", "enrolled", &s->enrolled, e);
	if (result == CLIENT_DONE)
		result = client_collect(c, "programs", "programs", &s->programs, e);
	return result;
}

enum client_result snapshot_take(struct snapshot *s, struct ctl *c, struct err *e)
{
	enum client_result result;

	*s = (struct snapshot){.at = now_seconds()};
	result = ask_all(s, c, e);
	if (result == CLIENT_DONE)
		measure(s);
	else
		snapshot_free(s);
	return result;
}

void snapshot_free(struct snapshot *s)
{
	json_decref(s->status);
	json_decref(s->flows);
	json_decref(s->workers);
	json_decref(s->enrolled);
	json_decref(s->programs);
	*s = (struct snapshot){.at = 0};
}

static json_int_t id_of(const json_t *flow)
{
	return json_integer_value(json_object_get(flow, "id"));
}

static int by_id(const void *a, const void *b)
{
	json_int_t x = id_of(*(json_t *const *)a), y = id_of(*(json_t *const *)b);

	return x < y ? -1 : x > y;
}

static json_t **listed(const json_t *flows, size_t *n)
{
	json_t **list = calloc(json_array_size(flows) + 1, sizeof(json_t *));

	*n = list ? json_array_size(flows) : 0;
	for (size_t i = 0; i < *n; i++)
		list[i] = json_array_get(flows, i);
	return list;
}

void snapshot_compare(struct snapshot *now, const struct snapshot *before)
{
	double seconds = now->at - before->at;
	json_t **old, *flow;
	size_t n, i;

	old = listed(before->flows, &n);
	if (!old)
		return;
	qsort(old, n, sizeof(json_t *), by_id);
	json_array_foreach(now->flows, i, flow)
	{
		json_t **was = bsearch(&flow, old, n, sizeof(json_t *), by_id);
		double moved = (double)(bytes_of(flow) - (was ? bytes_of(*was) : 0));

		/* One that is new has come since. */
		json_object_set_new(flow, "rate",
				    json_real(before->status && seconds > 0 && moved > 0
						      ? moved / seconds
						      : 0));
	}
	free(old);
}

/* ---- sorting */

static const struct {
	const char *key;
	bool number;
} sorts[TOP_SORT_COUNT] = {
#define X(name, key, number) {key, number},
	TOP_SORTS(X)
#undef X
};

const char *top_sort_word(enum top_sort sort)
{
	return sort == TOP_SORT_PROGRAM ? "program"
	       : sort == TOP_SORT_AGE	? "age"
					: sorts[sort].key;
}

int top_sort_find(const char *word)
{
	for (int i = 0; i < TOP_SORT_COUNT; i++)
		if (strcmp(top_sort_word((enum top_sort)i), word) == 0)
			return i;
	return -1;
}

static int compare(const void *a, const void *b, void *arg)
{
	const enum top_sort *sort = arg;
	json_t *x = json_object_get(*(json_t *const *)a, sorts[*sort].key);
	json_t *y = json_object_get(*(json_t *const *)b, sorts[*sort].key);
	const char *first = json_string_value(x), *second = json_string_value(y);
	double m = json_number_value(x), n = json_number_value(y);
	int r = sorts[*sort].number ? (m < n) - (m > n)
				    : strcmp(first ? first : "", second ? second : "");

	return r ? r : by_id(a, b);
}

json_t **top_sorted(const json_t *flows, enum top_sort sort)
{
	size_t n;
	json_t **list = listed(flows, &n);

	if (list)
		qsort_r(list, n, sizeof(json_t *), compare, &sort);
	return list;
}
