/* SPDX-License-Identifier: Apache-2.0 */
#include "crew_private.h"
#include "list_watch.h"
#include "unix_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(struct channel *ch, const struct priv_reply *reply)
{
	if (privsep_answer(ch->fd, reply) == 0)
		return;
	/* It ended, or does not take its answers: that it has ended mends either. */
	uv_poll_stop(&ch->poll);
	crew_signal(ch->member, SIGKILL);
}

static void ask_reload(struct channel *ch, const struct priv_request *request, int connection)
{
	struct crew *c = ch->member->crew;
	struct priv_reply reply = {.kind = PRIV_RELOAD, .id = request->id, .status = -1};
	struct err e;

	struct ucred who = {.pid = 0};

	(void)!unix_peer(connection, &who); /* else it is not known */
	if (monitor_judge(c->options.services, connection, &e) < 0) {
		snprintf(reply.error, sizeof(reply.error), "%s", e.text);
		monitor_record_change(c->options.services, AUDIT_RELOAD, &who, NULL, e.text);
		answer(ch, &reply);
		return;
	}
	if (c->asking) {
		snprintf(reply.error, sizeof(reply.error), "somebody else is reloading just now");
		answer(ch, &reply);
		return;
	}
	c->asking = ch;
	c->asking_id = request->id;
	c->asker = who;
	c->events.reload(c->events.arg, ++c->ticket);
}

const struct ucred *crew_asker(const struct crew *c, uint64_t ticket)
{
	return ticket && ticket == c->ticket ? &c->asker : NULL;
}

void crew_answer(struct crew *c, uint64_t ticket, const struct err *why_not)
{
	struct priv_reply reply = {.kind = PRIV_RELOAD, .id = c->asking_id, .status = 1};
	struct channel *ch = c->asking;

	if (!ch || ticket != c->ticket)
		return;
	c->asking = NULL;
	if (why_not) {
		reply.status = -1;
		snprintf(reply.error, sizeof(reply.error), "%s", why_not->text);
	}
	answer(ch, &reply);
}

/* Safe: to accept what is sent to them is what a worker is for. Who drains gets no more. */
static void ask_doors(struct channel *ch, const struct priv_request *request)
{
	const struct crew_options *o = &ch->member->crew->options;

	if (ch->member->state != MEMBER_DRAINING && o->services->doors)
		netns_doors_ask(o->services->doors, ch->fd, (unsigned)(ch - ch->member->channels),
				o->doors->threads, request);
}

void crew_forget_doors(const struct member *m)
{
	for (unsigned i = 0; i < m->open && m->crew->options.services->doors; i++)
		netns_doors_forget(m->crew->options.services->doors, m->channels[i].fd);
}

static void add_facts(const struct crew *c, struct priv_facts *f)
{
	f->restarts = c->restarts;
	for (const struct member *m = c->members; m; m = m->next)
		f->draining += m->alive && m->state == MEMBER_DRAINING;
}

static void serve(struct channel *ch, const struct priv_request *request, int connection)
{
	struct crew *c = ch->member->crew;
	struct priv_reply reply;

	if (ch->member->state == MEMBER_SERVING)
		pulse_heard(&c->pulse, (unsigned)(ch - ch->member->channels));
	switch (request->kind) {
	case PRIV_RELOAD:
		ask_reload(ch, request, connection);
		return;
	case PRIV_QUIET: /* safe: who lies about it goes without answers */
		answer(ch,
		       &(struct priv_reply){.kind = PRIV_QUIET, .id = request->id, .status = 1});
		ch->member->quiet++;
		if (c->phase == CREW_LEAVING)
			crew_end_if_left(c);
		return;
	case PRIV_LISTS: /* safe: it is what a worker is started with anyway */
		if (ch->member->lists)
			list_watch_ask(ch->member->lists, ch->fd, request);
		return;
	case PRIV_DOORS:
		ask_doors(ch, request);
		return;
	default:
		privsep_serve(c->options.services, request, connection, &reply);
		if (request->kind == PRIV_FACTS)
			add_facts(c, &reply.u.facts);
		answer(ch, &reply);
		privsep_answered(c->options.services, request, &reply);
		privsep_close_fds(&reply);
		if (request->kind == PRIV_READY)
			crew_member_ready(ch->member);
	}
}

void crew_on_request(uv_poll_t *poll, int status, int events)
{
	struct channel *ch = poll->data;
	struct priv_request request;
	int connection = -1;
	ssize_t n;

	(void)events;
	n = status < 0 ? 0 : privsep_receive(ch->fd, &request, &connection);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == sizeof(request)) {
		serve(ch, &request, connection);
	} else { /* it ended, or does not speak the protocol */
		uv_poll_stop(&ch->poll);
		if (n > 0)
			crew_signal(ch->member, SIGKILL);
	}
	if (connection >= 0)
		close(connection);
}
