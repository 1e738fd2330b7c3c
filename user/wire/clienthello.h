/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CLIENTHELLO_H
#define AWSMASK_CLIENTHELLO_H
/* The parts of a TLS ClientHello (RFC 8446 section 4.1.2) that routing needs, from the bytes on the
 * wire. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENTHELLO_MAX 32768 /* records included; post-quantum hellos take 1.5 to 2 KB */

struct clienthello {
	char sni[256];	  /* lower case, NUL-terminated, no trailing dot; "" when absent (RFC 6066
			     section 3) */
	bool alpn;	  /* the extension is there */
	bool alpn_http11; /* and offers http/1.1 */
	bool alpn_h2;	  /* and offers h2 */
	bool ech;	  /* encrypted_client_hello is there: the true name is hidden */
};

/*
 * buf: the connection's bytes from the first on. The hello may span TLS records.
 * 1: *h is filled. 0: needs more bytes. -1: not a well-formed ClientHello, or longer than
 * CLIENTHELLO_MAX; *h untouched.
 */
__attribute__((warn_unused_result)) int clienthello_parse(const uint8_t *buf, size_t len,
							  struct clienthello *h);
#endif
