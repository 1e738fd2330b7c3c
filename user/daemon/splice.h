/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SPLICE_H
#define AWSMASK_SPLICE_H
/* Passing bytes through unopened, both ways, by splice(2): they never enter this process, unless a gate
 * wants to see them first. */
#include "stream.h"

struct splicer;

enum {
	GATE_SHUT = 3,	  /* not before the other direction has moved */
	GATE_THROUGH = 2, /* nothing more to see for now: splice */
	GATE_MOVED = 1,
	GATE_AGAIN = 0, /* nothing to read now */
	GATE_END = -1,	/* no more comes this way */
	GATE_BROKEN = -2,
};

/* Who looks at a direction's bytes first: it reads its stream itself and appends to `out` what may go on. */
typedef int splice_gate(void *arg, struct buf *out);

/* Two plain streams; they stay the caller's. What either has un-read goes first. `from_a`, `from_b`: the
 * gates, or NULL. NULL: descriptors or memory are out. */
__attribute__((warn_unused_result)) struct splicer *splicer_new(struct stream *a, struct stream *b,
								splice_gate *from_a,
								splice_gate *from_b, void *arg);
void splicer_free(struct splicer *s);

/*
 * Move what can be moved and arm both streams. 0: goes on, 1: both sides have ended in order, -1:
 * broken. *moved grows by the bytes that went out.
 */
int splicer_pump(struct splicer *s, uint64_t *moved);

#endif
