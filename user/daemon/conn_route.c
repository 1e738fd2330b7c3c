/* SPDX-License-Identifier: Apache-2.0 */
/* Whose connection it is, what it speaks, and so where it goes: opened, spliced or refused (I1). */
#include "cgroup.h"
#include "conn_private.h"

#include "../wire/clienthello.h"
#include "../wire/headers.h"
#include "../wire/sniff.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FLOW_MS 5000
#define SNIFF_MS 15000
#define DIAL_MS 20000
#define PREPARE_MS 10000

/* ---- whose */

static void address_of(const struct sockaddr_storage *from, uint8_t addr[static 16], uint16_t *port)
{
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)from;
		memset(addr, 0, 10);
		memset(addr + 10, 0xff, 2);
		memcpy(addr + 12, &four->sin_addr, 4);
		*port = ntohs(four->sin_port);
	} else {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
		memcpy(addr, &six->sin6_addr, 16);
		*port = ntohs(six->sin6_port);
	}
}

static void start_sniffing(struct conn *c)
{
	conn_move(c, CONN_SNIFF);
	conn_deadline(c, SNIFF_MS);
	conn_pump(c);
}

static void on_flow(void *arg, const struct priv_reply *reply)
{
	struct conn *c = arg;

	c->ticket = 0;
	if (reply->status != 1) {
		stat_add(&c->thread->worker->stats.flows_unknown, 1);
		log_event(LOG_NOTICE, "flow-unknown", log_word("why", reply->error));
		conn_close(c, true);
		return;
	}
	c->flow = reply->u.flow;
	c->flow.comm[sizeof(c->flow.comm) - 1] = 0;
	start_sniffing(c);
}

static void on_peer(void *arg, const struct priv_reply *reply)
{
	struct conn *c = arg;
	const struct config *config = c->thread->worker->config;

	c->ticket = 0;
	if (reply->status != 1) {
		stat_add(&c->thread->worker->stats.flows_unknown, 1);
		log_event(LOG_NOTICE, "peer-unknown", log_word("why", reply->error));
		conn_close(c, true);
		return;
	}
	c->flow.uid = reply->u.peer.uid;
	c->flow.mode = config->mode;
	start_sniffing(c);
}

void conn_ask_flow(struct conn *c)
{
	struct priv_request r = {.kind = PRIV_FLOW_TAKE};
	struct sockaddr_storage peer, own;
	socklen_t peer_size = sizeof(peer), own_size = sizeof(own);

	if (getpeername(c->client.fd, (struct sockaddr *)&peer, &peer_size) < 0 ||
	    getsockname(c->client.fd, (struct sockaddr *)&own, &own_size) < 0) {
		conn_close(c, true);
		return;
	}
	if (c->door == DOOR_EXPLICIT) {
		r.kind = PRIV_PEER;
		/* As the client's socket sees it: its local end is our peer. */
		address_of(&peer, r.u.peer.local, &r.u.peer.local_port);
		address_of(&own, r.u.peer.remote, &r.u.peer.remote_port);
	} else {
		r.u.flow.netns_cookie = c->thread->worker->netns_cookie;
		address_of(&peer, r.u.flow.addr, &r.u.flow.port);
	}
	conn_deadline(c, FLOW_MS);
	c->ticket = privsep_call(c->thread->privsep, &r,
				 c->door == DOOR_EXPLICIT ? on_peer : on_flow, c);
	if (!c->ticket)
		conn_close(c, true);
}

/* ---- what */

static bool refuse_plainly(struct conn *c, const char *why, const void *last_words, size_t n)
{
	struct buf words;

	conn_refused(c, why);
	buf_init(&words, 1024);
	/* A few bytes into an empty socket buffer: they fit, or the client is not reading anyway.
	 */
	if (buf_append(&words, last_words, n) == 0)
		(void)stream_flush(&c->client, &words);
	buf_free(&words);
	shutdown(c->client.fd, SHUT_WR);
	conn_move(c, CONN_LINGER);
	return true;
}

static bool refuse_tls(struct conn *c, const char *why)
{
	/* RFC 8446 section 6.2: alert, fatal, access_denied */
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 49};

	return refuse_plainly(c, why, alert, sizeof(alert));
}

