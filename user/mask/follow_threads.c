/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_threads.h"

#include <stdlib.h>
#include <string.h>

#define VISITS_MAX 4096
#define NEEDS_MAX 32 /* ways to a node that differ in what must precede */

/* Where one can be without reading a byte. */
struct reach {
	unsigned n;
	bool any;
	struct way list[THREADS_MAX];
};

/* A step of a walk; `before`: the one before it at the same node, + 1. */
struct visit {
	struct way at;
	uint16_t before;
};

static void reach_add(struct reach *r, const struct way *w)
{
	if (r->n == THREADS_MAX)
		r->any = true;
	else
		r->list[r->n++] = *w;
}

/*
 * Has the walk been here under no more conditions? Where it was under others, an assertion is left
 * out, and of what must precede what they do not share, if there are many.
 */
static bool was_here(struct graph *g, const struct visit *visits, struct way *w)
{
	uint16_t last = g->seen[w->to.node] == g->round ? g->last_seen[w->to.node] : 0;
	uint32_t shared = w->need;
	unsigned n = 0;

	for (uint16_t v = last; v; v = visits[v - 1].before, n++) {
		const struct way *was = &visits[v - 1].at;

		if (was->to.look != w->to.look && was->to.look != NO_NODE)
			w->to.look = NO_NODE;
		shared &= was->need;
	}
	if (n >= NEEDS_MAX)
		w->need = shared;
	for (uint16_t v = last; v; v = visits[v - 1].before) {
		const struct way *was = &visits[v - 1].at;

		if ((was->to.look == w->to.look || was->to.look == NO_NODE) &&
		    !(was->need & ~w->need))
			return true;
	}
	return false;
}

static void note_visit(struct graph *g, struct visit *visits, unsigned n, const struct way *w)
{
	uint16_t node = w->to.node;

	visits[n] = (struct visit){*w, g->seen[node] == g->round ? g->last_seen[node] : 0};
	g->seen[node] = g->round;
	g->last_seen[node] = (uint16_t)(n + 1);
}

/*
 * The nodes that read a byte from `node` on. Each comes with the start of an assertion that was
 * passed on the way: of several, the last; and with all that must precede.
 */
static void reach_find(struct graph *g, uint16_t node, struct reach *r)
{
	struct way stack[THREADS_MAX * 2 + 2];
	struct visit visits[VISITS_MAX];
	unsigned n = 0, n_visits = 0;

	r->n = 0;
	r->any = false;
	g->round++;
	stack[n++] = (struct way){{node, NO_NODE}, 0};
	while (n && !r->any) {
		struct way w = stack[--n];
		const struct node *now = &g->nodes[w.to.node];

		if (now->behind)
			w.need |= 1u << (now->behind - 1);
		if (now->look != NO_NODE)
			w.to.look = now->look;
		if (was_here(g, visits, &w))
			continue;
		if (n_visits == VISITS_MAX || n > THREADS_MAX * 2 - 2) {
			r->any = true;
			break;
		}
		note_visit(g, visits, n_visits++, &w);
		if (now->is_byte || w.to.node < NODE_FIRST)
			reach_add(r, &w);
		for (unsigned i = 0; i < 2 && !now->is_byte; i++)
			if (now->out[i] != NO_NODE)
				stack[n++] = (struct way){{now->out[i], w.to.look}, w.need};
	}
}

static int way_compare(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	return x->to.node < y->to.node ? -1 : x->to.node > y->to.node;
}

/* The same, remembered as long as there is room: the same nodes are asked for again and again. */
static const struct way *reach_from(struct graph *g, uint16_t node, struct reach *r)
{
	struct known_reach *known = &g->reach[node];

	if (known->found) {
		r->any = known->any;
		r->n = known->n;
		return g->ways + known->first;
	}
	reach_find(g, node, r);
	qsort(r->list, r->n, sizeof(r->list[0]), way_compare);
	if (r->n > GRAPH_WAYS_MAX - g->ways_count)
		return r->list;
	*known = (struct known_reach){true, r->any, (uint16_t)r->n, g->ways_count};
	memcpy(g->ways + g->ways_count, r->list, r->n * sizeof(r->list[0]));
	g->ways_count += r->n;
	return r->list;
}

static uint32_t thread_key(const struct thread *t)
{
	return (uint32_t)t->node << 16 | t->look;
}

static void threads_add(struct threads *t, uint16_t node, uint16_t look)
{
	uint32_t key = (uint32_t)node << 16 | look;
	unsigned at = 0, end = t->n;

	/* They mostly come in order. */
	if (end && thread_key(&t->list[end - 1]) < key)
		at = end;
	while (at < end) {
		unsigned middle = (at + end) / 2;

		if (thread_key(&t->list[middle]) < key)
			at = middle + 1;
		else
			end = middle;
	}
	if (at < t->n && thread_key(&t->list[at]) == key)
		return;
	if (t->n == THREADS_MAX) {
		t->any = true;
		return;
	}
	memmove(&t->list[at + 1], &t->list[at], (t->n - at) * sizeof(t->list[0]));
	t->list[at] = (struct thread){node, look};
	t->n++;
}

