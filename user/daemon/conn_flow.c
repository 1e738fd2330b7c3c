/* SPDX-License-Identifier: Apache-2.0 */
/* Whose connection it is: the monitor is asked, once. */
#include "conn_private.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define FLOW_MS 10000 /* it may be busy; in a listener's queue clients wait as long (crew.c) */

static void address_of(const struct sockaddr_storage *from, uint8_t addr[static 16], uint16_t *port)
{
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)from;
		memset(addr, 0, 10);
		memset(addr + 10, 0xff, 2);
		memcpy(addr + 12, &four->sin_addr, 4);
		*port = ntohs(four->sin_port);
	} else {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
		memcpy(addr, &six->sin6_addr, 16);
		/* NOLINTNEXTLINE(clang-analyzer-core.*): the kernel filled it */
		*port = ntohs(six->sin6_port);
	}
}

static uint64_t scope_number(const struct conn *c)
{
	switch (c->thread->worker->config->scope) {
	case SCOPE_HOST:
		return 0;
	case SCOPE_CGROUP:
		return c->flow.cgroup_id;
	default:
		return c->flow.uid;
	}
}

static void start_sniffing(struct conn *c)
{
	/* If it may not, it is told so once it is known what it speaks. */
	c->use = scope_use_enter(c->thread->worker->uses, scope_number(c));
	conn_move(c, CONN_SNIFF);
	if (c->thread->draining)
		conn_reserve_origin(c);
	conn_deadline(c, CONN_SNIFF_MS);
	conn_pump(c);
}

static void look_up_names(uv_work_t *work)
{
	struct conn *c = work->data;

	c->known = identity_look_up(&c->who, &c->flow, c->thread->worker->cgroups) == 0;
}

static void after_names(struct conn *c)
{
	if (c->known)
		start_sniffing(c);
	else
		conn_close(c, true);
}

/* The paths of its cgroups, now: they may be gone when there is something to tell. */
void conn_flow_known(struct conn *c)
{
	int r = identity_begin(&c->who, &c->flow, c->thread->worker->cgroups);

	c->known = r == 1;
	if (r == 0)
		conn_work(c, look_up_names, after_names);
	else
		after_names(c);
}

/* Takes it from the answer; else the connection is nobody's, or is asked for elsewhere. */
static bool is_known(struct conn *c, const struct priv_reply *reply, const char *event)
{
	c->ticket = 0;
	if (reply->status == 1) {
		c->flow = reply->u.flow;
		return true;
	}
	if (privsep_is_lost(c->thread->privsep)) {
		conn_unanswered(c);
		return false;
	}
	stat_add(&c->thread->worker->stats->flows_unknown, 1);
	log_event(LOG_NOTICE, event, log_word("why", reply->error));
	conn_close(c, true);
	return false;
}

static void on_flow(void *arg, const struct priv_reply *reply)
{
	struct conn *c = arg;

	if (is_known(c, reply, "flow-unknown"))
		conn_flow_known(c);
}

static void on_peer(void *arg, const struct priv_reply *reply)
{
	struct conn *c = arg;

	if (!is_known(c, reply, "peer-unknown"))
		return;
	c->flow.mode = c->thread->worker->config->mode;
	conn_flow_known(c);
}

void conn_ask_flow(struct conn *c)
{
	struct priv_request r = {.kind = PRIV_FLOW_TAKE};
	struct sockaddr_storage peer = {0}, own = {0};
	socklen_t peer_size = sizeof(peer), own_size = sizeof(own);

	if (getpeername(c->client.fd, (struct sockaddr *)&peer, &peer_size) < 0 ||
	    getsockname(c->client.fd, (struct sockaddr *)&own, &own_size) < 0) {
		conn_close(c, true);
		return;
	}
	if (c->door == DOOR_EXPLICIT) {
		r.kind = PRIV_PEER;
		/* As the client's socket sees it: its local end is our peer. */
		address_of(&peer, r.u.peer.local, &r.u.peer.local_port);
		address_of(&own, r.u.peer.remote, &r.u.peer.remote_port);
	} else {
		r.u.flow.netns_cookie = c->flow.netns_cookie;
		address_of(&peer, r.u.flow.addr, &r.u.flow.port);
	}
	conn_deadline(c, FLOW_MS);
	c->ticket = privsep_call(c->thread->privsep, &r,
				 c->door == DOOR_EXPLICIT ? on_peer : on_flow, c);
	if (!c->ticket)
		conn_unanswered(c);
}
