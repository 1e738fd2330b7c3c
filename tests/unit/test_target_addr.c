/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/target_addr.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static void address(uint8_t out[static 16], uint32_t n)
{
	memset(out, 0, 16);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, &n, sizeof(n));
}

Test(target_addr, what_was_added_is_there_and_nothing_else)
{
	struct target_addrs *t = target_addrs_new();
	uint8_t a[16], b[16];

	address(a, 1);
	address(b, 2);
	cr_expect_not(target_addrs_has(t, a));
	target_addrs_add(t, a);
	target_addrs_add(t, a);
	cr_expect(target_addrs_has(t, a));
	cr_expect_not(target_addrs_has(t, b));
	target_addrs_free(t);
}

Test(target_addr, the_longest_known_gives_way)
{
	struct target_addrs *t = target_addrs_new();
	uint8_t a[16];

	for (uint32_t n = 0; n < TARGET_ADDRS_MAX + 3; n++) {
		address(a, n);
		target_addrs_add(t, a);
	}
	for (uint32_t n = 0; n < TARGET_ADDRS_MAX + 3; n++) {
		address(a, n);
		cr_expect_eq(target_addrs_has(t, a), n >= 3, "%u", n);
	}
	target_addrs_free(t);
}

static void *add_many(void *arg)
{
	uint8_t a[16];

	for (uint32_t n = 0; n < 200; n++) {
		address(a, n);
		target_addrs_add(arg, a);
	}
	return NULL;
}

Test(target_addr, threads_add_each_once)
{
	struct target_addrs *t = target_addrs_new();
	pthread_t threads[4];
	uint8_t a[16];

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, add_many, t), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* Had any been added twice, this many more would push the first out. */
	for (uint32_t n = 1000; n < 1000 + TARGET_ADDRS_MAX - 200; n++) {
		address(a, n);
		target_addrs_add(t, a);
	}
	address(a, 0);
	cr_expect(target_addrs_has(t, a));
	target_addrs_free(t);
}

static void on_poll(uv_timer_t *timer)
{
	struct target_lookup **lookup = timer->data;
	static unsigned ticks;
	static const uint8_t lo4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	struct target_addrs *addrs = ((void **)timer->data)[1];

	if (!target_addrs_has(addrs, lo4) && ++ticks < 500)
		return;
	target_lookup_close(*lookup);
	uv_close((uv_handle_t *)timer, NULL);
}

Test(target_addr, names_are_looked_up, .timeout = 60)
{
	/* the first is no name at all: it is passed over */
	char *targets[] = {(char[300]){[0 ... 298] = 'a'}, "localhost"};
	struct config c = {.targets = targets, .target_count = 2};
	static const uint8_t lo4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	struct target_addrs *t = target_addrs_new();
	uv_loop_t loop;
	uv_timer_t poll;
	void *both[2];

	uv_loop_init(&loop);
	both[0] = target_lookup_new(&loop, &c, t);
	both[1] = t;
	uv_timer_init(&loop, &poll);
	poll.data = both;
	uv_timer_start(&poll, on_poll, 20, 20);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
	cr_expect(target_addrs_has(t, lo4));
	target_addrs_free(t);
}

Test(target_addr, closed_while_it_asks)
{
	char *targets[] = {"localhost"};
	struct config c = {.targets = targets, .target_count = 1};
	struct target_addrs *t = target_addrs_new();
	struct target_lookup *lookup;
	uv_loop_t loop;

	uv_loop_init(&loop);
	lookup = target_lookup_new(&loop, &c, t);
	cr_assert_not_null(lookup);
	uv_run(&loop, UV_RUN_NOWAIT);
	target_lookup_close(lookup);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
	target_addrs_free(t);
}
