/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a target: the exchange between its client and the origin. */
#include "conn_private.h"

#define BETWEEN_REQUESTS_MS (10 * 60 * 1000)
#define REST_MS 2000 /* an agent's next request mostly comes sooner */
/* A request has to come in time: its head, and with its body at more than so many bytes in a ms. */
#define HEAD_MS 30000
#define REQUEST_MS 60000
#define BODY_BYTES_MS 8
#define CLIENT_STALL_MS 60000
/* A model may think for ten minutes without a byte; its own clients give up a little later. */
#define ORIGIN_SILENT_MS (11 * 60 * 1000)
#define RESERVE_MS 30000
#define READ_PIECE (64 * 1024)
#define BODY_PIECE (256 * 1024) /* of one body, before others have their turn */

static bool start_exchange(struct conn *c)
{
	struct worker *w = c->thread->worker;
	bool observe = conn_observes(c);
	bool renamed = c->door == DOOR_EXPLICIT && !c->connect_done;

	c->exchange = exchange_new(observe ? &w->observe : &w->enforce, c->scope,
				   renamed ? NULL : c->host, renamed ? c->host : NULL);
	if (!c->exchange) {
		conn_close(c, true);
		return false;
	}
	w->open_exchanges++;
	/* Elsewhere we are the proxy ourselves, or send to what stands for the target. */
	if (c->door == DOOR_TRANSPARENT && !w->config->origin.address[0])
		exchange_keep_absolute(c->exchange);
	return true;
}

static void reserve(uv_work_t *work)
{
	struct conn *c = work->data;
	size_t n;
	struct vault_entry *entries = exchange_pending(c->exchange, &n);

	c->reserved = c->scope->ops->reserve(c->scope, entries, n);
	exchange_reserved(c->exchange, c->reserved == 0);
}

static void after_reserve(struct conn *c)
{
	if (c->reserved < 0)
		log_event(LOG_ERR, "vault-reserve",
			  log_word("why", vault_last_error(c->thread->worker->vault)));
	conn_pump(c);
}

/* ---- the client's side */

static size_t offer(struct conn *c, const uint8_t *p, size_t n)
{
	uint64_t now = uv_hrtime();
	size_t taken;

	if (!c->begun_ns)
		c->begun_ns = now;
	taken = exchange_client_bytes(c->exchange, p, n);
	if (exchange_want(c->exchange) != WANT_CLIENT)
		c->complete_ns = c->awaited_ns = now;
	return taken;
}

/* true: the exchange took something. */
static bool feed_client(struct conn *c)
{
	/* Without a vault nothing is looked at: the first byte is answered. */
	size_t taken = offer(c, buf_bytes(&c->in), c->scope ? buf_len(&c->in) : 1);

	buf_drop(&c->in, taken);
	if (!c->scope)
		exchange_refuse(c->exchange, c->use ? REFUSAL_VAULT : REFUSAL_CONNECTIONS);
	return taken > 0;
}

/* Bytes of a body straight to where they are to be, others into c->in. As conn_fill(). */
static ssize_t read_more(struct conn *c)
{
	size_t room = 0;
	uint8_t *to = buf_len(&c->in) ? NULL : exchange_body_space(c->exchange, &room);
	ssize_t n;

	if (!to)
		return conn_fill(c);
	n = stream_read_much(&c->client, to, room < BODY_PIECE ? room : BODY_PIECE);
	if (n > 0)
		offer(c, to, (size_t)n);
	return n;
}

/* true: something came or went. */
static bool read_client(struct conn *c)
{
	enum exchange_want want = exchange_want(c->exchange);
	bool fed = want == WANT_CLIENT && buf_len(&c->in) && feed_client(c);
	ssize_t n;

	/* The request is whole, or was answered on the spot. */
	if (fed && (exchange_want(c->exchange) != WANT_CLIENT || buf_len(&c->in)))
		return true;
	/* In order, on its sending side: what it asked for before is still answered. */
	if (c->ended && (want == WANT_CLIENT || !buf_len(&c->in)))
		exchange_client_eof(c->exchange);
	if (c->ended)
		return fed;
	if (want == WANT_CLOSE || buf_len(&c->in) > CONN_IN_MAX / 2)
		return fed;
	n = read_more(c);
	if (n == STREAM_AGAIN)
		return fed;
	if (n == STREAM_BROKEN) { /* gone: nobody is left to answer */
		exchange_client_eof(c->exchange);
		conn_close(c, true);
		return false;
	}
	c->ended = n == STREAM_END;
	return true;
}

