/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_join.h"
#include "follow_threads.h"
#include "propose.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 5000 /* for all anchors of an expression */
_Static_assert(GUARD_FIRST + STEPS_MAX <= JOIN_STEPS_MAX, "each is renamed");
#define CLASSES_MAX 256
/* For the steps that lead nowhere else, of all rules. */
#define GUARD_CELLS_ENDS (GUARD_RULES_MAX * GUARD_FIRST * CLASSES_MAX)
#define CONTEXTS_MAX 200
#define HASHED 512 /* steps are looked for by so many hashes of their threads */
#define SETS_THREADS_MAX 96
/* A step that is reached less often than this behind an anchor is not worth a table ... */
#define WORTH 0.002
/* ... but for a step with few threads, which is cheap to make ... */
#define FEW_THREADS 4
#define WORTH_FEW 5e-5
/* ... nor are the first ones left out, the most frequent first: many expressions have no more ... */
#define FEW_STEPS 150
/* ... nor one that is reached less often than this the time to find out where it leads. */
#define WORTH_A_LOOK 1e-5

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

/* What may precede an anchor, and the step behind it. */
struct contexts {
	unsigned n;
	struct byte_set behind[CONTEXTS_MAX];
	uint16_t step[CONTEXTS_MAX];
};

struct follow {
	struct graph graph;
	struct guards *guards;
	struct guard *guard;	       /* of the expression, in guards */
	struct classes classes;	       /* of all bytes, for the whole of the expression */
	uint32_t weights[CLASSES_MAX]; /* of each: how often its bytes stand in a text ... */
	uint8_t digits[CLASSES_MAX];   /* ... and how many of them are digits */
	const char *anchor;	       /* and its length */
	size_t anchor_len;
	bool fold, within, unknown;
	struct threads here; /* behind the anchor */
	struct contexts contexts;
	uint16_t before[CLASSES_MAX][CLASSES_MAX];
	unsigned memo_count;
	uint16_t hashed[HASHED]; /* the last memo with such a hash: its number + 1 */
	uint16_t renamed[JOIN_STEPS_MAX];
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

/* Let the threads read the anchor. */
static void read_anchor(struct follow *f, struct threads *t)
{
	struct threads next;

	for (size_t i = 0; i < f->anchor_len; i++) {
		struct byte_set bytes = {0}, set = {0};

		byte_set_add(&bytes, (uint8_t)f->anchor[i]);
		if (f->fold)
			byte_set_fold(&bytes);
		for (unsigned c = byte_set_next(&bytes, 0); c < 256;
		     c = byte_set_next(&bytes, c + 1))
			byte_set_add(&set, f->guard->class_of[c]);
		threads_step(&f->graph, t, &set, &next);
		threads_copy(t, &next);
	}
}

void follow_anchor(struct follow *f, const char *anchor, size_t len, bool fold, bool within)
{
	f->anchor = anchor;
	f->anchor_len = len;
	f->fold = fold;
	f->within = within;
	threads_begin(&f->graph, &f->here, within);
	read_anchor(f, &f->here);
	/* An anchor that is not in the expression: it is for those who wrote it to say why. */
	f->unknown = !f->here.n && !f->here.any;
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
	       f->guards->cell_count + f->guard->classes <= GUARD_CELLS_MAX - GUARD_CELLS_ENDS;
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
	if (f->memo_count >= FEW_STEPS && weight < (t->n <= FEW_THREADS ? WORTH_FEW : WORTH))
		return GUARD_MAYBE;
	if (!step_fits(f))
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

/* The cells of a step. */
static uint16_t *memo_cells(struct follow *f, const struct memo *m)
{
	return f->guards->room + f->guard->cells +
	       (size_t)(GUARD_FIRST + m - f->memos) * f->guard->classes;
}

/* What these threads tell apart the expression does as well: a class of theirs is some of its. */
static void fill_class(struct follow *f, const struct memo *m, const struct byte_set *set,
		       uint16_t step)
{
	uint16_t *cells = memo_cells(f, m);

	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1))
		cells[c] = step;
}

