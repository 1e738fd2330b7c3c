/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SNIFF_H
#define AWSMASK_SNIFF_H
/* What a client speaks, by its first bytes. */
#include <stddef.h>
#include <stdint.h>

enum sniff_kind {
	SNIFF_TLS, /* a TLS handshake record */
	SNIFF_HTTP, /* an HTTP/1 request: any method token of RFC 9110 but CONNECT, a blank; also what
			  only a lenient server would take for one (RFC 9112 section 3) */
	SNIFF_CONNECT, /* HTTP/1 CONNECT, in whatever case */
	SNIFF_HTTP2,   /* the prior-knowledge preface of RFC 9113 section 3.4 */
	SNIFF_SOCKS, /* a greeting of SOCKS4 or SOCKS5 (RFC 1928 section 3): where it goes comes later */
	SNIFF_OTHER,
};

/* 1: *kind is set. 0: needs more bytes (never with 24 or more). */
int sniff(const uint8_t *buf, size_t len, enum sniff_kind *kind);

#endif
