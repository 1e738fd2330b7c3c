/* SPDX-License-Identifier: Apache-2.0 */
/* What was found: of which types, when, and in whose requests. */
#include "../mask/types.h"
#include "page_private.h"

#include <stdlib.h>
#include <string.h>

static uint64_t count_found(const struct page_sums *s)
{
	return page_both(s).found;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Names of the first ones, and of all others. Returns how many there are. */
static size_t name_first(const struct page_list *l, const char **name, size_t most,
			 const char *others)
{
	size_t n = smaller(l->n, most);

	for (size_t i = 0; i < n; i++)
		name[i] = *l->item[i].name ? l->item[i].name : "(none)";
	if (l->n > most)
		name[n++] = others;
	return n;
}

/* ---- types */

static void write_type_bars(const struct page *p, FILE *out)
{
	struct plot_bucket bucket[PAGE_BUCKETS_MAX];
	const char *names[PAGE_SERIES];
	size_t n = name_first(&p->types, names, PAGE_SERIES - 1, "all others");
	bool others = p->types.n > PAGE_SERIES - 1;
	uint64_t *count = page_by_time(p, &p->types, "type", p->rows[PAGE_DAY_TYPE], count_found,
				       n - others, others);
	const struct plot_bars bars = {
		.plot = {.id = "plot-types",
			 .title = "Values found over time, by type",
			 .description = "Stacked bars, the most frequent type at the bottom. The "
					"table behind it has the numbers."},
		.bucket = bucket,
		.series_name = names,
		.count = count,
		.buckets = p->time.n,
		.series = n,
		.others = others};

	if (!count)
		return;
	page_buckets(p, bucket);
	plot_bars(out, &bars);
	plot_legend(out, names, NULL, n, others);
	page_time_table(p, out, "Values found over time, by type", names, count, n);
	free(count);
}

static void write_type_cells(FILE *out, const struct page_sums *s, uint64_t all)
{
	const struct report_sums both = page_both(s);

	html_cell_count(out, both.findings);
	html_cell_count(out, both.found);
	html_cell_share(out, both.found, all);
	html_cell_count(out, both.masked);
	html_cell_count(out, both.passed);
	html_cell_count(out, both.blocked);
	html_row_end(out);
}

static const char *describe(const char *label)
{
	enum mask_type type = types_find(&types_builtin, label, strlen(label));

	return type == TYPE_NONE ? "a type of your own" : type_table[type].description;
}

static void write_type_table(const struct page *p, FILE *out)
{
	uint64_t all = page_both(&p->all).found;
	struct page_sums rest = page_list_rest(&p->types, PAGE_ROWS_MAX);

	html_table(out, "type-table", "Types, most frequent first",
		   "Type|What it is|#Requests|#Values found|#Share|#Masked|#Left as is|#Blocked");
	for (size_t i = 0; i < smaller(p->types.n, PAGE_ROWS_MAX); i++) {
		html_row(out, p->types.item[i].name);
		html_cell_text(out, describe(p->types.item[i].name));
		write_type_cells(out, &p->types.item[i].sums, all);
	}
	if (p->types.n > PAGE_ROWS_MAX) {
		html_row_others(out, p->types.n - PAGE_ROWS_MAX, "types");
		html_cell_text(out, "");
		write_type_cells(out, &rest, all);
	}
	html_table_end(out);
}

void page_write_types(const struct page *p, FILE *out)
{
	if (!p->types.n) {
		fputs("<p>No values were found in this period.</p>\n", out);
		return;
	}
	fputs("<p>Values found in requests, in both modes; a value that occurs several times is "
	      "counted each time.",
	      out);
	page_say_bucket(p, "Each bar", out);
	fputs(" Hatched days have no data: nothing was counted then, which is not the same as "
	      "nothing found.</p>\n",
	      out);
	write_type_bars(p, out);
	fputs("<h3>All types</h3>\n", out);
	write_type_table(p, out);
}

/* ---- cgroups */

/* Values by cgroup and type: [row * columns + column]. NULL: memory is out. */
static uint64_t *cross(const struct page *p, size_t rows, size_t columns)
{
	uint64_t *all = calloc(rows * columns + 1, sizeof(*all));
	json_t *row;
	size_t i;

	json_array_foreach(p->rows[PAGE_CGROUP_TYPE], i, row)
	{
		const char *cgroup = json_string_value(json_object_get(row, "cgroup"));
		const char *type = json_string_value(json_object_get(row, "type"));
		size_t r = cgroup ? page_list_place(&p->cgroups, cgroup) : SIZE_MAX;
		size_t c = type ? page_list_place(&p->types, type) : SIZE_MAX;
		struct page_sums s = page_row(row);

		if (all && r != SIZE_MAX && c != SIZE_MAX)
			all[smaller(r, rows - 1) * columns + smaller(c, columns - 1)] +=
				page_both(&s).found;
	}
	return all;
}

static void write_heat_table(FILE *out, const struct plot_heat *h)
{
	char heads[(PAGE_HEAT_COLUMNS + 1) * 56 + 32] = "Cgroup";

	for (size_t c = 0; c < h->columns; c++)
		html_head_add(heads, sizeof(heads), h->column_name[c]);
	html_fold(out, "The numbers behind it");
	html_table(out, NULL, "Values found, by cgroup and type", heads);
	for (size_t r = 0; r < h->rows; r++) {
		html_row(out, h->row_name[r]);
		for (size_t c = 0; c < h->columns; c++)
			html_cell_count(out, h->count[r * h->columns + c]);
		html_row_end(out);
	}
	html_table_end(out);
	html_fold_end(out);
}

static void write_heat(const struct page *p, FILE *out)
{
	const char *rows[PAGE_HEAT_ROWS + 1], *columns[PAGE_HEAT_COLUMNS + 1];
	struct plot_heat heat = {
		.plot = {.id = "plot-cgroups",
			 .title = "Values found, by cgroup and type",
			 .description = "Cells with a number each; the further from the ground's "
					"colour, the more. The table behind it has the numbers in "
					"full."},
		.row_name = rows,
		.column_name = columns,
		.rows = name_first(&p->cgroups, rows, PAGE_HEAT_ROWS, "all other cgroups"),
		.columns = name_first(&p->types, columns, PAGE_HEAT_COLUMNS, "all others")};
	uint64_t *count = cross(p, heat.rows, heat.columns);

	if (!count)
		return;
	heat.count = count;
	plot_heat(out, &heat);
	write_heat_table(out, &heat);
	free(count);
}

static void write_cgroup_cells(FILE *out, const struct page_sums *s)
{
	const struct report_sums both = page_both(s);

	html_cell_count(out, s->sums[0].requests);
	html_cell_count(out, s->sums[1].requests);
	html_cell_count(out, both.found);
	html_cell_count(out, both.masked);
	html_cell_count(out, both.passed);
	html_cell_count(out, both.refused);
	html_cell_count(out, page_outcome(s, REPORT_SPLICED));
}

static void write_cgroup_table(const struct page *p, FILE *out)
{
	struct page_sums rest = page_list_rest(&p->cgroups, PAGE_ROWS_MAX);

	html_table(out, "cgroup-table", "Cgroups, those with most values found first",
		   "Cgroup|#Requests enforced|#Requests observed|#Values found|#Masked|#Left as "
		   "is|#Requests refused|#Connections passed through|Last day");
	for (size_t i = 0; i < smaller(p->cgroups.n, PAGE_ROWS_MAX); i++) {
		const struct page_item *item = &p->cgroups.item[i];

		html_row(out, item->name);
		write_cgroup_cells(out, &item->sums);
		fputs("<td>", out);
		if (item->last >= 0)
			page_day(out, item->last);
		fputs("</td>", out);
		html_row_end(out);
	}
	if (p->cgroups.n > PAGE_ROWS_MAX) {
		html_row_others(out, p->cgroups.n - PAGE_ROWS_MAX, "cgroups");
		write_cgroup_cells(out, &rest);
		fputs("<td></td>", out);
		html_row_end(out);
	}
	html_table_end(out);
}

void page_write_cgroups(const struct page *p, FILE *out)
{
	if (!p->cgroups.n) {
		fputs("<p>Nobody sent anything in this period.</p>\n", out);
		return;
	}
	fputs("<p>By cgroup: the slice of a team or a user, a service, a runner, or a container "
	      "below one of them. Cgroups of the same name on several hosts are counted "
	      "together.</p>\n",
	      out);
	if (p->types.n)
		write_heat(p, out);
	fputs("<h3>All cgroups</h3>\n", out);
	write_cgroup_table(p, out);
}
