/* SPDX-License-Identifier: Apache-2.0 */
#include "privsep.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct call {
	struct call *next;
	uint32_t ticket;
	privsep_done done;
	void *arg;
};

struct privsep {
	uv_poll_t poll;
	int fd;
	uint32_t last_ticket;
	struct call *calls; /* answered in any order: each names its ticket */
	void (*lost)(void *arg);
	void *arg;
};

static struct call *take_call(struct privsep *p, uint32_t ticket)
{
	for (struct call **at = &p->calls; *at; at = &(*at)->next) {
		struct call *found = *at;
		if (found->ticket == ticket) {
			*at = found->next;
			return found;
		}
	}
	return NULL;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct privsep *p = poll->data;
	struct priv_reply reply;
	ssize_t n;

	(void)events;
	n = status < 0 ? 0 : recv(p->fd, &reply, sizeof(reply), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(reply)) {
		uv_poll_stop(&p->poll);
		p->lost(p->arg);
		return;
	}
	struct call *c = take_call(p, reply.id);
	if (!c)
		return; /* forgotten meanwhile */
	c->done(c->arg, &reply);
	free(c);
}

struct privsep *privsep_new(uv_loop_t *loop, int fd, void (*lost)(void *arg), void *arg)
{
	struct privsep *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fd = fd;
	p->lost = lost;
	p->arg = arg;
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
		free(c);
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
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return 0;
	if (++p->last_ticket == 0)
		p->last_ticket = 1;
	r->id = p->last_ticket;
	/* Blocking on purpose: the monitor answers each within microseconds and has no other source
	 * of work. */
	while (send(p->fd, r, sizeof(*r), MSG_NOSIGNAL) != sizeof(*r)) {
		if (errno != EINTR && errno != EAGAIN) {
			free(c);
			return 0;
		}
	}
	*c = (struct call){.next = p->calls, .ticket = r->id, .done = done, .arg = arg};
	p->calls = c;
	return c->ticket;
}

void privsep_forget(struct privsep *p, uint32_t ticket)
{
	free(ticket ? take_call(p, ticket) : NULL);
}
