/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/scope_use.h"

#include <criterion/criterion.h>
#include <pthread.h>

#define THREADS 4
#define ROUNDS 10000

static const struct scope_limits limits = {
	.connections = 16, .scope_connections = 10, .memory = 1600, .scope_memory = 1000};
static struct scope_uses *uses;

static unsigned enter_all(uint64_t scope, struct scope_use **held, unsigned most)
{
	unsigned n;

	for (n = 0; n < most; n++) {
		held[n] = scope_use_enter(uses, scope);
		if (!held[n])
			break;
	}
	return n;
}

static void leave_all(struct scope_use **held, unsigned n)
{
	while (n)
		scope_use_leave(held[--n], 0);
}

Test(scope_use, one_scope_has_its_own_limit_and_all_together_theirs)
{
	struct scope_use *a[20], *b[20], *c[20];
	unsigned n, m, k;

	uses = scope_uses_new(&limits);
	n = enter_all(1, a, 20);
	cr_expect_eq(n, 10u, "the scope's own limit: %u", n);
	/* 12 of 16 are common to all; beyond them only who has less than an even share of these. */
	m = enter_all(2, b, 20);
	cr_expect_eq(m, 6u, "the sum: %u", m);
	leave_all(a, n);
	leave_all(b, m);
	n = enter_all(1, a, 9);
	m = enter_all(2, b, 20);
	cr_expect_eq(m, 6u, "beyond the common part up to an even share: %u", m);
	k = enter_all(3, c, 20);
	cr_expect_eq(k, 1u, "and a third still finds room: %u", k);
	leave_all(a, n);
	leave_all(b, m);
	leave_all(c, k);
	cr_expect_eq(enter_all(3, c, 20), 10u, "all room came back");
	leave_all(c, 10);
	scope_uses_free(uses);
}

Test(scope_use, memory_is_counted_over_the_scope_and_over_all)
{
	uses = scope_uses_new(&limits);
	struct scope_use *a = scope_use_enter(uses, 1), *again = scope_use_enter(uses, 1);
	struct scope_use *b = scope_use_enter(uses, 2);

	cr_assert(a && b);
	cr_expect_eq(a, again);
	cr_expect(scope_use_change(a, 0, 600));
	cr_expect(scope_use_change(again, 0, 400));
	cr_expect_not(scope_use_change(again, 400, 401), "one byte more than the scope's");
	cr_expect(scope_use_change(again, 401, 300), "less than before");
	cr_expect(scope_use_change(b, 0, 500), "beyond the common part, below an even share");
	cr_expect_not(scope_use_change(b, 500, 601), "above it");
	cr_expect_not(scope_use_change(a, 600, 601), "above it all along");
	cr_expect(scope_use_change(b, 601, 100));
	cr_expect(scope_use_change(a, 601, 700), "room again");
	scope_use_leave(again, 300);
	scope_use_leave(a, 700);
	scope_use_leave(b, 100);
	a = scope_use_enter(uses, 1);
	cr_expect(scope_use_change(a, 0, 1000), "nothing of what was held is left");
	scope_use_leave(a, 1000);
	scope_uses_free(uses);
	scope_uses_free(NULL);
}

static void *change(void *arg)
{
	for (size_t i = 1; i <= ROUNDS; i++) {
		struct scope_use *s = scope_use_enter(uses, *(uint64_t *)arg);

		cr_assert(s);
		scope_use_change(s, 0, i);
		scope_use_leave(s, i);
	}
	return NULL;
}

Test(scope_use, threads_share_the_accounts)
{
	pthread_t threads[THREADS];
	uint64_t scopes[THREADS] = {1, 2, 1, 2};
	static const struct scope_limits wide = {100, 100, 1000000, 1000000};
	struct scope_use *s;

	uses = scope_uses_new(&wide);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, change, &scopes[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	s = scope_use_enter(uses, 1);
	cr_expect(scope_use_change(s, 0, 1000000), "all that was held is given back");
	scope_use_leave(s, 1000000);
	scope_uses_free(uses);
}
