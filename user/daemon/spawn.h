/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SPAWN_H
#define AWSMASK_SPAWN_H
/* From the privileged process to the unprivileged one: fork, give everything up, exec. */
#include "config.h"
#include "vault_sqlite.h"
#include "worker.h"

#include <sys/types.h>

/* An anonymous file with this content, read from its start; closed by exec. -1 and errno. */
int spawn_memory_file(const char *name, const void *content, size_t len);

/*
 * Start a worker with these doors (kept open here too: they outlive it). channel[i] becomes the
 * monitor's end of thread i's pair; `lists` is the lists' content. Returns its pid, or -1 and a sentence. A child that cannot give
 * up its privileges ends before exec.
 */
__attribute__((warn_unused_result)) pid_t
spawn_worker(const struct worker_boot *doors, const struct config *c, const struct buf *lists,
	     const uint8_t key[static VAULT_KEY_SIZE], uid_t uid, gid_t gid,
	     int channel[static WORKER_THREADS_MAX], struct err *e);
/* In the exec'd child: what the argument of --worker names. 0 or -1. */
int spawn_receive(const char *argument, struct worker_boot *boot);

#endif
