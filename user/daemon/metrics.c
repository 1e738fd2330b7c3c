/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include "../wire/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MAX 8192
#define BACKLOG 16

union socket {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_pipe_t pipe;
	uv_tcp_t tcp;
};

/*
 * A reader's life. FREE: nobody is here. READING: its request is awaited. ASKING: the monitor is. ANSWERING: it takes the
 * answer. Then it is CLOSING, always: one that wants more comes again.
 */
enum reader_state { READER_FREE, READER_READING, READER_ASKING, READER_ANSWERING, READER_CLOSING };

struct reader {
	struct metrics *metrics;
	enum reader_state state;
	unsigned handles; /* not closed yet */
	union socket socket;
	uv_timer_t timer;
	uv_write_t write;
	struct http_parser *parser;
	uint32_t ticket;
	bool head_only;
	char head[256];
	char *body;
	uint8_t piece[2048];
};

struct metrics_listener {
	union socket socket;
	struct metrics *metrics;
	enum metrics_door which;
	bool open, waiting; /* waiting: somebody was not accepted for want of room */
};

struct metrics {
	struct metrics_context context;
	struct metrics_listener doors[METRICS_DOORS];
	struct reader readers[METRICS_READERS_MAX];
	unsigned count, handles; /* count: of readers; handles: of doors, not closed yet */
	bool closing;
};

static void on_reader(uv_stream_t *listener, int status);

static void free_when_done(struct metrics *m)
{
	if (m->closing && !m->handles && !m->count)
		free(m);
}

/* The loop calls this outside of every other callback: here alone readers become free. */
static void on_reader_closed(uv_handle_t *handle)
{
	struct reader *r = handle->data;
	struct metrics *m = r->metrics;

	if (--r->handles)
		return;
	m->count--;
	http_parser_free(r->parser);
	free(r->body);
	r->state = READER_FREE;
	for (int i = 0; i < METRICS_DOORS; i++)
		if (m->doors[i].open && m->doors[i].waiting)
			on_reader(&m->doors[i].socket.stream, 0);
	free_when_done(m);
}

static void reader_close(struct reader *r)
{
	if (r->state == READER_CLOSING || r->state == READER_FREE)
		return;
	r->state = READER_CLOSING;
	if (r->ticket)
		privsep_forget(r->metrics->context.privsep, r->ticket);
	uv_close(&r->socket.handle, on_reader_closed);
	uv_close((uv_handle_t *)&r->timer, on_reader_closed);
}

static void on_patience_over(uv_timer_t *timer)
{
	reader_close(timer->data);
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	reader_close(write->data);
}

/* Takes the body. */
static void answer(struct reader *r, const char *status, const char *type, char *body)
{
	size_t len = body ? strlen(body) : 0;
	uv_buf_t parts[2];
	int n;

	r->body = body;
	r->state = READER_ANSWERING;
	n = snprintf(r->head, sizeof(r->head),
		     "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: "
		     "close\r\n\r\n",
		     status, type, len, !strncmp(status, "405", 3) ? "Allow: GET, HEAD\r\n" : "");
	parts[0] = uv_buf_init(r->head, (unsigned)n);
	parts[1] = uv_buf_init(body, (unsigned)len);
	r->write.data = r;
	if (uv_write(&r->write, &r->socket.stream, parts, len && !r->head_only ? 2 : 1,
		     on_written) < 0)
		reader_close(r);
}

static void refuse(struct reader *r, const char *status, const char *why)
{
	answer(r, status, "text/plain; charset=utf-8", strdup(why));
}

static void on_facts(void *arg, const struct priv_reply *reply)
{
	struct reader *r = arg;
	char *text = NULL;

	r->ticket = 0;
	if (reply->status == 1)
		text = metrics_text(&r->metrics->context.source, &reply->u.facts);
	if (text)
		answer(r, "200 OK", METRICS_CONTENT_TYPE, text);
	else
		refuse(r, "500 Internal Server Error",
		       reply->status == 1 ? "memory is out\n"
					  : "awsmaskd's monitor has no answer: look at the log\n");
}

static bool is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* A query changes nothing. */
static size_t path_length(const struct http_head *h)
{
	const char *query = memchr(h->target, '?', h->target_len);

	return query ? (size_t)(query - h->target) : h->target_len;
}

