/* SPDX-License-Identifier: Apache-2.0 */
#include "splice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_WANTED (256 * 1024)
#define ROUNDS_MAX 16

struct direction {
	struct stream *from, *to;
	int in, out; /* the pipe's ends: bytes enter at in */
	size_t held, size;
	bool ended, done;
};

struct splicer {
	struct direction way[2];
};

static int direction_open(struct direction *d, struct stream *from, struct stream *to)
{
	int ends[2], size;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	size = fcntl(ends[1], F_SETPIPE_SZ, PIPE_WANTED);
	if (size < 0)
		size = fcntl(ends[1], F_GETPIPE_SZ);
	*d = (struct direction){.from = from, .to = to, .in = ends[1], .out = ends[0]};
	d->size = size > 0 ? (size_t)size : 4096;
	return 0;
}

/* 1: something moved, 0: nothing can move now, -1: broken. */
static int fill(struct direction *d)
{
	struct buf *first = &d->from->first;
	ssize_t n;

	if (d->ended || d->held >= d->size)
		return 0;
	if (buf_len(first)) {
		n = write(d->in, buf_bytes(first), buf_len(first));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		buf_drop(first, (size_t)n);
		d->held += (size_t)n;
		return 1;
	}
	n = splice(d->from->fd, NULL, d->in, NULL, d->size - d->held,
		   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	d->ended = n == 0;
	d->held += (size_t)n;
	return 1;
}

static int drain(struct direction *d, uint64_t *moved)
{
	ssize_t n;

	if (d->held) {
		n = splice(d->out, NULL, d->to->fd, NULL, d->held,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		d->held -= (size_t)n;
		*moved += (uint64_t)n;
		return 1;
	}
	if (d->ended && !d->done) {
		shutdown(d->to->fd, SHUT_WR);
		d->done = true;
		return 1;
	}
	return 0;
}

/* Work is left that no event on a descriptor would remind us of. */
static bool wakes_nobody(const struct direction *d)
{
	return !d->held && (buf_len(&d->from->first) || (d->ended && !d->done));
}

struct splicer *splicer_new(struct stream *a, struct stream *b)
{
	struct splicer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (direction_open(&s->way[0], a, b) < 0)
		goto fail;
	if (direction_open(&s->way[1], b, a) < 0) {
		close(s->way[0].in);
		close(s->way[0].out);
		goto fail;
	}
	return s;
fail:
	free(s);
	return NULL;
}

void splicer_free(struct splicer *s)
{
	if (!s)
		return;
	for (int i = 0; i < 2; i++) {
		close(s->way[i].in);
		close(s->way[i].out);
	}
	free(s);
}

int splicer_pump(struct splicer *s, uint64_t *moved)
{
	unsigned rounds = 0;
	bool progress;

	/* Two fast ends must not keep the loop from everybody else: what is left wakes us again. */
	do {
		progress = false;
		for (int i = 0; i < 2; i++) {
			int filled = fill(&s->way[i]), drained = drain(&s->way[i], moved);
			if (filled < 0 || drained < 0)
				return -1;
			progress |= filled > 0 || drained > 0;
		}
	} while (progress &&
		 (++rounds < ROUNDS_MAX || wakes_nobody(&s->way[0]) || wakes_nobody(&s->way[1])));
	if (s->way[0].done && s->way[1].done)
		return 1;
	for (int i = 0; i < 2; i++) {
		struct direction *d = &s->way[i], *back = &s->way[1 - i];
		/*
		 * This stream is read for one direction and written for the other. What is held
		 * waits for the other stream alone: a pipe may be full of part-filled pages long
		 * before `size` bytes.
		 */
		stream_want(d->from, !d->ended && d->held == 0, back->held > 0);
	}
	return 0;
}
