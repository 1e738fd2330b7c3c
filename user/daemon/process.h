/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PROCESS_H
#define AWSMASK_PROCESS_H
/* What /proc says of a process of somebody else's, which may end at any moment. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Its name as the kernel has it (any bytes but NUL and LF), cut to fit. 0, or -1: it is gone, and the name is "". */
int process_name(pid_t pid, char *name, size_t size);
/* By a descriptor of pidfd_open(2): its number may be another's by now. */
bool process_has_ended(int pidfd);

#endif
