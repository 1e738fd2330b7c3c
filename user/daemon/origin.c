/* SPDX-License-Identifier: Apache-2.0 */
#include "origin_private.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_MS 15000 /* to resolve, connect, tunnel and shake hands */
#define TUNNEL_ANSWER_MAX (64 * 1024)

static void on_freed(void *arg)
{
	struct origin *o = arg;
	struct origin_pool *p = o->pool;

	http_parser_free(o->parser);
	buf_free(&o->request);
	buf_free(&o->answer);
	free(o);
	p->open_count--;
	stat_sub(&p->gauges->origins_open, 1);
	origin_pool_release(p);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct origin *o = handle->data;

	if (o->has_stream)
		stream_close(&o->stream, o->state != ORIGIN_READY, on_freed, o);
	else
		on_freed(o);
}

/* The handshake is over: it comes back no more. */
static void forget_hello(struct origin *o)
{
	if (o->hello_sent)
		own_hellos_drop(o->pool->hellos, o->hello);
	o->hello_sent = false;
}

void origin_destroy(struct origin *o)
{
	forget_hello(o);
	o->closing = true;
	o->on_event = NULL;
	privsep_forget(o->pool->privsep, o->ticket);
	o->ticket = 0;
	if (o->looking_up) {
		uv_cancel((uv_req_t *)&o->lookup);
		return; /* on_resolved() goes on from here, cancelled or not */
	}
	if (o->has_stream)
		stream_want(&o->stream, false, false);
	uv_close((uv_handle_t *)&o->timer, on_timer_closed);
}

void origin_notify(void *arg)
{
	struct origin *o = arg;

	if (o->on_event)
		o->on_event(o->arg);
}

static enum origin_state fail(struct origin *o, enum refusal why)
{
	o->failure = why;
	o->state = ORIGIN_FAILED;
	uv_timer_stop(&o->timer);
	if (o->has_stream)
		stream_want(&o->stream, false, false);
	return o->state;
}

static void on_timeout(uv_timer_t *timer);

/* This long for all that is still to be done. */
static void begin_step(struct origin *o)
{
	o->due_ms = uv_now(o->pool->loop) + STEP_MS;
	uv_timer_start(&o->timer, on_timeout, STEP_MS, 0);
}

static void on_timeout(uv_timer_t *timer)
{
	struct origin *o = timer->data;

	/* The process stood still: the origin's answer may have come long ago. */
	if (uv_now(timer->loop) > o->due_ms + STOOD_STILL_MS) {
		begin_step(o);
		return;
	}
	fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	origin_notify(o);
}

static bool is_v4(const struct origin *o)
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)o->place.addr);
}

/* By this socket, or not at all when that could not be made. */
static void connect_by(struct origin *o, int fd)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(o->place.port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(o->place.port)};
	int one = 1;

	if (fd < 0) {
		fail(o, REFUSAL_ORIGIN_UNREACHABLE);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	memcpy(&six.sin6_addr, o->place.addr, 16);
	memcpy(&four.sin_addr, o->place.addr + 12, 4);
	if ((is_v4(o) ? connect(fd, (struct sockaddr *)&four, sizeof(four))
		      : connect(fd, (struct sockaddr *)&six, sizeof(six))) < 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		fail(o, REFUSAL_ORIGIN_UNREACHABLE);
		return;
	}
	if (stream_open(&o->stream, o->pool->loop, fd, origin_notify, o) < 0) {
		close(fd);
		fail(o, REFUSAL_ORIGIN_UNREACHABLE);
		return;
	}
	o->has_stream = true;
	o->state = ORIGIN_CONNECTING;
	stream_want(&o->stream, false, true);
}

static void on_socket(void *arg, const struct priv_reply *reply)
{
	struct origin *o = arg;

	o->ticket = 0;
	if (o->state != ORIGIN_RESOLVING) /* too late: its owner has been told */
		privsep_close_fds(reply);
	else
		connect_by(o, reply->fd_count ? reply->fds[0] : -1);
	origin_notify(o);
}

