/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/pulse.h"

#include <criterion/criterion.h>

static int told; /* +1: it answers, -1: it is silent; the sum */
static unsigned times;

static void on_changed(void *arg, bool answers)
{
	cr_assert_eq(arg, (void *)&told);
	told += answers ? 1 : -1;
	times++;
}

/* So many ticks, of which the test makes the time. */
static void tick(struct pulse *p, unsigned n)
{
	while (n--)
		p->timer.timer_cb(&p->timer);
}

Test(pulse, a_thread_that_says_nothing_is_noticed_once_and_so_is_its_return)
{
	struct pulse p;
	uv_loop_t loop;

	uv_loop_init(&loop);
	pulse_init(&p, &loop, on_changed, &told);
	pulse_watch(&p, 2);
	for (int i = 0; i < 3 * PULSE_MISSED; i++) {
		pulse_heard(&p, 0);
		pulse_heard(&p, 1);
		tick(&p, 1);
	}
	cr_expect_eq(times, 0u);
	tick(&p, PULSE_MISSED - 1);
	pulse_heard(&p, 0);
	cr_expect_eq(times, 0u);
	tick(&p, 1);
	cr_expect_eq(told, -1, "one of two is enough");
	tick(&p, 1);
	cr_expect_eq(times, 1u);
	pulse_heard(&p, 1);
	cr_expect_eq(told, 0, "who is back is not waited for");
	cr_expect_eq(times, 2u);
	tick(&p, PULSE_MISSED);
	cr_expect_eq(told, -1);
	pulse_watch(&p, 1); /* another worker */
	tick(&p, 1);
	cr_expect_eq(times, 3u);
	pulse_stop(&p);
	cr_expect_not(uv_is_active((uv_handle_t *)&p.timer));
	uv_close((uv_handle_t *)&p.timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
}
