/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_H
#define AWSMASK_FOLLOW_H
/*
 * What can stand behind an anchor, as the expression has it: behind `i-` hexadecimal digits, behind
 * `user` what leads on to a name, but no `s` and no word. It may say too much and never too little:
 * what it does not understand can be anything, and what must not follow it leaves out.
 */
#include "byte_set.h"

#include <stddef.h>

#define FOLLOW 4 /* so many bytes behind the anchor have a set */
#define GUARDS_MAX 32768
#define GUARD_BYTES 20 /* further it does not look: there may be many anchors in one run */

/* A table for each step behind an anchor: the next step for each byte. */
enum { GUARD_NEVER, GUARD_MAYBE, GUARD_FIRST };

struct guard {
	uint16_t next[256];
};

struct guards {
	unsigned count; /* GUARD_FIRST and so on */
	struct guard steps[GUARDS_MAX];
};

struct follow;

/* Large: one for many expressions, one after another. NULL: memory. */
__attribute__((warn_unused_result)) struct follow *follow_new(void);
void follow_free(struct follow *f);

/* From here on it is about this expression; of one that it cannot read it says "anything". */
void follow_read(struct follow *f, const char *expression);

/* Go on behind this anchor. `within`: it stands somewhere in the match, else at its start. */
void follow_anchor(struct follow *f, const char *anchor, size_t len, bool fold, bool within);

/* The sets for the bytes behind the anchor. A set is full where the match may have ended. */
void follow_sets(struct follow *f, struct byte_set out[static FOLLOW]);

/* The first step behind the anchor. */
uint16_t follow_guard(struct follow *f, struct guards *g);
/* After the expression's last anchor: add the steps behind the first ones, as far as that is worth it. */
void follow_fill(struct follow *f, struct guards *g);

/* May a match go on with these bytes, the last of the text? */
static inline bool guard_lets(const struct guards *g, uint16_t step, const uint8_t *p, size_t len)
{
	for (size_t i = 0; step >= GUARD_FIRST && i < GUARD_BYTES; i++) {
		if (i == len)
			return false;
		step = g->steps[step].next[p[i]];
	}
	return step != GUARD_NEVER;
}

#endif
