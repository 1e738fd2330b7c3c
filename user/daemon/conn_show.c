/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a connection to who looks at a running awsmask: facts and counts, never values. */
#include "conn_private.h"

#include <stdio.h>

/* What tells cgroups apart stands at their paths' ends. */
static void copy_end(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len < size) {
		memcpy(to, text, len + 1);
		return;
	}
	memcpy(to, "...", 3);
	memcpy(to + 3, text + len - (size - 4), size - 3);
}

static void describe(const struct conn *c, struct board_text *text)
{
	*text = (struct board_text){.accepted_ms = uv_now(&c->thread->loop),
				    .uid = c->who.uid,
				    .pid = c->who.pid,
				    .program = c->who.program,
				    .port = c->flow.port,
				    .observe = conn_observes(c)};
	memcpy(text->comm, c->who.comm, sizeof(text->comm) - 1);
	snprintf(text->container, sizeof(text->container), "%s", c->who.in.name);
	copy_end(text->cgroup, sizeof(text->cgroup), c->who.accounted ? c->who.accounted : "");
}

static enum board_doing doing_in_exchange(const struct conn *c)
{
	const struct exchange_facts *f;

	if (!c->exchange)
		return BOARD_IDLE;
	if (c->working)
		return c->storing ? BOARD_STORE : BOARD_MASK;
	f = exchange_facts(c->exchange);
	switch (exchange_want(c->exchange)) {
	case WANT_SCAN:
		return BOARD_MASK;
	case WANT_RESERVE:
		return BOARD_STORE;
	case WANT_ORIGIN:
		if (!f->answer_bytes)
			return BOARD_WAIT;
		return f->stream ? BOARD_STREAM : BOARD_ANSWER;
	case WANT_CLIENT:
		if (buf_len(exchange_to_client(c->exchange)))
			return BOARD_ANSWER;
		return exchange_is_begun(c->exchange) ? BOARD_READ : BOARD_IDLE;
	default:
		return BOARD_CLOSE;
	}
}

static enum board_doing doing(const struct conn *c)
{
	static const enum board_doing by_state[] = {
		[CONN_SNIFF] = BOARD_SNIFF,	[CONN_TUNNEL] = BOARD_TUNNEL,
		[CONN_DIAL] = BOARD_CONNECT,	[CONN_SPLICE] = BOARD_PASS,
		[CONN_PREPARE] = BOARD_PREPARE, [CONN_HANDSHAKE] = BOARD_HANDSHAKE,
		[CONN_LINGER] = BOARD_CLOSE,
	};

	return c->state == CONN_OPEN ? doing_in_exchange(c) : by_state[c->state];
}

static void enter(struct conn *c, struct board *b)
{
	struct board_text text;

	describe(c, &text);
	c->shown.since_ms = text.accepted_ms;
	c->place = board_enter(b, &text, &c->shown);
}

/* It is decided now where it goes. */
static void show_target(struct conn *c, struct board *b)
{
	if (c->target_shown || c->state == CONN_SNIFF || c->state == CONN_TUNNEL)
		return;
	c->target_shown = true;
	board_target(b, c->place, conn_host_name(c));
}

/* With what is known already of the request at hand. */
static struct board_motion motion_of(const struct conn *c)
{
	struct board_motion m = c->shown;
	const struct exchange_facts *f;

	m.spliced_bytes = c->moved;
	if (!c->exchange || c->working)
		return m;
	f = exchange_facts(c->exchange);
	if (f->requests > c->counted) {
		m.request_bytes += f->request_bytes;
		m.answer_bytes += f->answer_bytes;
		m.restored += f->unmasked.restored;
	}
	return m;
}

void conn_show(struct conn *c)
{
	struct board *b = c->thread->worker->board;
	struct board_motion m;
	enum board_doing now;

	if (!b || c->state == CONN_FLOW || c->state == CONN_CLOSED)
		return;
	now = doing(c);
	if (!c->place)
		enter(c, b);
	show_target(c, b);
	if (now != c->shown.doing) {
		c->shown.doing = now;
		c->shown.since_ms = uv_now(&c->thread->loop);
	}
	m = motion_of(c);
	board_move(b, c->place, &m);
}

void conn_show_counted(struct conn *c, uint64_t masked)
{
	const struct exchange_facts *f = exchange_facts(c->exchange);

	c->shown.requests++;
	c->shown.masked += masked;
	c->shown.restored += f->unmasked.restored;
	c->shown.request_bytes += f->request_bytes;
	c->shown.answer_bytes += f->answer_bytes;
}

void conn_hide(struct conn *c)
{
	board_leave(c->thread->worker->board, c->place);
	c->place = 0;
}
