/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse.h"

static void judge(struct pulse *p)
{
	bool silent = false;

	for (unsigned i = 0; i < p->threads; i++)
		silent |= p->missed[i] > PULSE_MISSED;
	if (silent == p->silent)
		return;
	p->silent = silent;
	p->changed(p->arg, !silent);
}

/* Counted in ticks: time that passes while the monitor itself stands still is nobody's silence. */
static void on_tick(uv_timer_t *timer)
{
	struct pulse *p = timer->data;

	for (unsigned i = 0; i < p->threads; i++)
		p->missed[i]++;
	judge(p);
}

void pulse_init(struct pulse *p, uv_loop_t *loop, void (*changed)(void *arg, bool answers),
		void *arg)
{
	*p = (struct pulse){.changed = changed, .arg = arg};
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
}

void pulse_watch(struct pulse *p, unsigned threads)
{
	p->threads = threads;
	p->silent = false;
	memset(p->missed, 0, sizeof(p->missed));
	uv_timer_start(&p->timer, on_tick, PULSE_MS, PULSE_MS);
}

void pulse_stop(struct pulse *p)
{
	uv_timer_stop(&p->timer);
}

void pulse_heard(struct pulse *p, unsigned thread)
{
	p->missed[thread] = 0;
	judge(p);
}

static void on_told(void *arg, const struct priv_reply *reply)
{
	(void)arg, (void)reply;
}

static void on_beat(uv_timer_t *timer)
{
	struct priv_request alive = {.kind = PRIV_ALIVE};

	/* If it cannot be said, the monitor is gone, which is noticed elsewhere. */
	(void)privsep_call(timer->data, &alive, on_told, NULL);
}

void pulse_begin(uv_timer_t *timer, uv_loop_t *loop, struct privsep *privsep)
{
	uv_timer_init(loop, timer);
	timer->data = privsep;
	uv_timer_start(timer, on_beat, PULSE_MS, PULSE_MS);
}