static void serve(struct reader *r)
{
	const struct http_head *h = http_head(r->parser);
	struct priv_request facts = {.kind = PRIV_FACTS};

	r->head_only = is(h->method, h->method_len, "HEAD");
	if (!r->head_only && !is(h->method, h->method_len, "GET")) {
		refuse(r, "405 Method Not Allowed", "metrics are read with GET\n");
	} else if (!is(h->target, path_length(h), "/metrics")) {
		refuse(r, "404 Not Found", "metrics are at /metrics\n");
	} else {
		r->state = READER_ASKING;
		r->ticket = privsep_call(r->metrics->context.privsep, &facts, on_facts, r);
		if (!r->ticket)
			refuse(r, "500 Internal Server Error", "awsmaskd's monitor is gone\n");
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct reader *r = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)r->piece, sizeof(r->piece));
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct reader *r = stream->data;
	const uint8_t *data;
	size_t used, data_len;
	enum http_event event;

	(void)buf;
	if (n < 0) {
		reader_close(r);
		return;
	}
	if (r->state != READER_READING) /* what follows the request is nobody's business */
		return;
	event = http_feed(r->parser, r->piece, (size_t)n, &used, &data, &data_len);
	if (event == HTTP_HEAD)
		serve(r);
	else if (event == HTTP_ERROR)
		refuse(r, "400 Bad Request", "this is no HTTP request for metrics\n");
}

/* ---- doors */

static int socket_init(uv_loop_t *loop, union socket *s, enum metrics_door which)
{
	return which == METRICS_UNIX ? uv_pipe_init(loop, &s->pipe, 0) : uv_tcp_init(loop, &s->tcp);
}

/* NULL: as many as may are here. */
static struct reader *reader_begin(struct metrics_listener *d)
{
	struct metrics *m = d->metrics;
	uv_loop_t *loop = d->socket.handle.loop;
	struct reader *r = m->readers;

	if (m->count == METRICS_READERS_MAX)
		return NULL;
	while (r->state != READER_FREE)
		r++;
	*r = (struct reader){.metrics = m,
			     .state = READER_READING,
			     .handles = 2,
			     .parser = http_parser_new(HTTP_REQUEST, HEAD_MAX)};
	socket_init(loop, &r->socket, d->which);
	uv_timer_init(loop, &r->timer);
	r->socket.handle.data = r->timer.data = r;
	m->count++;
	return r;
}

/* Until one is accepted libuv listens no more: whoever comes waits in the socket's queue. */
static void on_reader(uv_stream_t *listener, int status)
{
	struct metrics_listener *d = listener->data;
	struct metrics *m = d->metrics;
	struct reader *r;

	if (status < 0)
		return; /* out of descriptors: libuv has closed it */
	r = reader_begin(d);
	d->waiting = !r;
	if (!r)
		return;
	uv_timer_start(&r->timer, on_patience_over, m->context.patience_ms, 0);
	if (uv_accept(listener, &r->socket.stream) < 0 || !r->parser ||
	    uv_read_start(&r->socket.stream, on_room, on_bytes) < 0)
		reader_close(r);
}

static void on_door_closed(uv_handle_t *handle)
{
	struct metrics_listener *d = handle->data;

	d->metrics->handles--;
	free_when_done(d->metrics);
}

static int door_begin(struct metrics *m, uv_loop_t *loop, enum metrics_door which, int fd)
{
	struct metrics_listener *d = &m->doors[which];

	d->metrics = m;
	d->which = which;
	if (fd < 0)
		return 0;
	socket_init(loop, &d->socket, which);
	d->socket.handle.data = d;
	d->open = true;
	m->handles++;
	if ((which == METRICS_UNIX ? uv_pipe_open(&d->socket.pipe, fd)
				   : uv_tcp_open(&d->socket.tcp, fd)) < 0) {
		close(fd);
		return -1;
	}
	return uv_listen(&d->socket.stream, BACKLOG, on_reader);
}

struct metrics *metrics_new(uv_loop_t *loop, const int fds[static METRICS_DOORS],
			    const struct metrics_context *context)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int failed = 0;

	if (!m)
		return NULL;
	m->context = *context;
	if (!m->context.patience_ms)
		m->context.patience_ms = METRICS_PATIENCE_MS;
	for (int i = 0; i < METRICS_DOORS; i++)
		failed |= door_begin(m, loop, (enum metrics_door)i, fds[i]);
	if (!failed)
		return m;
	metrics_close(m);
	return NULL;
}

void metrics_drain(struct metrics *m)
{
	for (int i = 0; i < METRICS_DOORS; i++) {
		if (m->doors[i].open)
			uv_close(&m->doors[i].socket.handle, on_door_closed);
		m->doors[i].open = false;
	}
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	m->closing = true;
	metrics_drain(m);
	for (int i = 0; i < METRICS_READERS_MAX; i++)
		reader_close(&m->readers[i]);
	free_when_done(m);
}