static bool refuse_http(struct conn *c, const char *why)
{
	static const char answer[] =
		"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n"
		"x-should-retry: false\r\n\r\n"
		"{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":"
		"\"awsmask refused this "
		"connection: its configuration does not let this host be reached from here. Ask "
		"your "
		"administrator.\"}}";

	return refuse_plainly(c, why, answer, sizeof(answer) - 1);
}

/* Not a target: pass it through, unless that would let a model be reached unmasked or policy says
 * no. */
static bool pass_through(struct conn *c, bool (*refuse)(struct conn *, const char *))
{
	const struct config *config = c->thread->worker->config;

	if (c->tunnelled)
		return refuse(c, "inside a tunnel to a target there is something else");
	if (c->host[0] && config_is_unmasked_model(c->host))
		return refuse(c, "a model's host that awsmask does not mask yet");
	if (config->deny_other_hosts)
		return refuse(c, "other_hosts is deny");
	if (c->door == DOOR_EXPLICIT && !c->connect_done)
		return refuse(c, "the explicit listener serves targets alone");
	if (stream_unread(&c->client, buf_bytes(&c->in), buf_len(&c->in)) < 0) {
		conn_close(c, true);
		return false;
	}
	buf_free(&c->in);
	stream_want(&c->client, false, false);
	conn_move(c, CONN_DIAL);
	conn_deadline(c, DIAL_MS);
	return true;
}

static bool route_tls(struct conn *c)
{
	struct clienthello hello;
	int r = clienthello_parse(buf_bytes(&c->in), buf_len(&c->in), &hello);

	if (r == 0)
		return false;
	if (r < 0)
		return refuse_tls(c, "malformed ClientHello");
	snprintf(c->host, sizeof(c->host), "%s", hello.sni);
	c->tls = true;
	if (!config_is_target(c->thread->worker->config, c->host))
		return pass_through(c, refuse_tls);
	if (stream_unread(&c->client, buf_bytes(&c->in), buf_len(&c->in)) < 0) {
		conn_close(c, true);
		return false;
	}
	buf_clear(&c->in);
	conn_prepare(c);
	return true;
}

/* The head of the request in c->in. 1: *p holds it, *size its length; 0: more; -1: malformed. */
static int parse_head(struct conn *c, struct http_parser **p, size_t *size)
{
	const uint8_t *data;
	size_t data_len;
	enum http_event event;

	*p = http_parser_new(HTTP_REQUEST, HTTP_HEAD_MAX);
	if (!*p)
		return -1;
	event = http_feed(*p, buf_bytes(&c->in), buf_len(&c->in), size, &data, &data_len);
	if (event == HTTP_HEAD)
		return 1;
	http_parser_free(*p);
	*p = NULL;
	return event == HTTP_MORE ? 0 : -1;
}

static bool route_http(struct conn *c)
{
	const struct config *config = c->thread->worker->config;
	struct http_parser *p;
	size_t size;
	uint16_t port = 0;
	int r = parse_head(c, &p, &size);

	if (r == 0)
		return false;
	if (r == 1 && header_host(http_head(p), c->host, &port) < 0)
		r = -1;
	http_parser_free(p);
	if (c->door == DOOR_EXPLICIT && !c->connect_done) {
		/* Its clients name it by its own address: what they mean is the first target. */
		snprintf(c->host, sizeof(c->host), "%s", config->targets[0]);
	} else if (r == 1 && !config_is_target(config, c->host)) {
		return pass_through(c, refuse_http);
	}
	/* What is malformed gets its answer from the exchange: it is never passed on. */
	conn_prepare(c);
	return true;
}

