/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_threads.h"
#include "propose.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 300 /* for all anchors of an expression */
#define CLASSES_MAX 256
#define CUTS_KEPT 32 /* sets that a step remembers to have cut by */
#define SETS_THREADS_MAX 96
/* A step that is reached less often than this behind an anchor is not worth a table ... */
#define WORTH 0.004
/* ... but for a step with few threads, which is cheap to make ... */
#define FEW_THREADS 4
#define WORTH_FEW 1e-4
/* ... nor one that is reached less often than this the time to find out where it leads. */
#define WORTH_A_LOOK 1e-4

/* All bytes, sorted into classes. */
struct classes {
	unsigned n;
	struct byte_set list[CLASSES_MAX];
};

/* A step that exists already: where its threads stand. */
struct memo {
	bool filled;
	double weight; /* how often it is reached behind the anchor, about */
	struct threads threads;
};

struct follow {
	struct graph graph;
	struct guards *guards;
	struct guard *guard;	/* of the expression, in guards */
	struct classes classes; /* the same ones */
	struct threads here;	/* behind the anchor */
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
		/* So many ways begin with nearly anything. */
		if (t.n > SETS_THREADS_MAX)
			t.any = true;
		out[i] = threads_bytes(&f->graph, &t);
		threads_step(&f->graph, &t, &byte_set_all);
	}
}

/* Cut each class in two where the set does. */
static void split_classes(struct classes *c, const struct byte_set *set)
{
	for (unsigned i = 0, old = c->n; i < old && c->n < CLASSES_MAX; i++) {
		struct byte_set in = byte_set_meet(&c->list[i], set), out = *set;

		byte_set_turn(&out);
		out = byte_set_meet(&c->list[i], &out);
		if (byte_set_empty(&in) || byte_set_empty(&out))
			continue;
		c->list[i] = in;
		c->list[c->n++] = out;
	}
}

/* The same, unless one of the last sets was this one: many threads read the same bytes. */
struct cutter {
	struct classes *classes;
	unsigned n;
	struct byte_set done[CUTS_KEPT];
};

static void cut(struct cutter *c, const struct byte_set *set)
{
	for (unsigned i = 0; i < c->n && i < CUTS_KEPT; i++)
		if (!memcmp(&c->done[i], set, sizeof(*set)))
			return;
	c->done[c->n++ % CUTS_KEPT] = *set;
	split_classes(c->classes, set);
}

/* Bytes that no thread tells apart are of one class. */
static void find_classes(const struct graph *g, const struct threads *t, struct classes *c)
{
	struct cutter cutter = {.classes = c};

	c->n = 1;
	c->list[0] = byte_set_all;
	for (unsigned i = 0; i < t->n; i++) {
		cut(&cutter, &g->nodes[t->list[i].node].set);
		if (t->list[i].look != NO_NODE)
			cut(&cutter, &g->nodes[t->list[i].look].set);
	}
	for (unsigned i = 0; i < g->behinds.places; i++)
		if (byte_set_has(&g->behinds.starts, (uint8_t)i) ||
		    (i && byte_set_has(&t->behind, (uint8_t)(i - 1))))
			cut(&cutter, &g->behinds.bytes[i]);
}

/* Room for another step, at the end of all. */
static bool step_fits(const struct follow *f)
{
	return f->memo_count < STEPS_MAX &&
	       GUARD_CELLS_MAX - f->guards->cell_count >= f->guard->classes;
}

