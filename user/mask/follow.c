/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_threads.h"
#include "propose.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 300 /* for all anchors of an expression */
#define CLASSES_MAX 256
#define HASHED 512 /* steps are looked for by so many hashes of their threads */
#define SETS_THREADS_MAX 96
/* A step that is reached less often than this behind an anchor is not worth a table ... */
#define WORTH 0.004
/* ... but for a step with few threads, which is cheap to make ... */
#define FEW_THREADS 4
#define WORTH_FEW 1e-4
/* ... nor one that is reached less often than this the time to find out where it leads. */
#define WORTH_A_LOOK 1e-4

/* All bytes sorted into classes, or all of these into fewer. */
struct classes {
	unsigned n;
	struct byte_set list[CLASSES_MAX];
};

/* A step that exists already: where its threads stand. */
struct memo {
	bool filled;
	uint32_t hash; /* of the threads */
	uint16_t next; /* with a hash like this one: its number + 1 */
	double weight; /* how often it is reached behind the anchor, about */
	struct threads threads;
};

struct follow {
	struct graph graph;
	struct guards *guards;
	struct guard *guard;	       /* of the expression, in guards */
	struct classes classes;	       /* of all bytes, for the whole of the expression */
	uint32_t weights[CLASSES_MAX]; /* of each: how often its bytes stand in a text ... */
	uint8_t digits[CLASSES_MAX];   /* ... and how many of them are digits */
	struct threads here;	       /* behind the anchor */
	unsigned memo_count;
	uint16_t hashed[HASHED]; /* the last memo with such a hash: its number + 1 */
	struct memo memos[STEPS_MAX];
};

int guards_reserve(struct guards *g)
{
	uint16_t *room;

	if (g->room)
		return 0;
	room = calloc(GUARD_CELLS_MAX, sizeof(*room));
	if (!room)
		return -1;
	if (g->cell_count)
		memcpy(room, g->cells, g->cell_count * sizeof(*room));
	g->cells = g->room = room;
	return 0;
}

void guards_free(struct guards *g)
{
	free(g->room);
}

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
	struct threads next;

	threads_begin(&f->graph, &f->here, within);
	for (size_t i = 0; i < len; i++) {
		struct byte_set bytes = {0}, set = {0};

		byte_set_add(&bytes, (uint8_t)anchor[i]);
		if (fold)
			byte_set_fold(&bytes);
		for (unsigned c = byte_set_next(&bytes, 0); c < 256;
		     c = byte_set_next(&bytes, c + 1))
			byte_set_add(&set, f->guard->class_of[c]);
		threads_step(&f->graph, &f->here, &set, &next);
		threads_copy(&f->here, &next);
	}
	/* An anchor that is not in the expression: it is for those who wrote it to say why. */
	if (!f->here.n)
		f->here.any = true;
}

/* The bytes of these classes. */
static struct byte_set bytes_of(const struct follow *f, const struct byte_set *set)
{
	struct byte_set bytes = {0};

	for (unsigned c = byte_set_next(set, 0); c < f->classes.n; c = byte_set_next(set, c + 1))
		byte_set_join(&bytes, &f->classes.list[c]);
	return bytes;
}

