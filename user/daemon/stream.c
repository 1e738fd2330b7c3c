/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_private.h"

#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_MAX (256 * 1024)
#define FLUSH_MAX (256 * 1024)

static void arm(struct stream *s);

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct stream *s = poll->data;

	s->drained = false;
	if (status >= 0 && !(events & s->wanted)) {
		arm(s);
		return;
	}
	/* A bare error would be reported again and again; the next read or write names it. */
	if (status < 0) {
		uv_poll_stop(&s->poll);
		s->armed = 0;
	}
	if (s->wanted)
		s->on_event(s->arg);
}

static void arm(struct stream *s)
{
	s->armed = s->wanted;
	if (s->armed)
		uv_poll_start(&s->poll, s->armed, on_poll);
	else
		uv_poll_stop(&s->poll);
}

int stream_open(struct stream *s, uv_loop_t *loop, int fd, void (*on_event)(void *arg), void *arg)
{
	*s = (struct stream){.fd = fd, .on_event = on_event, .arg = arg};
	buf_init(&s->first, FIRST_MAX);
	buf_init(&s->unsent, GATHER_MAX);
	if (uv_poll_init_socket(loop, &s->poll, fd) < 0)
		return -1;
	s->poll.data = s;
	stream_count_in();
	return 0;
}

void stream_owner(struct stream *s, void (*on_event)(void *arg), void *arg)
{
	s->on_event = on_event;
	s->arg = arg;
}

int stream_unread(struct stream *s, const uint8_t *p, size_t n)
{
	struct buf joined;

	buf_init(&joined, FIRST_MAX);
	if (buf_append(&joined, p, n) < 0 ||
	    buf_append(&joined, buf_bytes(&s->first), buf_len(&s->first)) < 0) {
		buf_free(&joined);
		return -1;
	}
	buf_free(&s->first);
	s->first = joined;
	return 0;
}

int stream_tls(struct stream *s, SSL *ssl, bool accept)
{
	BIO *bio;

	s->ssl = ssl;
	bio = stream_bio(s);
	if (!bio)
		return -1;
	SSL_set_bio(ssl, bio, bio);
	if (accept)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return 0;
}

/* SSL_get_error() takes any error that is queued for this stream's; mostly there is none, and to look is less than to
 * clear. */
static void forget_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

/* The meaning of an SSL call that returned `ret` <= 0; *needs: what it waits for. */
static int tls_outcome(struct stream *s, int ret, int *needs)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*needs = UV_READABLE;
		return STREAM_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		*needs = UV_WRITABLE;
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_END;
	case SSL_ERROR_SYSCALL: /* the socket's, in this direction */
		return STREAM_BROKEN;
	default:
		s->read_broken = s->write_broken = true;
		return STREAM_BROKEN;
	}
}

int stream_handshake(struct stream *s)
{
	int ret;

	if (s->read_broken)
		return STREAM_BROKEN;
	s->read_needs = 0;
	forget_errors();
	ret = SSL_do_handshake(s->ssl);
	stream_settle_ahead(s);
	if (ret == 1)
		return 1;
	ret = tls_outcome(s, ret, &s->read_needs);
	if (ret == STREAM_AGAIN)
		return ret;
	s->read_broken = s->write_broken = true;
	return STREAM_BROKEN;
}

/* There is something to read, or to hear of, that came before. */
static bool holds_something(const struct stream *s)
{
	return s->read_broken || buf_len(&s->first) || stream_has_ahead(s) ||
	       SSL_has_pending(s->ssl) || SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN;
}

bool stream_is_dry(struct stream *s)
{
	if (!s->ssl || !s->drained || holds_something(s))
		return false;
	s->read_needs = 0;
	return true;
}

bool stream_is_silent(struct stream *s)
{
	uint8_t byte;

	if (!s->ssl || holds_something(s) || recv(s->fd, &byte, 1, MSG_PEEK) >= 0 ||
	    errno != EAGAIN)
		return false;
	s->drained = true;
	return true;
}

