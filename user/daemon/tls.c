/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static const unsigned char alpn_http11[] = "\x08http/1.1";
static const unsigned char alpn_served[] = "\x08http/1.1\x08http/1.0";
static const unsigned char session_context[] = "awsmask";

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	unsigned char *found;

	(void)ssl, (void)arg;
	/* A client that offers only h2 must not be left to guess: RFC 7301 section 3.2. */
	if (SSL_select_next_proto(&found, out_len, alpn_served, sizeof(alpn_served) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 6066 section 3: a name that was made use of is acknowledged. */
static int accept_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl, (void)alert, (void)arg;
	return SSL_TLSEXT_ERR_OK;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session *keep = SSL_get_app_data(ssl);

	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	/* A slot may have been given to another host since: resuming skips the check of names. */
	if (!keep || !host || strcmp(host, keep->host) != 0)
		return 0;
	SSL_SESSION_free(keep->session);
	keep->session = session;
	return 1; /* the reference is ours now */
}

static void common_options(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* A bare end of the connection stays an error: it may cut an answer that ends by closing. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
}

static int make_server(struct tls *t)
{
	t->server = SSL_CTX_new(TLS_server_method());
	if (!t->server)
		return -1;
	common_options(t->server);
	SSL_CTX_set_alpn_select_cb(t->server, select_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(t->server, accept_name);
	SSL_CTX_set_session_id_context(t->server, session_context, sizeof(session_context) - 1);
	/* Tickets carry the state: a cache in memory would be one more place for secrets. */
	SSL_CTX_set_session_cache_mode(t->server, SSL_SESS_CACHE_OFF);
	return 0;
}

static int make_client(struct tls *t, const struct config *c, struct err *e)
{
	t->client = SSL_CTX_new(TLS_client_method());
	if (!t->client)
		return err_set(e, "TLS could not be set up: memory is out");
	common_options(t->client);
	SSL_CTX_set_verify(t->client, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(t->client,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->client, keep_session);
	if (SSL_CTX_set_alpn_protos(t->client, alpn_http11, sizeof(alpn_http11) - 1) != 0)
		return err_set(e, "TLS could not be set up: memory is out");
	if (c->origin.ca_file[0]) {
		if (SSL_CTX_load_verify_file(t->client, c->origin.ca_file) != 1)
			return err_set(
				e, "origin.ca_file is %s, which holds no readable PEM certificate",
				c->origin.ca_file);
	} else if (SSL_CTX_set_default_verify_paths(t->client) != 1) {
		return err_set(e,
			       "the system's trust store cannot be read; install ca-certificates");
	}
	return 0;
}

static int make_leaf_key(struct tls *t)
{
	unsigned char *der = NULL;
	int len;

	t->leaf_key = EVP_EC_gen("P-256");
	if (!t->leaf_key)
		return -1;
	len = i2d_PUBKEY(t->leaf_key, &der);
	if (len <= 0 || (size_t)len > sizeof(t->spki)) {
		OPENSSL_free(der);
		return -1;
	}
	memcpy(t->spki, der, (size_t)len);
	t->spki_len = (size_t)len;
	OPENSSL_free(der);
	return 0;
}

int tls_init(struct tls *t, const struct config *c, struct err *e)
{
	*t = (struct tls){0};
	if (make_server(t) < 0 || make_leaf_key(t) < 0) {
		tls_free(t);
		return err_set(e, "TLS could not be set up: memory or randomness is out");
	}
	if (make_client(t, c, e) < 0) {
		tls_free(t);
		return -1;
	}
	return 0;
}

void tls_free(struct tls *t)
{
	SSL_CTX_free(t->server);
	SSL_CTX_free(t->client);
	EVP_PKEY_free(t->leaf_key);
	*t = (struct tls){0};
}

SSL *tls_server(const struct tls *t, X509 *leaf, X509 *cross)
{
	SSL *ssl = SSL_new(t->server);

	if (!ssl)
		return NULL;
	if (SSL_use_certificate(ssl, leaf) != 1 || SSL_use_PrivateKey(ssl, t->leaf_key) != 1 ||
	    (cross && SSL_add1_chain_cert(ssl, cross) != 1)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

struct tls_session *tls_session_of(struct tls_sessions *all, const char *host)
{
	struct tls_session *s;

	for (size_t i = 0; i < TLS_SESSIONS_MAX; i++)
		if (strcmp(all->slots[i].host, host) == 0)
			return &all->slots[i];
	s = &all->slots[all->next++ % TLS_SESSIONS_MAX];
	SSL_SESSION_free(s->session);
	*s = (struct tls_session){0};
	snprintf(s->host, sizeof(s->host), "%s", host);
	return s;
}

void tls_sessions_free(struct tls_sessions *all)
{
	for (size_t i = 0; i < TLS_SESSIONS_MAX; i++)
		SSL_SESSION_free(all->slots[i].session);
	*all = (struct tls_sessions){0};
}

SSL *tls_client(const struct tls *t, const char *host, struct tls_session *keep)
{
	SSL *ssl = SSL_new(t->client);

	if (!ssl)
		return NULL;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set_app_data(ssl, keep);
	if (SSL_set_tlsext_host_name(ssl, host) != 1 || SSL_set1_host(ssl, host) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	if (keep->session && SSL_SESSION_is_resumable(keep->session))
		SSL_set_session(ssl, keep->session);
	return ssl;
}
