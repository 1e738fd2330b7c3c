/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define AHEAD ((size_t)64 * 1024)

/* Records that came, so that several come by one system call: TLS asks for each one's head, then for the rest of it. */
struct ahead {
	size_t at, end;
	uint8_t bytes[AHEAD];
};

/* Room that nobody uses, one for each thread that has streams: mostly all that came is taken before more is read. */
static __thread struct ahead *spare;
static __thread unsigned streams;

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

ssize_t stream_raw_read(struct stream *s, uint8_t *p, size_t n)
{
	size_t held = buf_len(&s->first);
	ssize_t got;

	if (held) {
		if (n > held)
			n = held;
		memcpy(p, buf_bytes(&s->first), n);
		buf_drop(&s->first, n);
		if (n == held)
			buf_free(&s->first);
		return (ssize_t)n;
	}
	do {
		got = recv(s->fd, p, n, 0);
	} while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN ? STREAM_AGAIN : STREAM_BROKEN;
}

ssize_t stream_raw_write(struct stream *s, const uint8_t *p, size_t n)
{
	ssize_t put;

	do {
		put = send(s->fd, p, n, MSG_NOSIGNAL | (s->more ? MSG_MORE : 0));
	} while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	if (errno == EAGAIN)
		return STREAM_AGAIN;
	s->drained = false; /* why it takes no more may stand there to be read */
	return STREAM_BROKEN;
}

int stream_send_unsent(struct stream *s)
{
	while (buf_len(&s->unsent)) {
		ssize_t put = stream_raw_write(s, buf_bytes(&s->unsent), buf_len(&s->unsent));

		if (put < 0)
			return (int)put;
		buf_drop(&s->unsent, (size_t)put);
	}
	buf_free(&s->unsent);
	return 1;
}

bool stream_has_ahead(const struct stream *s)
{
	return s->ahead && s->ahead->at < s->ahead->end;
}

void stream_count_in(void)
{
	streams++;
}

void stream_count_out(void)
{
	if (--streams)
		return;
	free(spare);
	spare = NULL;
}

void stream_drop_ahead(struct stream *s)
{
	/* As it came from the wire: there is no secret in it. */
	if (spare)
		free(s->ahead);
	else
		spare = s->ahead;
	s->ahead = NULL;
}

static struct ahead *take_room(void)
{
	struct ahead *a = spare ? spare : malloc(sizeof(*a));

	spare = NULL;
	return a;
}

void stream_settle_ahead(struct stream *s)
{
	if (!stream_has_ahead(s))
		stream_drop_ahead(s);
}

/* > 0: so much is ahead now; or as stream_raw_read(). */
static ssize_t read_ahead(struct stream *s)
{
	struct ahead *a;
	ssize_t got;

	if (s->drained)
		return STREAM_AGAIN;
	a = s->ahead ? s->ahead : take_room();
	if (!a)
		return STREAM_BROKEN;
	s->ahead = a;
	a->at = a->end = 0;
	got = stream_raw_read(s, a->bytes, sizeof(a->bytes));
	a->end = got > 0 ? (size_t)got : 0;
	/* Less than a record is all that there was: no need to ask for the refusal. */
	s->drained = got == STREAM_AGAIN || (got > 0 && a->end < STREAM_RECORD);
	return got;
}

static ssize_t take_ahead(struct stream *s, uint8_t *p, size_t n)
{
	ssize_t got = stream_has_ahead(s) ? 1 : read_ahead(s);
	struct ahead *a = s->ahead;

	if (got <= 0)
		return got;
	if (n > a->end - a->at)
		n = a->end - a->at;
	memcpy(p, a->bytes + a->at, n);
	a->at += n;
	return (ssize_t)n;
}

static int bio_read(BIO *b, char *p, int n)
{
	struct stream *s = BIO_get_data(b);
	ssize_t got;

	if (buf_len(&s->first))
		got = stream_raw_read(s, (uint8_t *)p, (size_t)n);
	else
		got = take_ahead(s, (uint8_t *)p, (size_t)n);
	BIO_clear_retry_flags(b);
	if (got == STREAM_AGAIN)
		BIO_set_retry_read(b);
	return got < 0 ? -1 : (int)got;
}

static int keep_record(struct gathered *g, const char *p, int n)
{
	if ((size_t)n > sizeof(g->bytes) - g->n)
		return -1; /* there is room for all that is written at a time */
	memcpy(g->bytes + g->n, p, (size_t)n);
	g->n += (size_t)n;
	return n;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct stream *s = BIO_get_data(b);
	ssize_t put;

	BIO_clear_retry_flags(b);
	if (s->gathered)
		return keep_record(s->gathered, p, n);
	put = stream_send_unsent(s);
	if (put == 1)
		put = stream_raw_write(s, (const uint8_t *)p, (size_t)n);
	if (put == STREAM_AGAIN)
		BIO_set_retry_write(b);
	return put < 0 ? -1 : (int)put;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "awsmask stream");
	if (!bio_method)
		return;
	BIO_meth_set_read(bio_method, bio_read);
	BIO_meth_set_write(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

BIO *stream_bio(struct stream *s)
{
	BIO *bio;

	pthread_once(&bio_once, make_bio_method);
	bio = bio_method ? BIO_new(bio_method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	return bio;
}
