/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SWEEP_H
#define AWSMASK_SWEEP_H
/*
 * Connections that are older than an enrolment: the kernel side sees connect(), so they would go on
 * unopened for as long as they live. They are closed (sock_diag(7), SOCK_DESTROY): their owner sees
 * ECONNABORTED, connects again, and comes through us.
 *
 * Found are TCP connections to the masked ports of destinations that are not excluded, in every
 * network namespace that the cgroup's processes live in, when the socket was made in the cgroup or
 * below it, or a process there holds it now.
 *
 * Needs CAP_NET_ADMIN; CAP_SYS_ADMIN and CAP_SYS_PTRACE for other network namespaces, and for
 * sockets that were made elsewhere.
 */
#include "config.h"

struct sweep_result {
	uint32_t closed;
	uint32_t left; /* that the kernel would not close */
};

/* 0: *r is set, also when some were left. -1: it could not be seen what there is. */
__attribute__((warn_unused_result)) int sweep_cgroup(const struct config *c, uint64_t cgroup_id,
						     struct sweep_result *r, struct err *e);

#endif
