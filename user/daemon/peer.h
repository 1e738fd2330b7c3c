/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PEER_H
#define AWSMASK_PEER_H
/* Who owns a TCP socket of this host, by its two ends (sock_diag(7)). */
#include "err.h"

#include <stdint.h>

struct peer;

__attribute__((warn_unused_result)) struct peer *peer_open(struct err *e);
void peer_close(struct peer *p);

/*
 * The uid, as the initial user namespace sees it, of the socket with these ends (v4-mapped
 * addresses, host order ports), in the caller's network namespace. 1: *uid is set; 0: there is no
 * such socket; -1: the kernel could not be asked.
 */
int peer_uid(struct peer *p, const uint8_t local[static 16], uint16_t local_port,
	     const uint8_t remote[static 16], uint16_t remote_port, uint32_t *uid);

#endif
