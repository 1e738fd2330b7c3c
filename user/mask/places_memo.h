/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PLACES_MEMO_H
#define AWSMASK_PLACES_MEMO_H
/*
 * Where walks ended, by the bytes that they read: where many begin, a text often repeats itself. What is remembered is
 * true of all texts, as long as the walks are the same ones.
 */
#include "anchors.h"

#define MEMO_WALKS 128
/* What a walk may have read that is remembered, from its place on. */
#define MEMO_BEFORE 16
#define MEMO_BEHIND 16
#define MEMO_WORDS ((MEMO_BEFORE + MEMO_BEHIND) / 8)
#define MEMO_NEW 64 /* walks that are remembered at a time: each costs as much as several others */

/* Zero at first: where so many zeroes stand, no walk leads to anything. */
struct places_memo {
	uint32_t ends; /* all rows that the last walks ended with, or'ed */
	/* For so many pieces of text, and so far, nothing is looked up: it was of no use. */
	unsigned pause, paused;
	struct memo_walk {
		uint64_t key[MEMO_WORDS];
		uint32_t row; /* 0, or as joint_step() says it */
		/* Which one came behind it the last time: so many bytes from the first. */
		uint32_t next;
	} walks[MEMO_WALKS];
};

/* Is it worth looking at now? Asked for each piece of text in which many walks begin. */
bool places_memo_wants(struct places_memo *m);

/*
 * Of n places from `base` on where each walk ends, as far as that is known, in row_at[place]. Of the others some walks
 * are taken at once, and remembered; what is left is put into `rest`. Returns how many these are.
 */
size_t places_memo_walk(struct places_memo *m, const struct anchors *a, const struct joint *j,
			const uint8_t *base, const uint32_t *places, size_t n, uint32_t *row_at,
			uint32_t *rest);

#endif
