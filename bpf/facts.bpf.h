/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_FACTS_BPF_H
#define AWSMASK_FACTS_BPF_H
/* What decide() wants to know, looked up. Beside each helper: since when these programs have it. */
#include "addr.bpf.h"
#include "maps.bpf.h"
#include "policy.bpf.h"
#include "task.bpf.h"

/* Whether cgroup_skb programs may ask for the current task's cgroup (6.4), and else whether they may
 * read it: probed before loading. */
const volatile bool have_task_in_skb;
const volatile bool have_task_read;
/* Whether they may ask for its number. */
const volatile bool have_pid_in_skb;

struct enrolment {
	struct policy policy;
	__u64 cgroup_id; /* nearest enrolled ancestor; 0: none */
	__u32 program;	 /* that the task runs or descends from; 0: none */
	bool own;
};

static __always_inline void count(enum reason reason)
{
	__u32 index = reason;
	__u64 *n = bpf_map_lookup_elem(&counters, &index);

	/* The task may be preempted here, so even a core's own counter is added to atomically. */
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline __u64 own_cgroup(void)
{
	__u32 zero = 0;
	struct settings *s = bpf_map_lookup_elem(&settings, &zero);

	return s ? s->own_cgroup : 0;
}

/* One ancestor, from the root on: the last that is enrolled is the nearest. */
static __always_inline void enrolment_note(struct enrolment *e, __u64 id)
{
	struct policy *p = bpf_map_lookup_elem(&enrolled, &id);

	if (!p)
		return;
	e->policy = *p;
	e->cgroup_id = id;
}

static __always_inline void enrolment_of_cgroups(struct enrolment *e)
{
	__u64 own = own_cgroup();

	for (int level = 0; level < AWSMASK_MAX_CGROUP_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level); /* 5.7 */

		if (!id)
			return;
		if (id == own) {
			e->own = true;
			return;
		}
		enrolment_note(e, id);
	}
}

/*
 * The same without the helper, from the task's cgroup up: the first that is enrolled is the nearest.
 * Who hides deeper than is looked is taken for enrolled.
 */
static __always_inline void enrolment_read(struct enrolment *e)
{
	struct cgroup *c = task_cgroup();
	__u64 own = own_cgroup();

	for (int level = 0; level < 2 * AWSMASK_MAX_CGROUP_DEPTH; level++) {
		__u64 id = c ? cgroup_id_of(c) : 0;

		if (!id)
			return;
		if (id == own) {
			e->own = true;
			return;
		}
		if (!e->cgroup_id)
			enrolment_note(e, id);
		c = cgroup_above(c);
	}
	if (c && !e->cgroup_id)
		e->cgroup_id = cgroup_id_of(c);
}

/* By the program that the process runs, too. Enrolled by both, it is enforced if either says so, and
 * fails open if both do. */
static __always_inline void enrolment_add_program(struct enrolment *e, __u32 pid)
{
	struct program_mark *mark = e->own ? NULL : bpf_map_lookup_elem(&marks, &pid);
	struct program *p = mark ? bpf_map_lookup_elem(&programs, &mark->program) : NULL;

	if (!p)
		return;
	if (e->cgroup_id) {
		e->policy.mode &= p->policy.mode; /* enforce is 0 */
		e->policy.flags &= p->policy.flags;
	} else {
		e->policy = p->policy;
	}
	e->program = mark->program;
}

static __always_inline __u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32; /* 5.7 */
}

static __always_inline void enrolment_of_task(struct enrolment *e)
{
	enrolment_of_cgroups(e);
	enrolment_add_program(e, current_pid());
}

/* Where a packet is looked at. */
static __always_inline void enrolment_of_sender(struct enrolment *e)
{
	if (have_task_in_skb)
		enrolment_of_cgroups(e);
	else if (have_task_read)
		enrolment_read(e);
	if (have_pid_in_skb)
		enrolment_add_program(e, current_pid());
	else if (have_task_read)
		enrolment_add_program(e, task_pid());
}

static __always_inline bool is_enrolled(const struct enrolment *e)
{
	return e->cgroup_id || e->program;
}

/* By the cgroup in which the socket was made. */
static __always_inline void enrolment_of_socket(struct enrolment *e, struct bpf_sock *sk)
{
	__u64 own = own_cgroup();

	for (int level = 0; level < AWSMASK_MAX_CGROUP_DEPTH; level++) {
		__u64 id = bpf_sk_ancestor_cgroup_id(sk, level); /* 5.8 */

		if (!id)
			return;
		if (id == own) {
			e->own = true;
			return;
		}
		enrolment_note(e, id);
	}
}

static __always_inline bool port_masked(__u16 port)
{
	return bpf_map_lookup_elem(&ports, &port);
}

static __always_inline bool addr_excluded(const __u32 addr[4])
{
	struct exclude_key key = {.prefixlen = 128};

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&excluded, &key);
}

static __always_inline enum attempt attempt_of(__u32 protocol)
{
	switch (protocol) {
	case 6:	  /* TCP */
	case 262: /* MPTCP */
		return ATTEMPT_STREAM;
	case 1:	 /* ICMP */
	case 58: /* ICMPv6 */
		return ATTEMPT_PORTLESS;
	default: /* UDP, UDP-Lite, and whatever else gets here */
		return ATTEMPT_DATAGRAM_CONNECT;
	}
}

/*
 * Whether the socket that a connect to this loopback port would reach listens and carries our
 * mark: then it is the daemon's, or somebody's who may have it all the same. Setting a mark takes
 * CAP_NET_ADMIN or, since 5.17, CAP_NET_RAW in the user namespace that owns the network namespace;
 * with either one can send whatever one likes from there, below connect().
 */
static __always_inline bool listener_alive(struct bpf_sock_addr *ctx, __u16 family, __u16 port)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	bool ours;

	if (family == AF_INET) {
		tuple.ipv4.saddr = LOOPBACK4;
		tuple.ipv4.daddr = LOOPBACK4;
		tuple.ipv4.dport = bpf_htons(port);
	} else {
		tuple.ipv6.saddr[3] = bpf_htonl(1);
		tuple.ipv6.daddr[3] = bpf_htonl(1);
		tuple.ipv6.dport = bpf_htons(port);
	}
	sk = bpf_sk_lookup_tcp(ctx, &tuple, /* 5.0 */
			       family == AF_INET ? sizeof(tuple.ipv4) : sizeof(tuple.ipv6),
			       BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	ours = sk->state == BPF_TCP_LISTEN && sk->mark == AWSMASK_LISTENER_MARK;
	bpf_sk_release(sk);
	return ours;
}

/* The port to redirect to, or 0 when nobody of ours listens there. */
static __always_inline __u16 listener_find(struct bpf_sock_addr *ctx, __u16 family, __u64 netns)
{
	struct listener *l = bpf_map_lookup_elem(&listeners, &netns);
	__u16 port;

	if (!l)
		return 0;
	port = family == AF_INET ? l->port4 : l->port6;
	if (!port || !listener_alive(ctx, family, port))
		return 0;
	return port;
}

#endif
