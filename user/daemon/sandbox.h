/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SANDBOX_H
#define AWSMASK_SANDBOX_H
/* What the process that parses network bytes gives up (I10). */
#include "err.h"

#include <sys/types.h>

/*
 * In the child, before exec: become this user and group for good, with no supplementary groups, no
 * capabilities in any set, and no_new_privs. 0, or -1: then the child must not go on.
 */
int sandbox_drop(uid_t uid, gid_t gid);

/*
 * In the worker, after its files are open and before the first network byte: system calls that it
 * has no use for end the process (those by which one takes a host over) or fail; memory that is
 * executable can no longer be made; no core dumps, no ptrace. 0 or -1.
 */
__attribute__((warn_unused_result)) int sandbox_close(struct err *e);

#endif
