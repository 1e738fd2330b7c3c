/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HANDOVER_H
#define AWSMASK_HANDOVER_H
/*
 * From hand to hand, where there is no systemd to keep descriptors: the monitor that runs listens
 * beside its control socket, for root alone; `awsmaskd --replace` connects, gets what is in use,
 * and says so once a worker of its own accepts. Until then the one before it goes on as it was.
 */
#include "inherit.h"

#include <uv.h>

#define HANDOVER_NAME "handover" /* of the listening socket, which is handed over as well */

struct handover;

struct handover_events {
	/* Somebody wants to succeed: call handover_give() for whatever is to be inherited. */
	void (*wanted)(void *arg);
	/* The successor accepts connections, or has ended without. */
	void (*over)(void *arg, bool succeeded);
	void *arg;
};

/* Listens, or goes on with the inherited socket. NULL and a sentence. */
__attribute__((warn_unused_result)) struct handover *
handover_open(uv_loop_t *loop, const char *control_socket, struct inheritance *in,
	      const struct handover_events *events, struct err *e);
void handover_give(struct handover *h, const char *name, int fd);
/* `left`: to a successor, so that the path stays. Freed by the loop. */
void handover_close(struct handover *h, bool left);

/*
 * 1: it is in `in`, and *link is to be given to handover_done(); 0: nobody runs here who could hand
 * over; -1 and a sentence.
 */
__attribute__((warn_unused_result)) int
handover_receive(const char *control_socket, struct inheritance *in, int *link, struct err *e);
/* The one before may go; closes the link. */
void handover_done(int link);

#endif
