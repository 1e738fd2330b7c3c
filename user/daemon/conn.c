/* SPDX-License-Identifier: Apache-2.0 */
#include "conn_private.h"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 3000
#define READ_PIECE (64 * 1024)
#define HEAD_PIECE 4096
#define BUSY_MS 60000
#define QUIET_MS 5000
#define ROUNDS_MAX 16	/* of one connection, before the loop's others have their turn */
#define REFUSED_MAX 256 /* connections above the limit that are opened to say so */

#define TO(state) (1u << CONN_##state)
static const unsigned allowed[] = {
	[CONN_FLOW] = TO(SNIFF) | TO(CLOSED),
	[CONN_SNIFF] = TO(TUNNEL) | TO(DIAL) | TO(PREPARE) | TO(OPEN) | TO(LINGER) | TO(CLOSED),
	[CONN_TUNNEL] = TO(SNIFF) | TO(LINGER) | TO(CLOSED),
	[CONN_DIAL] = TO(SPLICE) | TO(LINGER) | TO(CLOSED),
	[CONN_SPLICE] = TO(LINGER) | TO(CLOSED),
	[CONN_PREPARE] = TO(HANDSHAKE) | TO(OPEN) | TO(LINGER) | TO(CLOSED),
	[CONN_HANDSHAKE] = TO(OPEN) | TO(CLOSED),
	[CONN_OPEN] = TO(LINGER) | TO(CLOSED),
	[CONN_LINGER] = TO(CLOSED),
	[CONN_CLOSED] = 0,
};

void conn_move(struct conn *c, enum conn_state to)
{
	if (!(allowed[c->state] >> to & 1))
		abort();
	c->state = to;
	if (to == CONN_LINGER)
		conn_deadline(c, LINGER_MS);
}

static void on_deadline(uv_timer_t *timer)
{
	struct conn *c = timer->data;
	uint64_t now = uv_now(timer->loop);

	c->rings_ms = 0;
	if (now < c->due_ms) {
		uv_timer_start(timer, on_deadline, c->due_ms - now, 0);
		c->rings_ms = c->due_ms;
		return;
	}
	/* The process stood still: what was waited for may have come long ago. */
	if (now > c->due_ms + STOOD_STILL_MS) {
		conn_deadline(c, c->wait_ms);
		return;
	}
	/* An agent that waits for an answer is told why there is none, and so is one whose request does
	 * not come; everybody else is just let go. */
	if (c->state == CONN_OPEN && (c->on_origin || c->asked_ms)) {
		exchange_refuse(c->exchange,
				c->on_origin ? REFUSAL_ORIGIN_TIMEOUT : REFUSAL_TOO_SLOW);
		c->on_origin = false;
		c->asked_ms = 0;
		conn_deadline(c, LINGER_MS);
		conn_pump(c);
		return;
	}
	if (c->state == CONN_OPEN && (c->idle || (!c->exchange && c->thread->draining)))
		conn_rest(c);
	else
		conn_close(c, c->state != CONN_LINGER);
}

void conn_deadline(struct conn *c, uint64_t ms)
{
	c->wait_ms = ms;
	c->due_ms = uv_now(&c->thread->loop) + ms;
	if (!ms) {
		uv_timer_stop(&c->deadline);
		c->rings_ms = 0;
		return;
	}
	/* It mostly moves away: to be rung for too soon, once, is less than to wind it for each step of each request. */
	if (c->rings_ms && c->rings_ms <= c->due_ms)
		return;
	uv_timer_start(&c->deadline, on_deadline, ms, 0);
	c->rings_ms = c->due_ms;
}

/* Nobody asks: what is free goes back, also from between what is not. */
static void on_quiet(uv_timer_t *timer)
{
	struct worker_thread *t = timer->data;

	if (!t->worker->open_exchanges)
		malloc_trim(0);
}

void conn_loop_open(struct worker_thread *t)
{
	uv_idle_init(&t->loop, &t->turn);
	uv_timer_init(&t->loop, &t->quiet);
	t->turn.data = t->quiet.data = t;
}

void conn_loop_close(struct worker_thread *t)
{
	uv_close((uv_handle_t *)&t->turn, NULL);
	uv_close((uv_handle_t *)&t->quiet, NULL);
}

void conn_forget_exchange(struct conn *c)
{
	struct worker_thread *t = c->thread;

	if (!c->exchange)
		return;
	conn_scan_forget(c); /* a request that was refused may still wait there */
	exchange_free(c->exchange);
	c->exchange = NULL;
	/* Asking the kernel for all of it again takes longer than a short pause is worth. */
	if (--t->worker->open_exchanges == 0 && !t->stopping)
		uv_timer_start(&t->quiet, on_quiet, QUIET_MS, 0);
}