void follow_sets(struct follow *f, struct byte_set out[static FOLLOW])
{
	struct threads t, next;

	threads_copy(&t, &f->here);
	for (size_t i = 0; i < FOLLOW; i++) {
		struct byte_set set;

		/* So many ways begin with nearly anything. */
		if (t.n > SETS_THREADS_MAX)
			t.any = true;
		set = threads_bytes(&f->graph, &t);
		out[i] = bytes_of(f, &set);
		if (i + 1 == FOLLOW)
			break;
		threads_step(&f->graph, &t, &byte_set_all, &next);
		threads_copy(&t, &next);
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

/* The same, unless it was done: many threads read the same. */
struct cutter {
	struct classes *classes;
	const struct graph *graph;
	bool done[SETS_MAX];
};

static void cut(struct cutter *c, uint16_t node)
{
	uint16_t set = c->graph->nodes[node].set;

	if (c->done[set])
		return;
	c->done[set] = true;
	split_classes(c->classes, &c->graph->sets[set]);
}

/* Bytes that no thread tells apart are of one class. */
static void find_classes(const struct follow *f, const struct threads *t, struct classes *c)
{
	const struct behinds *b = &f->graph.behinds;
	struct cutter cutter = {.classes = c, .graph = &f->graph};

	c->n = 1;
	c->list[0] = (struct byte_set){0};
	byte_set_range(&c->list[0], 0, (uint8_t)(f->classes.n - 1));
	for (unsigned i = 0; i < t->n; i++) {
		cut(&cutter, t->list[i].node);
		if (t->list[i].look != NO_NODE)
			cut(&cutter, t->list[i].look);
	}
	for (unsigned i = 0; i < b->places; i++)
		if (byte_set_has(&b->starts, (uint8_t)i) ||
		    (i && byte_set_has(&t->behind, (uint8_t)(i - 1))))
			split_classes(c, &b->bytes[i]);
}

/* Room for another step, at the end of all. */
static bool step_fits(const struct follow *f)
{
	return f->memo_count < STEPS_MAX &&
	       GUARD_CELLS_MAX - f->guards->cell_count >= f->guard->classes;
}

static uint16_t step_new(struct follow *f, const struct threads *t, uint32_t hash, double weight)
{
	struct memo *m = &f->memos[f->memo_count++];

	m->filled = false;
	m->weight = weight;
	m->hash = hash;
	m->next = f->hashed[hash % HASHED];
	f->hashed[hash % HASHED] = (uint16_t)f->memo_count;
	threads_copy(&m->threads, t);
	f->guards->cell_count += f->guard->classes;
	return (uint16_t)(GUARD_FIRST + f->memo_count - 1);
}

/* The step for these threads, a new one if there is none and it is worth it. */
static uint16_t step_for(struct follow *f, const struct threads *t, double weight)
{
	uint32_t hash;

	if (t->any)
		return GUARD_MAYBE;
	if (!t->n)
		return GUARD_NEVER;
	hash = threads_hash(t);
	for (uint16_t i = f->hashed[hash % HASHED]; i; i = f->memos[i - 1].next) {
		struct memo *m = &f->memos[i - 1];

		if (m->hash == hash && threads_same(&m->threads, t)) {
			m->weight += weight;
			return GUARD_FIRST + i - 1;
		}
	}
	if (weight < (t->n <= FEW_THREADS ? WORTH_FEW : WORTH) || !step_fits(f))
		return GUARD_MAYBE;
	return step_new(f, t, hash, weight);
}

/* How often a byte of these classes goes on what matched so far: bytes of a kind come together. */
static double often(const struct follow *f, const struct byte_set *set)
{
	double share, digits = 0;
	uint32_t sum = 1;

	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1)) {
		sum += f->weights[c];
		digits += 0.06 * f->digits[c];
	}
	share = sum / 10000.0;
	share = digits > share ? digits : share;
	return share < 1 ? share : 1;
}

/* What these threads tell apart the expression does as well: a class of theirs is some of its. */
static void fill_class(struct follow *f, const struct memo *m, const struct byte_set *set,
		       uint16_t step)
{
	uint16_t *cells = f->guards->room + f->guard->cells;

	cells += (size_t)(m - f->memos) * f->guard->classes;
	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1))
		cells[c] = step;
}

static void fill_step(struct follow *f, struct memo *m)
{
	struct classes classes;

	find_classes(f, &m->threads, &classes);
	m->filled = true;
	for (unsigned i = 0; i < classes.n; i++) {
		double weight = m->weight * often(f, &classes.list[i]);
		uint16_t step = GUARD_MAYBE;
		struct byte_set one = {0};
		struct threads next;

		if (m->threads.n <= FEW_THREADS || weight >= WORTH_A_LOOK) {
			byte_set_add(&one, (uint8_t)byte_set_next(&classes.list[i], 0));
			threads_step(&f->graph, &m->threads, &one, &next);
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

/* The classes of all that the expression says of bytes. */
static void find_all_classes(struct follow *f)
{
	const struct graph *g = &f->graph;
	struct classes *classes = &f->classes;
	struct cutter cutter = {.classes = classes, .graph = g};

	classes->n = 1;
	classes->list[0] = byte_set_all;
	for (unsigned i = NODE_FIRST; i < g->count; i++)
		if (g->nodes[i].is_byte)
			cut(&cutter, (uint16_t)i);
	for (unsigned i = 0; i < g->behinds.places; i++)
		split_classes(classes, &g->behinds.bytes[i]);
}

/* What is known of each class. */
static void note_classes(struct follow *f)
{
	struct guard *guard = f->guard;

	guard->classes = (uint16_t)f->classes.n;
	for (unsigned k = 0; k < f->classes.n; k++) {
		const struct byte_set *bytes = &f->classes.list[k];

		f->weights[k] = bytes_weight(bytes);
		f->digits[k] = 0;
		for (unsigned c = byte_set_next(bytes, 0); c < 256;
		     c = byte_set_next(bytes, c + 1)) {
			guard->class_of[c] = (uint8_t)k;
			f->digits[k] += c >= '0' && c <= '9';
		}
	}
}

unsigned follow_read(struct follow *f, const char *expression, struct guards *g)
{
	unsigned rule = g->count++;

	f->memo_count = 0;
	memset(f->hashed, 0, sizeof(f->hashed));
	f->guards = g;
	f->guard = &g->rules[rule];
	f->guard->cells = g->cell_count;
	if (follow_parse(&f->graph, expression) < 0)
		f->graph.start = NODE_ANY;
	find_all_classes(f);
	note_classes(f);
	graph_classify(&f->graph, f->classes.list, f->classes.n);
	return rule;
}
