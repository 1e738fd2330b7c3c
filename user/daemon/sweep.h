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
 * below it, or a process there holds it now; likewise for a set of processes, which have no
 * cgroup for a socket to be made in.
 *
 * Needs CAP_NET_ADMIN; CAP_SYS_ADMIN and CAP_SYS_PTRACE for other network namespaces, and for
 * sockets that were made elsewhere.
 */
#include "config.h"

#include <sys/types.h>

struct sweep_result {
	uint32_t closed; /* or would be, with `count_only` */
	uint32_t left;	 /* that the kernel would not close */
};

struct sweep_options {
	const struct config *config;
	uint64_t own_cgroup; /* what was made there or below is never closed (I9); 0: none */
	bool count_only;     /* close nothing */
};

/* 0: *r is set, also when some were left. -1: it could not be seen what there is. */
__attribute__((warn_unused_result)) int sweep_cgroup(const struct sweep_options *o,
						     uint64_t cgroup_id, struct sweep_result *r,
						     struct err *e);
__attribute__((warn_unused_result)) int sweep_processes(const struct sweep_options *o,
							const pid_t *pids, size_t n,
							struct sweep_result *r, struct err *e);

#endif
