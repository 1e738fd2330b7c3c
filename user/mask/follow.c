/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_threads.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 20	  /* for one anchor */
#define RULE_STEPS_MAX 64 /* for all anchors of an expression */
#define CLASSES_MAX 64

/* A step that exists already: where its threads stand. */
struct memo {
	uint16_t step;
	struct threads threads;
};

struct follow {
	struct graph graph;
	struct threads here; /* behind the anchor */
	unsigned memo_count;
	struct memo memos[RULE_STEPS_MAX];
};

struct follow *follow_new(const char *expression)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (f && follow_parse(&f->graph, expression) < 0)
		f->graph.start = NODE_ANY;
	return f;
}

void follow_free(struct follow *f)
{
	free(f);
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
	struct threads t = f->here;

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
	return n;
}

/* The step for these threads, a new one if there is none and still room. */
static uint16_t step_for(struct follow *f, struct guards *g, const struct threads *t, unsigned most)
{
	struct memo *m;

	if (t->any)
		return GUARD_MAYBE;
	if (!t->n)
		return GUARD_NEVER;
	for (unsigned i = 0; i < f->memo_count; i++)
		if (threads_same(&f->memos[i].threads, t))
			return f->memos[i].step;
	if (f->memo_count == most || g->count == GUARDS_MAX)
		return GUARD_MAYBE;
	m = &f->memos[f->memo_count++];
	m->step = (uint16_t)g->count++;
	m->threads = *t;
	return m->step;
}

static void fill_step(struct follow *f, struct guards *g, const struct memo *m, unsigned most)
{
	struct byte_set classes[CLASSES_MAX];
	unsigned n = find_classes(&f->graph, &m->threads, classes);
	struct guard *guard = &g->steps[m->step];

	for (unsigned i = 0; i < n; i++) {
		struct threads next = m->threads;
		uint16_t step;

		threads_step(&f->graph, &next, &classes[i]);
		step = step_for(f, g, &next, most);
		for (unsigned c = 0; c < 256; c++)
			if (byte_set_has(&classes[i], (uint8_t)c))
				guard->next[c] = step;
	}
}

uint16_t follow_guard(struct follow *f, struct guards *g)
{
	unsigned at = f->memo_count, most = at + STEPS_MAX;
	uint16_t first;

	if (g->count < GUARD_FIRST)
		g->count = GUARD_FIRST;
	most = most < RULE_STEPS_MAX ? most : RULE_STEPS_MAX;
	first = step_for(f, g, &f->here, most);
	for (; at < f->memo_count; at++)
		fill_step(f, g, &f->memos[at], most);
	return first;
}