/* From the client's network namespace, which reaches more or less than ours. */
static void start_connect(struct origin *o)
{
	int family = is_v4(o) ? AF_INET : AF_INET6, spare;
	struct priv_request r = {
		.kind = PRIV_SOCKET,
		.u.socket = {.netns_cookie = o->place.netns, .family = (uint32_t)family}};

	if (!o->place.netns) {
		connect_by(o, socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
		return;
	}
	spare = origin_spare_take(o->pool, o->place.netns, family);
	if (spare >= 0) {
		connect_by(o, spare);
	} else {
		o->state = ORIGIN_RESOLVING;
		o->ticket = privsep_call(o->pool->privsep, &r, on_socket, o);
		if (!o->ticket)
			fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	}
	origin_spare_keep(o->pool, o->place.netns, family);
}

static void on_resolved(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct origin *o = lookup->data;

	o->looking_up = false;
	if (o->closing) {
		uv_freeaddrinfo(found);
		origin_destroy(o);
		return;
	}
	if (o->state != ORIGIN_RESOLVING) { /* too late: its owner has been told */
		uv_freeaddrinfo(found);
		return;
	}
	if (status < 0 || !found) {
		fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	} else if (found->ai_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)found->ai_addr;
		memset(o->place.addr + 10, 0xff, 2);
		memcpy(o->place.addr + 12, &a->sin_addr, 4);
		start_connect(o);
	} else {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)found->ai_addr;
		memcpy(o->place.addr, &a->sin6_addr, 16);
		start_connect(o);
	}
	uv_freeaddrinfo(found);
	origin_notify(o);
}

struct origin *origin_new(struct origin_pool *p, const struct origin_place *place)
{
	struct origin *o = calloc(1, sizeof(*o));
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

	if (!o)
		return NULL;
	o->pool = p;
	o->place = *place;
	buf_init(&o->request, TUNNEL_ANSWER_MAX);
	buf_init(&o->answer, TUNNEL_ANSWER_MAX);
	if (uv_timer_init(p->loop, &o->timer) < 0) {
		free(o);
		return NULL;
	}
	p->open_count++;
	stat_add(&p->gauges->origins_open, 1);
	o->timer.data = o->lookup.data = o;
	begin_step(o);
	if (origin_address_known(place)) {
		start_connect(o);
		return o;
	}
	o->state = ORIGIN_RESOLVING;
	if (uv_getaddrinfo(p->loop, &o->lookup, on_resolved,
			   place->dial[0] ? place->dial : place->host, NULL, &hints) == 0)
		o->looking_up = true;
	else
		fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	return o;
}

/* Events may come early: a connection is made when it has a peer, failed when it has an error. */
static enum origin_state finish_connect(struct origin *o)
{
	struct sockaddr_storage peer;
	socklen_t peer_size = sizeof(peer), size = sizeof(int);
	int error = 0;

