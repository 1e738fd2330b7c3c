/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/scope_use.h"

#include <criterion/criterion.h>
#include <pthread.h>

#define THREADS 4
#define ROUNDS 10000

static struct scope_uses *uses;
static struct vault_scope one, other;

Test(scope_use, each_scope_has_its_own_account)
{
	uses = scope_uses_new();
	struct scope_use *a = scope_use_of(uses, &one), *b = scope_use_of(uses, &other);

	cr_assert(a && b && a != b);
	cr_assert_eq(scope_use_of(uses, &one), a);
	cr_assert_eq(scope_use_change(a, 0, 100), 100u);
	cr_assert_eq(scope_use_change(a, 0, 50), 150u);
	cr_assert_eq(scope_use_change(b, 0, 7), 7u);
	cr_assert_eq(scope_use_change(a, 100, 20), 70u, "less than before");
	cr_assert_eq(scope_use_change(a, 70, 0), 0u);
	scope_uses_free(uses);
	scope_uses_free(NULL);
}

static void *come_and_go(void *arg)
{
	struct scope_use *s = scope_use_of(uses, arg);

	for (size_t i = 0; i < ROUNDS; i++) {
		scope_use_change(s, 0, i);
		scope_use_change(s, i, 0);
	}
	return s;
}

Test(scope_use, threads_share_one_account)
{
	pthread_t t[THREADS];
	void *seen[THREADS];

	uses = scope_uses_new();
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&t[i], NULL, come_and_go, &one) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], &seen[i]);
	for (int i = 1; i < THREADS; i++)
		cr_assert_eq(seen[i], seen[0]);
	cr_assert_eq(((struct scope_use *)seen[0])->bytes, 0u);
	scope_uses_free(uses);
}
