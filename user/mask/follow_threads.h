/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_THREADS_H
#define AWSMASK_FOLLOW_THREADS_H
/* All ways through an expression's graph at once, private to follow*.c. */
#include "follow_parse.h"

#define THREADS_MAX 384

struct threads {
	unsigned n;
	struct byte_set behind; /* what precedes, as in graph.behinds */
	bool any; /* or beyond the match, or where the graph has a hole, or too many */
	struct thread list[THREADS_MAX]; /* in order */
};

void threads_begin(struct graph *g, struct threads *t, bool within);
/* Not within: at the start of a match, where this precedes. */
void threads_begin_behind(struct graph *g, struct threads *t, const struct byte_set *behind);
/* Read one byte of these classes. */
void threads_step(struct graph *g, const struct threads *from, const struct byte_set *set,
		  struct threads *to);
/* The classes of all bytes that can be read. */
struct byte_set threads_bytes(const struct graph *g, const struct threads *t);
void threads_copy(struct threads *to, const struct threads *from);
uint32_t threads_hash(const struct threads *t);
bool threads_same(const struct threads *a, const struct threads *b);

#endif
