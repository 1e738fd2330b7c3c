/* SPDX-License-Identifier: Apache-2.0 */
#include "memos.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MEMO_SIZE ((size_t)8 << 20) /* some conversations' */
#define MEMOS_MAX 64
#define AGE_MS (30 * 60 * 1000) /* a conversation that rests for longer than twice that is cold */

struct place {
	atomic_bool taken;
	struct memo *memo;
	struct memo_stats told; /* what of it is in the counters */
};

struct memos {
	struct memo_source source; /* first */
	struct stats *stats;
	struct stats_gauges *gauges;
	uv_timer_t timer;
	size_t n;
	struct place places[];
};

static void count(struct memos *m, struct place *p)
{
	const struct memo_stats now = *memo_stats(p->memo);
	struct stats *s = m->stats;

	stat_add(&s->texts_recalled, now.recalled - p->told.recalled);
	stat_add(&s->bytes_recalled, now.recalled_bytes - p->told.recalled_bytes);
	stat_add(&s->texts_remembered, now.missed - p->told.missed);
	stat_add(&m->gauges->memo_bytes, (uint64_t)now.held - p->told.held);
	p->told = now;
}

static struct memo *take(struct memo_source *source, const void *owner)
{
	struct memos *m = (struct memos *)source; /* it is the first member */
	size_t home = (size_t)((uintptr_t)owner * 0x9e3779b97f4a7c15u >> 32) % m->n;

	for (size_t i = 0; i < m->n; i++) {
		struct place *p = &m->places[(home + i) % m->n];

		if (!atomic_exchange_explicit(&p->taken, true, memory_order_acquire))
			return p->memo;
	}
	return NULL;
}

static void done(struct memo_source *source, struct memo *memo)
{
	struct memos *m = (struct memos *)source;
	struct place *p = m->places;

	while (p->memo != memo)
		p++;
	count(m, p);
	atomic_store_explicit(&p->taken, false, memory_order_release);
}

struct memos *memos_new(size_t max, unsigned threads, struct stats *stats,
			struct stats_gauges *gauges)
{
	size_t n = max / MEMO_SIZE;
	struct memos *m;

	n = n > threads ? threads : n;
	n = n > MEMOS_MAX ? MEMOS_MAX : n ? n : 1;
	m = calloc(1, sizeof(*m) + n * sizeof(m->places[0]));
	if (!m)
		return NULL;
	m->source = (struct memo_source){.take = take, .done = done};
	m->stats = stats;
	m->gauges = gauges;
	for (m->n = 0; m->n < n; m->n++) {
		struct place *p = &m->places[m->n];
		struct fingerprint_key key;

		if (RAND_bytes((uint8_t *)&key, sizeof(key)) == 1)
			p->memo = memo_new(max / n, &key);
		OPENSSL_cleanse(&key, sizeof(key));
		if (!p->memo) {
			memos_free(m);
			return NULL;
		}
	}
	return m;
}

void memos_free(struct memos *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		memo_free(m->places[i].memo);
	free(m);
}

struct memo_source *memos_source(struct memos *m)
{
	return &m->source;
}

/* One that is taken is in use. */
void memos_age(struct memos *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct place *p = &m->places[i];

		if (atomic_exchange_explicit(&p->taken, true, memory_order_acquire))
			continue;
		memo_age(p->memo);
		count(m, p);
		atomic_store_explicit(&p->taken, false, memory_order_release);
	}
}

static void on_age(uv_timer_t *timer)
{
	memos_age(timer->data);
}

int memos_start(struct memos *m, uv_loop_t *loop)
{
	m->timer.data = m;
	return uv_timer_init(loop, &m->timer) < 0 ||
			       uv_timer_start(&m->timer, on_age, AGE_MS, AGE_MS) < 0
		       ? -1
		       : 0;
}

void memos_stop(struct memos *m)
{
	uv_close((uv_handle_t *)&m->timer, NULL);
}
