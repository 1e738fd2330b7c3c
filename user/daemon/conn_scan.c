/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has come of a request is scanned while the rest still comes, if nobody waits for a scan. Requests of which some size is
 * left then are scanned in turn. Most on the loop itself, one in each of its rounds, so that between two of them
 * everybody else is served; so are large ones, of which nearly all came before. Other large ones, one of each loop at
 * a time, on other threads: so neither the loop waits for them, nor does other work of these threads.
 */
#include "conn_private.h"

#define LOOP_MAX                                                                                   \
	(512 * 1024) /* some milliseconds' work: less than waking others costs is not saved by it */
#define RECALL_MAX (4 * 1024 * 1024) /* to find out that all of it came before is less */
#define AHEAD_MAX (64 * 1024)	     /* of a body that still comes, before others have their turn */

static void enqueue(struct conn **at, struct conn *c)
{
	while (*at && *at != c)
		at = &(*at)->next_scan;
	if (*at)
		return;
	*at = c;
	c->next_scan = NULL;
}

static void forget(struct conn **at, const struct conn *c)
{
	while (*at && *at != c)
		at = &(*at)->next_scan;
	if (*at)
		*at = c->next_scan;
}

/* ---- on the loop */

/* False: it takes too long. */
static bool scan_here(struct exchange *x)
{
	if (exchange_scan_size(x) > LOOP_MAX)
		return exchange_scan_known(x, LOOP_MAX);
	exchange_scan(x);
	return true;
}

static void on_turn(uv_idle_t *turn)
{
	struct worker_thread *t = turn->data;
	struct conn *c = t->to_scan;

	if (c)
		t->to_scan = c->next_scan;
	if (!t->to_scan)
		uv_idle_stop(turn);
	if (!c)
		return;
	if (!c->exchange || c->working || exchange_want(c->exchange) == WANT_CLIENT ||
	    scan_here(c->exchange))
		conn_pump(c);
	else
		conn_scan(c);
}

/* It may still stand in the other queue, where a request of before was waiting, and was refused. */
static void wait_here(struct conn *c)
{
	struct worker_thread *t = c->thread;

	forget(&t->to_scan_apart, c);
	enqueue(&t->to_scan, c);
	uv_idle_start(&t->turn, on_turn);
}

void conn_scan_ahead(struct conn *c)
{
	struct worker_thread *t = c->thread;

	if (t->to_scan || exchange_facts(c->exchange)->request_bytes > RECALL_MAX ||
	    !exchange_scan_ahead(c->exchange, AHEAD_MAX))
		return;
	wait_here(c);
}

/* ---- on other threads */

static void scan(uv_work_t *work)
{
	struct conn *c = work->data;

	exchange_scan(c->exchange);
}

static void after_scan(struct conn *c)
{
	conn_pump(c);
}

static void next_scan_apart(struct worker_thread *t)
{
	struct conn *c = t->to_scan_apart;

	if (t->scanning || !c)
		return;
	t->to_scan_apart = c->next_scan;
	t->scanning = c;
	conn_work(c, scan, after_scan);
	if (!c->working) /* it could not be, and is closed */
		conn_scan_over(c);
}

void conn_scan_over(struct conn *c)
{
	if (c->thread->scanning != c)
		return;
	c->thread->scanning = NULL;
	next_scan_apart(c->thread);
}

/* ---- both */

void conn_scan(struct conn *c)
{
	struct worker_thread *t = c->thread;

	if (exchange_scan_size(c->exchange) > RECALL_MAX) {
		forget(&t->to_scan, c);
		enqueue(&t->to_scan_apart, c);
		next_scan_apart(t);
	} else {
		wait_here(c);
	}
}

void conn_scan_forget(struct conn *c)
{
	forget(&c->thread->to_scan, c);
	forget(&c->thread->to_scan_apart, c);
}
