/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_ADDR_BPF_H
#define AWSMASK_ADDR_BPF_H
/* Addresses of a program's context, in one form: 16 bytes, IPv4 mapped (abi.h). */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10
#define MAPPED_WORD bpf_htonl(0x0000ffff) /* third word of ::ffff:a.b.c.d */
#define LOOPBACK4 bpf_htonl(0x7f000001)

struct endpoint {
	__u32 addr[4]; /* network order */
	__u16 port;
	__u16 family; /* AF_INET for a mapped address too */
};

/* The verifier refuses a context field read a second time through a pointer that the compiler has
 * moved, so each is read once, here. */
#define CTX_READ(field) (*(volatile typeof(field) *)&(field))

static __always_inline void addr_set4(__u32 addr[4], __u32 ip4)
{
	addr[0] = 0;
	addr[1] = 0;
	addr[2] = MAPPED_WORD;
	addr[3] = ip4;
}

/* The kernel takes a connect() to the unspecified address as one to loopback: so do exclusions. */
static __always_inline void endpoint_normalise(struct endpoint *e)
{
	bool mapped = !e->addr[0] && !e->addr[1] && e->addr[2] == MAPPED_WORD;

	e->family = mapped ? AF_INET : AF_INET6;
	if (mapped && !e->addr[3])
		e->addr[3] = LOOPBACK4;
	if (!e->addr[0] && !e->addr[1] && !e->addr[2] && !e->addr[3])
		e->addr[3] = bpf_htonl(1);
}

/* `family` is the hook's, a constant: an INET4 hook may not read user_ip6. */
static __always_inline void endpoint_read(struct bpf_sock_addr *ctx, int family, struct endpoint *e)
{
	if (family == AF_INET) {
		addr_set4(e->addr, CTX_READ(ctx->user_ip4));
	} else {
		e->addr[0] = CTX_READ(ctx->user_ip6[0]);
		e->addr[1] = CTX_READ(ctx->user_ip6[1]);
		e->addr[2] = CTX_READ(ctx->user_ip6[2]);
		e->addr[3] = CTX_READ(ctx->user_ip6[3]);
	}
	/* 32 bits, of which the low half is the port in network order */
	e->port = bpf_ntohs((__u16)CTX_READ(ctx->user_port));
	endpoint_normalise(e);
}

static __always_inline void endpoint_write(struct bpf_sock_addr *ctx, int family,
					   const __u32 addr[4], __u16 port)
{
	if (family == AF_INET) {
		ctx->user_ip4 = addr[3];
	} else {
		ctx->user_ip6[0] = addr[0];
		ctx->user_ip6[1] = addr[1];
		ctx->user_ip6[2] = addr[2];
		ctx->user_ip6[3] = addr[3];
	}
	ctx->user_port = bpf_htons(port);
}

/* Where listeners of ours are: 127.0.0.1 or ::1. */
static __always_inline void addr_loopback(__u32 addr[4], __u16 family)
{
	if (family == AF_INET) {
		addr_set4(addr, LOOPBACK4);
		return;
	}
	addr[0] = 0;
	addr[1] = 0;
	addr[2] = 0;
	addr[3] = bpf_htonl(1);
}

#endif
