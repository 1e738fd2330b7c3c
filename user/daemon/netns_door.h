/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_NETNS_DOOR_H
#define AWSMASK_NETNS_DOOR_H
/* One network namespace's sockets: opened, inherited, closed. netns_doors.h has the set of them. */
#include "netns_doors.h"

#define NETNS_DOOR_NAME "netns" /* what the names of its sockets begin with */

/* Listen there. NULL and a sentence. */
__attribute__((warn_unused_result)) struct netns_door *
netns_door_open(const struct netns *n, uint64_t cookie, uint16_t port, struct err *e);
/* As an earlier monitor did, by the sockets that it has left. NULL and a sentence: they are closed. */
__attribute__((warn_unused_result)) struct netns_door *
netns_door_inherit(struct inheritance *in, uint64_t cookie, struct err *e);
void netns_door_free(struct netns_door *door);
/* Each socket and its name. */
void netns_door_each(const struct netns_door *door,
		     void (*visit)(void *arg, const char *name, int fd), void *arg);
/* Have systemd keep them, or not any more. */
void netns_door_keep(const struct netns_door *door);
void netns_door_forget(const struct netns_door *door);

#endif
