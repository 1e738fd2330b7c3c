/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_DOOR_H
#define AWSMASK_DOOR_H
/* A listening socket on a worker's loop: it accepts, and conn.h takes over. */
#include "conn.h"

struct door {
	uv_poll_t poll;
	uv_timer_t pause;
	int fd; /* -1: not there */
	enum conn_door kind;
	uint64_t netns; /* cookie of where it listens */
	bool told;	/* why it cannot accept; until it can again */
	struct worker_thread *thread;
	void (*ended)(struct door *d); /* it was shut down; NULL: never is */
	void (*closed)(struct door *d);
	unsigned handles;
};

/* fd -1: nothing is opened, nor to be closed. 0: the descriptor is the door's; or -1. */
__attribute__((warn_unused_result)) int door_open(struct door *d, struct worker_thread *t, int fd,
						  enum conn_door kind, uint64_t netns);
/* Accept no more: who else has the socket may. `closed`, unless NULL, is called from the loop; until then d stays in place. */
void door_close(struct door *d, void (*closed)(struct door *d));

#endif
