/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FEATURES_H
#define AWSMASK_FEATURES_H
/*
 * What awsmask asks of the kernel, each tried out rather than told from a version, and what is lost
 * where it is missing. Probing needs root; it changes nothing.
 */
#include "err.h"

#include <stdbool.h>

/* word, since which Linux, what it is; without it ... */
#define FEATURES_NEEDED(X)                                                                         \
	X(SOCK_ADDR, "bpf-connect", "4.17", "bpf programs on connect and send",                    \
	  "no connection can be redirected or refused; CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF "  \
	  "bring them")                                                                            \
	X(SOCK_OPS, "bpf-sockops", "4.13", "bpf programs on a socket's states",                    \
	  "the daemon cannot be told whose connection it has accepted")                            \
	X(CGROUP_SKB, "bpf-egress", "4.10", "bpf programs on outgoing packets",                    \
	  "datagrams on connected sockets are not refused")                                        \
	X(SK_STORAGE, "bpf-socket-storage", "5.3", "notes on sockets, from connect on",            \
	  "nothing can be remembered about a connection")                                          \
	X(ANCESTOR, "bpf-task-cgroup", "5.7", "the cgroup of the process that connects",           \
	  "it cannot be seen who is enrolled")                                                     \
	X(SOCKET_ANCESTOR, "bpf-socket-cgroup", "5.8", "the cgroup of a packet's socket",          \
	  "datagrams of enrolled cgroups are not told from others")                                \
	X(NETNS_COOKIE, "bpf-netns", "5.7", "the network namespace of a connection",               \
	  "a listener of another network namespace would be taken for ours")                       \
	X(SK_LOOKUP, "bpf-socket-lookup", "5.0", "a look at who listens",                          \
	  "a foreign program on the daemon's port would be believed")                              \
	X(CGROUP_SOCK, "bpf-new-sockets", "5.7", "the cgroup of who makes a socket",               \
	  "the daemon comes too late to other network namespaces")                                 \
	X(RINGBUF, "bpf-ringbuf", "5.8", "messages of bpf programs",                               \
	  "the daemon cannot be told of other network namespaces")                                 \
	X(SO_NETNS_COOKIE, "netns-cookie", "5.14", "the name of a socket's network namespace",     \
	  "the daemon cannot say where its listeners are")                                         \
	X(BTF, "kernel-btf", "5.4", "a description of its own structures",                         \
	  "programs cannot be fitted to it; CONFIG_DEBUG_INFO_BTF brings it")                      \
	X(SECCOMP, "seccomp", "3.17", "a filter for system calls",                                 \
	  "the worker cannot be locked in; CONFIG_SECCOMP_FILTER brings it")

#define FEATURES_WANTED(X)                                                                         \
	X(SET_RETVAL, "bpf-errno", "6.1", "choosing the error of a refused connect",               \
	  "a refused client is told 'Operation not permitted', not 'Connection refused'")          \
	X(MPTCP_SOCK, "bpf-mptcp", "5.19", "the MPTCP socket of a subflow",                        \
	  "an MPTCP client that asks who its peer is sees the daemon's own address")               \
	X(TASK_IN_SKB, "bpf-egress-task", "5.11", "the process that sends a packet",               \
	  "a process that connected a UDP socket before it came into an enrolled cgroup can go "   \
	  "on sending on it: start agents in their cgroup, as `awsmaskctl run` does")              \
	X(SOCK_DESTROY, "sock-destroy", "4.5", "closing connections of others",                    \
	  "connections older than an enrolment stay open and unmasked: start agents after it; "    \
	  "CONFIG_INET_DIAG_DESTROY brings it")                                                    \
	X(LANDLOCK, "landlock", "5.13", "keeping files from a process",                            \
	  "files are kept from the worker by their modes alone")                                   \
	X(LANDLOCK_SCOPES, "landlock-scopes", "6.12", "keeping signals in",                        \
	  "a taken worker could signal other processes of its user")                               \
	X(PEER_PIDFD, "peer-pidfd", "6.5", "holding on to who asks on a socket",                   \
	  "who asks on the control socket is known by a number, which may be used again")

#define FEATURES(X) FEATURES_NEEDED(X) FEATURES_WANTED(X)

enum feature {
#define X(name, word, since, what, without) FEATURE_##name,
	FEATURES(X)
#undef X
		FEATURE_COUNT
};

struct feature_info {
	const char *word, *since, *what, *without;
	bool needed; /* nothing works without it */
};

enum feature_state { FEATURE_ABSENT, FEATURE_PRESENT, FEATURE_UNKNOWN /* not for us to try */ };

const struct feature_info *feature_info(enum feature f);
enum feature_state feature_probe(enum feature f);
/* Whether FEATURE_TASK_IN_SKB is there as a helper made for it (6.4); else the kernel's structures are
 * read. */
bool feature_task_helper(void);

/* 0, or -1 and a sentence that names the first needed one that is absent. */
__attribute__((warn_unused_result)) int features_require(struct err *e);
/* A line of the log for each that is absent. */
void features_log(void);

#endif
