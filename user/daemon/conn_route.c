/* SPDX-License-Identifier: Apache-2.0 */
/* What a client speaks, and so where its connection goes: opened, spliced or refused (I1). */
#include "conn_private.h"

#include "../wire/clienthello.h"
#include "../wire/headers.h"
#include "../wire/sniff.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#define DIAL_MS 20000

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

bool conn_refuse_tls(struct conn *c, const char *why)
{
	/* RFC 8446 section 6.2: alert, fatal, access_denied */
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 49};

	return refuse_plainly(c, why, alert, sizeof(alert));
}

bool conn_refuse_http(struct conn *c, const char *why)
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

/* Where it is to go is said once the proxy has answered, and what for after that. */
static bool refuse_socks(struct conn *c)
{
	/* RFC 1928 section 3: no acceptable method; SOCKS4: request rejected. */
	static const uint8_t five[] = {5, 0xff}, four[8] = {0, 91};
	bool is_five = buf_bytes(&c->in)[0] == 5;

	return refuse_plainly(c, "a SOCKS proxy: what is sent through it cannot be seen",
			      is_five ? five : four, is_five ? sizeof(five) : sizeof(four));
}

static bool address_of_text(const char *text, uint8_t addr[static 16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	uint8_t four[4];

	if (inet_pton(AF_INET, text, four) != 1)
		return inet_pton(AF_INET6, text, addr) == 1;
	memcpy(addr, mapped, sizeof(mapped));
	memcpy(addr + sizeof(mapped), four, sizeof(four));
	return true;
}

/* The address that the client is after; false: only its proxy knows. */
static bool far_address(const struct conn *c, uint8_t addr[static 16])
{
	if (address_of_text(c->host, addr))
		return true;
	if (c->authority[0])
		return address_of_text(c->authority, addr);
	memcpy(addr, c->flow.addr, 16);
	return c->door == DOOR_TRANSPARENT;
}

/* To be spliced, as it is. */
static bool dial_on(struct conn *c)
{
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

/*
 * Not a target: pass it through, unless that would let a model be reached unmasked or policy says
 * no. `named`: the client said in the clear where it goes, and c->host has it. An address is not a name.
 */
static bool pass_through(struct conn *c, bool named, bool (*refuse)(struct conn *, const char *))
{
	const struct config *config = c->thread->worker->config;
	uint8_t addr[16];

	if (!c->use)
		return refuse_plainly(c, "its scope has too many connections", "", 0);
	if ((!named || address_of_text(c->host, addr)) && far_address(c, addr) &&
	    target_addrs_has(c->thread->worker->target_addrs, addr))
		return refuse(c, "it hides its host, at an address where a target lives");
	if (c->tunnelled)
		return refuse(c, "inside a tunnel to a target there is something else");
	if (c->host[0] && config_is_unmasked_model(c->host))
		return refuse(c, "a model's host that awsmask does not mask yet");
	if (config->deny_other_hosts)
		return refuse(c, "other_hosts is deny");
	if (c->door == DOOR_EXPLICIT && !c->connect_done)
		return refuse(c, "the explicit listener serves targets alone");
	return dial_on(c);
}

static bool route_tls(struct conn *c)
{
	struct clienthello hello;
	int r = clienthello_parse(buf_bytes(&c->in), buf_len(&c->in), &hello);

	if (r == 0)
		return false;
	if (r < 0)
		return conn_refuse_tls(c, "malformed ClientHello");
	snprintf(c->host, sizeof(c->host), "%s", hello.sni);
	c->tls = true;
	if (!config_is_target(c->thread->worker->config, c->host))
		return pass_through(c, hello.sni[0] && !hello.ech, conn_refuse_tls);
	/* Opened and masked before; a second time would mask the placeholders. */
	if (own_hellos_has(c->thread->worker->hellos, buf_bytes(&c->in), buf_len(&c->in)))
		return dial_on(c);
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

/* A request for another host goes through, and those behind it on the connection are watched. */
static bool pass_requests(struct conn *c, bool two_names)
{
	if (two_names)
		return conn_refuse_http(c, "its request line and its Host name two hosts, one of "
					   "them a model's");
	if (conn_watch_begin(c) < 0) {
		conn_close(c, true);
		return false;
	}
	return pass_through(c, true, conn_refuse_http);
}

static bool route_http(struct conn *c)
{
	const struct config *config = c->thread->worker->config;
	struct http_parser *p;
	size_t size;
	bool named;
	int r = parse_head(c, &p, &size), kept = 0;

	if (r == 0)
		return false;
	/* RFC 9112 section 3.2.2: absolute-form, as to a proxy. */
	named = r == 1 && http_head(p)->target_len && http_head(p)->target[0] != '/' &&
		http_head(p)->target[0] != '*';
	if (r == 1)
		kept = conn_head_host(c, http_head(p), c->host);
	http_parser_free(p);
	if (c->door == DOOR_EXPLICIT && !c->connect_done && !named)
		/* Its clients name it by its own address: what they mean is the first target. */
		snprintf(c->host, sizeof(c->host), "%s", config->targets[0]);
	else if (kept < 0)
		return conn_refuse_http(c, "a request whose host cannot be read");
	else if (r == 1 && !config_is_target(config, c->host))
		/* Also a proxy's: it is not to be delivered to the first target. */
		return pass_requests(c, named && kept && !config_is_unmasked_model(c->host));
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

/* We are the proxy that was asked, or stand for it: the tunnel's far end is dialled when it is needed. */
static bool answer_connect(struct conn *c)
{
	static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
	struct buf words;

	buf_init(&words, sizeof(established));
	c->connect_done = buf_append(&words, established, sizeof(established) - 1) == 0 &&
			  stream_flush(&c->client, &words) == 1;
	buf_free(&words);
	if (!c->connect_done)
		conn_close(c, true);
	return c->connect_done;
}

static bool start_tunnel(struct conn *c)
{
	struct origin_place place;

	conn_place(c, &place);
	/* origin.address stands for the target, whichever proxy the client would have asked. */
	if (c->door == DOOR_EXPLICIT || !place.connect_head)
		return answer_connect(c);
	place.tls = false;
	c->origin = origin_get(c->thread->origins, &place, true, conn_pump, c);
	if (!c->origin)
		return conn_refuse_http(c, "no memory or descriptor for the proxy's connection");
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
		return conn_refuse_http(c, "CONNECT inside CONNECT");
	r = parse_head(c, &p, &size);
	if (r == 0)
		return false;
	if (r == 1)
		r = split_authority(http_head(p)->target, http_head(p)->target_len, c->authority,
				    &c->port);
	http_parser_free(p);
	if (r < 0)
		return conn_refuse_http(c, "malformed CONNECT");
	snprintf(c->host, sizeof(c->host), "%s", c->authority);
	c->tunnelled = config_is_target(config, c->host);
	if (!c->tunnelled && config_is_unmasked_model(c->host))
		return conn_refuse_http(c, "a model's host that awsmask does not mask yet");
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
	case SNIFF_SOCKS:
		return refuse_socks(c);
	default:
		return pass_through(c, false, conn_refuse_http);
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
	if (c->flow.netns_cookie != c->thread->worker->netns_cookie)
		place->netns = c->flow.netns_cookie;
	memcpy(place->host, c->host, sizeof(place->host));
	if (config->origin.address[0] && config_is_target(config, c->host)) {
		const char *to = config->origin.address;
		place->tls = true;
		(void)split_authority(to, strlen(to), place->dial, &place->port);
		return;
	}
	if (c->door == DOOR_EXPLICIT) {
		place->tls = c->tls || !c->connect_done;
		place->port = c->port ? c->port : 443;
		memcpy(place->dial, c->authority, sizeof(place->dial));
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
	static const char unreachable[] = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n";
	enum origin_state state = origin_advance(c->origin);
	struct buf answer;
	bool told;

	if (state != ORIGIN_READY && state != ORIGIN_FAILED)
		return false;
	if (!buf_len(origin_tunnel_answer(c->origin))) {
		origin_put(c->origin, false);
		c->origin = NULL;
		return refuse_plainly(c, "the client's proxy cannot be reached", unreachable,
				      sizeof(unreachable) - 1);
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
	conn_deadline(c, CONN_SNIFF_MS);
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
	c->splicer = conn_splicer(c);
	if (!c->splicer) {
		conn_close(c, true);
		return false;
	}
	stat_add(&c->thread->worker->stats->flows_spliced, 1);
	conn_count_connection(c, REPORT_SPLICED, "");
	conn_move(c, CONN_SPLICE);
	conn_deadline(
		c,
		0); /* keep-alive probes end what is dead; silence is the two ends' own business */
	return true;
}

bool conn_splice(struct conn *c)
{
	uint64_t before = c->moved;
	int r = splicer_pump(c->splicer, &c->moved);

	stat_add(&c->thread->worker->stats->spliced_bytes, c->moved - before);
	if (r == 1 && c->watch.state == WATCH_REFUSED) {
		conn_move(c, CONN_LINGER);
		return true;
	}
	if (r != 0)
		conn_close(c, r < 0);
	return false;
}
