/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_PACKET_BPF_H
#define AWSMASK_PACKET_BPF_H
/* Where an outgoing packet goes, from its IP header on (which is where cgroup_skb sees it). */
#include "addr.bpf.h"

#define ETHERTYPE_IP 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define PACKET_MAX_EXTENSIONS 8

enum packet {
	PACKET_PORTLESS, /* of a protocol without ports, or not a first fragment */
	PACKET_PORT,	 /* the destination is known, its port included */
	PACKET_HIDDEN, /* a port may stand where it is not looked for: it counts as a masked one */
};

/* Ports stand first in TCP, UDP, DCCP, SCTP and UDP-Lite alike. */
static __always_inline bool protocol_has_ports(__u8 protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 ||
	       protocol == 136;
}

static __always_inline enum packet packet_port(struct __sk_buff *skb, __u32 offset, __u16 *port)
{
	__u16 ports_be[2];

	if (bpf_skb_load_bytes(skb, offset, ports_be, sizeof(ports_be))) /* 4.10 */
		return PACKET_HIDDEN;
	*port = bpf_ntohs(ports_be[1]);
	return PACKET_PORT;
}

static __always_inline enum packet packet_read4(struct __sk_buff *skb, struct endpoint *dst)
{
	struct {
		__u8 version_ihl, tos;
		__u16 length, id, fragment;
		__u8 ttl, protocol;
		__u16 checksum;
		__u32 saddr, daddr;
	} ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return PACKET_HIDDEN;
	if (!protocol_has_ports(ip.protocol) || (ip.fragment & bpf_htons(0x1fff)))
		return PACKET_PORTLESS;
	addr_set4(dst->addr, ip.daddr);
	return packet_port(skb, (ip.version_ihl & 15) * 4, &dst->port);
}

/* Past the extension headers, which an application may put there itself (RFC 3542). */
static __always_inline enum packet packet_read6(struct __sk_buff *skb, struct endpoint *dst)
{
	struct {
		__u32 flow;
		__u16 length;
		__u8 next, hops;
		__u32 saddr[4], daddr[4];
	} ip;
	__u32 offset = sizeof(ip);
	__u8 next, head[4];

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return PACKET_HIDDEN;
	__builtin_memcpy(dst->addr, ip.daddr, sizeof(dst->addr));
	next = ip.next;
	for (int i = 0; i < PACKET_MAX_EXTENSIONS; i++) {
		if (protocol_has_ports(next))
			return packet_port(skb, offset, &dst->port);
		if (next != 0 && next != 43 && next != 44 && next != 60) /* RFC 8200 section 4 */
			return PACKET_PORTLESS;
		if (bpf_skb_load_bytes(skb, offset, head, sizeof(head)))
			return PACKET_HIDDEN;
		if (next == 44 && (head[2] || (head[3] & 0xf8))) /* not a first fragment */
			return PACKET_PORTLESS;
		offset += next == 44 ? 8 : (head[1] + 1) * 8;
		next = head[0];
	}
	return PACKET_HIDDEN;
}

/* *dst is where it goes, as far as that can be read. */
static __always_inline enum packet packet_read(struct __sk_buff *skb, struct endpoint *dst)
{
	__u16 type = bpf_ntohs((__u16)CTX_READ(skb->protocol));
	enum packet found = PACKET_PORTLESS;

	if (type == ETHERTYPE_IP)
		found = packet_read4(skb, dst);
	else if (type == ETHERTYPE_IPV6)
		found = packet_read6(skb, dst);
	if (found == PACKET_PORT)
		endpoint_normalise(dst);
	return found;
}

#endif