/* Of streams alone: what else is answered is waited for whole. */
static void note_first_event(struct conn *c)
{
	const struct exchange_facts *f = exchange_facts(c->exchange);

	if (!c->awaited_ns || !f->stream || !f->answer_bytes)
		return;
	stats_observe(c->thread->worker->stats, HISTOGRAM_FIRST_EVENT, uv_hrtime() - c->awaited_ns);
	c->awaited_ns = 0;
}

static void note_sent(struct conn *c)
{
	if (!c->complete_ns)
		return;
	c->added_ns = uv_hrtime() - c->complete_ns;
	stats_observe(c->thread->worker->stats, HISTOGRAM_REQUEST_ADDED, c->added_ns);
	c->complete_ns = 0;
}

static bool write_client(struct conn *c)
{
	struct buf *out = exchange_to_client(c->exchange);
	size_t before = buf_len(out);

	if (!before)
		return false;
	if (stream_flush(&c->client, out) == STREAM_BROKEN) {
		conn_close(c, true);
		return false;
	}
	if (buf_len(out) != before)
		note_first_event(c);
	return buf_len(out) != before;
}

/* ---- the origin's side */

static void origin_done(struct conn *c, bool reusable)
{
	if (!c->origin)
		return;
	/* It has answered, so it has shown the target's certificate. */
	if (reusable && c->tls && c->door == DOOR_TRANSPARENT && !c->authority[0] &&
	    !c->thread->worker->config->origin.address[0])
		target_addrs_add(c->thread->worker->target_addrs, c->flow.addr);
	origin_put(c->origin, reusable);
	c->origin = NULL;
	c->origin_needs_tls = c->origin_waited = false;
}

/* The origin's connection ended or broke. A pooled one that never answered is worth one fresh
 * attempt. */
static void origin_lost(struct conn *c, bool in_order)
{
	bool retry = origin_was_pooled(c->origin) && exchange_can_retry(c->exchange);

	origin_done(c, false);
	if (retry) {
		c->fresh = true;
		exchange_retry(c->exchange);
	} else if (in_order) {
		exchange_origin_eof(c->exchange);
	} else {
		exchange_refuse(c->exchange, REFUSAL_ORIGIN_BROKEN);
	}
}

static bool attach_origin(struct conn *c)
{
	struct origin_place place;
	struct stats *s = c->thread->worker->stats;

	conn_place(c, &place);
	c->origin = origin_get(c->thread->origins, &place, c->fresh, conn_pump, c);
	if (!c->origin) {
		exchange_refuse(c->exchange, REFUSAL_MEMORY);
		return false;
	}
	stat_add(origin_was_pooled(c->origin) ? &s->origin_reused : &s->origin_connections, 1);
	return true;
}

/* READY, or not yet; a failure has become the client's answer. */
static bool origin_ready(struct conn *c)
{
	enum origin_state state;

	if (!c->origin && !attach_origin(c))
		return false;
	if (c->origin_needs_tls) {
		c->origin_needs_tls = false;
		if (origin_start_tls(c->origin, c->host) < 0) {
			origin_done(c, false);
			exchange_refuse(c->exchange, REFUSAL_MEMORY);
			return false;
		}
	}
	state = origin_advance(c->origin);
	if (state == ORIGIN_FAILED) {
		enum refusal why = origin_failure(c->origin);
		bool again = c->origin_waited && why == REFUSAL_ORIGIN_UNREACHABLE;
		origin_done(c, false);
		if (again) /* the tunnel stood for as long as the client was silent */
			return origin_ready(c);
		exchange_refuse(c->exchange, why);
	}
	return state == ORIGIN_READY;
}

