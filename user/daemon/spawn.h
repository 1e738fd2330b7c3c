/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SPAWN_H
#define AWSMASK_SPAWN_H
/* What the monitor gives to a worker, packed here and unpacked there. */
#include "config.h"
#include "host_link.h"
#include "vault_sqlite.h"
#include "worker.h"

/* An anonymous file with this content, read from its start; closed by exec. -1 and errno. */
int spawn_memory_file(const char *name, const void *content, size_t len);

/*
 * Have the host start worker `id` with these doors (kept open here too: they outlive it). channel[i]
 * becomes the monitor's end of thread i's pair; `lists` is the lists' content. 0, or -1 and a
 * sentence.
 */
__attribute__((warn_unused_result)) int
spawn_worker(struct host_link *link, uint32_t id, const struct worker_boot *doors,
	     const struct config *c, const struct buf *lists,
	     const uint8_t key[static VAULT_KEY_SIZE], int channel[static WORKER_THREADS_MAX],
	     struct err *e);
/* In the exec'd child: what the argument of --worker names. 0 or -1. */
int spawn_receive(const char *argument, struct worker_boot *boot);

#endif
