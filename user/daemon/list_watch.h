/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_LIST_WATCH_H
#define AWSMASK_LIST_WATCH_H
/*
 * The monitor's side of the lists' files: it reads and checks them at start and whenever their
 * directories say that something changed, and hands what it read to the worker, which may open
 * nothing. A file that has gone bad is logged, and what it held before stays in force.
 */
#include "config_list.h"
#include "privsep.h"

struct list_watch;

/* Reads all files. NULL and a sentence: one of them is bad. */
__attribute__((warn_unused_result)) struct list_watch *
list_watch_new(uv_loop_t *loop, const struct config *c, struct err *e);
void list_watch_close(struct list_watch *w); /* freed by the loop; NULL is nothing */

/* What holds now, as list_read_all() has it, and which one of all that have held it is. */
const struct buf *list_watch_content(const struct list_watch *w, uint32_t *generation);

/*
 * Answer the request, PRIV_LISTS, on this channel: at once or when there is a later generation than
 * the one it names. Only the last request is answered.
 */
void list_watch_ask(struct list_watch *w, int channel, const struct priv_request *r);
/* The channel is closed. */
void list_watch_forget(struct list_watch *w, int channel);

#endif
