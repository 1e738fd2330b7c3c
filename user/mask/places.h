/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PLACES_H
#define AWSMASK_PLACES_H
/*
 * Where in a text anchors may stand, in its order: from what the proposer leaves walks begin (joint.h). All of
 * them take a step in turn, and without a branch for each of them, for hardly any of them comes far.
 */
#include "places_memo.h"

#define PLACES_BLOCKS 64 /* of text that are looked at at once */
#define PLACES_BYTES (PLACES_BLOCKS * PROPOSE_BLOCK)

/* Where a walk stands; in the end, what is tried there: the first of places.tries. */
struct place {
	uint32_t at; /* from places.from on; there the pair stands */
	uint32_t row;
};

struct places;

/* Take one step of the n walks that are on the way. Returns how many still are. */
typedef size_t places_stepper(struct places *p, const struct joint *j, size_t n);

struct places {
	places_stepper *far_step; /* ... and look at what must stand further on */
	const struct anchors *anchors;
	const uint8_t *text;
	size_t len;
	size_t from, cursor; /* what is looked at: text[from..cursor) */
	const uint8_t *base; /* the same, with what is around it */
	unsigned joint;	     /* whose walks are the next ones */
	const struct joint_try *tries;
	size_t proposed_count;
	struct places_memo memo; /* of the first joint's walks */
	uint32_t proposed[PLACES_BYTES + PICK_MORE];
	uint32_t on[PLACES_BYTES + 1]; /* whose walk is on the way; at first, all that begin */
	uint32_t row_at[PLACES_BYTES]; /* where it stands */
	struct place list[PLACES_BYTES + 1];
	/* the text with zeroes beyond its ends */
	uint8_t edge[JOINT_BEFORE + PLACES_BYTES + JOINT_BEHIND];
};

/* What was kept of texts. */
void places_wipe(struct places *p);
void places_begin(struct places *p, const struct anchors *a, const uint8_t *text, size_t len);

/*
 * How many there are in `list` now, where a walk ended with something to try, of which `tries` are; 0: the text is
 * over.
 */
size_t places_next(struct places *p);

#endif
