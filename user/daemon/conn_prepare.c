/* SPDX-License-Identifier: Apache-2.0 */
/* Before a connection to a target is opened: its scope's vault, its certificate, TLS with its client. */
#include "conn_private.h"
#include "ca.h"

#include <openssl/err.h>

#define PREPARE_MS 10000

static void open_scope(uv_work_t *work)
{
	struct conn *c = work->data;
	struct worker *w = c->thread->worker;
	char name[4200];
	struct err e;

	if (!c->use)
		return;
	switch (w->config->scope) {
	case SCOPE_HOST:
		snprintf(name, sizeof(name), "host");
		break;
	case SCOPE_CGROUP:
		if (*c->who.enrolled == '/')
			snprintf(name, sizeof(name), "cgroup:%s", c->who.enrolled);
		else
			snprintf(name, sizeof(name), "cgroup-id:%llu",
				 (unsigned long long)c->flow.cgroup_id);
		break;
	default:
		snprintf(name, sizeof(name), "uid:%u", c->flow.uid);
		break;
	}
	c->scope = vault_scope(w->vault, name, &e);
	if (!c->scope)
		log_event(LOG_ERR, "vault-scope", log_word("why", e.text));
}

static void start_handshake(void *arg, const struct leaf *leaf)
{
	struct conn *c = arg;
	SSL *ssl;

	c->ticket = 0;
	if (!leaf && privsep_is_lost(c->thread->privsep)) {
		conn_unanswered(c);
		return;
	}
	if (leaf)
		c->thread->worker->gauges.leaf_not_after = ca_not_after(leaf->cert);
	ssl = leaf ? tls_server(&c->thread->worker->tls, leaf->cert, leaf->cross) : NULL;
	if (!ssl || stream_tls(&c->client, ssl, true) < 0) {
		conn_refuse_tls(c, "no certificate could be made");
		conn_pump(c);
		return;
	}
	conn_move(c, CONN_HANDSHAKE);
	conn_deadline(c, CONN_SNIFF_MS);
	conn_pump(c);
}

static void after_scope(struct conn *c)
{
	const struct leaf *leaf;

	/* Without a scope each request is refused, in words that its client shows. */
	if (!c->tls) {
		conn_move(c, CONN_OPEN);
		conn_pump(c);
		return;
	}
	leaf = leaf_find(c->thread->leaves, &c->thread->loop, c->host);
	if (leaf) {
		start_handshake(c, leaf);
		return;
	}
	c->leaf = (struct leaf_wait){.cache = c->thread->leaves,
				     .done = start_handshake,
				     .arg = c,
				     .loop = &c->thread->loop};
	snprintf(c->leaf.host, sizeof(c->leaf.host), "%s", c->host);
	c->ticket = leaf_request(&c->leaf);
	if (!c->ticket)
		conn_unanswered(c);
}

void conn_prepare(struct conn *c)
{
	stat_add(&c->thread->worker->stats->flows_opened, 1);
	conn_count_connection(c, REPORT_OPENED, "");
	c->origin_needs_tls = c->origin && c->tls;
	c->origin_waited = c->origin != NULL;
	conn_move(c, CONN_PREPARE);
	conn_deadline(c, PREPARE_MS);
	stream_want(&c->client, false, false);
	conn_work(c, open_scope, after_scope);
}

/* Said by us, rather than by a client that breaks off: then it is not the certificate that is wrong. */
static bool is_no_agreement(int reason)
{
	return reason && reason < SSL_AD_REASON_OFFSET &&
	       reason != SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

static void tell_failed_handshake(struct conn *c)
{
	unsigned long error = ERR_peek_error();
	const char *why = ERR_reason_error_string(error);
	bool distrust = !is_no_agreement(ERR_GET_REASON(error));

	stat_add(&c->thread->worker->stats->handshake_failures, 1);
	conn_log(c, LOG_NOTICE, "handshake-failed", log_name("host", conn_host_name(c)),
		 log_word("why", why ? why : "the client broke off"),
		 log_word("hint",
			  distrust ? "does this client trust the host's CA? see awsmaskctl check"
				   : "this client takes none of what is offered: HTTP/1.1 over TLS "
				     "1.2 or 1.3, with an ECDSA certificate"));
}

bool conn_handshake(struct conn *c)
{
	int r = stream_handshake(&c->client);

	if (r == STREAM_AGAIN) {
		stream_want(&c->client, true, false);
		return false;
	}
	if (r != 1) {
		/* An untrusted CA shows as a bare FIN or an alert here: the client will not say
		 * more. */
		tell_failed_handshake(c);
		conn_close(c, false);
		return false;
	}
	conn_move(c, CONN_OPEN);
	return true;
}
