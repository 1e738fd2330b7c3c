/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PEER_H
#define AWSMASK_PEER_H
/* Who owns a TCP socket of this host, by its two ends (sock_diag(7)). */
#include "err.h"

#include <stdint.h>
#include <sys/types.h>

struct peer;

__attribute__((warn_unused_result)) struct peer *peer_open(struct err *e);
void peer_close(struct peer *p);

struct peer_owner {
	uint32_t uid;	 /* as the initial user namespace sees it */
	uint32_t inode;	 /* the socket's, as links in /proc/PID/fd name it */
	uint64_t cgroup; /* in which it was made; 0: the kernel does not say */
};

/*
 * Of the socket with these ends (v4-mapped addresses, host order ports), in the caller's network
 * namespace. 1: *owner is set; 0: there is no such socket; -1: the kernel could not be asked.
 */
int peer_owner(struct peer *p, const uint8_t local[static 16], uint16_t local_port,
	       const uint8_t remote[static 16], uint16_t remote_port, struct peer_owner *owner);

/*
 * A process that holds it, looked for among those of its cgroup: 256 of them, and 4,096 descriptors, at most.
 * 0: none was found.
 */
pid_t peer_process(const struct peer_owner *owner, char comm[static 16]);

#endif
