/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_threads.h"
#include "propose.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 300 /* for all anchors of an expression */
#define CLASSES_MAX 256
/* A step that is reached less often than this behind an anchor is not worth a table ... */
#define WORTH 0.001
/* ... but for a step with few threads, which is cheap to make ... */
#define FEW_THREADS 2
#define WORTH_FEW 0
/* ... nor one that is reached less often than this the time to find out where it leads. */
#define WORTH_A_LOOK 0.00001

/* A step that exists already: where its threads stand. */
struct memo {
	uint16_t step;
	bool filled;
	double weight; /* how often it is reached behind the anchor, about */
	struct threads threads;
};

struct follow {
	struct graph graph;
	struct threads here; /* behind the anchor */
	unsigned memo_count;
	uint32_t hashes[STEPS_MAX]; /* of the threads of each */
	struct memo memos[STEPS_MAX];
};

struct follow *follow_new(void)
{
	return calloc(1, sizeof(struct follow));
}

void follow_free(struct follow *f)
{
	free(f);
}

void follow_read(struct follow *f, const char *expression)
{
	f->memo_count = 0;
	if (follow_parse(&f->graph, expression) < 0)
		f->graph.start = NODE_ANY;
}

void follow_anchor(struct follow *f, const char *anchor, size_t len, bool fold, bool within)
{
	threads_begin(&f->graph, &f->here, within);
	for (size_t i = 0; i < len; i++) {
		struct byte_set set = {0};

		byte_set_add(&set, (uint8_t)anchor[i]);
		if (fold)
			byte_set_fold(&set);
		threads_step(&f->graph, &f->here, &set);
	}
	/* An anchor that is not in the expression: it is for those who wrote it to say why. */
	if (!f->here.n)
		f->here.any = true;
}

void follow_sets(struct follow *f, struct byte_set out[static FOLLOW])
{
	struct threads t;

	threads_copy(&t, &f->here);
	for (size_t i = 0; i < FOLLOW; i++) {
		out[i] = threads_bytes(&f->graph, &t);
		threads_step(&f->graph, &t, &byte_set_all);
	}
}

/* Cut each class in two where the set does. */
static unsigned split_classes(struct byte_set classes[static CLASSES_MAX], unsigned n,
			      const struct byte_set *set)
{
	for (unsigned i = 0, old = n; i < old && n < CLASSES_MAX; i++) {
		struct byte_set in = byte_set_meet(&classes[i], set), out = *set;

		byte_set_turn(&out);
		out = byte_set_meet(&classes[i], &out);
		if (byte_set_empty(&in) || byte_set_empty(&out))
			continue;
		classes[i] = in;
		classes[n++] = out;
	}
	return n;
}

/* Bytes that no thread tells apart are of one class. With too many classes some are mixed: then
 * they are taken together, which says too much and not too little. */
static unsigned find_classes(const struct graph *g, const struct threads *t,
			     struct byte_set classes[static CLASSES_MAX])
{
	unsigned n = 1;

	classes[0] = byte_set_all;
	for (unsigned i = 0; i < t->n; i++) {
		n = split_classes(classes, n, &g->nodes[t->list[i].node].set);
		if (t->list[i].look != NO_NODE)
			n = split_classes(classes, n, &g->nodes[t->list[i].look].set);
	}
	for (unsigned i = 0; i < g->behinds.places; i++)
		if (byte_set_has(&g->behinds.starts, (uint8_t)i) ||
		    byte_set_has(&t->behind, (uint8_t)(i - 1)))
			n = split_classes(classes, n, &g->behinds.bytes[i]);
	return n;
}

/* The step for these threads, a new one if there is none and it is worth it. */
static uint16_t step_for(struct follow *f, struct guards *g, const struct threads *t, double weight)
{
	uint32_t hash;
	struct memo *m;

	if (t->any)
		return GUARD_MAYBE;
	if (!t->n)
		return GUARD_NEVER;
	hash = threads_hash(t);
	for (unsigned i = 0; i < f->memo_count; i++) {
		m = &f->memos[i];
		if (f->hashes[i] == hash && threads_same(&m->threads, t)) {
			m->weight += weight;
			return m->step;
		}
	}
	if (weight < (t->n <= FEW_THREADS ? WORTH_FEW : WORTH) || f->memo_count == STEPS_MAX ||
	    g->count == GUARDS_MAX)
		return GUARD_MAYBE;
	f->hashes[f->memo_count] = hash;
	m = &f->memos[f->memo_count++];
	m->step = (uint16_t)g->count++;
	m->filled = false;
	m->weight = weight;
	threads_copy(&m->threads, t);
	return m->step;
}

/* How often one of these bytes goes on what matched so far: bytes of a kind come together. */
static double often(const struct byte_set *s)
{
	double share = bytes_share(s), digits = 0;

	for (uint8_t c = '0'; c <= '9'; c++)
		digits += byte_set_has(s, c) ? 0.06 : 0;
	share = digits > share ? digits : share;
	return share < 1 ? share : 1;
}

static void fill_step(struct follow *f, struct guards *g, struct memo *m)
{
	struct byte_set classes[CLASSES_MAX];
	unsigned n = find_classes(&f->graph, &m->threads, classes);
	struct guard *guard = &g->steps[m->step];

	m->filled = true;
	for (unsigned i = 0; i < n; i++) {
		double weight = m->weight * often(&classes[i]);
		uint16_t step = GUARD_MAYBE;
		struct threads next;

		if (weight >= (m->threads.n <= FEW_THREADS ? 0 : WORTH_A_LOOK)) {
			threads_copy(&next, &m->threads);
			threads_step(&f->graph, &next, &classes[i]);
			step = step_for(f, g, &next, weight);
		}
		for (unsigned c = byte_set_next(&classes[i], 0); c < 256;
		     c = byte_set_next(&classes[i], c + 1))
			guard->next[c] = step;
	}
}

/* The step that is reached most often of those whose table is not filled. */
static struct memo *next_unfilled(struct follow *f)
{
	struct memo *best = NULL;

	for (unsigned i = 0; i < f->memo_count; i++) {
		struct memo *m = &f->memos[i];

		if (!m->filled && (!best || m->weight > best->weight))
			best = m;
	}
	return best;
}

uint16_t follow_guard(struct follow *f, struct guards *g)
{
	if (g->count < GUARD_FIRST)
		g->count = GUARD_FIRST;
	return step_for(f, g, &f->here, 1);
}

void follow_fill(struct follow *f, struct guards *g)
{
	struct memo *m;

	while ((m = next_unfilled(f)))
		fill_step(f, g, m);
}
