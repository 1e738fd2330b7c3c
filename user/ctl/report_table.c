/* SPDX-License-Identifier: Apache-2.0 */
#include "report_table.h"
#include "awsmask/abi.h"
#include "../daemon/report_db.h"
#include "colour.h"
#include "harmless.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum sum {
#define X(name, meaning) SUM_##name,
	REPORT_SUMS(X)
#undef X
		SUM_COUNT
};

static const char *const sums[SUM_COUNT] = {
#define X(name, meaning) #name,
	REPORT_SUMS(X)
#undef X
};

struct table {
	unsigned by;
	int column_width[REPORT_COLUMN_COUNT], sum_width[SUM_COUNT]; /* 0: not shown */
};

static json_int_t number(json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

/* Every character is one column wide here: names that the daemon writes are plain. */
static const char *text(json_t *row, int column)
{
	const char *value = json_string_value(json_object_get(row, report_columns[column]));

	return value && *value ? value : "-";
}

static void widen(int *width, int n)
{
	if (n > *width)
		*width = n;
}

static int digits(json_int_t n)
{
	return snprintf(NULL, 0, "%" JSON_INTEGER_FORMAT, n);
}

/* A type's requests are those that held it; what became of requests is told elsewhere. */
static bool fits(const struct table *t, int sum)
{
	bool by_type = t->by >> REPORT_BY_TYPE & 1;

	return !by_type || (sum != SUM_requests && sum != SUM_refused && sum != SUM_unmaskable);
}

static const char *sum_title(const struct table *t, int sum)
{
	bool by_type = t->by >> REPORT_BY_TYPE & 1;

	return by_type && sum == SUM_findings ? "requests" : sums[sum];
}

static void measure_columns(struct table *t, json_t *rows)
{
	json_t *row;
	size_t i;

	for (int k = 0; k < REPORT_COLUMN_COUNT; k++) {
		if (!(t->by >> k & 1))
			continue;
		t->column_width[k] = (int)strlen(report_columns[k]);
		json_array_foreach(rows, i, row)
		{
			widen(&t->column_width[k], (int)strlen(text(row, k)));
		}
	}
}

/* The totals are as wide as any, and say what is zero throughout. */
static void measure_sums(struct table *t, json_t *modes)
{
	const char *mode;
	json_t *row;

	for (int k = 0; k < SUM_COUNT; k++) {
		if (!fits(t, k))
			continue;
		json_object_foreach(modes, mode, row)
		{
			if (number(row, sums[k]) || k == SUM_found)
				widen(&t->sum_width[k], digits(number(row, sums[k])));
		}
		if (t->sum_width[k])
			widen(&t->sum_width[k], (int)strlen(sum_title(t, k)));
	}
}

static void print_sums(const struct table *t, json_t *row)
{
	for (int k = 0; k < SUM_COUNT; k++)
		if (t->sum_width[k])
			printf("  %*" JSON_INTEGER_FORMAT, t->sum_width[k], number(row, sums[k]));
	printf("\n");
}

static void print_heads(const struct table *t)
{
	printf("%s", colour_of(stdout, COLOUR_BOLD));
	for (int k = 0; k < REPORT_COLUMN_COUNT; k++)
		if (t->column_width[k])
			printf("%-*s  ", t->column_width[k], report_columns[k]);
	printf("%-7s", "mode");
	for (int k = 0; k < SUM_COUNT; k++)
		if (t->sum_width[k])
			printf("  %*s", t->sum_width[k], sum_title(t, k));
	printf("%s\n", colour_of(stdout, COLOUR_PLAIN));
}

static void print_row(const struct table *t, json_t *row)
{
	const char *mode = json_string_value(json_object_get(row, "mode"));

	for (int k = 0; k < REPORT_COLUMN_COUNT; k++) {
		if (!t->column_width[k])
			continue;
		printf("%-*s  ", t->column_width[k], harmless(text(row, k)));
	}
	printf("%-7s", harmless(mode ? mode : "?"));
	print_sums(t, row);
}

static void print_total(const struct table *t, const char *mode, json_t *row)
{
	const char *title = "total";

	for (int k = 0; k < REPORT_COLUMN_COUNT; k++) {
		if (!t->column_width[k])
			continue;
		printf("%-*s  ", t->column_width[k], title);
		title = "";
	}
	printf("%-7s", harmless(mode));
	print_sums(t, row);
}

void report_table_print(unsigned by, json_t *rows, json_t *modes)
{
	struct table t = {.by = by};
	const char *mode;
	json_t *row;
	size_t i;

	measure_columns(&t, rows);
	measure_sums(&t, modes);
	print_heads(&t);
	json_array_foreach(rows, i, row)
	{
		print_row(&t, row);
	}
	json_object_foreach(modes, mode, row)
	{
		print_total(&t, mode, row);
	}
}

static void print_count(const char *before, json_int_t n, const char *one, const char *many)
{
	printf("%s%" JSON_INTEGER_FORMAT " %s", before, n, n == 1 ? one : many);
}

void report_summary_print(json_t *modes)
{
	const char *mode;
	json_t *m;

	json_object_foreach(modes, mode, m)
	{
		const char *first = json_string_value(json_object_get(m, "first"));
		const char *last = json_string_value(json_object_get(m, "last"));
		bool observe = strcmp(mode, POLICY_OBSERVE_WORD) == 0;

		printf("%s to %s (UTC), %s mode: ", harmless(first ? first : "?"),
		       harmless(last ? last : "?"), harmless(mode));
		print_count("", number(m, "requests"), "request", "requests");
		printf(", %" JSON_INTEGER_FORMAT " of them with identifiers",
		       number(m, "findings"));
		print_count(", ", number(m, "found"), "value", "values");
		printf(" found, ");
		if (observe)
			printf("nothing was changed");
		else
			printf("%" JSON_INTEGER_FORMAT " masked", number(m, "masked"));
		if (number(m, "unmaskable"))
			print_count("; enforcing would have refused ", number(m, "unmaskable"),
				    "request", "requests");
		if (number(m, "refused"))
			print_count("; ", number(m, "refused"), "request was refused",
				    "requests were refused");
		printf(".\n");
	}
}
