/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_H
#define AWSMASK_FOLLOW_H
/*
 * What can stand behind an anchor, and before it, as the expression has it: behind `i-` hexadecimal digits, behind
 * `user` what leads on to a name, but no `s` and no word. It may say too much and never too little:
 * what it does not understand can be anything, and what must not follow it leaves out.
 */
#include "byte_set.h"

#include <stddef.h>

#define FOLLOW 4 /* so many bytes behind the anchor have a set */
#define GUARD_RULES_MAX 512
#define GUARD_CELLS_MAX (1u << 22)
#define GUARD_BEFORE 2 /* so many bytes before the anchor are looked at */
#define GUARD_BYTES 64 /* further it does not look: there may be many anchors in one run */

enum { GUARD_NEVER, GUARD_MAYBE, GUARD_FIRST };

/*
 * The steps behind the anchors of one expression: for each and each class of bytes the next step.
 * Bytes of a class are the same to all of the expression.
 */
struct guard {
	uint32_t cells; /* the first one, of step GUARD_NEVER */
	uint16_t classes;
	uint8_t class_of[256];
};

struct guards {
	unsigned count;
	uint32_t cell_count;
	struct guard rules[GUARD_RULES_MAX];
	const uint16_t *cells;
	uint16_t *room; /* the same ones, where more can be added; or NULL */
};

/* Make room for GUARD_CELLS_MAX cells, which guards_free() frees. 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int guards_reserve(struct guards *g);
void guards_free(struct guards *g);

struct follow;

/* Large: one for many expressions, one after another. NULL: memory. */
__attribute__((warn_unused_result)) struct follow *follow_new(void);
void follow_free(struct follow *f);

/*
 * From here on it is about this expression, of which what it finds out goes to `g`, which has room, as the
 * rule whose number is returned. Of an expression that it cannot read it says "anything".
 */
unsigned follow_read(struct follow *f, const char *expression, struct guards *g);

/*
 * Go on behind this anchor. `within`: it stands somewhere in the match (not only in an assertion), behind
 * (?C10) if the expression has that; else at its start.
 */
void follow_anchor(struct follow *f, const char *anchor, size_t len, bool fold, bool within);

/* The sets for the bytes behind the anchor. A set is full where the match may have ended. */
void follow_sets(struct follow *f, struct byte_set out[static FOLLOW]);

/*
 * The first step behind the anchor; if it depends on what precedes the anchor, then so many steps before it
 * that read that, the last byte first.
 */
struct guard_start {
	uint16_t step;
	uint8_t before;
};
struct guard_start follow_guard(struct follow *f);
/*
 * After the expression's last anchor: add the steps behind the first ones, as far as that is worth it. They have
 * other numbers then, which follow_start() knows.
 */
void follow_fill(struct follow *f);
struct guard_start follow_start(const struct follow *f, struct guard_start start);

/* Where a byte leads from a step; from GUARD_NEVER and GUARD_MAYBE to themselves. */
static inline uint16_t guard_step(const struct guards *g, const struct guard *guard, uint16_t step,
				  uint8_t c)
{
	return g->cells[guard->cells + (size_t)step * guard->classes + guard->class_of[c]];
}

/* The bytes that may precede the anchor, the last one first; all of them where it does not matter. */
void guard_before(const struct guards *g, unsigned rule, struct guard_start start,
		  struct byte_set out[static GUARD_BEFORE]);

/* May a match go on at text[at..len), as far as `end`, where its guard stands at this step? */
static inline bool guard_goes_on(const struct guards *g, unsigned rule, uint16_t step,
				 const uint8_t *text, size_t at, size_t end, size_t len)
{
	const struct guard *guard = &g->rules[rule];
	const uint16_t *cells = g->cells + guard->cells;
	size_t stop = end < len ? end : len;

	while (step >= GUARD_FIRST && at < end) {
		const uint16_t *row = cells + (size_t)step * guard->classes;
		uint16_t next = step;

		/* Many lead back to themselves: as long as one does, nothing waits for where it leads. */
		for (; at < stop && next == step; at++)
			next = row[guard->class_of[text[at]]];
		if (next == step)
			return at >= end;
		step = next;
	}
	return step != GUARD_NEVER;
}

/* May a match go on at text[at..len) behind the anchor that begins at `anchor`? */
static inline bool guard_lets(const struct guards *g, unsigned rule, struct guard_start start,
			      const uint8_t *text, size_t anchor, size_t at, size_t len)
{
	uint16_t step = start.step;

	/* Before the text nothing stands, which no expression asks for: any byte will do. */
	for (size_t i = 1; step >= GUARD_FIRST && i <= start.before; i++)
		step = guard_step(g, &g->rules[rule], step, i <= anchor ? text[anchor - i] : 0);
	return guard_goes_on(g, rule, step, text, at, at + GUARD_BYTES, len);
}

#endif
