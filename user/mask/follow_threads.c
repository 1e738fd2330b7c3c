/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_threads.h"

#include <string.h>

/* Where one can be without reading a byte. */
struct reach {
	unsigned n;
	bool any;
	struct thread list[THREADS_MAX];
};

static bool reach_add(struct reach *r, uint16_t node, uint16_t look)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->list[i].node == node && r->list[i].look == look)
			return true;
	if (r->n == THREADS_MAX) {
		r->any = true;
		return false;
	}
	r->list[r->n++] = (struct thread){node, look};
	return true;
}

/*
 * The nodes that read a byte from `node` on. Each comes with the start of an assertion that was
 * passed on the way: of several, the last.
 */
static void reach_find(struct graph *g, uint16_t node, struct reach *r)
{
	struct thread stack[THREADS_MAX * 2 + 2];
	unsigned n = 0;

	*r = (struct reach){0};
	g->round++;
	stack[n++] = (struct thread){node, NO_NODE};
	while (n && !r->any) {
		struct thread t = stack[--n];
		const struct node *now = &g->nodes[t.node];

		if (t.node == NODE_ANY || t.node == NODE_MATCH)
			r->any = true;
		if (now->look != NO_NODE)
			t.look = now->look;
		/* By another way, and perhaps under another condition: it is left out. */
		if (g->seen[t.node] == g->round) {
			if (g->seen_look[t.node] == t.look || g->seen_look[t.node] == NO_NODE)
				continue;
			t.look = NO_NODE;
		}
		g->seen[t.node] = g->round;
		g->seen_look[t.node] = t.look;
		if (now->is_byte) {
			reach_add(r, t.node, t.look);
			continue;
		}
		for (unsigned i = 0; i < 2; i++)
			if (now->out[i] != NO_NODE)
				stack[n++] = (struct thread){now->out[i], t.look};
		if (n > THREADS_MAX * 2)
			r->any = true;
	}
}

/* The same, remembered as long as there is room: the same nodes are asked for again and again. */
static void reach_from(struct graph *g, uint16_t node, struct reach *r)
{
	struct known_reach *known = &g->reach[node];

	if (!known->found) {
		reach_find(g, node, r);
		if (r->n > GRAPH_WAYS_MAX - g->ways_count)
			return;
		*known = (struct known_reach){true, r->any, (uint16_t)r->n, g->ways_count};
		memcpy(g->ways + g->ways_count, r->list, r->n * sizeof(r->list[0]));
		g->ways_count += r->n;
		return;
	}
	r->any = known->any;
	r->n = known->n;
	memcpy(r->list, g->ways + known->first, r->n * sizeof(r->list[0]));
}

static uint32_t thread_key(const struct thread *t)
{
	return (uint32_t)t->node << 16 | t->look;
}

static void threads_add(struct threads *t, uint16_t node, uint16_t look)
{
	uint32_t key = (uint32_t)node << 16 | look;
	unsigned at = 0, end = t->n;

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

/* One thread for each way that the assertion begins with. */
static void threads_add_look(struct graph *g, struct threads *t, uint16_t node, uint16_t look)
{
	struct reach ways;

	if (look == NO_NODE) {
		threads_add(t, node, NO_NODE);
		return;
	}
	reach_from(g, look, &ways);
	if (ways.any)
		threads_add(t, node, NO_NODE);
	for (unsigned i = 0; i < ways.n && !ways.any; i++)
		threads_add(t, node, ways.list[i].node);
}

/* Go on at `node`; an assertion that is not over yet goes on at `look`, and is kept alone. */
static void threads_go(struct graph *g, struct threads *t, uint16_t node, uint16_t look)
{
	struct reach ways;

	reach_from(g, node, &ways);
	t->any |= ways.any;
	for (unsigned i = 0; i < ways.n && !t->any; i++)
		threads_add_look(g, t, ways.list[i].node,
				 look == NO_NODE ? ways.list[i].look : look);
}

void threads_begin(struct graph *g, struct threads *t, bool within)
{
	*t = (struct threads){0};
	if (!within || g->start == NODE_ANY) {
		threads_go(g, t, g->start, NO_NODE);
		return;
	}
	t->any = g->cut;
	for (uint16_t at = NODE_FIRST; at < g->count && !t->any; at++)
		if (g->nodes[at].is_byte)
			threads_add(t, at, NO_NODE);
}

void threads_step(struct graph *g, struct threads *t, const struct byte_set *set)
{
	struct threads next = {.any = t->any};

	for (unsigned i = 0; i < t->n && !next.any; i++) {
		struct thread now = t->list[i];
		struct byte_set in = byte_set_meet(&g->nodes[now.node].set, set);

		if (now.look != NO_NODE)
			in = byte_set_meet(&in, &g->nodes[now.look].set);
		if (!byte_set_empty(&in))
			threads_go(g, &next, g->nodes[now.node].out[0],
				   now.look == NO_NODE ? NO_NODE : g->nodes[now.look].out[0]);
	}
	*t = next;
}

struct byte_set threads_bytes(const struct graph *g, const struct threads *t)
{
	struct byte_set set = {0};

	if (t->any)
		return byte_set_all;
	for (unsigned i = 0; i < t->n; i++) {
		struct byte_set in = g->nodes[t->list[i].node].set;

		if (t->list[i].look != NO_NODE)
			in = byte_set_meet(&in, &g->nodes[t->list[i].look].set);
		byte_set_join(&set, &in);
	}
	return set;
}

bool threads_same(const struct threads *a, const struct threads *b)
{
	return a->n == b->n && a->any == b->any &&
	       !memcmp(a->list, b->list, a->n * sizeof(a->list[0]));
}
