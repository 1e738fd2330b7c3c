/* SPDX-License-Identifier: Apache-2.0 */
#include "splice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_WANTED (256 * 1024)
#define ROUNDS_MAX 16
#define READY_MAX (512 * 1024) /* more than a gate lets go at once */

struct direction {
	struct stream *from, *to;
	int in, out; /* the pipe's ends: bytes enter at in */
	size_t held, size;
	bool ended, done;
	splice_gate *gate;
	void *arg;
	struct buf ready; /* what the gate let go */
	bool shut;
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
	buf_init(&d->ready, READY_MAX);
	return 0;
}

static int fill_from(struct direction *d, struct buf *b)
{
	ssize_t n = write(d->in, buf_bytes(b), buf_len(b));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	buf_drop(b, (size_t)n);
	if (!buf_len(b))
		buf_free(b);
	d->held += (size_t)n;
	return 1;
}

/* As fill(); GATE_THROUGH: there is no gate, or it stands open. */
static int fill_gated(struct direction *d)
{
	int r = d->gate ? d->gate(d->arg, &d->ready) : GATE_THROUGH;

	d->shut = r == GATE_SHUT;
	d->ended = r == GATE_END;
	if (r == GATE_BROKEN)
		return -1;
	if (d->shut)
		return 0;
	return d->ended ? 1 : r;
}

/* 1: something moved, 0: nothing can move now, -1: broken. */
static int fill(struct direction *d)
{
	struct buf *first = &d->from->first;
	ssize_t n;
	int r;

	if (d->held >= d->size)
		return 0;
	if (buf_len(&d->ready))
		return fill_from(d, &d->ready);
	if (d->ended)
		return 0;
	r = fill_gated(d);
	if (r != GATE_THROUGH)
		return r;
	if (buf_len(first))
		return fill_from(d, first);
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
	if (d->ended && !d->done && !buf_len(&d->ready)) {
		shutdown(d->to->fd, SHUT_WR);
		d->done = true;
		return 1;
	}
	return 0;
}

/* Work is left that no event on a descriptor would remind us of. */
static bool wakes_nobody(const struct direction *d)
{
	return !d->held && (buf_len(&d->from->first) || buf_len(&d->ready) || d->shut ||
			    (d->ended && !d->done));
}

static void direction_close(struct direction *d)
{
	close(d->in);
	close(d->out);
	buf_free(&d->ready);
}

struct splicer *splicer_new(struct stream *a, struct stream *b, splice_gate *from_a,
			    splice_gate *from_b, void *arg)
{
	struct splicer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (direction_open(&s->way[0], a, b) < 0)
		goto fail;
	if (direction_open(&s->way[1], b, a) < 0) {
		direction_close(&s->way[0]);
		goto fail;
	}
	s->way[0].gate = from_a;
	s->way[1].gate = from_b;
	s->way[0].arg = s->way[1].arg = arg;
	return s;
fail:
	free(s);
	return NULL;
}

void splicer_free(struct splicer *s)
{
	if (!s)
		return;
	for (int i = 0; i < 2; i++)
		direction_close(&s->way[i]);
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
		stream_want(d->from, !d->ended && !d->shut && d->held == 0, back->held > 0);
	}
	return 0;
}
