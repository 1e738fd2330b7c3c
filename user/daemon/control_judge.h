/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONTROL_JUDGE_H
#define AWSMASK_CONTROL_JUDGE_H
/*
 * Who may change something. The monitor asks the kernel about the connection that the request came
 * by: the worker, which could be somebody else's by now, is not believed.
 */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * fd: as accepted on the unix socket bound to `path`. Its peer must be root, alive, and below none
 * of the enrolled cgroups; where the root of the tree is enrolled everybody is, so there root of the
 * host itself is let through (not of a container): somebody must be able to take it back. What is
 * enrolled must not release itself by accident or by an agent's idea; root that means to can leave
 * the cgroup first: this is a railing, and uid 0 is the wall. 0, or -1 and why not.
 */
__attribute__((warn_unused_result)) int
control_judge(int fd, const char *path, const uint64_t *enrolled, size_t n, struct err *e);

#endif
