/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_NETNS_DOORS_H
#define AWSMASK_NETNS_DOORS_H
/*
 * The monitor's listening sockets in network namespaces other than its own: 127.0.0.1 is the
 * daemon only where it listens. Which namespaces those are is for netns_watch.h to say.
 *
 * The worker's threads ask for them (PRIV_DOORS), each for its share, and hold them as well; a
 * worker that takes over asks anew from the first. When one is removed it is shut down, which all
 * who hold it see. A namespace whose last process has ended lives on while a socket of ours is in
 * it.
 */
#include "awsmask/abi.h"
#include "inherit.h"
#include "netns.h"
#include "peer.h"
#include "privsep.h"
#include "redirect.h"

struct netns_door {
	struct netns_door *next;
	uint64_t serial; /* grows: those that came later have larger ones */
	uint64_t cookie;
	struct netns netns;
	int fd4, fd6; /* 127.0.0.1, ::1; -1: the namespace has no such address */
	struct listener ports;
	struct peer *peer; /* asks there who owns a socket */
};

struct netns_doors;

/*
 * `port`: on which to listen where that is free. Those inherited are taken, with who waits in their
 * queues. NULL and a sentence.
 */
__attribute__((warn_unused_result)) struct netns_doors *
netns_doors_new(struct redirect *r, uint16_t port, struct inheritance *in, struct err *e);
/* Each socket, by the name under which netns_doors_new() looks for it. */
void netns_doors_each(const struct netns_doors *d,
		      void (*visit)(void *arg, const char *name, int fd), void *arg);
/* Closes them. What the kernel side knows of them stays: connects there are refused. */
void netns_doors_free(struct netns_doors *d);

/* Listen there. The descriptor stays the caller's. 0, also when we do already or live there; -1. */
__attribute__((warn_unused_result)) int netns_doors_add(struct netns_doors *d,
							const struct netns *n, struct err *e);
/* Nobody is left there: take it back. */
void netns_doors_remove(struct netns_doors *d, struct netns_door *door);
/* The oldest; the others follow by `next`. */
struct netns_door *netns_doors_first(const struct netns_doors *d);
struct netns_door *netns_doors_find(const struct netns_doors *d, uint64_t cookie);
bool netns_doors_full(const struct netns_doors *d);
bool netns_doors_own(const struct netns_doors *d, uint64_t cookie);

/*
 * Whether a worker accepts at all: only then are connections sent to any of them. At first none
 * does.
 */
void netns_doors_accepting(struct netns_doors *d, bool accepting);

/*
 * Answer the request, PRIV_DOORS, on the channel of thread `thread` of `threads`: at once or when
 * there is one for it.
 */
void netns_doors_ask(struct netns_doors *d, int channel, unsigned thread, unsigned threads,
		     const struct priv_request *r);
/* The channel is closed, or its worker takes no more. */
void netns_doors_forget(struct netns_doors *d, int channel);

/* A TCP socket, not yet connected, of the namespace with this cookie. -1: we are not there. */
int netns_doors_socket(const struct netns_doors *d, uint64_t cookie, int family);
/* Fill in an answer to PRIV_NETNS. */
void netns_doors_list(const struct netns_doors *d, uint32_t offset, struct priv_reply *reply);

#endif
