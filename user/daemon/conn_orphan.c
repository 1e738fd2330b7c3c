/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose monitor is gone, from one worker to the next (orphan.h). */
#include "conn_private.h"

/* What its client has said by now: put back where it was read from as soon as it is known to be TLS. */
static const struct buf *said_by(const struct conn *c)
{
	return buf_len(&c->in) ? &c->in : &c->client.first;
}

/* Unless something was answered: that cannot be said anew. */
static bool leave(struct conn *c)
{
	const struct buf *said = said_by(c);
	struct orphan o;

	if (c->connect_done || c->origin || buf_len(said) > sizeof(o.said))
		return false;
	memset(&o, 0, offsetof(struct orphan, said));
	o.netns_cookie = c->flow.netns_cookie;
	o.door = c->door;
	o.known = c->state != CONN_FLOW;
	if (o.known)
		o.flow = c->flow;
	if (buf_len(said))
		memcpy(o.said, buf_bytes(said), buf_len(said));
	c->left = orphan_leave(c->thread->worker->orphans_in, c->client.fd, &o, buf_len(said));
	return c->left;
}

void conn_unanswered(struct conn *c)
{
	if (leave(c)) {
		log_event(LOG_INFO, "connection-left",
			  log_word("then", "the next worker goes on with it"));
		conn_close(c, false);
	} else if (c->state == CONN_PREPARE) {
		conn_refuse_tls(c, "awsmaskd's monitor is gone");
		conn_pump(c);
	} else {
		stat_add(&c->thread->worker->stats->flows_unknown, 1);
		log_event(LOG_NOTICE, "flow-unknown",
			  log_word("why", "awsmaskd's monitor is gone"));
		conn_close(c, true);
	}
}

void conn_adopt(struct worker_thread *t, int fd, const struct orphan *o, size_t said)
{
	struct conn *c =
		conn_new(t, fd, o->door == DOOR_EXPLICIT ? DOOR_EXPLICIT : DOOR_TRANSPARENT,
			 o->netns_cookie);

	if (!c)
		return;
	if (said && stream_unread(&c->client, o->said, said) < 0) {
		conn_close(c, true);
	} else if (o->known) {
		c->flow = o->flow;
		conn_flow_known(c);
	} else {
		conn_ask_flow(c);
	}
}
