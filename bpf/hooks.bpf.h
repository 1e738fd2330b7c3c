/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_HOOKS_BPF_H
#define AWSMASK_HOOKS_BPF_H
/* What each entry point does: gather the facts, decide, count, obey. */
#include "flow.bpf.h"
#include "packet.bpf.h"
#include "program.bpf.h"

#define ALLOW 1
#define REFUSE 0
#define ECONNREFUSED 111
#define SOCK_STREAM 1
#define WANT_AGAIN_NS 1000000000ull
#define IPPROTO_TCP 6

/* Whether cgroup/connect may choose the error (bpf_set_retval there: 6.1); else it is EPERM. */
const volatile bool have_set_retval;

/* Clients explain ECONNREFUSED to their users better than EPERM. */
static __always_inline int refuse_connect(void)
{
	if (have_set_retval)
		bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

static __always_inline void facts_of_task(struct facts *f, struct enrolment *who)
{
	enrolment_of_task(who);
	f->own = who->own;
	f->enrolled = is_enrolled(who);
	f->fail_open = who->policy.flags & POLICY_FAIL_OPEN;
}

/*
 * Ask the daemon to listen in this network namespace, once a second at most: an agent that tries
 * again and again must not keep it busy.
 */
static __always_inline void listener_want(__u64 netns, __u64 cgroup_id)
{
	struct netns_wanted w = {.netns_cookie = netns, .cgroup_id = cgroup_id};
	__u64 now = bpf_ktime_get_ns();
	__u64 *last = bpf_map_lookup_elem(&told, &netns);

	if (last && now - *last < WANT_AGAIN_NS)
		return;
	bpf_map_update_elem(&told, &netns, &now, BPF_ANY);
	w.task = (__u32)bpf_get_current_pid_tgid();
	bpf_ringbuf_output(&wanted, &w, sizeof(w), 0); /* 5.8 */
}

/*
 * Who makes a socket will connect, and many a name is looked up before: asked for now, a listener
 * is there in time, and nothing is refused. Whether it is alive is for connect to see.
 */
static __always_inline int on_socket(struct bpf_sock *ctx)
{
	struct enrolment who = {};
	__u64 netns = bpf_get_netns_cookie(ctx); /* 5.7 */

	if (bpf_map_lookup_elem(&listeners, &netns))
		return ALLOW;
	enrolment_of_task(&who);
	if (is_enrolled(&who) && !who.own)
		listener_want(netns, who.cgroup_id);
	return ALLOW;
}

/* What only a stream needs: somebody to send it to, and a note of it. Returns the port. */
static __always_inline __u16 facts_of_listener(struct facts *f, struct bpf_sock_addr *ctx,
					       const struct endpoint *dst,
					       const struct enrolment *who)
{
	__u64 netns = bpf_get_netns_cookie(ctx); /* 5.7 */
	__u16 port = listener_find(ctx, dst->family, netns);

	f->listener = port != 0;
	if (!f->listener)
		listener_want(netns, who->cgroup_id);
	else
		f->room = flow_remember(ctx, dst, who, netns, port) != NULL;
	return port;
}

static __always_inline int on_connect(struct bpf_sock_addr *ctx, int family)
{
	struct endpoint dst = {};
	struct enrolment who = {};
	struct facts f = {};
	struct ruling r;
	__u16 port = 0;
	__u32 to[4];

	endpoint_read(ctx, family, &dst);
	f.attempt = attempt_of(CTX_READ(ctx->protocol));
	flow_forget(ctx);
	facts_of_task(&f, &who);
	if (f.enrolled && !f.own) {
		f.port_masked = port_masked(dst.port);
		f.excluded = addr_excluded(dst.addr);
		if (f.attempt == ATTEMPT_STREAM && f.port_masked && !f.excluded)
			port = facts_of_listener(&f, ctx, &dst, &who);
	}
	r = decide(&f);
	count(r.reason);
	if (r.verdict == VERDICT_DENY)
		return refuse_connect();
	if (r.verdict == VERDICT_REDIRECT) {
		addr_loopback(to, dst.family);
		endpoint_write(ctx, family, to, port);
	} else if (r.reason == REASON_UDP_CONNECT && !datagram_watch(ctx, &who)) {
		return refuse_connect();
	}
	return ALLOW;
}

/* Datagrams with an address of their own. Most go to other ports: those cost one look-up. */
static __always_inline int on_sendmsg(struct bpf_sock_addr *ctx, int family)
{
	struct endpoint dst = {};
	struct enrolment who = {};
	struct facts f = {.attempt = ATTEMPT_DATAGRAM_SEND, .port_masked = true};
	struct ruling r;

	endpoint_read(ctx, family, &dst);
	if (!port_masked(dst.port))
		return ALLOW;
	facts_of_task(&f, &who);
	f.excluded = addr_excluded(dst.addr);
	r = decide(&f);
	count(r.reason);
	return r.verdict == VERDICT_PASS ? ALLOW : REFUSE;
}

/* An outgoing datagram is enrolled if who made the socket, connected it, or sends by it is. */
static __always_inline void facts_of_datagram(struct facts *f, struct bpf_sock *sk)
{
	struct enrolment who = {};
	struct watcher *watcher = bpf_sk_storage_get(&watched, sk, NULL, 0); /* 5.2 */

	if (watcher)
		f->enrolled = bpf_map_lookup_elem(&enrolled, &watcher->cgroup_id) ||
			      bpf_map_lookup_elem(&programs, &watcher->program);
	enrolment_of_socket(&who, sk);
	/*
	 * The current task is the sender only where a process sends; tunnels send from interrupts,
	 * by sockets that are not connected. Of those, processes' ones were seen by sendmsg.
	 */
	if (sk->dst_port && !who.own && !who.cgroup_id)
		enrolment_of_sender(&who);
	f->own = who.own;
	if (is_enrolled(&who))
		f->enrolled = true;
}

/* The last gate, for connected datagram sockets, which sendmsg hooks do not see, raw ones, and streams
 * that connect hooks do not see (SCTP). */
static __always_inline int on_egress(struct __sk_buff *skb)
{
	struct facts f = {.attempt = ATTEMPT_DATAGRAM_SEND, .port_masked = true};
	struct endpoint dst = {};
	struct bpf_sock *sk = skb->sk; /* 5.1 */
	enum packet packet;
	struct ruling r;

	if (!sk)
		return ALLOW;
	sk = bpf_sk_fullsock(sk); /* 5.1 */
	if (!sk || (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP))
		return ALLOW;
	packet = packet_read(skb, &dst);
	if (packet == PACKET_PORTLESS || (packet == PACKET_PORT && !port_masked(dst.port)))
		return ALLOW;
	facts_of_datagram(&f, sk);
	f.excluded = addr_excluded(dst.addr);
	r = decide(&f);
	if (r.verdict == VERDICT_PASS)
		return ALLOW;
	count(r.reason);
	return REFUSE;
}

/* Never touches `reply`: it may be somebody else's, whose program ran before ours. */
static __always_inline int on_sockops(struct bpf_sock_ops *ctx)
{
	switch (CTX_READ(ctx->op)) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		flow_publish(ctx);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (CTX_READ(ctx->args[1]) == BPF_TCP_CLOSE)
			flow_close(ctx);
		break;
	}
	return 1;
}

static __always_inline int on_getpeername(struct bpf_sock_addr *ctx, int family)
{
	flow_restore_peer(ctx, family);
	return ALLOW;
}

#endif
