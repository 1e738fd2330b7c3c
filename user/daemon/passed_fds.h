/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PASSED_FDS_H
#define AWSMASK_PASSED_FDS_H
/* Messages between our own processes, with descriptors beside them (unix(7), SCM_RIGHTS). Signals do not interrupt them. */
#include <stddef.h>
#include <sys/types.h>

#define PASSED_FDS_MAX 253 /* with one message: the kernel's SCM_MAX_FD */

/* As send(), MSG_NOSIGNAL; the descriptors stay the caller's. -1 and E2BIG for too many. */
ssize_t passed_fds_send(int socket, const void *from, size_t size, const int *fds, size_t count,
			int flags);
/*
 * As recv(), with up to `max` (PASSED_FDS_MAX at most) descriptors; *count of them are in fds, closed
 * by exec and the caller's to close, also where the message is not what it expected. The kernel
 * closes those beyond.
 */
ssize_t passed_fds_receive(int socket, void *to, size_t size, int *fds, size_t max, size_t *count,
			   int flags);

#endif