/* One round of writing and reading; true: something moved. */
static bool talk_to_origin(struct conn *c)
{
	struct stream *s = origin_stream(c->origin);
	struct buf *out = exchange_to_origin(c->exchange);
	size_t before = buf_len(out);
	uint8_t piece[READ_PIECE];
	bool deaf = stream_flush(s, out) == STREAM_BROKEN;
	ssize_t n = STREAM_AGAIN;

	if (buf_len(out) != before)
		note_sent(c);
	/* An origin that stops reading may still be answering (413, 429): hear it out. */
	if (exchange_client_room(c->exchange))
		n = stream_read_much(s, piece, sizeof(piece));
	if (n > 0) {
		size_t taken = exchange_origin_bytes(c->exchange, piece, (size_t)n);
		if (exchange_want(c->exchange) != WANT_ORIGIN)
			origin_done(c, taken == (size_t)n && exchange_origin_reusable(c->exchange));
		return true;
	}
	if (n != STREAM_AGAIN || (deaf && exchange_client_room(c->exchange))) {
		origin_lost(c, n == STREAM_END);
		return true;
	}
	return buf_len(out) != before;
}

/* ---- both */

/* How long the request that is being read may still take, in ms. */
static uint64_t patience(struct conn *c)
{
	const struct exchange_facts *f = exchange_facts(c->exchange);
	uint64_t now = uv_now(&c->thread->loop), until;

	if (!c->asked_ms)
		c->asked_ms = now;
	until = c->asked_ms + (f->requests > c->counted
				       ? REQUEST_MS + f->request_bytes / BODY_BYTES_MS
				       : HEAD_MS);
	return until > now ? until - now : 1;
}

/* Wait for what comes next. true: it has come already. */
static bool arm(struct conn *c)
{
	enum exchange_want want = exchange_want(c->exchange);
	struct buf *to_client = exchange_to_client(c->exchange);
	uint64_t wait = REST_MS;

	stream_want(&c->client,
		    !c->ended && want != WANT_CLOSE && buf_len(&c->in) <= CONN_IN_MAX / 2,
		    buf_len(to_client) > 0);
	if (c->origin && want == WANT_ORIGIN) {
		enum origin_state state = origin_advance(c->origin);
		if (state == ORIGIN_FAILED)
			return true;
		if (state == ORIGIN_READY)
			stream_want(origin_stream(c->origin), exchange_client_room(c->exchange),
				    buf_len(exchange_to_origin(c->exchange)) > 0);
	}
	c->on_origin = want == WANT_ORIGIN && !buf_len(to_client);
	c->idle = want == WANT_CLIENT && !c->ended && !exchange_is_begun(c->exchange) &&
		  !buf_len(to_client) && !buf_len(&c->in);
	if (want != WANT_CLIENT || !exchange_is_begun(c->exchange))
		c->asked_ms = 0;
	if (buf_len(to_client))
		wait = CLIENT_STALL_MS;
	else if (want == WANT_ORIGIN)
		wait = ORIGIN_SILENT_MS;
	else if (want == WANT_CLIENT && exchange_is_begun(c->exchange))
		wait = patience(c);
	conn_deadline(c, wait);
	if (want == WANT_CLIENT)
		conn_scan_ahead(c);
	/* Waiting may take long: neither memory nor what was in it is kept meanwhile. */
	if (!buf_len(&c->in))
		buf_free(&c->in);
	return false;
}

/* A request that has come to its end is counted once. */
static void settle(struct conn *c)
{
	enum exchange_want want = exchange_want(c->exchange);

	if (want != WANT_CLIENT && want != WANT_CLOSE)
		return;
	origin_done(c, false);
	c->fresh = false;
	if (exchange_facts(c->exchange)->requests > c->counted &&
	    (want == WANT_CLOSE || exchange_facts(c->exchange)->status)) {
		conn_count(c);
		c->asked_ms = 0;
	}
}

/* A scope that holds more than its share is refused whatever makes it hold more yet. */
static bool account(struct conn *c)
{
	size_t now, before = c->held;

	if (!c->use)
		return false;
	now = exchange_memory(c->exchange) + c->in.cap;
	if (now == before)
		return false;
	c->held = now;
	if (scope_use_change(c->use, before, now) || now <= before ||
	    exchange_want(c->exchange) == WANT_CLOSE ||
	    (exchange_want(c->exchange) == WANT_CLIENT && !exchange_is_begun(c->exchange)))
		return false;
	exchange_refuse(c->exchange, REFUSAL_MEMORY);
	return true;
}

