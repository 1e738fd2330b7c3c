/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_FLOW_BPF_H
#define AWSMASK_FLOW_BPF_H
/*
 * A redirected connection's way: remembered on its socket at connect(), published where the daemon
 * looks once the local port is known and before accept() can return it, forgotten at close.
 */
#include "facts.bpf.h"

/* Whether a subflow's MPTCP socket can be found from cgroup/connect (5.19): probed. */
const volatile bool have_mptcp_sock;

/*
 * An MPTCP client connects by a subflow's socket, which is the one that connect and sockops
 * programs see, but asks for its peer's name by its own: that gets a copy. Without one,
 * getpeername() shows the listener, and nothing else is wrong.
 */
static __always_inline void flow_copy_to_mptcp(struct bpf_sock_addr *ctx, struct flow_note *note)
{
	struct bpf_sock *sk = ctx->sk;
	struct mptcp_sock *whole;

	if (!have_mptcp_sock || !sk)
		return;
	whole = bpf_skc_to_mptcp_sock(sk);
	if (whole)
		bpf_sk_storage_get(&notes, whole, note, BPF_SK_STORAGE_GET_F_CREATE);
}

static __always_inline void flow_forget_mptcp(struct bpf_sock *sk)
{
	struct mptcp_sock *whole;

	if (!have_mptcp_sock)
		return;
	whole = bpf_skc_to_mptcp_sock(sk);
	if (whole)
		bpf_sk_storage_delete(&notes, whole);
}

/* A socket may be connected anew after connect(AF_UNSPEC): what it said before is void. */
static __always_inline void flow_forget(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	if (!sk)
		return;
	bpf_sk_storage_delete(&notes, sk); /* 5.3 */
	bpf_sk_storage_delete(&watched, sk);
	flow_forget_mptcp(sk);
}

/* Write down on the socket who connects to where. NULL: no room. */
static __always_inline struct flow_note *flow_remember(struct bpf_sock_addr *ctx,
						       const struct endpoint *dst,
						       const struct enrolment *who, __u64 netns,
						       __u16 listener_port)
{
	struct flow_note *note;
	struct bpf_sock *sk = ctx->sk; /* 5.3 */

	if (!sk)
		return NULL;
	note = bpf_sk_storage_get(&notes, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE); /* 5.3 */
	if (!note)
		return NULL;
	__builtin_memset(note, 0, sizeof(*note));
	__builtin_memcpy(note->record.addr, dst->addr, sizeof(note->record.addr));
	note->record.port = dst->port;
	note->record.family = dst->family;
	note->record.uid = (__u32)bpf_get_current_uid_gid(); /* 4.18 */
	note->record.pid = bpf_get_current_pid_tgid() >> 32; /* 5.7 */
	note->record.mode = who->policy.mode;
	note->record.cgroup_id = who->cgroup_id;
	note->record.task_cgroup_id = bpf_get_current_cgroup_id(); /* 5.7 */
	note->record.netns_cookie = netns;
	note->record.connected_ns = bpf_ktime_get_ns();
	bpf_get_current_comm(note->record.comm, sizeof(note->record.comm)); /* 5.7 */
	note->listener_port = listener_port;
	flow_copy_to_mptcp(ctx, note);
	return note;
}

/* From now on what this datagram socket sends to a masked port is looked at on its way out. */
static __always_inline bool datagram_watch(struct bpf_sock_addr *ctx, __u64 cgroup_id)
{
	struct bpf_sock *sk = ctx->sk;

	return sk && bpf_sk_storage_get(&watched, sk, &cgroup_id, BPF_SK_STORAGE_GET_F_CREATE);
}

static __always_inline struct flow_note *note_of(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk; /* 5.3 */

	return sk ? bpf_sk_storage_get(&notes, sk, NULL, 0) : NULL; /* 5.2 */
}

/* The client's half of the handshake is done, its last ACK not yet sent. */
static __always_inline void flow_publish(struct bpf_sock_ops *ctx)
{
	struct flow_note *note = note_of(ctx);
	/* All five, whatever the family: branches would be merged into a moved pointer. */
	__u32 ip4 = CTX_READ(ctx->local_ip4);
	__u32 addr[4] = {CTX_READ(ctx->local_ip6[0]), CTX_READ(ctx->local_ip6[1]),
			 CTX_READ(ctx->local_ip6[2]), CTX_READ(ctx->local_ip6[3])};

	if (!note)
		return;
	if (CTX_READ(ctx->family) == AF_INET)
		addr_set4(addr, ip4);
	__builtin_memcpy(note->key.addr, addr, sizeof(note->key.addr));
	note->key.netns_cookie = note->record.netns_cookie;
	note->key.port = CTX_READ(ctx->local_port); /* host order */
	/* A full map leaves the connection without a flow, and the daemon closes it. */
	if (bpf_map_update_elem(&flows, &note->key, &note->record, BPF_ANY))
		count(REASON_NO_ROOM);
	/* Others' flags stay: the call replaces all of them. */
	bpf_sock_ops_cb_flags_set(ctx, CTX_READ(ctx->bpf_sock_ops_cb_flags) |
					       BPF_SOCK_OPS_STATE_CB_FLAG); /* 4.16 */
}

/* The client's socket is closed: what nobody took by now, nobody will. */
static __always_inline void flow_close(struct bpf_sock_ops *ctx)
{
	struct flow_note *note = note_of(ctx);
	struct flow_record *record;

	if (!note || !note->key.port)
		return;
	record = bpf_map_lookup_elem(&flows, &note->key);
	/* The same address and port may already stand for a younger connection. */
	if (record && record->connected_ns == note->record.connected_ns)
		bpf_map_delete_elem(&flows, &note->key);
	note->key.port = 0;
}

/* getpeername(): the destination that the client asked for. */
static __always_inline void flow_restore_peer(struct bpf_sock_addr *ctx, int family)
{
	struct bpf_sock *sk = ctx->sk;
	struct flow_note *note;
	__u32 addr[4];

	if (!sk)
		return;
	note = bpf_sk_storage_get(&notes, sk, NULL, 0);
	if (!note || bpf_ntohs((__u16)CTX_READ(ctx->user_port)) != note->listener_port)
		return;
	__builtin_memcpy(addr, note->record.addr, sizeof(addr));
	endpoint_write(ctx, family, addr, note->record.port);
}

#endif
