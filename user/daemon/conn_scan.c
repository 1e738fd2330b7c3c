/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large requests are scanned on other threads, one of each loop at a time: so neither the loop's other
 * connections wait for them, nor does other work of these threads.
 */
#include "conn_private.h"

static void scan(uv_work_t *work)
{
	struct conn *c = work->data;

	exchange_scan(c->exchange);
}

static void after_scan(struct conn *c)
{
	conn_pump(c);
}

static void next_scan(struct worker_thread *t)
{
	struct conn *c = t->to_scan;

	if (t->scanning || !c)
		return;
	t->to_scan = c->next_scan;
	t->scanning = c;
	conn_work(c, scan, after_scan);
	if (!c->working) /* it could not be, and is closed */
		conn_scan_over(c);
}

void conn_scan(struct conn *c)
{
	struct conn **at = &c->thread->to_scan;

	while (*at && *at != c)
		at = &(*at)->next_scan;
	if (*at)
		return;
	*at = c;
	c->next_scan = NULL;
	next_scan(c->thread);
}

void conn_scan_forget(struct conn *c)
{
	struct conn **at = &c->thread->to_scan;

	while (*at && *at != c)
		at = &(*at)->next_scan;
	if (*at)
		*at = c->next_scan;
}

void conn_scan_over(struct conn *c)
{
	if (c->thread->scanning != c)
		return;
	c->thread->scanning = NULL;
	next_scan(c->thread);
}