static const struct byte_set *node_set(const struct graph *g, uint16_t node)
{
	return &g->sets[g->nodes[node].set];
}

/* One thread for each way that the assertion begins with; none is needed where nothing is asked. */
static void threads_add_look(struct graph *g, struct threads *t, uint16_t node, uint16_t look,
			     uint32_t holds)
{
	const struct way *ways;
	struct reach r;
	bool any = look == NO_NODE;

	if (look != NO_NODE) {
		ways = reach_from(g, look, &r);
		any = r.any;
		for (unsigned i = 0; i < r.n && !any; i++)
			any = ways[i].to.node < NODE_FIRST && !(ways[i].need & ~holds);
		for (unsigned i = 0; i < r.n && !any; i++)
			if (!(ways[i].need & ~holds) &&
			    byte_sets_meet(node_set(g, node), node_set(g, ways[i].to.node)))
				threads_add(t, node, ways[i].to.node);
	}
	if (any && node < NODE_FIRST)
		t->any = true;
	else if (any)
		threads_add(t, node, NO_NODE);
}

/* Go on at `node`; an assertion that is not over yet goes on at `look`, and is kept alone. */
static void threads_go(struct graph *g, struct threads *t, uint16_t node, uint16_t look,
		       uint32_t holds)
{
	struct reach r;
	const struct way *ways = reach_from(g, node, &r);

	t->any |= r.any;
	for (unsigned i = 0; i < r.n && !t->any; i++) {
		const struct thread *to = &ways[i].to;

		if (!(ways[i].need & ~holds))
			threads_add_look(g, t, to->node, look == NO_NODE ? to->look : look, holds);
	}
}

void threads_begin_behind(struct graph *g, struct threads *t, const struct byte_set *behind)
{
	t->n = 0;
	t->any = false;
	t->behind = *behind;
	threads_go(g, t, g->start, NO_NODE, behind_holds(&g->behinds, behind));
}

void threads_begin(struct graph *g, struct threads *t, bool within)
{
	struct byte_set any = behind_any(&g->behinds);

	if (!within || g->start == NODE_ANY) {
		threads_begin_behind(g, t, &any);
		return;
	}
	t->n = 0;
	t->behind = any;
	t->any = g->cut;
	for (uint16_t at = g->anchors; at < g->count && !t->any; at++)
		if (g->nodes[at].is_byte && !g->nodes[at].ahead)
			threads_add(t, at, NO_NODE);
}

/* Does the thread read one of these? */
static bool thread_reads(const struct graph *g, const struct thread *t, const struct byte_set *set)
{
	struct byte_set in = byte_set_meet(node_set(g, t->node), set);

	return t->look == NO_NODE ? !byte_set_empty(&in)
				  : byte_sets_meet(&in, node_set(g, t->look));
}

void threads_step(struct graph *g, const struct threads *from, const struct byte_set *set,
		  struct threads *to)
{
	uint32_t holds;

	to->n = 0;
	to->any = from->any;
	to->behind = from->behind;
	behind_step(&g->behinds, &to->behind, set);
	holds = behind_holds(&g->behinds, &to->behind);
	g->gone++;
	for (unsigned i = 0; i < from->n && !to->any; i++) {
		const struct thread *now = &from->list[i];
		uint16_t next = g->nodes[now->node].out[0], look = NO_NODE;

		if (!thread_reads(g, now, set))
			continue;
		if (now->look != NO_NODE)
			look = g->nodes[now->look].out[0];
		else if (g->gone_to[next] == g->gone)
			continue;
		else
			g->gone_to[next] = g->gone;
		threads_go(g, to, next, look, holds);
	}
}

void threads_copy(struct threads *to, const struct threads *from)
{
	to->n = from->n;
	to->any = from->any;
	to->behind = from->behind;
	memcpy(to->list, from->list, from->n * sizeof(from->list[0]));
}

struct byte_set threads_bytes(const struct graph *g, const struct threads *t)
{
	struct byte_set set = {0};

	if (t->any)
		return byte_set_all;
	for (unsigned i = 0; i < t->n; i++) {
		struct byte_set in = *node_set(g, t->list[i].node);

		if (t->list[i].look != NO_NODE)
			in = byte_set_meet(&in, node_set(g, t->list[i].look));
		byte_set_join(&set, &in);
	}
	return set;
}

uint32_t threads_hash(const struct threads *t)
{
	uint32_t hash = t->n;

	for (unsigned i = 0; i < t->n; i++)
		hash = (hash ^ thread_key(&t->list[i])) * 0x9e3779b1u;
	return hash;
}

bool threads_same(const struct threads *a, const struct threads *b)
{
	return a->n == b->n && a->any == b->any &&
	       !memcmp(&a->behind, &b->behind, sizeof(a->behind)) &&
	       !memcmp(a->list, b->list, a->n * sizeof(a->list[0]));
}