/* The step for these threads, a new one if there is none and it is worth it. */
static uint16_t step_for(struct follow *f, const struct threads *t, double weight)
{
	uint32_t hash;
	struct memo *m;

	if (t->any)
		return GUARD_MAYBE;
	if (!t->n)
		return GUARD_NEVER;
	hash = threads_hash(t);
	for (unsigned i = 0; i < f->memo_count; i++) {
		if (f->hashes[i] == hash && threads_same(&f->memos[i].threads, t)) {
			f->memos[i].weight += weight;
			return (uint16_t)(GUARD_FIRST + i);
		}
	}
	if (weight < (t->n <= FEW_THREADS ? WORTH_FEW : WORTH) || !step_fits(f))
		return GUARD_MAYBE;
	f->hashes[f->memo_count] = hash;
	m = &f->memos[f->memo_count++];
	m->filled = false;
	m->weight = weight;
	threads_copy(&m->threads, t);
	f->guards->cell_count += f->guard->classes;
	return (uint16_t)(GUARD_FIRST + f->memo_count - 1);
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

/* What these threads tell apart the expression does as well: a class of theirs is some of its. */
static void fill_class(struct follow *f, const struct memo *m, const struct byte_set *bytes,
		       uint16_t step)
{
	uint16_t *cells = f->guards->cells + f->guard->cells;

	cells += (size_t)(m - f->memos) * f->guard->classes;
	for (unsigned c = byte_set_next(bytes, 0); c < 256; c = byte_set_next(bytes, c + 1))
		cells[f->guard->class_of[c]] = step;
}

static void fill_step(struct follow *f, struct memo *m)
{
	struct classes classes;

	find_classes(&f->graph, &m->threads, &classes);
	m->filled = true;
	for (unsigned i = 0; i < classes.n; i++) {
		double weight = m->weight * often(&classes.list[i]);
		uint16_t step = GUARD_MAYBE;
		struct threads next;

		if (m->threads.n <= FEW_THREADS || weight >= WORTH_A_LOOK) {
			threads_copy(&next, &m->threads);
			threads_step(&f->graph, &next, &classes.list[i]);
			step = step_for(f, &next, weight);
		}
		fill_class(f, m, &classes.list[i], step);
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

uint16_t follow_guard(struct follow *f)
{
	return step_for(f, &f->here, 1);
}

void follow_fill(struct follow *f)
{
	struct memo *m;

	while ((m = next_unfilled(f)))
		fill_step(f, m);
}

#define RECENT_MAX 256

/* Was this set looked at not long ago? The same few come again and again. */
static bool is_recent(struct byte_set recent[static RECENT_MAX], const struct byte_set *set)
{
	uint64_t mixed = 0;
	struct byte_set *at;

	for (unsigned w = 0; w < 4; w++)
		mixed = (mixed ^ set->bits[w]) * 0x9e3779b97f4a7c15u;
	at = &recent[mixed >> 56];
	if (!memcmp(at, set, sizeof(*at)))
		return true;
	*at = *set;
	return false;
}

/* The classes of all that the expression says of bytes. */
static void find_all_classes(struct follow *f)
{
	struct byte_set recent[RECENT_MAX] = {0};
	const struct graph *g = &f->graph;
	struct guard *guard = f->guard;
	struct classes *classes = &f->classes;

	classes->n = 1;
	classes->list[0] = byte_set_all;
	for (unsigned i = NODE_FIRST; i < g->count; i++)
		if (g->nodes[i].is_byte && !is_recent(recent, &g->nodes[i].set))
			split_classes(classes, &g->nodes[i].set);
	for (unsigned i = 0; i < g->behinds.places; i++)
		split_classes(classes, &g->behinds.bytes[i]);
	guard->classes = (uint16_t)classes->n;
	for (unsigned k = 0; k < classes->n; k++)
		for (unsigned c = byte_set_next(&classes->list[k], 0); c < 256;
		     c = byte_set_next(&classes->list[k], c + 1))
			guard->class_of[c] = (uint8_t)k;
}

unsigned follow_read(struct follow *f, const char *expression, struct guards *g)
{
	unsigned rule = g->count++;

	f->memo_count = 0;
	f->guards = g;
	f->guard = &g->rules[rule];
	f->guard->cells = g->cell_count;
	if (follow_parse(&f->graph, expression) < 0)
		f->graph.start = NODE_ANY;
	find_all_classes(f);
	return rule;
}
