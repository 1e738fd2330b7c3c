/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_KNOWN_BEGINS_H
#define AWSMASK_KNOWN_BEGINS_H
/*
 * Where in a window of a text tokens begin that a value may begin with, a bit for each byte: for that, bytes are
 * nothing but their classes. Private to known_places.c.
 */
#include "classes.h"

#define BEGINS_WORDS 16 /* of 64 bytes, in a window */
/* An escape and the dashes behind it reach at most so many words further. */
#define BEGINS_REACH 2
/* So many words are looked at at once: those that the text has not are empty. */
#define BEGINS_TOGETHER 8
/* Shorter runs than the shortest that a value begins with are nothing, if that is no longer than so. */
#define BEGINS_STEPS 3
#define BEGINS_LEAST (1 << BEGINS_STEPS)

struct begins {
	unsigned steps[BEGINS_STEPS];  /* how far on a run is looked for that is long enough ... */
	uint64_t beyond[BEGINS_STEPS]; /* ... of which bytes that is in the next word */
	bool plain;		       /* a value may begin with a plain run (known_table.h) */
	struct classes at; /* of the word before the window, of its own, and of one more */
	uint64_t escaped[BEGINS_WORDS +
			 BEGINS_REACH]; /* a token may begin here, for an escape has ended */

	uint64_t begins
		[BEGINS_WORDS]; /* runs of what goes on, and digits behind what is no letter or digit */
	uint64_t may[BEGINS_WORDS];    /* long enough, and not plain */
	uint64_t dashes[BEGINS_WORDS]; /* runs begin here with what is no letter or digit */
};

/* Runs are at least so long. */
void begins_least(struct begins *b, size_t least);

/* So many words are looked at for so many. */
static inline size_t begins_together(size_t words)
{
	return (words + BEGINS_TOGETHER - 1) / BEGINS_TOGETHER * BEGINS_TOGETHER;
}

/* Fill the last three, for so many words. */
typedef void begins_kernel(struct begins *b, size_t words);

/* The same for all; all but the last need a certain processor. */
enum begins_variant { BEGINS_AVX512, BEGINS_AVX2, BEGINS_ANY, BEGINS_VARIANTS };
/* NULL: not on this processor. */
begins_kernel *begins_by(enum begins_variant v);
begins_kernel *begins_best(void);

#endif
