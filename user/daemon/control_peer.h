/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONTROL_PEER_H
#define AWSMASK_CONTROL_PEER_H
/* Who is at the other end of the control socket, and below which cgroups. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_DEPTH_MAX 64 /* cgroups above one another that are looked at */

/* The process that connected, as the kernel says it. */
struct control_peer {
	pid_t pid; /* 0: it is in no pid namespace of ours */
	uid_t uid; /* as this user namespace sees it: root of another one is not 0 */
	int pidfd; /* holds on to that very process; -1: this kernel has none (before 6.5) */
};

struct control_lineage {
	uint64_t ids[CONTROL_DEPTH_MAX]; /* its cgroup and those above it; the root is the last */
	size_t count;
	/* Root of this host and not of a container: CAP_SYS_ADMIN, and no pid namespace of its own. */
	bool host_root;
};

/* 0, or -1: the socket does not say. */
int control_peer_identify(struct control_peer *peer, int fd);
void control_peer_forget(struct control_peer *peer);

/* 0, or -1: it cannot be told for certain (it has ended, it lies outside of the mounted tree), so it
 * must not be trusted. */
int control_peer_lineage(const struct control_peer *peer, struct control_lineage *l);

#endif
