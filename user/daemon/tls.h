/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TLS_H
#define AWSMASK_TLS_H
/* The two sides' TLS settings: TLS 1.2 and 1.3, ALPN http/1.1, resumption. One per process, shared
 * by all threads. */
#include "config.h"
#include "err.h"

#include <openssl/ssl.h>

struct tls {
	SSL_CTX *server, *client;
	EVP_PKEY *leaf_key; /* the worker's own: leaves are made over it */
	uint8_t spki[128];  /* its DER SubjectPublicKeyInfo */
	size_t spki_len;
};

/* Reads the trust store, so call it before the sandbox closes. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int tls_init(struct tls *t, const struct config *c,
						 struct err *e);
void tls_free(struct tls *t);

/* For a client, presenting `leaf` and, unless NULL, `cross` behind it. NULL: memory is out. */
SSL *tls_server(const struct tls *t, X509 *leaf, X509 *cross);

/* Where an origin's newest session is kept for the next connection to it; one thread's. */
struct tls_session {
	char host[256];
	SSL_SESSION *session;
};
#define TLS_SESSIONS_MAX 64
struct tls_sessions {
	struct tls_session slots[TLS_SESSIONS_MAX];
	size_t next;
};
/* The slot of this name; when all are taken the oldest gives way. */
struct tls_session *tls_session_of(struct tls_sessions *all, const char *host);
void tls_sessions_free(struct tls_sessions *all);

/* For an origin that must prove to be `host`; resumes what `keep` (of the same host) holds and updates
 * it. NULL: memory is out. */
SSL *tls_client(const struct tls *t, const char *host, struct tls_session *keep);

#endif
