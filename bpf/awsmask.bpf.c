/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The entry points, attached once, at the root of the cgroup2 tree. bpf_link for these: 5.7;
 * getpeername: 5.8. Each is one call over a verdict.
 */
#include "hooks.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("cgroup/sock_create") /* 4.10; which helpers it has: 5.7 */
int awsmask_sock_create(struct bpf_sock *ctx)
{
	return on_socket(ctx);
}

SEC("cgroup/connect4")
int awsmask_connect4(struct bpf_sock_addr *ctx)
{
	return on_connect(ctx, AF_INET);
}

SEC("cgroup/connect6")
int awsmask_connect6(struct bpf_sock_addr *ctx)
{
	return on_connect(ctx, AF_INET6);
}

SEC("cgroup/getpeername4")
int awsmask_getpeername4(struct bpf_sock_addr *ctx)
{
	return on_getpeername(ctx, AF_INET);
}

SEC("cgroup/getpeername6")
int awsmask_getpeername6(struct bpf_sock_addr *ctx)
{
	return on_getpeername(ctx, AF_INET6);
}

SEC("cgroup/sendmsg4")
int awsmask_sendmsg4(struct bpf_sock_addr *ctx)
{
	return on_sendmsg(ctx, AF_INET);
}

SEC("cgroup/sendmsg6")
int awsmask_sendmsg6(struct bpf_sock_addr *ctx)
{
	return on_sendmsg(ctx, AF_INET6);
}

SEC("sockops")
int awsmask_sockops(struct bpf_sock_ops *ctx)
{
	return on_sockops(ctx);
}

SEC("cgroup_skb/egress")
int awsmask_egress(struct __sk_buff *skb)
{
	return on_egress(skb);
}
