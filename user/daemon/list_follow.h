/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_LIST_FOLLOW_H
#define AWSMASK_LIST_FOLLOW_H
/* The worker's side of the lists' files: what the monitor hands over comes into force. */
#include "policies.h"
#include "privsep.h"

struct list_follow;

/* `generation`: what the policies were made of. On the privsep's loop. NULL: memory is out. */
__attribute__((warn_unused_result)) struct list_follow *list_follow_new(uv_loop_t *loop,
									struct privsep *privsep,
									struct policies *policies,
									uint32_t generation);
/* Before the privsep is closed; it frees itself when nothing of it is under way. */
void list_follow_close(struct list_follow *f);

/* Everything that the descriptor holds, which is closed. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int list_receive(int fd, struct buf *content, struct err *e);

#endif
