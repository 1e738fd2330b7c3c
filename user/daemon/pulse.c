/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse.h"

/* Counted in ticks: time that passes while the monitor itself stands still is nobody's silence. */
static void on_tick(uv_timer_t *timer)
{
	struct pulse *p = timer->data;
	bool silent = false;

	for (unsigned i = 0; i < p->threads; i++)
		silent |= ++p->missed[i] > PULSE_MISSED;
	if (silent == p->silent)
		return;
	p->silent = silent;
	p->changed(p->arg, !silent);
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
}
