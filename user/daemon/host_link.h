/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HOST_LINK_H
#define AWSMASK_HOST_LINK_H
/* The monitor's connection to the parent of its workers (crew_host.h): a unit's, or one of its own. */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct host_link;

struct host_link_options {
	const char *socket; /* where a unit's host listens; NULL: start one, as this user */
	uid_t uid;	    /* which it must have */
	gid_t gid;
};

struct host_link_events {
	void (*started)(void *arg, uint32_t id, pid_t pid);
	/* value: as of waitpid(), or an errno, negative: it could not be started. */
	void (*ended)(void *arg, uint32_t id, int value);
	/* The host is gone, or makes no sense: nothing more is heard of its workers. Close the link. */
	void (*lost)(void *arg);
	void *arg;
};

/* Waits until the host has said hello. NULL and a sentence. What socket points to stays in place. */
__attribute__((warn_unused_result)) struct host_link *
host_link_open(uv_loop_t *loop, const struct host_link_options *options,
	       const struct host_link_events *events, struct err *e);
/*
 * From now on it tells nothing; freed by the loop. `wait`: until a host of one's own has ended, which
 * it does when its workers have.
 */
void host_link_close(struct host_link *l, bool wait);

/* The host's process, as the kernel names it. */
pid_t host_link_pid(const struct host_link *l);

/*
 * Execute fds[0] as a worker with the other descriptors from CREW_HOST_FIRST_FD on. They stay the
 * caller's. One of `started` and `ended` follows from the loop. 0, or -1 and a sentence.
 */
__attribute__((warn_unused_result)) int
host_link_start(struct host_link *l, uint32_t id, const int *fds, size_t count, struct err *e);
void host_link_signal(struct host_link *l, uint32_t id, int number);

#endif
