/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MEMOS_H
#define AWSMASK_MEMOS_H
/*
 * The worker's memos (memo.h). A request takes one for as long as it is scanned, on whatever thread that
 * is: its scope's own, or the next that nobody has. Nobody waits: if all are taken, it is scanned
 * without one.
 */
#include "../mask/memo.h"
#include "stats.h"

#include <uv.h>

struct memos; /* one process's; guards itself */

/*
 * At most max bytes, for so many threads that scan. What they do is counted there, which outlives
 * them. NULL: memory is out.
 */
__attribute__((warn_unused_result)) struct memos *
memos_new(size_t max, unsigned threads, struct stats *stats, struct stats_gauges *gauges);
void memos_free(struct memos *m);
struct memo_source *memos_source(struct memos *m);

/* From now on what nobody sends any more is wiped after a while. 0 or -1. */
__attribute__((warn_unused_result)) int memos_start(struct memos *m, uv_loop_t *loop);
/* Its handle is closed; the loop goes round once more for it. */
void memos_stop(struct memos *m);
/* That while is over. */
void memos_age(struct memos *m);

#endif