static int split_authority(const char *text, size_t len, char host[static 256], uint16_t *port)
{
	const char *colon = memrchr(text, ':', len);
	unsigned long number;
	char digits[6] = {0}, *end;
	size_t host_len = colon ? (size_t)(colon - text) : 0;

	if (!host_len || host_len > 255 || len - host_len - 1 == 0 || len - host_len - 1 > 5)
		return -1;
	memcpy(digits, colon + 1, len - host_len - 1);
	number = strtoul(digits, &end, 10);
	if (*end || number == 0 || number > 65535)
		return -1;
	if (text[0] == '[' && text[host_len - 1] == ']') {
		text++;
		host_len -= 2;
	}
	for (size_t i = 0; i < host_len; i++)
		host[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
	host[host_len] = 0;
	*port = (uint16_t)number;
	return 0;
}

static bool start_tunnel(struct conn *c)
{
	static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
	struct origin_place place;
	struct buf words;

	if (c->door == DOOR_EXPLICIT) {
		/* We are the proxy that was asked. */
		buf_init(&words, sizeof(established));
		c->connect_done = buf_append(&words, established, sizeof(established) - 1) == 0 &&
				  stream_flush(&c->client, &words) == 1;
		buf_free(&words);
		if (!c->connect_done)
			conn_close(c, true);
		return c->connect_done;
	}
	conn_place(c, &place);
	place.tls = false;
	c->origin = origin_get(c->thread->origins, &place, true, conn_pump, c);
	if (!c->origin)
		return refuse_http(c, "no memory or descriptor for the proxy's connection");
	conn_move(c, CONN_TUNNEL);
	conn_deadline(c, DIAL_MS);
	stream_want(&c->client, false, false);
	return true;
}

static bool route_connect(struct conn *c)
{
	const struct config *config = c->thread->worker->config;
	struct http_parser *p;
	size_t size;
	int r;

	if (c->connect_done)
		return refuse_http(c, "CONNECT inside CONNECT");
	r = parse_head(c, &p, &size);
	if (r == 0)
		return false;
	if (r == 1)
		r = split_authority(http_head(p)->target, http_head(p)->target_len, c->authority,
				    &c->port);
	http_parser_free(p);
	if (r < 0)
		return refuse_http(c, "malformed CONNECT");
	snprintf(c->host, sizeof(c->host), "%s", c->authority);
	c->tunnelled = config_is_target(config, c->host);
	if (!c->tunnelled && config_is_unmasked_model(c->host))
		return refuse_http(c, "a model's host that awsmask does not mask yet");
	if (c->door == DOOR_TRANSPARENT &&
	    buf_append(&c->connect_head, buf_bytes(&c->in), size) < 0) {
		conn_close(c, true);
		return false;
	}
	buf_drop(&c->in, size);
	return start_tunnel(c);
}

static bool route(struct conn *c, enum sniff_kind kind)
{
	switch (kind) {
	case SNIFF_TLS:
		return route_tls(c);
	case SNIFF_HTTP:
		return route_http(c);
	case SNIFF_CONNECT:
		return route_connect(c);
	case SNIFF_HTTP2:
		/* Its requests' hosts cannot be seen without opening it, and any may be a target.
		 */
		return refuse_plainly(c, "HTTP/2 without TLS", "", 0);
	default:
		return pass_through(c, refuse_http);
	}
}

bool conn_sniff(struct conn *c)
{
	enum sniff_kind kind;
	ssize_t n;

	if (buf_len(&c->in) && sniff(buf_bytes(&c->in), buf_len(&c->in), &kind) == 1 &&
	    route(c, kind))
		return true;
	if (c->state != CONN_SNIFF)
		return false;
	n = conn_fill(c);
	if (n > 0)
		return true;
	if (n == STREAM_AGAIN && buf_len(&c->in) < CONN_IN_MAX) {
		stream_want(&c->client, true, false);
		return false;
	}
	conn_close(c, true);
	return false;
}

/* ---- where to */

void conn_place(const struct conn *c, struct origin_place *place)
{
	const struct config *config = c->thread->worker->config;

	*place = (struct origin_place){.tls = c->tls, .port = c->port ? c->port : c->flow.port};
	snprintf(place->host, sizeof(place->host), "%s", c->host);
	if (config->origin.address[0] && config_is_target(config, c->host)) {
		const char *to = config->origin.address;
		place->tls = true;
		(void)split_authority(to, strlen(to), place->dial, &place->port);
		return;
	}
	if (c->door == DOOR_EXPLICIT) {
		place->tls = c->tls || !c->connect_done;
		place->port = c->port ? c->port : 443;
		snprintf(place->dial, sizeof(place->dial), "%s", c->authority);
		return;
	}
	memcpy(place->addr, c->flow.addr, sizeof(place->addr));
	if (buf_len(&c->connect_head)) {
		place->connect_head = &c->connect_head;
		place->port = c->flow.port;
	}
}

/* CONNECT was sent on to the client's own proxy: its answer is the client's, word for word. */
bool conn_tunnel(struct conn *c)
{
	enum origin_state state = origin_advance(c->origin);
	struct buf answer;
	bool told;

	if (state != ORIGIN_READY && state != ORIGIN_FAILED)
		return false;
	if (!buf_len(origin_tunnel_answer(c->origin))) {
		origin_put(c->origin, false);
		c->origin = NULL;
		return refuse_plainly(c, "the client's proxy cannot be reached",
				      "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n", 46);
	}
	buf_init(&answer, HTTP_HEAD_MAX);
	told = buf_append(&answer, buf_bytes(origin_tunnel_answer(c->origin)),
			  buf_len(origin_tunnel_answer(c->origin))) == 0 &&
	       stream_flush(&c->client, &answer) == 1;
	buf_free(&answer);
	if (!told || state == ORIGIN_FAILED) {
		shutdown(c->client.fd, SHUT_WR);
		origin_put(c->origin, false);
		c->origin = NULL;
		conn_move(c, CONN_LINGER);
		return true;
	}
	c->connect_done = true;
	c->port = 0;
	conn_move(c, CONN_SNIFF);
	conn_deadline(c, SNIFF_MS);
	return true;
}

bool conn_dial(struct conn *c)
{
	struct origin_place place;
	enum origin_state state;

	if (!c->origin) {
		conn_place(c, &place);
		place.tls = false; /* whatever it is, it goes through as it is */
		c->origin = origin_get(c->thread->origins, &place, true, conn_pump, c);
	}
	state = c->origin ? origin_advance(c->origin) : ORIGIN_FAILED;
	if (state == ORIGIN_FAILED) {
		/* What the client would have got without us: no connection. */
		conn_close(c, true);
		return false;
	}
	if (state != ORIGIN_READY)
		return false;
	c->splicer = splicer_new(&c->client, origin_stream(c->origin));
	if (!c->splicer) {
		conn_close(c, true);
		return false;
	}
	stat_add(&c->thread->worker->stats.flows_spliced, 1);
	conn_move(c, CONN_SPLICE);
	conn_deadline(
		c,
		0); /* keep-alive probes end what is dead; silence is the two ends' own business */
	return true;
}

bool conn_splice(struct conn *c)
{
	int r = splicer_pump(c->splicer, &c->moved);

	if (r != 0)
		conn_close(c, r < 0);
	return false;
}

/* ---- opening: vault and certificate */

static void open_scope(uv_work_t *work)
{
	struct conn *c = work->data;
	struct worker *w = c->thread->worker;
	char name[4200], path[4096];
	struct err e;

	switch (w->config->scope) {
	case SCOPE_HOST:
		snprintf(name, sizeof(name), "host");
		break;
	case SCOPE_CGROUP:
		if (c->flow.cgroup_id && cgroup_path_of(c->flow.cgroup_id, path, sizeof(path)) == 0)
			snprintf(name, sizeof(name), "cgroup:%s", path);
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

static void start_handshake(void *arg, X509 *leaf)
{
	struct conn *c = arg;
	SSL *ssl;

	c->ticket = 0;
	ssl = leaf ? tls_server(&c->thread->worker->tls, leaf) : NULL;
	if (!ssl || stream_tls(&c->client, ssl, true) < 0) {
		refuse_tls(c, "no certificate could be made");
		conn_pump(c);
		return;
	}
	conn_move(c, CONN_HANDSHAKE);
	conn_deadline(c, SNIFF_MS);
	conn_pump(c);
}

static void after_scope(struct conn *c)
{
	X509 *leaf;

	if (!c->scope) {
		if (c->tls)
			refuse_tls(c, "the vault cannot be opened");
		else
			refuse_http(c, "the vault cannot be opened");
		conn_pump(c);
		return;
	}
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
		conn_close(c, true);
}

void conn_prepare(struct conn *c)
{
	stat_add(&c->thread->worker->stats.flows_opened, 1);
	c->origin_needs_tls = c->origin && c->tls;
	conn_move(c, CONN_PREPARE);
	conn_deadline(c, PREPARE_MS);
	stream_want(&c->client, false, false);
	conn_work(c, open_scope, after_scope);
}
