/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SPLICE_H
#define AWSMASK_SPLICE_H
/* Passing bytes through unopened, both ways, by splice(2): they never enter this process. */
#include "stream.h"

struct splicer;

/* Two plain streams; they stay the caller's. What either has un-read goes first. NULL: descriptors
 * or memory are out. */
__attribute__((warn_unused_result)) struct splicer *splicer_new(struct stream *a, struct stream *b);
void splicer_free(struct splicer *s);

/*
 * Move what can be moved and arm both streams. 0: goes on, 1: both sides have ended in order, -1:
 * broken. *moved grows by the bytes that went out.
 */
int splicer_pump(struct splicer *s, uint64_t *moved);

#endif
