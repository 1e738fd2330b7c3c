/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain HTTP that is passed through. Its first request named a host that is no target; a later one, on the
 * way to a proxy say, may name another. So each head is looked at before it goes on, and the connection
 * ends at the first that is not for here. What comes back is not looked at, but for one thing: whether a
 * request for another protocol was granted, for then there are no more heads.
 */
#include "conn_private.h"

#include "../wire/headers.h"

#define REFUSED_MS 15000 /* for the answers that are still due */

/* RFC 9110 section 15.5.20: the client may send it again, over another connection. */
static const char words[] =
	"HTTP/1.1 421 Misdirected Request\r\nContent-Type: application/json\r\nConnection: "
	"close\r\n\r\n"
	"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
	"\"awsmask refused this request: it cannot follow others on a connection that began with "
	"another host. Send it again on a connection of its own.\"}}";

int conn_watch_begin(struct conn *c)
{
	c->watch.requests = requests_new(HTTP_HEAD_MAX);
	if (!c->watch.requests)
		return -1;
	c->watch.state = WATCH_REQUESTS;
	return 0;
}

void conn_watch_end(struct conn *c)
{
	requests_free(c->watch.requests);
	c->watch.requests = NULL;
}

static bool is_kept(const struct conn *c, const char *host)
{
	return config_is_target(c->thread->worker->config, host) || config_is_unmasked_model(host);
}

int conn_head_host(const struct conn *c, const struct http_head *h, char host[static 256])
{
	const struct http_field *field = http_find(h, "host");
	char named[256];
	uint16_t port;

	if (header_host(h, host, &port) < 0)
		return -1;
	if (is_kept(c, host))
		return 1;
	if (!field || !field->value_len)
		return 0;
	/* Beside an absolute-form its name has no meaning (RFC 9112 section 3.2.2); not everybody knows. */
	if (header_authority(field->value, field->value_len, named, &port) < 0)
		return -1;
	return is_kept(c, named);
}

/* Why this head may not follow on this connection; NULL: it may. */
static const char *misdirected(const struct conn *c, const struct http_head *h,
			       char host[static 256])
{
	int kept = conn_head_host(c, h, host);

	if (kept < 0)
		return "a later request on a plain connection names no host";
	if (kept)
		return "a later request on a plain connection to another host is for a model's";
	if (h->method_len == 7 && !strncasecmp(h->method, "CONNECT", 7))
		return "CONNECT after other requests";
	if (h->upgrade && c->watch.passed)
		return "a later request on a plain connection wants another protocol";
	return NULL;
}

static int watch_refuse(struct conn *c, const char *why)
{
	conn_refused(c, why);
	c->watch.state = WATCH_REFUSED;
	conn_deadline(c, REFUSED_MS);
	return GATE_END;
}

static int head_judged(struct conn *c, struct buf *out)
{
	const struct http_head *h = requests_head(c->watch.requests);
	char host[256];
	const char *why = misdirected(c, h, host);

	if (why) {
		memcpy(c->host, host, sizeof(host));
		return watch_refuse(c, why);
	}
	if (requests_pass(c->watch.requests, out) < 0)
		return GATE_BROKEN;
	c->watch.passed++;
	if (h->upgrade)
		c->watch.state = WATCH_ASKING;
	return GATE_MOVED;
}

static int requests_go(struct conn *c, struct buf *out)
{
	size_t used;
	enum requests_event e =
		requests_feed(c->watch.requests, buf_bytes(&c->in), buf_len(&c->in), &used, out);

	buf_drop(&c->in, used);
	switch (e) {
	case REQUESTS_HEAD:
		return head_judged(c, out);
	case REQUESTS_END:
		if (c->watch.state == WATCH_ASKING)
			c->watch.state = WATCH_WAITING;
		return GATE_MOVED;
	case REQUESTS_BROKEN:
		return watch_refuse(c, "malformed HTTP on a plain connection to another host");
	default:
		buf_free(&c->in);
		return GATE_MOVED;
	}
}

/* What was read and not yet looked at goes as it is. */
static int rest_goes(struct conn *c, struct buf *out)
{
	if (!buf_len(&c->in))
		return GATE_THROUGH;
	if (buf_append(out, buf_bytes(&c->in), buf_len(&c->in)) < 0)
		return GATE_BROKEN;
	buf_free(&c->in);
	return GATE_MOVED;
}

static int from_client(void *arg, struct buf *out)
{
	struct conn *c = arg;
	ssize_t n;

	if (c->watch.state == WATCH_SWITCHED)
		return rest_goes(c, out);
	if (c->watch.state == WATCH_WAITING)
		return GATE_SHUT;
	if (!buf_len(&c->in)) {
		n = conn_fill(c);
		if (n == STREAM_AGAIN)
			return GATE_AGAIN;
		if (n <= 0)
			return n == STREAM_END ? GATE_END : GATE_BROKEN;
	}
	return requests_go(c, out);
}

/* RFC 9110 section 15.2.2. An interim answer before it is taken for a no: then heads are expected as before. */
static int answer_judged(struct conn *c, struct buf *out)
{
	bool granted = c->watch.answer_len == sizeof(c->watch.answer) &&
		       !memcmp(c->watch.answer, "HTTP/1.1 101", sizeof(c->watch.answer));

	if (granted && c->watch.state == WATCH_ASKING)
		return GATE_BROKEN; /* before it has the whole request */
	c->watch.state = granted ? WATCH_SWITCHED : WATCH_REQUESTS;
	return buf_append(out, c->watch.answer, c->watch.answer_len) < 0 ? GATE_BROKEN : GATE_MOVED;
}

static int answer_begins(struct conn *c, struct buf *out)
{
	struct conn_watch *w = &c->watch;
	ssize_t n;

	n = stream_read(origin_stream(c->origin), w->answer + w->answer_len,
			sizeof(w->answer) - w->answer_len);
	if (n == STREAM_AGAIN)
		return GATE_AGAIN;
	if (n < 0)
		return GATE_BROKEN;
	w->answer_len += (size_t)n;
	if (n > 0 && w->answer_len < sizeof(w->answer))
		return GATE_MOVED;
	return answer_judged(c, out);
}

/* The origin has been told that nothing follows: it ends when it has answered what came before. */
static int answers_due(struct conn *c, struct buf *out)
{
	uint8_t *to = buf_reserve(out, 16384);
	ssize_t n = to ? stream_read(origin_stream(c->origin), to, 16384) : STREAM_BROKEN;

	if (n > 0)
		buf_grew(out, (size_t)n);
	if (n > 0 || n == STREAM_AGAIN)
		return n > 0 ? GATE_MOVED : GATE_AGAIN;
	if (buf_append(out, words, sizeof(words) - 1) < 0)
		return GATE_BROKEN;
	return GATE_END;
}

static int from_origin(void *arg, struct buf *out)
{
	struct conn *c = arg;

	switch (c->watch.state) {
	case WATCH_ASKING:
	case WATCH_WAITING:
		return answer_begins(c, out);
	case WATCH_REFUSED:
		return answers_due(c, out);
	default:
		return GATE_THROUGH;
	}
}

struct splicer *conn_splicer(struct conn *c)
{
	bool watched = c->watch.state != WATCH_NONE;

	return splicer_new(&c->client, origin_stream(c->origin), watched ? from_client : NULL,
			   watched ? from_origin : NULL, c);
}
