/* SPDX-License-Identifier: Apache-2.0 */
/* Idle connections to origins: kept, given out again, let go. */
#include "origin_private.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_MS 55000 /* below the minute after which front ends commonly drop idle connections */
#define IDLE_MAX 64   /* per thread */

struct origin_pool *origin_pool_new(uv_loop_t *loop, const struct tls *t, struct privsep *privsep,
				    struct own_hellos *hellos, struct stats_gauges *gauges)
{
	struct origin_pool *p = calloc(1, sizeof(*p));

	if (p) {
		p->loop = loop;
		p->tls = t;
		p->privsep = privsep;
		p->hellos = hellos;
		p->gauges = gauges;
	}
	return p;
}

void origin_pool_release(struct origin_pool *p)
{
	if (!p->closing || p->open_count)
		return;
	tls_sessions_free(&p->sessions);
	free(p);
}

bool origin_address_known(const struct origin_place *place)
{
	static const uint8_t none[16];

	return memcmp(place->addr, none, sizeof(none)) != 0;
}

static bool same_place(const struct origin_place *a, const struct origin_place *b)
{
	return a->netns == b->netns && a->port == b->port && a->tls == b->tls &&
	       strcmp(a->host, b->host) == 0 &&
	       (!origin_address_known(b) || memcmp(a->addr, b->addr, sizeof(a->addr)) == 0);
}

static void unlink_idle(struct origin *o)
{
	struct origin **at = &o->pool->idle;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	o->idle_until = 0;
	o->pool->idle_count--;
	stat_sub(&o->pool->gauges->origins_idle, 1);
}

static void drop_idle(struct origin *o)
{
	unlink_idle(o);
	origin_destroy(o);
}

/* Anything but silence from an idle origin ends it: a close, or bytes that nobody asked for, which
 * would be taken for the next request's answer. */
static bool still_silent(struct origin *o)
{
	uint8_t byte;

	if (stream_is_silent(&o->stream))
		return true;
	stream_doubt(&o->stream);
	return stream_read(&o->stream, &byte, 1) == STREAM_AGAIN;
}

static void on_idle_event(void *arg)
{
	if (!still_silent(arg))
		drop_idle(arg);
}

static struct origin *take_idle(struct origin_pool *p, const struct origin_place *place)
{
	struct origin *next;

	for (struct origin *o = p->idle; o; o = next) {
		next = o->next;
		if (!same_place(&o->place, place))
			continue;
		if (!still_silent(o)) {
			drop_idle(o);
			continue;
		}
		unlink_idle(o);
		o->pooled = true;
		stream_want(&o->stream, false, false);
		return o;
	}
	return NULL;
}

struct origin *origin_get(struct origin_pool *p, const struct origin_place *place, bool fresh,
			  void (*on_event)(void *arg), void *arg)
{
	struct origin *o = NULL;

	if (!fresh && !place->connect_head)
		o = take_idle(p, place);
	if (!o)
		o = origin_new(p, place);
	if (!o)
		return NULL;
	o->on_event = on_event;
	o->arg = arg;
	if (o->has_stream)
		stream_owner(&o->stream, origin_notify, o);
	return o;
}

static void on_idle_timeout(uv_timer_t *timer)
{
	struct origin *o = timer->data;
	uint64_t now = uv_now(timer->loop);

	if (!o->idle_until)
		return;
	if (now < o->idle_until)
		uv_timer_start(timer, on_idle_timeout, o->idle_until - now, 0);
	else
		drop_idle(o);
}

void origin_put(struct origin *o, bool reusable)
{
	struct origin_pool *p = o->pool;

	o->on_event = NULL;
	if (!reusable || o->state != ORIGIN_READY || o->place.connect_head || p->closing ||
	    p->idle_count >= IDLE_MAX) {
		origin_destroy(o);
		return;
	}
	o->next = p->idle;
	p->idle = o;
	p->idle_count++;
	stat_add(&p->gauges->origins_idle, 1);
	stream_owner(&o->stream, on_idle_event, o);
	stream_want(&o->stream, true, false);
	o->idle_until = uv_now(p->loop) + IDLE_MS;
	/* One that was wound when it was last idle rings too soon, and is wound again then. */
	if (!uv_is_active((uv_handle_t *)&o->timer))
		uv_timer_start(&o->timer, on_idle_timeout, IDLE_MS, 0);
}

void origin_pool_leave(struct origin_pool *p, uint64_t netns)
{
	struct origin *next;

	for (struct origin *o = p->idle; o; o = next) {
		next = o->next;
		if (o->place.netns == netns)
			drop_idle(o);
	}
	origin_spares_drop(p, netns);
}

void origin_pool_close(struct origin_pool *p)
{
	if (!p)
		return;
	p->closing = true;
	origin_spares_drop(p, 0);
	while (p->idle)
		drop_idle(p->idle);
	origin_pool_release(p);
}
