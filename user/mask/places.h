/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PLACES_H
#define AWSMASK_PLACES_H
/*
 * Where in a text anchors may stand, in its order: what the proposer leaves is looked up, held against what may
 * stand around an anchor, and followed for a few bytes. All of it is done for many places at once,
 * step by step and without a branch for each of them, for hardly any of them remains.
 */
#include "anchors.h"

#define PLACES_BLOCKS 16 /* of text that are looked at at once */
#define PLACES_ROOM (ANCHORS_MAX + 1024)

/* An anchor whose pair may stand there. */
struct place {
	uint32_t at; /* from places.from on */
	uint16_t node;
};

/* Three bytes, or two, that some anchors have at their pair. */
struct gram_place {
	uint32_t at, gram;
};

struct places {
	const struct anchors *anchors;
	const uint8_t *text;
	size_t len;
	size_t from, cursor; /* what is looked at: text[from..cursor) */
	size_t gram, gram_count;
	uint32_t proposed[PLACES_BLOCKS * PROPOSE_BLOCK + PICK_MORE];
	struct gram_place grams[2 * PLACES_BLOCKS * PROPOSE_BLOCK + 1];
	struct place list[PLACES_ROOM];
};

void places_begin(struct places *p, const struct anchors *a, const uint8_t *text, size_t len);

/* How many there are in `list` now; 0: the text is over. */
size_t places_next(struct places *p);

#endif