static void conn_free(struct conn *c)
{
	struct worker *w = c->thread->worker;

	if (c->previous)
		c->previous->next = c->next;
	else
		c->thread->conns = c->next;
	if (c->next)
		c->next->previous = c->previous;
	if (c->use)
		scope_use_leave(c->use, c->held);
	conn_forget_exchange(c);
	conn_watch_end(c);
	identity_free(&c->who);
	buf_free(&c->in);
	buf_free(&c->connect_head);
	free(c);
	stat_sub(&w->gauges.flows_active, 1);
	w->open_conns--;
}

static void handle_gone(struct conn *c)
{
	if (--c->handles == 0)
		conn_free(c);
}

static void on_client_closed(void *arg)
{
	handle_gone(arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

static bool is_elsewhere(const struct conn *c)
{
	return c->flow.netns_cookie && c->flow.netns_cookie != c->thread->worker->netns_cookie;
}

/* Sockets in reserve and idle ones would keep alive what nobody lives in any more; netns_follow.h sees to that, but it
 * has gone when we drain. */
static void leave_namespace(const struct conn *gone)
{
	struct worker_thread *t = gone->thread;

	for (const struct conn *c = t->conns; c; c = c->next)
		if (c->state != CONN_CLOSED && c->flow.netns_cookie == gone->flow.netns_cookie)
			return;
	origin_pool_leave(t->origins, gone->flow.netns_cookie);
}

void conn_close(struct conn *c, bool abort)
{
	if (c->state == CONN_CLOSED)
		return;
	/* Its client may have gone in the middle of the answer: what was sent was sent. */
	if (c->exchange && !c->working && exchange_facts(c->exchange)->passed_on &&
	    exchange_facts(c->exchange)->requests > c->counted)
		conn_count(c);
	if (c->splicer)
		conn_audit_flow(c, AUDIT_SPLICED, NULL);
	conn_move(c, CONN_CLOSED);
	conn_hide(c);
	privsep_forget(c->thread->privsep, c->ticket);
	conn_scan_forget(c);
	splicer_free(c->splicer);
	c->splicer = NULL;
	if (c->origin)
		origin_put(c->origin, false);
	c->origin = NULL;
	if (c->thread->draining && is_elsewhere(c))
		leave_namespace(c);
	if (c->left)
		stream_leave(&c->client, on_client_closed, c);
	else
		stream_close(&c->client, abort, on_client_closed, c);
	uv_close((uv_handle_t *)&c->deadline, on_timer_closed);
	uv_close((uv_handle_t *)&c->soon, on_timer_closed);
}

const char *conn_host_name(const struct conn *c)
{
	const char *name = config_host_name(c->thread->worker->config, c->host);

	return name ? name : "other";
}

void conn_refused(struct conn *c, const char *why)
{
	stat_add(&c->thread->worker->stats->flows_refused, 1);
	conn_audit_flow(c, AUDIT_REFUSED, why);
	conn_count_connection(c, REPORT_DENIED, why);
	conn_log(c, LOG_NOTICE, "flow-refused", log_word("why", why),
		 log_name("host", conn_host_name(c)));
}

ssize_t conn_fill(struct conn *c)
{
	size_t held = buf_len(&c->in), room = CONN_IN_MAX - held;
	size_t piece =
		c->client.ssl ? SSL3_RT_MAX_PLAIN_LENGTH : READ_PIECE; /* TLS never gives more */
	uint8_t *to;
	ssize_t n;

	/* Behind the head a body mostly has a place of its own (exchange_body_space()). */
	if (c->client.ssl && (!c->exchange || !exchange_is_begun(c->exchange)))
		piece = HEAD_PIECE;
	if (room > piece)
		room = piece;
	if (!room || stream_is_dry(&c->client))
		return STREAM_AGAIN;
	to = buf_reserve(&c->in, room);
	if (!to)
		return STREAM_BROKEN;
	n = stream_read(&c->client, to, room);
	if (n > 0)
		buf_grew(&c->in, (size_t)n);
	return n;
}

/* The client is to read our last words: closing with unread bytes from it would reset them away. */
static bool linger(struct conn *c)
{
	ssize_t n;

	buf_clear(&c->in);
	n = conn_fill(c);
	buf_clear(&c->in);
	if (n == STREAM_AGAIN) {
		stream_want(&c->client, true, false);
		return false;
	}
	if (n <= 0)
		conn_close(c, false);
	return n > 0;
}

static void after_work(uv_work_t *work, int status)
{
	struct conn *c = work->data;

	(void)status;
	c->working = false;
	conn_scan_over(c);
	if (c->state != CONN_CLOSED)
		c->after_work(c);
	handle_gone(c);
}

void conn_work(struct conn *c, uv_work_cb work, void (*after)(struct conn *c))
{
	c->work.data = c;
	c->after_work = after;
	if (uv_queue_work(&c->thread->loop, &c->work, work, after_work) < 0) {
		conn_close(c, true);
		return;
	}
	c->working = true;
	c->handles++;
}

static void on_soon(uv_timer_t *timer)
{
	conn_pump(timer->data);
}

static void pump(struct conn *c)
{
	bool again = true;

	for (unsigned rounds = 0; again; rounds++) {
		if (rounds == ROUNDS_MAX && c->state != CONN_CLOSED) {
			uv_timer_start(&c->soon, on_soon, 0, 0);
			if (c->state == CONN_OPEN) /* what it waited for has come */
				conn_deadline(c, BUSY_MS);
			return;
		}
		switch (c->state) {
		case CONN_SNIFF:
			again = conn_sniff(c);
			break;
		case CONN_TUNNEL:
			again = conn_tunnel(c);
			break;
		case CONN_DIAL:
			again = conn_dial(c);
			break;
		case CONN_SPLICE:
			again = conn_splice(c);
			break;
		case CONN_HANDSHAKE:
			again = conn_handshake(c);
			break;
		case CONN_OPEN:
			again = conn_exchange(c);
			break;
		case CONN_LINGER:
			again = linger(c);
			break;
		default:
			return; /* waits for an answer, or for its end */
		}
	}
}

void conn_pump(void *arg)
{
	struct conn *c = arg;

	pump(c);
	conn_count_events(c);
	conn_show(c);
}

struct conn *conn_new(struct worker_thread *t, int fd, enum conn_door door, uint64_t netns_cookie)
{
	struct worker *w = t->worker;
	struct conn *c;
	int one = 1;

	stat_add(&w->stats->flows_accepted, 1);
	c = w->open_conns < w->config->limits.connections + REFUSED_MAX ? calloc(1, sizeof(*c))
									: NULL;
	if (!c || stream_open(&c->client, &t->loop, fd, conn_pump, c) < 0) {
		stat_add(&w->stats->flows_refused, 1);
		free(c);
		close(fd);
		return NULL;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	c->thread = t;
	c->accepted_ns = uv_hrtime();
	c->door = door;
	c->flow.netns_cookie = netns_cookie;
	buf_init(&c->in, CONN_IN_MAX);
	buf_init(&c->connect_head, HTTP_HEAD_MAX);
	uv_timer_init(&t->loop, &c->deadline);
	uv_timer_init(&t->loop, &c->soon);
	c->deadline.data = c->soon.data = c;
	c->handles = 3;
	c->next = t->conns;
	if (c->next)
		c->next->previous = c;
	t->conns = c;
	stat_add(&w->gauges.flows_active, 1);
	w->open_conns++;
	return c;
}

void conn_accept(struct worker_thread *t, int fd, enum conn_door door, uint64_t netns_cookie)
{
	struct conn *c = conn_new(t, fd, door, netns_cookie);

	if (c)
		conn_ask_flow(c);
}

/* In another network namespace the monitor makes the origin's socket, too. */
static bool needs_socket(const struct conn *c)
{
	if (c->flow.netns_cookie == c->thread->worker->netns_cookie || c->origin)
		return false;
	return c->state == CONN_HANDSHAKE || c->state == CONN_DIAL ||
	       (c->state == CONN_OPEN && c->exchange &&
		exchange_facts(c->exchange)->requests > c->counted);
}

/* A request that is still to come may find no monitor to ask for a socket. */
void conn_reserve_origin(struct conn *c)
{
	bool may_need = c->state == CONN_SNIFF || c->state == CONN_PREPARE ||
			c->state == CONN_HANDSHAKE || c->state == CONN_OPEN;

	if (may_need && !c->origin && is_elsewhere(c))
		origin_pool_reserve(c->thread->origins, c->flow.netns_cookie, c->flow.family);
}

bool conn_any_asks(const struct worker_thread *t)
{
	for (const struct conn *c = t->conns; c; c = c->next)
		if (c->state == CONN_FLOW || c->state == CONN_SNIFF || c->state == CONN_TUNNEL ||
		    c->state == CONN_PREPARE || needs_socket(c))
			return true;
	return origin_pool_asks(t->origins);
}

void conn_drain_all(struct worker_thread *t)
{
	t->draining = true;
	for (struct conn *c = t->conns; c; c = c->next) {
		c->moved_before = c->moved;
		if (c->state == CONN_OPEN && !c->exchange)
			conn_pump(c);
		conn_reserve_origin(c);
	}
}

void conn_cut_silent(struct worker_thread *t)
{
	for (struct conn *c = t->conns; c; c = c->next) {
		if (c->state == CONN_SPLICE && c->moved == c->moved_before)
			conn_close(c, true);
		c->moved_before = c->moved;
	}
}

void conn_close_all(struct worker_thread *t)
{
	for (struct conn *c = t->conns; c; c = c->next)
		conn_close(c, true);
}