static void fill_step(struct follow *f, struct memo *m)
{
	struct classes classes;

	find_classes(f, &m->threads, &classes);
	m->filled = true;
	for (unsigned i = 0; i < classes.n; i++) {
		double weight = m->weight * (m->threads.n == 1 ? 1 : often(f, &classes.list[i]));
		uint16_t step = GUARD_MAYBE;
		struct byte_set one = {0};
		struct threads next;

		if (f->memo_count < FEW_STEPS || m->threads.n <= FEW_THREADS ||
		    weight >= WORTH_A_LOOK) {
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

/* The first step behind the anchor where this precedes it. */
static uint16_t step_behind(struct follow *f, const struct byte_set *behind)
{
	struct contexts *c = &f->contexts;
	struct threads t;

	for (unsigned i = 0; i < c->n; i++)
		if (!memcmp(&c->behind[i], behind, sizeof(*behind)))
			return c->step[i];
	if (c->n == CONTEXTS_MAX)
		return GUARD_MAYBE;
	threads_begin_behind(&f->graph, &t, behind);
	read_anchor(f, &t);
	c->behind[c->n] = *behind;
	c->step[c->n] = step_for(f, &t, 1);
	return c->step[c->n++];
}

/* For each class of the byte before the anchor, and each of the one before that, the step behind it. */
static void find_before(struct follow *f)
{
	const struct behinds *b = &f->graph.behinds;

	f->contexts.n = 0;
	for (unsigned far = 0; far < f->classes.n; far++) {
		struct byte_set first = behind_any(b), one = {0};

		byte_set_add(&one, (uint8_t)far);
		behind_step(b, &first, &one);
		for (unsigned near = 0; near < f->classes.n; near++) {
			struct byte_set both = first;

			one = (struct byte_set){0};
			byte_set_add(&one, (uint8_t)near);
			behind_step(b, &both, &one);
			f->before[near][far] = step_behind(f, &both);
		}
	}
}

/* A step of which all is known; GUARD_MAYBE if there is no room. */
static uint16_t step_known(struct follow *f, const uint16_t *cells)
{
	struct memo *m = &f->memos[f->memo_count];

	if (!step_fits(f))
		return GUARD_MAYBE;
	memcpy(memo_cells(f, m), cells, f->guard->classes * sizeof(*cells));
	f->guards->cell_count += f->guard->classes;
	m->filled = true;
	return (uint16_t)(GUARD_FIRST + f->memo_count++);
}

static bool row_is_one(const uint16_t *row, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (row[i] != row[0])
			return false;
	return true;
}

/* The steps that read what precedes; rows that are the same become one step. */
static struct guard_start start_before(struct follow *f)
{
	unsigned n = f->classes.n, deep = 1;
	uint16_t near[CLASSES_MAX];

	for (unsigned c = 0; c < n; c++)
		if (!row_is_one(f->before[c], n))
			deep = 2;
	for (unsigned c = 0; c < n; c++) {
		const uint16_t *row = f->before[c];
		unsigned same = 0;

		while (memcmp(f->before[same], row, n * sizeof(*row)))
			same++;
		if (same < c)
			near[c] = near[same];
		else if (deep == 1 || (row[0] < GUARD_FIRST && row_is_one(row, n)))
			near[c] = row[0];
		else
			near[c] = step_known(f, row);
	}
	if (row_is_one(near, n) && near[0] < GUARD_FIRST)
		return (struct guard_start){near[0], 0};
	return (struct guard_start){step_known(f, near), (uint8_t)deep};
}

struct guard_start follow_guard(struct follow *f)
{
	if (f->within || f->unknown || !f->graph.behinds.places)
		return (struct guard_start){step_for(f, &f->here, 1), 0};
	find_before(f);
	for (unsigned c = 0; c < f->classes.n; c++)
		if (f->before[c][0] != f->before[0][0] || !row_is_one(f->before[c], f->classes.n))
			return start_before(f);
	return (struct guard_start){f->before[0][0], 0};
}

void follow_fill(struct follow *f)
{
	struct guard *guard = f->guard;
	struct memo *m;
	unsigned steps;

	while ((m = next_unfilled(f)))
		fill_step(f, m);
	steps = guard_join(guard, f->guards->room + guard->cells, GUARD_FIRST + f->memo_count,
			   f->renamed);
	f->guards->cell_count = guard->cells + steps * guard->classes;
}

struct guard_start follow_start(const struct follow *f, struct guard_start start)
{
	return (struct guard_start){f->renamed[start.step], start.before};
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

/* Steps from which each byte leads back to them. */
static void add_ends(struct follow *f)
{
	for (uint16_t step = GUARD_NEVER; step < GUARD_FIRST; step++)
		for (unsigned c = 0; c < f->guard->classes; c++)
			f->guards->room[f->guards->cell_count++] = step;
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
	add_ends(f);
	graph_classify(&f->graph, f->classes.list, f->classes.n);
	return rule;
}
