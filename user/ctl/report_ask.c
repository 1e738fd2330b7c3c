/* SPDX-License-Identifier: Apache-2.0 */
#include "report_ask.h"

#define TRIES 5 /* what is counted meanwhile may bring new rows between pages */

json_t *report_columns_json(unsigned by)
{
	json_t *list = json_array();

	for (int i = 0; i < REPORT_COLUMN_COUNT; i++)
		if (by >> i & 1)
			json_array_append_new(list, json_string(report_columns[i]));
	return list;
}

static json_t *ask_page(const struct report_source *from, const struct report_query *q,
			size_t offset, struct err *e)
{
	json_t *request, *answer;
	char since[16];

	if (from->db)
		return report_rows(from->db, q, offset, SIZE_MAX, e);
	report_day_format(q->since, since);
	request = json_pack("{s:s, s:s, s:o, s:I}", "command", "report", "since", since, "by",
			    report_columns_json(q->by), "offset", (json_int_t)offset);
	/* Not said where it is not needed: a daemon of an older version does not know it. */
	if (request && q->outcomes)
		json_object_set_new(request, "outcomes", json_true());
	return client_call(from->ctl, request, &answer, e) == CLIENT_DONE ? answer : NULL;
}

/* All pages in one. *moved: rows came in between, so some may be there twice, or not at all. */
static json_t *ask_pages(const struct report_source *from, const struct report_query *q,
			 bool *moved, struct err *e)
{
	json_t *all = ask_page(from, q, 0, e), *rows = json_object_get(all, "rows");
	json_int_t next = json_integer_value(json_object_get(all, "next"));

	*moved = false;
	while (next > 0 && (size_t)next == json_array_size(rows)) {
		json_t *page = ask_page(from, q, (size_t)next, e);

		if (!page) {
			json_decref(all);
			return NULL;
		}
		*moved |=
			!json_equal(json_object_get(all, "total"), json_object_get(page, "total"));
		json_array_extend(rows, json_object_get(page, "rows"));
		progress_set(from->progress, json_array_size(rows),
			     (uint64_t)json_integer_value(json_object_get(page, "total")));
		next = json_integer_value(json_object_get(page, "next"));
		json_decref(page);
	}
	return all;
}

json_t *report_ask_all(const struct report_source *from, const struct report_query *q,
		       struct err *e)
{
	json_t *all = NULL;
	bool moved = true;

	for (int i = 0; i < TRIES && moved; i++) {
		json_decref(all);
		all = ask_pages(from, q, &moved, e);
		if (!all)
			return NULL;
	}
	if (json_is_array(json_object_get(all, "rows")) &&
	    json_is_object(json_object_get(all, "modes")))
		return all;
	err_set(e, "awsmaskd's answer is not understood: is it of another version?");
	json_decref(all);
	return NULL;
}
