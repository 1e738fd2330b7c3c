/* SPDX-License-Identifier: Apache-2.0 */
/* Where a page's data comes from, and the order that it is given. */
#include "page.h"
#include "../daemon/json_text.h"

#include <stdlib.h>
#include <string.h>

void page_free(struct page *p)
{
	for (int i = 0; i < PAGE_QUERY_COUNT; i++)
		json_decref(p->rows[i]);
	page_list_free(&p->days);
	page_list_free(&p->types);
	page_list_free(&p->cgroups);
	page_list_free(&p->targets);
	page_list_free(&p->reasons);
	page_list_free(&p->denials);
	free(p->enrolled);
	json_decref(p->kept);
	free(p->host);
}

static const char *keep(struct page *p, const char *text)
{
	json_t *kept = json_text_of(text);

	if (!p->kept)
		p->kept = json_array();
	return json_array_append_new(p->kept, kept) ? NULL : json_string_value(kept);
}

/* ---- from a source */

static int append(struct page *p, enum page_query q, json_t *rows)
{
	if (!p->rows[q])
		p->rows[q] = json_array();
	return json_array_extend(p->rows[q], rows);
}

/* Whose it is, and what of it is missing. */
static int take_host(struct page *p, struct page_host *h, json_t *answer, const char *name)
{
	const char *host = json_string_value(json_object_get(answer, "host"));
	const char *version = json_string_value(json_object_get(answer, "version"));

	h->name = keep(p, host ? host : name);
	h->version = keep(p, version ? version : "");
	h->unwritten = (uint64_t)json_integer_value(json_object_get(answer, "unwritten"));
	h->lost = (uint64_t)json_integer_value(json_object_get(answer, "lost"));
	return h->name && h->version ? 0 : -1;
}

/* What one host counted, by the days on which it did. */
static int sum_host(struct page_host *h, json_t *days, json_t *outcomes)
{
	struct page_list list = {0};
	int result = page_list_add(&list, days, "day") || page_list_add(&list, outcomes, "day");
	int64_t day;

	h->last = -1;
	for (size_t i = 0; i < list.n; i++) {
		page_sums_add(&h->sums, &list.item[i].sums);
		if (report_day_parse(list.item[i].name, &day))
			continue;
		if (!h->days++ || day < h->first)
			h->first = day;
		if (day > h->last)
			h->last = day;
	}
	page_list_free(&list);
	return result ? -1 : 0;
}

static int gather(struct page *p, const struct report_source *from, const char *name, struct err *e)
{
	struct page_host *more = realloc(p->host, (p->hosts + 1) * sizeof(*more)), *h;
	json_t *rows[PAGE_QUERY_COUNT] = {NULL};
	int result = more ? 0 : -1;

	err_set(e, "memory is out");
	if (!more)
		return -1;
	p->host = more;
	h = &p->host[p->hosts++];
	*h = (struct page_host){.last = -1};
	for (int i = 0; i < PAGE_QUERY_COUNT && result == 0; i++) {
		struct report_query q = page_queries[i];
		json_t *answer;

		q.since = p->since;
		answer = report_ask_all(from, &q, e);
		rows[i] = json_incref(json_object_get(answer, "rows"));
		if (!answer || append(p, (enum page_query)i, rows[i]) ||
		    (i == 0 && take_host(p, h, answer, name)))
			result = -1;
		json_decref(answer);
	}
	if (result == 0)
		result = sum_host(h, rows[PAGE_DAY], rows[PAGE_DAY_OUTCOME]);
	for (int i = 0; i < PAGE_QUERY_COUNT; i++)
		json_decref(rows[i]);
	return result;
}

static int take_enrolled(struct page *p, json_t *list, const char *key, bool program)
{
	size_t n = json_array_size(list), i;
	struct page_enrolled *more =
		realloc(p->enrolled, (p->enrolled_count + n + 1) * sizeof(*more));
	json_t *entry;

	if (!more)
		return -1;
	p->enrolled = more;
	json_array_foreach(list, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, key));
		const char *mode = json_string_value(json_object_get(entry, "mode"));
		const char *fail = json_string_value(json_object_get(entry, "fail"));

		more[p->enrolled_count++] =
			(struct page_enrolled){.name = keep(p, name ? name : "(gone)"),
					       .mode = keep(p, mode ? mode : "?"),
					       .fail = keep(p, fail ? fail : "?"),
					       .program = program};
	}
	return 0;
}

static int gather_enrolled(struct page *p, struct ctl *c, struct err *e)
{
	json_t *cgroups = NULL, *programs = NULL;
	int result = -1;

	if (client_collect(c, "list", "enrolled", &cgroups, e) == CLIENT_DONE &&
	    client_collect(c, "programs", "programs", &programs, e) == CLIENT_DONE) {
		result = take_enrolled(p, cgroups, "cgroup", false) ||
					 take_enrolled(p, programs, "exe", true)
				 ? err_set(e, "memory is out")
				 : 0;
	}
	json_decref(cgroups);
	json_decref(programs);
	return result;
}

