/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's memos: who gets one, and what is counted of it. */
#include "../../user/daemon/memos.h"

#include <criterion/criterion.h>
#include <pthread.h>

#define LARGE ((size_t)32 << 20)

static const char text[] = "The quick brown fox looks at the log again and finds nothing there.";
static struct stats stats;
static struct stats_gauges gauges;

static uint64_t count(_Atomic uint64_t *counter)
{
	return atomic_load(counter);
}

/* As a scan does: true when it was there. */
static bool recall_or_keep(struct memo *m, const void *owner)
{
	static const uint8_t state[1];
	const struct memo_bytes bytes = {(const uint8_t *)text, sizeof(text)};
	struct memo_key key = {.owner = owner, .state = {state, 1}, .ahead = bytes};
	struct memo_piece piece;
	bool there = memo_recall(m, &key, &piece);

	if (!there) {
		piece = (struct memo_piece){.bytes = bytes};
		memo_keep(m, &key, &piece);
	}
	return there;
}

Test(memos, one_for_each_that_scans)
{
	struct memos *m = memos_new(LARGE, 3, &stats, &gauges);
	struct memo_source *s = memos_source(m);
	struct memo *a = s->take(s, m), *b = s->take(s, m), *c = s->take(s, m);

	cr_assert(a && b && c && a != b && b != c && a != c);
	cr_expect_null(s->take(s, m));
	s->done(s, b);
	cr_expect_eq(s->take(s, &stats), b);
	s->done(s, a);
	s->done(s, b);
	s->done(s, c);
	cr_expect_eq(s->take(s, m), a, "a scope's own comes first");
	s->done(s, a);
	memos_free(m);
}

/* Little memory is not cut up. */
Test(memos, small)
{
	struct memos *m = memos_new(1 << 20, 8, &stats, &gauges);
	struct memo_source *s = memos_source(m);
	struct memo *a = s->take(s, m);

	cr_expect(a && !s->take(s, m));
	s->done(s, a);
	memos_free(m);
}

Test(memos, counts)
{
	struct memos *m = memos_new(LARGE, 2, &stats, &gauges);
	struct memo_source *s = memos_source(m);
	struct memo *a;

	for (int i = 0; i < 3; i++) {
		a = s->take(s, m);
		cr_expect_eq(recall_or_keep(a, m), i > 0);
		s->done(s, a);
	}
	cr_expect_eq(count(&stats.texts_recalled), 2u);
	cr_expect_eq(count(&stats.bytes_recalled), 2 * sizeof(text));
	cr_expect_eq(count(&stats.texts_remembered), 1u);
	cr_expect(count(&gauges.memo_bytes) > sizeof(text));
	memos_age(m);
	cr_expect(count(&gauges.memo_bytes) > 0);
	memos_age(m);
	cr_expect_eq(count(&gauges.memo_bytes), 0u);
	memos_free(m);
}

/* One that is in use is left alone. */
Test(memos, age_waits_for_nobody)
{
	struct memos *m = memos_new(LARGE, 1, &stats, &gauges);
	struct memo_source *s = memos_source(m);
	struct memo *a = s->take(s, m);

	recall_or_keep(a, m);
	memos_age(m);
	memos_age(m);
	cr_expect(recall_or_keep(a, m));
	s->done(s, a);
	memos_free(m);
}

static void *scan_often(void *arg)
{
	struct memo_source *s = arg;

	for (int i = 0; i < 20000; i++) {
		struct memo *m = s->take(s, i % 2 ? arg : &stats);

		if (!m)
			continue;
		recall_or_keep(m, i % 2 ? arg : &stats);
		s->done(s, m);
	}
	return NULL;
}

Test(memos, of_many_threads)
{
	struct memos *m = memos_new(LARGE, 2, &stats, &gauges);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, scan_often, memos_source(m)), 0);
	for (int i = 0; i < 1000; i++)
		memos_age(m);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect(count(&stats.texts_recalled) > 10000);
	memos_free(m);
}
