/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_DOORS_H
#define AWSMASK_DOORS_H
/* The sockets that the monitor opens and the worker serves. */
#include "config.h"
#include "worker.h"

#include "inherit.h"

/*
 * Open the transparent listeners (127.0.0.1 and, where it exists, ::1; one per thread, marked), the
 * explicit one, the control socket, those of the metrics and the counters' memory into `boot`, whose
 * descriptors are all -1 before. Those inherited that are what would be opened are taken instead, with
 * who waits in their queues. 0, or -1 and a sentence; without the metrics' own it works as well, and
 * the log says why they are not there.
 */
__attribute__((warn_unused_result)) int doors_open(struct worker_boot *boot, const struct config *c,
						   gid_t group, struct inheritance *in,
						   struct err *e);
/*
 * One listening socket on the loopback address of this family, with our mark; port 0: any. Nobody
 * else's may stand beside it. Its descriptor, or -1 and errno; a sentence, too, when it could not be
 * marked.
 */
__attribute__((warn_unused_result)) int doors_loopback(int family, uint16_t port, struct err *e);
/* Whether it is one that listens, and in the network namespace with this cookie. */
bool doors_is_loopback(int fd, int family, uint64_t netns_cookie);
/* One of the metrics' sockets alone; -1 in *fd: none is configured. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int doors_open_metrics(const struct config *c,
							   enum metrics_door which, gid_t group,
							   struct inheritance *in, int *fd,
							   struct err *e);
/* The name by which it is inherited, and where it is configured to be. */
const char *doors_metrics_name(enum metrics_door which);
const char *doors_metrics_place(const struct config *c, enum metrics_door which);
/* Each by the name under which doors_open() looks for it. */
void doors_each(const struct worker_boot *boot, void (*visit)(void *arg, const char *name, int fd),
		void *arg);
/* Reset the connections that wait to be accepted there; as doors_each() visits. */
void doors_reset_queue(void *arg, const char *name, int fd);
/* The metrics' alone, and nobody has them any more. */
void doors_close_metrics(int fds[static METRICS_DOORS], const struct config *c);
/* `left`: to a successor, so that the control socket's path stays. */
void doors_close(struct worker_boot *boot, const struct config *c, bool left);

#endif