/* What is not for the loop to do. true: the exchange is, or is about to be, another thread's. */
static bool work(struct conn *c)
{
	enum exchange_want want = exchange_want(c->exchange);

	if (want != WANT_SCAN && want != WANT_RESERVE)
		return false;
	c->on_origin = false;
	c->asked_ms = 0;
	c->storing = want == WANT_RESERVE;
	conn_deadline(c, want == WANT_RESERVE ? RESERVE_MS : 0);
	if (want == WANT_SCAN)
		conn_scan(c);
	else
		conn_work(c, reserve, after_reserve);
	return true;
}

/* Meanwhile nothing of the exchange is touched; what its client sends is read ahead. */
static bool read_ahead(struct conn *c)
{
	bool room = !c->ended && buf_len(&c->in) <= CONN_IN_MAX / 2;
	ssize_t n = room ? conn_fill(c) : STREAM_AGAIN;

	if (n == STREAM_BROKEN)
		conn_close(c, true);
	else if (n == STREAM_AGAIN)
		stream_want(&c->client, room, false);
	c->ended |= n == STREAM_END;
	return n == STREAM_END || n > 0;
}

/* Nothing more will be said; what the client still says is taken off its hands. true */
static bool say_goodbye(struct conn *c)
{
	if (c->client.ssl)
		SSL_shutdown(c->client.ssl);
	shutdown(c->client.fd, SHUT_WR);
	conn_move(c, CONN_LINGER);
	return true;
}

/* What only a request needs is given back. */
void conn_rest(struct conn *c)
{
	conn_forget_exchange(c);
	c->idle = false;
	c->rested = true;
	c->counted = c->told = 0;
	if (c->use)
		(void)scope_use_change(c->use, c->held, 0);
	c->held = 0;
	conn_pump(c);
}

/*
 * Another worker has newer settings, and a monitor: clients are to come to it. A request that is sent in the very
 * moment of our goodbye is lost to its client, who may try again, for nothing of it went on; so nobody is let go who
 * has just connected, or just had an answer, or has begun to send. Going on to serve here for as long as
 * the client likes would lose none, but the agent would work with what is no longer so.
 */
static bool let_go(struct conn *c)
{
	return c->thread->draining && c->rested && !stream_has_part(&c->client) && say_goodbye(c);
}

/* Thousands may wait for hours: an exchange is made when there is something for it. */
static bool await_request(struct conn *c)
{
	ssize_t n;

	if (buf_len(&c->in)) {
		c->rested = false;
		return start_exchange(c);
	}
	/* A timer may have brought us here, before the event of its next request. */
	if (c->thread->draining)
		stream_doubt(&c->client);
	n = conn_fill(c);
	if (n == STREAM_END)
		return say_goodbye(c);
	if (n == STREAM_BROKEN) {
		conn_close(c, true);
	} else if (n == STREAM_AGAIN) {
		if (let_go(c))
			return true;
		buf_free(&c->in);
		stream_want(&c->client, true, false);
		conn_deadline(c, c->thread->draining ? REST_MS : BETWEEN_REQUESTS_MS);
	}
	return n > 0;
}

bool conn_exchange(struct conn *c)
{
	bool progress;

	if (c->working)
		return read_ahead(c);
	c->idle = false;
	if (!c->exchange)
		return await_request(c);
	if (c->thread->draining)
		exchange_last(c->exchange);
	progress = read_client(c);
	if (c->state != CONN_OPEN)
		return false;
	progress |= account(c);
	if (work(c))
		return c->state == CONN_OPEN && read_ahead(c);
	if (exchange_want(c->exchange) == WANT_ORIGIN)
		conn_tell(c);
	if (exchange_want(c->exchange) == WANT_ORIGIN && origin_ready(c))
		progress |= talk_to_origin(c);
	settle(c);
	progress |= write_client(c);
	if (c->state != CONN_OPEN)
		return false;
	if (exchange_want(c->exchange) == WANT_CLOSE && !buf_len(exchange_to_client(c->exchange)))
		return say_goodbye(c);
	return progress || arm(c);
}
