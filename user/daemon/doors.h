/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_DOORS_H
#define AWSMASK_DOORS_H
/* The sockets that the monitor opens and the worker serves. */
#include "config.h"
#include "worker.h"

/*
 * Open the transparent listeners (127.0.0.1 and, where it exists, ::1; one per thread, marked), the
 * explicit one and the control socket into `boot`, whose descriptors are all -1 before. 0, or -1
 * and a sentence.
 */
__attribute__((warn_unused_result)) int doors_open(struct worker_boot *boot, const struct config *c,
						   gid_t group, struct err *e);
/*
 * One listening socket on the loopback address of this family, with our mark; port 0: any.
 * `shared`: others of ours may stand beside it. Its descriptor, or -1 and errno; a sentence, too,
 * when it could not be marked.
 */
__attribute__((warn_unused_result)) int doors_loopback(int family, uint16_t port, bool shared,
						       struct err *e);
void doors_close(struct worker_boot *boot, const struct config *c);

#endif
