/* SPDX-License-Identifier: Apache-2.0 */
#include "passed_fds.h"
#include "privsep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * No more questions than this are unanswered at a time, the rest waits here: neither end's socket can
 * fill up, so neither ever waits for the other. (A monitor whose answer finds no room takes its worker
 * for broken.)
 */
#define UNANSWERED_MAX 16

struct call {
	struct call *next;
	struct priv_request request;
	int beside; /* a descriptor that goes with it; -1: none, or it has gone */
	privsep_done done;
	void *arg;
};

struct privsep {
	uv_poll_t poll;
	int fd;
	uint32_t last_ticket;
	struct call *calls, **last; /* oldest first; answered in any order: each names its ticket */
	struct call *unsent;	    /* the first of them that still waits to be sent */
	unsigned unanswered;
	bool deaf; /* the monitor hears nothing any more; what it had said is still to be heard */
	void (*lost)(void *arg);
	void *arg;
};

static struct call *take_call(struct privsep *p, uint32_t ticket)
{
	for (struct call **at = &p->calls; *at; at = &(*at)->next) {
		struct call *found = *at;
		if (found->request.id != ticket)
			continue;
		*at = found->next;
		if (!*at)
			p->last = at;
		if (p->unsent == found)
			p->unsent = found->next;
		return found;
	}
	return NULL;
}

static void free_call(struct call *c)
{
	if (c && c->beside >= 0)
		close(c->beside);
	free(c);
}

static ssize_t send_call(int fd, const struct call *c)
{
	return passed_fds_send(fd, &c->request, sizeof(c->request), &c->beside, c->beside >= 0, 0);
}

/* The monitor is told as much as it may be. */
static void send_calls(struct privsep *p)
{
	while (p->unsent && p->unanswered < UNANSWERED_MAX && !p->deaf) {
		ssize_t n = send_call(p->fd, p->unsent);

		if (n != sizeof(p->unsent->request)) {
			/* Its end of the channel says so to on_readable() as well. */
			p->deaf = true;
			return;
		}
		if (p->unsent->beside >= 0)
			close(p->unsent->beside);
		p->unsent->beside = -1;
		p->unanswered++;
		p->unsent = p->unsent->next;
	}
}

static void lose(struct privsep *p)
{
	struct priv_reply none = {.status = -1, .error = "awsmaskd's monitor is gone"};

	uv_poll_stop(&p->poll);
	p->deaf = true;
	p->lost(p->arg);
	while (p->calls && !uv_is_closing((uv_handle_t *)&p->poll)) {
		struct call *c = take_call(p, p->calls->request.id);

		none.kind = c->request.kind;
		none.id = c->request.id;
		c->done(c->arg, &none);
		free_call(c);
	}
}

bool privsep_is_lost(const struct privsep *p)
{
	return p->deaf;
}

ssize_t privsep_receive(int channel, struct priv_request *r, int *fd)
{
	size_t count;

	*fd = -1;
	return passed_fds_receive(channel, r, sizeof(*r), fd, 1, &count, MSG_DONTWAIT);
}

int privsep_answer(int channel, const struct priv_reply *reply)
{
	return passed_fds_send(channel, reply, sizeof(*reply), reply->fds, reply->fd_count,
			       MSG_DONTWAIT) == sizeof(*reply)
		       ? 0
		       : -1;
}

void privsep_close_fds(const struct priv_reply *reply)
{
	for (uint32_t i = 0; i < reply->fd_count; i++)
		close(reply->fds[i]);
}

/* What it says of descriptors is how many were sent: without a free one fewer arrive. */
static ssize_t receive(int fd, struct priv_reply *reply)
{
	size_t count;
	int fds[PRIV_FDS_MAX];
	ssize_t n = passed_fds_receive(fd, reply, sizeof(*reply), fds, PRIV_FDS_MAX, &count,
				       MSG_DONTWAIT);

	reply->fd_count = (uint32_t)count;
	memcpy(reply->fds, fds, count * sizeof(int));
	return n;
}

static void heard(struct privsep *p, const struct priv_reply *reply)
{
	struct call *c = take_call(p, reply->id); /* NULL: forgotten meanwhile */

	p->unanswered -= p->unanswered > 0;
	if (c)
		c->done(c->arg, reply);
	else
		privsep_close_fds(reply);
	free_call(c);
	send_calls(p);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct privsep *p = poll->data;
	struct priv_reply reply;
	/* A monitor that ended with questions unread has left us an error before its last answers, and then its
	 * end; for that error the loop has stopped to look. */
	int most = status < 0 ? UNANSWERED_MAX + 2 : UNANSWERED_MAX;

	(void)events;
	/* All that is there: answers must not come in faster than they are read. */
	for (int i = 0; i < most && !uv_is_closing((uv_handle_t *)poll); i++) {
		ssize_t n;

		reply.fd_count = 0;
		n = receive(p->fd, &reply);
		if (n < 0 && errno == ECONNRESET)
			continue;
		if (n < 0 && errno == EAGAIN && status >= 0)
			return;
		if (n != sizeof(reply)) {
			privsep_close_fds(&reply);
			lose(p);
			return;
		}
		heard(p, &reply);
	}
}

struct privsep *privsep_new(uv_loop_t *loop, int fd, void (*lost)(void *arg), void *arg)
{
	struct privsep *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fd = fd;
	p->lost = lost;
	p->arg = arg;
	p->last = &p->calls;
	p->poll.data = p;
	if (uv_poll_init(loop, &p->poll, fd) < 0) {
		free(p);
		return NULL;
	}
	uv_poll_start(&p->poll, UV_READABLE, on_readable);
	return p;
}

static void on_closed(uv_handle_t *handle)
{
	struct privsep *p = handle->data;

	close(p->fd);
	while (p->calls) {
		struct call *c = p->calls;
		p->calls = c->next;
		free_call(c);
	}
	free(p);
}

void privsep_close(struct privsep *p)
{
	if (p)
		uv_close((uv_handle_t *)&p->poll, on_closed);
}

uint32_t privsep_call(struct privsep *p, struct priv_request *r, privsep_done done, void *arg)
{
	return privsep_call_with(p, r, -1, done, arg);
}

uint32_t privsep_call_with(struct privsep *p, struct priv_request *r, int fd, privsep_done done,
			   void *arg)
{
	struct call *c = p->deaf ? NULL : calloc(1, sizeof(*c));
	/* Its own: the call may have to wait, and the caller's be closed meanwhile. */
	int beside = c && fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (!c || (fd >= 0 && beside < 0)) {
		free(c);
		return 0;
	}
	if (++p->last_ticket == 0)
		p->last_ticket = 1;
	r->id = p->last_ticket;
	*c = (struct call){.request = *r, .beside = beside, .done = done, .arg = arg};
	*p->last = c;
	p->last = &c->next;
	if (!p->unsent)
		p->unsent = c;
	send_calls(p);
	if (!p->deaf)
		return r->id;
	free_call(take_call(p, r->id));
	return 0;
}

void privsep_forget(struct privsep *p, uint32_t ticket)
{
	free_call(ticket ? take_call(p, ticket) : NULL);
}
