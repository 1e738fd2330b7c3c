/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_join.h"

#include <string.h>

#define PASSES_MAX 8
#define HASHED 4096
#define SELF UINT16_MAX

struct joiner {
	uint16_t *cells, *renamed;
	unsigned steps, classes;
	uint16_t hashed[HASHED], next[JOIN_STEPS_MAX]; /* of steps that stay: their number + 1 */
};

static uint16_t *row_of(const struct joiner *j, unsigned step)
{
	return j->cells + (size_t)step * j->classes;
}

/* Where a step leads, so that two that lead back to themselves are the same. */
static uint16_t leads_to(const uint16_t *row, unsigned step, unsigned c)
{
	return row[c] == step ? SELF : row[c];
}

static bool rows_same(const struct joiner *j, unsigned a, unsigned b)
{
	const uint16_t *x = row_of(j, a), *y = row_of(j, b);

	for (unsigned c = 0; c < j->classes; c++)
		if (leads_to(x, a, c) != leads_to(y, b, c))
			return false;
	return true;
}

/* The step that stays for this one: one that is known to be the same, or itself. */
static uint16_t find_same(struct joiner *j, unsigned step)
{
	const uint16_t *row = row_of(j, step);
	uint32_t hash = 0;

	for (unsigned c = 0; c < j->classes; c++)
		hash = (hash ^ leads_to(row, step, c)) * 0x9e3779b1u;
	hash >>= 20;
	for (uint16_t i = j->hashed[hash]; i; i = j->next[i - 1])
		if (rows_same(j, i - 1u, step))
			return i - 1;
	j->next[step] = j->hashed[hash];
	j->hashed[hash] = (uint16_t)(step + 1);
	return (uint16_t)step;
}

static void rename_row(const struct joiner *j, unsigned step)
{
	uint16_t *row = row_of(j, step);

	for (unsigned c = 0; c < j->classes; c++)
		row[c] = j->renamed[row[c]];
}

/* Most steps lead to later ones: so the last come first. Returns whether any two became one. */
static bool join_steps(struct joiner *j)
{
	bool any = false;

	memset(j->hashed, 0, sizeof(j->hashed));
	for (unsigned step = j->steps; step-- > GUARD_FIRST;) {
		if (j->renamed[step] != step)
			continue;
		rename_row(j, step);
		j->renamed[step] = find_same(j, step);
		any |= j->renamed[step] != step;
	}
	/* what led to one before it was joined */
	for (unsigned step = GUARD_FIRST; step < j->steps; step++)
		j->renamed[step] = j->renamed[j->renamed[step]];
	return any;
}

/* Close the gaps: the steps that stayed have new numbers. */
static void number_steps(struct joiner *j)
{
	uint16_t number[JOIN_STEPS_MAX];
	unsigned n = 0;

	for (unsigned step = 0; step < j->steps; step++) {
		if (j->renamed[step] != step)
			continue;
		memmove(row_of(j, n), row_of(j, step), j->classes * sizeof(*j->cells));
		number[step] = (uint16_t)n++;
	}
	for (unsigned step = 0; step < j->steps; step++)
		j->renamed[step] = number[j->renamed[step]];
	for (size_t i = 0; i < (size_t)n * j->classes; i++)
		j->cells[i] = j->renamed[j->cells[i]];
	j->steps = n;
}

static bool columns_same(const struct joiner *j, unsigned a, unsigned b)
{
	for (unsigned step = 0; step < j->steps; step++)
		if (row_of(j, step)[a] != row_of(j, step)[b])
			return false;
	return true;
}

static void join_classes(struct joiner *j, struct guard *guard)
{
	unsigned n = 0, first[256];
	uint8_t number[256];
	size_t to = 0;

	for (unsigned c = 0; c < j->classes; c++) {
		unsigned i = 0;

		while (i < n && !columns_same(j, first[i], c))
			i++;
		if (i == n)
			first[n++] = c;
		number[c] = (uint8_t)i;
	}
	for (unsigned step = 0; step < j->steps; step++)
		for (unsigned i = 0; i < n; i++)
			j->cells[to++] = row_of(j, step)[first[i]];
	for (unsigned c = 0; c < 256; c++)
		guard->class_of[c] = number[guard->class_of[c]];
	guard->classes = (uint16_t)n;
}

unsigned guard_join(struct guard *guard, uint16_t *cells, unsigned steps,
		    uint16_t renamed[static JOIN_STEPS_MAX])
{
	struct joiner j = {
		.cells = cells, .renamed = renamed, .steps = steps, .classes = guard->classes};

	for (unsigned step = 0; step < steps; step++)
		renamed[step] = (uint16_t)step;
	for (unsigned pass = 0; pass < PASSES_MAX && join_steps(&j); pass++)
		;
	number_steps(&j);
	join_classes(&j, guard);
	return j.steps;
}