static ssize_t read_some(struct stream *s, uint8_t *p, size_t n)
{
	ssize_t got;

	if (s->read_broken)
		return STREAM_BROKEN;
	if (stream_is_dry(s))
		return STREAM_AGAIN;
	s->read_needs = 0;
	if (s->ssl) {
		forget_errors();
		got = SSL_read(s->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
		if (got <= 0)
			got = tls_outcome(s, (int)got, &s->read_needs);
	} else {
		got = stream_raw_read(s, p, n);
	}
	s->read_broken |= got == STREAM_BROKEN;
	return got;
}

ssize_t stream_read(struct stream *s, uint8_t *p, size_t n)
{
	ssize_t got = read_some(s, p, n);

	stream_settle_ahead(s);
	return got;
}

ssize_t stream_read_much(struct stream *s, uint8_t *p, size_t n)
{
	ssize_t got = read_some(s, p, n);
	size_t all = got > 0 ? (size_t)got : 0;

	while (s->ssl && got > 0 && n > all) {
		got = read_some(s, p + all, n - all);
		all += got > 0 ? (size_t)got : 0;
	}
	stream_settle_ahead(s);
	return all ? (ssize_t)all : got;
}

bool stream_has_part(const struct stream *s)
{
	/* "RB": its header is read, and not one byte behind that. */
	return s->ssl && (stream_has_ahead(s) || SSL_has_pending(s->ssl) ||
			  strcmp(SSL_rstate_string(s->ssl), "RB") == 0);
}

ssize_t stream_write(struct stream *s, const uint8_t *p, size_t n)
{
	ssize_t put;

	if (s->write_broken)
		return STREAM_BROKEN;
	s->write_needs = 0;
	if (s->ssl) {
		forget_errors();
		put = SSL_write(s->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
		if (put <= 0)
			put = tls_outcome(s, (int)put, &s->write_needs);
		if (put == STREAM_END)
			put = STREAM_BROKEN;
	} else {
		put = stream_raw_write(s, p, n);
	}
	s->write_broken |= put == STREAM_BROKEN;
	return put;
}

/* Make records of what is at the front of b. How much of it they stand for, or as stream_write(). */
static ssize_t gather(struct stream *s, const struct buf *b, size_t most, struct gathered *g)
{
	size_t n = 0;
	ssize_t put = 0;

	g->n = 0;
	s->gathered = g;
	while (n < most && put >= 0) {
		put = stream_write(s, buf_bytes(b) + n,
				   most - n < STREAM_RECORD ? most - n : STREAM_RECORD);
		n += put > 0 ? (size_t)put : 0;
	}
	s->gathered = NULL;
	return put < 0 ? put : (ssize_t)n;
}

/* 1: all has gone; or as stream_write(): what has not is kept for the next time. */
static int send_gathered(struct stream *s, const struct gathered *g)
{
	ssize_t put = stream_raw_write(s, g->bytes, g->n);

	if (put == (ssize_t)g->n)
		return 1;
	if (put == STREAM_AGAIN)
		put = 0;
	if (put < 0 || buf_append(&s->unsent, g->bytes + put, g->n - (size_t)put) < 0)
		return STREAM_BROKEN;
	return STREAM_AGAIN;
}

/* The next piece of b. > 0: how much of it has gone, or will have with what is unsent (*r is STREAM_AGAIN). */
static ssize_t flush_records(struct stream *s, const struct buf *b, size_t most, int *r)
{
	struct gathered g;
	ssize_t plain = gather(s, b, most < GATHER_PLAIN ? most : GATHER_PLAIN, &g);

	if (plain < 0)
		return plain;
	s->more = buf_len(b) > (size_t)plain;
	*r = send_gathered(s, &g);
	s->more = false;
	return plain;
}

/* > 0: how much of b has gone; or as stream_write(). */
static ssize_t flush_tls(struct stream *s, const struct buf *b, size_t most)
{
	ssize_t plain = (ssize_t)s->unsent_plain;
	int r = 1;

	if (s->write_broken)
		return STREAM_BROKEN;
	if (plain)
		r = stream_send_unsent(s);
	else if (buf_len(b) <= STREAM_RECORD)
		return stream_write(s, buf_bytes(b),
				    most); /* TLS keeps what there is no room for */
	else
		plain = flush_records(s, b, most, &r);
	if (plain < 0)
		return plain;
	s->unsent_plain = r == STREAM_AGAIN ? (size_t)plain : 0;
	s->write_needs = r == STREAM_AGAIN ? UV_WRITABLE : 0;
	s->write_broken |= r == STREAM_BROKEN;
	return r < 0 ? r : plain;
}

static ssize_t flush_plain(struct stream *s, const struct buf *b, size_t most)
{
	ssize_t put;

	s->more = buf_len(b) > most;
	put = stream_write(s, buf_bytes(b), most);
	s->more = false;
	return put;
}

int stream_flush(struct stream *s, struct buf *b)
{
	size_t left = FLUSH_MAX;

	while (buf_len(b) && left) {
		size_t most = buf_len(b) < left ? buf_len(b) : left;
		ssize_t put = s->ssl ? flush_tls(s, b, most) : flush_plain(s, b, most);

		if (put < 0)
			return (int)put;
		buf_drop(b, (size_t)put);
		left -= (size_t)put < left ? (size_t)put : left;
	}
	return buf_len(b) ? STREAM_AGAIN : 1;
}

void stream_want(struct stream *s, bool readable, bool writable)
{
	int events = 0;

	/* Not more than can help: a socket that is readable while TLS has to write would wake us
	 * for ever. */
	if (readable)
		events |= s->read_needs ? s->read_needs : UV_READABLE;
	if (writable)
		events |= s->write_needs ? s->write_needs : UV_WRITABLE;
	s->wanted = events;
	/* To want less costs two system calls; mostly it is wanted again before anything comes. */
	if ((events & ~s->armed) && !s->closing)
		arm(s);
}

void stream_doubt(struct stream *s)
{
	s->drained = false;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	if (s->ssl) /* however it ended, its session may be resumed: RFC 8446 section 6.1 */
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	s->ssl = NULL;
	buf_free(&s->first);
	buf_free(&s->unsent);
	stream_drop_ahead(s);
	stream_count_out();
	close(s->fd);
	s->fd = -1;
	s->on_closed(s->arg);
}

void stream_leave(struct stream *s, void (*on_closed)(void *arg), void *arg)
{
	if (s->closing)
		return;
	s->closing = true;
	s->on_closed = on_closed;
	s->arg = arg;
	uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

void stream_close(struct stream *s, bool abort, void (*on_closed)(void *arg), void *arg)
{
	if (s->closing)
		return;
	if (abort) {
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
			   sizeof(struct linger));
	} else {
		forget_errors();
		if (s->ssl && SSL_is_init_finished(s->ssl) && !s->read_broken && !s->write_broken)
			SSL_shutdown(s->ssl); /* the close_notify is sent or not; nobody waits for
						 the answer */
		shutdown(s->fd, SHUT_WR);
	}
	stream_leave(s, on_closed, arg);
}
