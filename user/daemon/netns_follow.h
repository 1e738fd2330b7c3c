/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_NETNS_FOLLOW_H
#define AWSMASK_NETNS_FOLLOW_H
/*
 * One thread's doors in other network namespaces: the monitor hands them over as they come
 * (netns_doors.h), and shuts them down when they go. With a door go the idle connections to
 * origins that were made there.
 */
#include "worker.h"

struct netns_follow;

/* NULL: memory is out. */
__attribute__((warn_unused_result)) struct netns_follow *netns_follow_new(struct worker_thread *t);
/* Accept nowhere any more; freed by the loop. NULL is nothing. */
void netns_follow_close(struct netns_follow *f);

#endif
