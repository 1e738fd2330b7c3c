/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JOINT_H
#define AWSMASK_JOINT_H
/*
 * One walk for all anchors whose pair may stand at a place. It reads one byte after another, those of the
 * pair first, then behind and before it; where it stands says what is left of all anchors. It ends as soon as
 * nothing is, or as what is left needs no more bytes to be told apart, or would need too many.
 */
#include "kinds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JOINT_BEFORE 32 /* so far from the pair it reads at most */
#define JOINT_BEHIND 64
/* Where a walk is over: this, and the number of the first try; or 0: there is none. */
#define JOINT_END (1u << 31)

/* What may begin there. */
struct joint_try {
	uint16_t node;
	uint16_t step;	/* where its guard stands, and ... */
	uint8_t behind; /* ... how many bytes behind the anchor it has read */
	bool known : 1; /* the anchor stands, and before it what it asks for; else that was not looked at */
	bool last : 1; /* of the place */
};

/*
 * Where a walk can stand, as rows of cells. First come eight bytes of which some bits must be as the row wants them,
 * for else nothing is left; then one more is read and sorted by a map into classes, for each of which a cell says
 * where that leads: another row, JOINT_END, or 0: nothing is left. Row 0 lets nothing stand. Of more bytes it says of
 * which kind they must be, and how many dots and dashes stand in a run of that kind, wherever it ends: whoever does not
 * look at that walks further for nothing.
 */
struct joint_row {
	uint64_t mask, want;
	/* The run begins where the one byte is, or behind the pair if that precedes it. */
	uint32_t points : 2;
	uint32_t need : 30; /* a bit for each byte behind the pair that must be of its kind */
	/* Where the eight bytes begin, and where the one is, from the pair's first one on. */
	int8_t check, at;
	uint16_t kind : 3, map : 13;
	uint32_t next[];
};
#define JOINT_POINTS 3	   /* more are not counted */
#define JOINT_POINTS_AT 24 /* where a run begins further on none are */
#define JOINT_ROW 6	   /* cells: a row without what follows; each begins at an even one */
_Static_assert(offsetof(struct joint_row, next) == JOINT_ROW * sizeof(uint32_t), "cells");

#define JOINT_MAPS_MAX (1u << 13)

struct joint {
	unsigned nodes_from, nodes; /* of which anchors */
	/* Of a pair's bytes; the cells behind row 0 say for each two where that leads. */
	uint32_t classes;
	uint32_t cell_count, map_count, try_count;
	const uint32_t *cells;
	const uint8_t *maps; /* 256 bytes each; the first is of a pair's bytes */
	const struct joint_try *tries;
	bool owned; /* those three: they were made here */
};

struct anchors;

/* Make the one of these anchors. 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int joint_make(struct joint *j, const struct anchors *a,
						   unsigned from, unsigned to);
void joint_free(struct joint *j);

/* Where the walk begins whose pair is p[0..2). */
static inline uint32_t joint_begin(const struct joint *j, const uint8_t *p)
{
	return j->cells[JOINT_ROW + j->maps[p[0]] * j->classes + j->maps[p[1]]];
}

static inline const struct joint_row *joint_row(const struct joint *j, uint32_t row)
{
	return (const struct joint_row *)(const void *)(j->cells + row);
}

/* Is anything left where it leads to this? Not for JOINT_END. */
static inline bool joint_goes_on(const struct joint *j, uint32_t to, const uint8_t *p)
{
	const struct joint_row *row = joint_row(j, (int32_t)to > 0 ? to : 0);
	uint64_t eight;

	memcpy(&eight, p + row->check, sizeof(eight));
	return (eight & row->mask) == row->want;
}

/* One row on. */
static inline uint32_t joint_step(const struct joint *j, uint32_t from, const uint8_t *p)
{
	const struct joint_row *row = joint_row(j, from);

	return row->next[j->maps[row->map * 256u + p[row->at]]];
}

#endif