int page_gather_daemon(struct page *p, struct ctl *c, struct err *e)
{
	const struct report_source from = {.ctl = c};

	p->from_daemon = true;
	return gather(p, &from, "this host", e) || gather_enrolled(p, c, e) ? -1 : 0;
}

/* Where two files come from hosts of one name, their paths tell them apart. */
static int name_apart(struct page *p, const char *const *paths)
{
	bool *same = calloc(p->hosts + 1, sizeof(*same));
	int result = same ? 0 : -1;
	char name[1024];

	for (size_t i = 0; same && i < p->hosts; i++)
		for (size_t k = 0; k < p->hosts; k++)
			same[i] |= i != k && !strcmp(p->host[i].name, p->host[k].name);
	for (size_t i = 0; same && i < p->hosts; i++) {
		if (!same[i])
			continue;
		snprintf(name, sizeof(name), "%s (%s)", p->host[i].name, paths[i]);
		p->host[i].name = keep(p, name);
		if (!p->host[i].name)
			result = -1;
	}
	free(same);
	return result;
}

static int gather_file(struct page *p, struct ctl *c, const char *path, const char *name,
		       struct err *e)
{
	struct report_source from = {.ctl = c, .db = report_db_open_reading(path, e)};
	int result = from.db ? gather(p, &from, name, e) : -1;

	report_db_close(from.db);
	return result;
}

int page_gather_files(struct page *p, struct ctl *c, const char *const *paths, size_t n,
		      struct err *e)
{
	struct progress *progress = progress_begin(c, "reading files", n, PROGRESS_THINGS);
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		const char *slash = strrchr(paths[i], '/');

		result = gather_file(p, c, paths[i], slash ? slash + 1 : paths[i], e);
		progress_set(progress, i + 1, n);
	}
	progress_end(progress);
	if (result == 0 && name_apart(p, paths))
		result = err_set(e, "memory is out");
	return result;
}

/* ---- in order */

/* Those rows of outcomes that are of one of two kinds. 0, or -1: memory is out. */
static int add_reasons(struct page_list *to, json_t *rows, enum report_outcome a,
		       enum report_outcome b)
{
	json_t *some = json_array(), *row;
	size_t i;
	int result;

	json_array_foreach(rows, i, row)
	{
		const char *outcome = json_string_value(json_object_get(row, "outcome"));

		if (outcome &&
		    (!strcmp(outcome, report_outcomes[a]) || !strcmp(outcome, report_outcomes[b])))
			json_array_append(some, row);
	}
	result = page_list_add(to, some, "why");
	json_decref(some);
	return result;
}

static uint64_t by_reason(const struct page_item *i)
{
	return page_outcome(&i->sums, REPORT_REFUSED) + page_outcome(&i->sums, REPORT_UNMASKABLE) +
	       page_outcome(&i->sums, REPORT_DENIED);
}

/* From the first day that was asked for, or on which something was counted, on. */
static void settle_time(struct page *p)
{
	int64_t first = INT64_MAX, last = p->until;

	for (size_t i = 0; i < p->hosts; i++) {
		if (p->host[i].last < 0)
			continue;
		if (p->host[i].first < first)
			first = p->host[i].first;
		if (p->host[i].last > last)
			last = p->host[i].last;
	}
	p->time = page_time(1, 0);
	if (first != INT64_MAX)
		p->time = page_time(p->since > 0 && p->since < first ? p->since : first, last);
}

static int compare_hosts(const void *a, const void *b)
{
	return strcmp(((const struct page_host *)a)->name, ((const struct page_host *)b)->name);
}

int page_settle(struct page *p, const struct config *config, struct err *e)
{
	err_set(e, "memory is out");
	if (page_list_add(&p->days, p->rows[PAGE_DAY], "day") ||
	    page_list_add(&p->days, p->rows[PAGE_DAY_OUTCOME], "day") ||
	    page_list_add(&p->types, p->rows[PAGE_DAY_TYPE], "type") ||
	    page_list_add(&p->cgroups, p->rows[PAGE_CGROUP], "cgroup") ||
	    page_list_add(&p->cgroups, p->rows[PAGE_CGROUP_OUTCOME], "cgroup") ||
	    page_list_add(&p->targets, p->rows[PAGE_TARGET], "target") ||
	    page_list_add(&p->targets, p->rows[PAGE_TARGET_OUTCOME], "target") ||
	    add_reasons(&p->reasons, p->rows[PAGE_DAY_OUTCOME], REPORT_REFUSED,
			REPORT_UNMASKABLE) ||
	    add_reasons(&p->denials, p->rows[PAGE_DAY_OUTCOME], REPORT_DENIED, REPORT_DENIED))
		return -1;
	p->all = page_list_rest(&p->days, 0);
	page_list_sort(&p->types, page_by_found);
	page_list_sort(&p->cgroups, page_by_found);
	page_list_sort(&p->targets, page_by_activity);
	page_list_sort(&p->reasons, by_reason);
	page_list_sort(&p->denials, by_reason);
	if (p->hosts)
		qsort(p->host, p->hosts, sizeof(*p->host), compare_hosts);
	settle_time(p);
	return page_mask_names(p, config, e);
}