	if (getsockopt(o->stream.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		return fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	if (getpeername(o->stream.fd, (struct sockaddr *)&peer, &peer_size) < 0) {
		stream_want(&o->stream, false, true);
		return o->state;
	}
	if (o->place.connect_head) {
		o->parser = http_parser_new(HTTP_RESPONSE, HTTP_HEAD_MAX);
		if (!o->parser || buf_append(&o->request, buf_bytes(o->place.connect_head),
					     buf_len(o->place.connect_head)) < 0)
			return fail(o, REFUSAL_MEMORY);
		http_parser_next(o->parser, false, true);
		return o->state = ORIGIN_TUNNELLING;
	}
	if (o->place.tls) {
		if (origin_start_tls(o, o->place.host) < 0)
			return fail(o, REFUSAL_MEMORY);
		return o->state;
	}
	uv_timer_stop(&o->timer);
	return o->state = ORIGIN_READY;
}

/* The tunnel stands: TLS in it now, or when the owner says. */
static enum origin_state tunnel_stands(struct origin *o)
{
	if (o->place.tls) {
		if (origin_start_tls(o, o->place.host) < 0)
			return fail(o, REFUSAL_MEMORY);
		return o->state;
	}
	/* Its owner may wait for its client first: neither a word nor the end of it is heard before
	 * somebody reads. */
	stream_want(&o->stream, false, false);
	uv_timer_stop(&o->timer);
	return o->state = ORIGIN_READY;
}

/* One more byte of the proxy's answer. HTTP_HEAD: it opens the tunnel; HTTP_END: it refuses. */
static enum http_event tunnel_byte(struct origin *o, uint8_t byte)
{
	const uint8_t *data;
	size_t used, data_len, left = 1;
	enum http_event event;

	do {
		event = http_feed(o->parser, &byte, left, &used, &data, &data_len);
		left -= used;
		if (event == HTTP_HEAD && http_head(o->parser)->status / 100 == 2)
			return HTTP_HEAD;
	} while (event == HTTP_HEAD || event == HTTP_DATA);
	return event;
}

/* Byte by byte, so that nothing of what follows its head is taken; with its body when it refuses. */
static enum origin_state tunnel(struct origin *o)
{
	uint8_t byte;
	ssize_t n;

	/* A proxy that takes no more may have said why. */
	(void)stream_flush(&o->stream, &o->request);
	while ((n = stream_read(&o->stream, &byte, 1)) > 0) {
		if (buf_append(&o->answer, &byte, 1) < 0)
			return fail(o, REFUSAL_ORIGIN_BROKEN);
		switch (tunnel_byte(o, byte)) {
		case HTTP_HEAD:
			return tunnel_stands(o);
		case HTTP_MORE:
			break;
		case HTTP_END:
			return fail(o, REFUSAL_ORIGIN_UNREACHABLE);
		default:
			return fail(o, REFUSAL_ORIGIN_BROKEN);
		}
	}
	if (n != STREAM_AGAIN)
		return fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	stream_want(&o->stream, true, buf_len(&o->request) > 0);
	return o->state;
}

/* Of a handshake that is asked to begin anew, the first is what comes back first. */
static void on_message(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
		       void *arg)
{
	struct origin *o = arg;

	(void)version, (void)ssl;
	if (!sent || type != SSL3_RT_HANDSHAKE || !len || o->hello_sent ||
	    *(const uint8_t *)bytes != SSL3_MT_CLIENT_HELLO)
		return;
	own_hello_digest(bytes, len, o->hello);
	own_hellos_add(o->pool->hellos, o->hello);
	o->hello_sent = true;
}

int origin_start_tls(struct origin *o, const char *host)
{
	SSL *ssl = tls_client(o->pool->tls, host, tls_session_of(&o->pool->sessions, host));

	if (!ssl)
		return -1;
	if (stream_tls(&o->stream, ssl, false) < 0)
		return -1; /* the stream owns ssl already */
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, o);
	o->place.tls = true;
	o->state = ORIGIN_HANDSHAKE;
	begin_step(o);
	return 0;
}

static enum origin_state handshake(struct origin *o)
{
	int r = stream_handshake(&o->stream);

	if (r == STREAM_AGAIN) {
		stream_want(&o->stream, true, false);
		return o->state;
	}
	SSL_set_msg_callback(o->stream.ssl, NULL);
	forget_hello(o);
	if (r == 1) {
		uv_timer_stop(&o->timer);
		return o->state = ORIGIN_READY;
	}
	if (SSL_get_verify_result(o->stream.ssl) == X509_V_OK)
		return fail(o, REFUSAL_ORIGIN_UNREACHABLE);
	log_event(LOG_WARNING, "origin-untrusted", log_name("host", o->place.host),
		  log_word("why",
			   X509_verify_cert_error_string(SSL_get_verify_result(o->stream.ssl))));
	return fail(o, REFUSAL_ORIGIN_UNTRUSTED);
}

enum origin_state origin_advance(struct origin *o)
{
	enum origin_state before;

	do {
		before = o->state;
		switch (o->state) {
		case ORIGIN_CONNECTING:
			finish_connect(o);
			break;
		case ORIGIN_TUNNELLING:
			tunnel(o);
			break;
		case ORIGIN_HANDSHAKE:
			handshake(o);
			break;
		default:
			break;
		}
	} while (o->state != before);
	return o->state;
}

enum refusal origin_failure(const struct origin *o)
{
	return o->failure;
}

bool origin_was_pooled(const struct origin *o)
{
	return o->pooled;
}

const struct buf *origin_tunnel_answer(const struct origin *o)
{
	return &o->answer;
}

struct stream *origin_stream(struct origin *o)
{
	return &o->stream;
}
