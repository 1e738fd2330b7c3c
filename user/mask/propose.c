/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#include <string.h>

#define ROUNDS 2

const char *const propose_names[PROPOSE_VARIANTS] = {
	[PROPOSE_AVX512] = "avx512", [PROPOSE_AVX2] = "avx2",	[PROPOSE_SSSE3] = "ssse3",
	[PROPOSE_NEON] = "neon",     [PROPOSE_PLAIN] = "plain",
};

/* How often a byte stands in what agents send, out of ten thousand; beyond ASCII hardly ever. */
static const uint16_t frequency[128] = {
	['\t'] = 152, ['\n'] = 225, [' '] = 1322, ['!'] = 5,   ['"'] = 164, ['#'] = 6,
	['$'] = 13,   ['%'] = 4,    ['&'] = 12,	  ['\''] = 30, ['('] = 85,  [')'] = 85,
	['*'] = 24,   ['+'] = 12,   [','] = 102,  ['-'] = 281, ['.'] = 88,  ['/'] = 45,
	['0'] = 180,  ['1'] = 150,  ['2'] = 175,  ['3'] = 105, ['4'] = 123, ['5'] = 87,
	['6'] = 93,   ['7'] = 47,   ['8'] = 51,	  ['9'] = 52,  [':'] = 152, [';'] = 52,
	['<'] = 22,   ['='] = 44,   ['>'] = 42,	  ['?'] = 2,   ['@'] = 3,   ['A'] = 19,
	['B'] = 6,    ['C'] = 14,   ['D'] = 8,	  ['E'] = 25,  ['F'] = 6,   ['G'] = 4,
	['H'] = 4,    ['I'] = 15,   ['J'] = 6,	  ['K'] = 4,   ['L'] = 16,  ['M'] = 24,
	['N'] = 23,   ['O'] = 15,   ['P'] = 11,	  ['Q'] = 1,   ['R'] = 12,  ['S'] = 26,
	['T'] = 32,   ['U'] = 6,    ['V'] = 2,	  ['W'] = 3,   ['X'] = 5,   ['Y'] = 4,
	['Z'] = 8,    ['['] = 20,   ['\\'] = 10,  [']'] = 20,  ['^'] = 1,   ['_'] = 102,
	['`'] = 7,    ['a'] = 323,  ['b'] = 104,  ['c'] = 203, ['d'] = 280, ['e'] = 676,
	['f'] = 120,  ['g'] = 75,   ['h'] = 134,  ['i'] = 307, ['j'] = 8,   ['k'] = 82,
	['l'] = 251,  ['m'] = 101,  ['n'] = 295,  ['o'] = 389, ['p'] = 143, ['q'] = 32,
	['r'] = 535,  ['s'] = 312,  ['t'] = 513,  ['u'] = 265, ['v'] = 49,  ['w'] = 94,
	['x'] = 61,   ['y'] = 93,   ['z'] = 22,	  ['{'] = 24,  ['|'] = 8,   ['}'] = 24,
};

/* frequency[], summed up: of the bytes with one high half, those with each set of low halves. */
struct weights {
	uint32_t sums[8][2][256];
};

static void weights_init(struct weights *w)
{
	for (unsigned high = 0; high < 8; high++) {
		for (unsigned set = 0; set < 512; set++) {
			uint32_t *sum = &w->sums[high][set / 256][set % 256];

			*sum = 0;
			for (unsigned i = 0; i < 8; i++)
				if (set % 256 >> i & 1)
					*sum += frequency[high * 16 + set / 256 * 8 + i];
		}
	}
}

/* How many of all bytes of what agents send place k of the filter lets through, about; never 0. */
static double filter_share(const struct weights *w, const struct window_filter *f, unsigned k)
{
	uint32_t sum = 1;

	for (unsigned high = 0; high < 8; high++)
		if (f->high[k] >> high & 1)
			sum += w->sums[high][0][f->low[k] & 255] + w->sums[high][1][f->low[k] >> 8];
	return sum / 10000.0;
}

uint32_t bytes_weight(const struct byte_set *s)
{
	uint32_t sum = 0;

	for (unsigned half = 0; half < 2; half++)
		for (uint64_t bits = s->bits[half]; bits; bits &= bits - 1)
			sum += frequency[half * 64 + (unsigned)__builtin_ctzll(bits)];
	return sum;
}

double bytes_share(const struct byte_set *s)
{
	return (bytes_weight(s) + 1) / 10000.0;
}

double window_cost(const struct window *w)
{
	double cost = 1;

	for (unsigned k = 0; k < WINDOW_WIDTH; k++)
		cost *= bytes_share(&w->at[k]);
	return cost;
}

static void filter_join(struct window_filter *f, const struct window_filter *more)
{
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		f->low[k] |= more->low[k];
		f->high[k] |= more->high[k];
	}
}

static void filter_of(struct window *w)
{
	w->filter = (struct window_filter){0};
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		for (unsigned high = 0; high < 16; high++) {
			uint16_t low = (uint16_t)(w->at[k].bits[high / 4] >> high % 4 * 16);

			w->filter.low[k] |= low;
			w->filter.high[k] |= (uint16_t)((low != 0) << high);
		}
	}
}

/* A group: what its windows let through, and how much that is, of each place and of all. */
struct propose_group {
	struct window_filter filter;
	double shares[WINDOW_WIDTH];
	double cost;
};

struct groups {
	struct weights weights;
	struct propose_group list[PROPOSE_GROUPS];
};

/* The group with one more window. */
static struct propose_group group_with(const struct weights *weights, const struct propose_group *g,
				       const struct window_filter *more)
{
	struct propose_group with = *g;

	filter_join(&with.filter, more);
	with.cost = 1;
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		if (with.filter.low[k] != g->filter.low[k] ||
		    with.filter.high[k] != g->filter.high[k])
			with.shares[k] = filter_share(weights, &with.filter, k);
		with.cost *= with.shares[k];
	}
	return with;
}

/* One without a window lets nothing through. */
static struct propose_group group_empty(void)
{
	struct propose_group g = {.cost = 0};

	for (unsigned k = 0; k < WINDOW_WIDTH; k++)
		g.shares[k] = 1 / 10000.0;
	return g;
}

/* Put the window into the group that it makes dearer least. */
static void group_join(struct groups *g, struct window *w)
{
	struct propose_group best = {0};
	double least = 0;

	w->group = PROPOSE_GROUPS;
	for (unsigned i = 0; i < PROPOSE_GROUPS; i++) {
		struct propose_group with = group_with(&g->weights, &g->list[i], &w->filter);
		double more = with.cost - g->list[i].cost;

		if (w->group < PROPOSE_GROUPS && more >= least)
			continue;
		least = more;
		w->group = i;
		best = with;
	}
	g->list[w->group] = best;
}

static void group_leave(struct groups *g, const struct window *windows, size_t n, size_t leaver)
{
	unsigned from = windows[leaver].group;
	struct window_filter left = {0};
	const struct propose_group empty = group_empty();

	for (size_t i = 0; i < n; i++)
		if (i != leaver && windows[i].group == from)
			filter_join(&left, &windows[i].filter);
	g->list[from] = group_with(&g->weights, &empty, &left);
}

/* What the windows of one group let through at one place. */
static void table_add(struct propose_tables *t, unsigned group, unsigned k,
		      const struct byte_set *set)
{
	uint8_t bit = (uint8_t)(1u << group % 8);

	t += group / 8;
	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1)) {
		t->exact[k][c] |= bit;
		t->ascii[k][c & 127] |= bit;
		t->low[k][c & 15] |= bit;
		t->high[k][c >> 4] |= bit;
	}
}

static void tables_fill(struct propose_tables *t, const struct window *windows, size_t n)
{
	struct byte_set sets[PROPOSE_GROUPS][WINDOW_WIDTH] = {0};

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < WINDOW_WIDTH; k++)
			byte_set_join(&sets[windows[i].group][k], &windows[i].at[k]);
	for (unsigned group = 0; group < PROPOSE_GROUPS; group++)
		for (unsigned k = 0; k < WINDOW_WIDTH; k++)
			table_add(t, group, k, &sets[group][k]);
}

void proposer_init(struct proposer *g, struct window *windows, size_t n)
{
	struct groups groups;

	*g = (struct proposer){0};
	weights_init(&groups.weights);
	for (unsigned i = 0; i < PROPOSE_GROUPS; i++)
		groups.list[i] = group_empty();
	for (size_t i = 0; i < n; i++) {
		filter_of(&windows[i]);
		group_join(&groups, &windows[i]);
	}
	/* The first ones did not know who else would come. */
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++) {
			group_leave(&groups, windows, n, i);
			group_join(&groups, &windows[i]);
		}
	}
	tables_fill(g->tables, windows, n);
	proposer_use_best(g);
}

static inline bool may_stand(const struct propose_tables *t, const uint8_t *p)
{
	uint8_t in = t->exact[WINDOW_BEFORE][p[0]] & t->exact[WINDOW_BEFORE + 1][p[1]];

	if (!in)
		return false;
	for (unsigned k = 0; k < WINDOW_WIDTH; k++)
		in &= t->exact[k][p[(ptrdiff_t)k - WINDOW_BEFORE]];
	return in != 0;
}

static inline bool stands_in_any(const struct propose_tables t[static PROPOSE_TABLES],
				 const uint8_t *p)
{
	for (unsigned i = 0; i < PROPOSE_TABLES; i++)
		if (may_stand(&t[i], p))
			return true;
	return false;
}

static void propose_plain(const struct propose_tables t[static PROPOSE_TABLES], const uint8_t *p,
			  size_t blocks, uint64_t *bits)
{
	for (size_t i = 0; i < blocks; i++) {
		bits[i] = 0;
		for (unsigned k = 0; k < PROPOSE_BLOCK; k++, p++)
			bits[i] |= (uint64_t)stands_in_any(t, p) << k;
	}
}

static propose_kernel *kernel_of(enum propose_variant v)
{
	switch (v) {
	case PROPOSE_AVX512:
		return propose_avx512;
	case PROPOSE_AVX2:
		return propose_avx2;
	case PROPOSE_SSSE3:
		return propose_ssse3;
	case PROPOSE_NEON:
		return propose_neon;
	default:
		return propose_plain;
	}
}

bool propose_can(enum propose_variant v)
{
	if (!kernel_of(v))
		return false;
#ifdef __x86_64__
	switch (v) {
	case PROPOSE_AVX512:
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi");
	case PROPOSE_AVX2:
		return __builtin_cpu_supports("avx2");
	case PROPOSE_SSSE3:
		return __builtin_cpu_supports("ssse3");
	default:
		break;
	}
#endif
	return true;
}

void proposer_use(struct proposer *g, enum propose_variant v)
{
	g->kernel = kernel_of(v);
}

void proposer_use_best(struct proposer *g)
{
	enum propose_variant v = 0;

	while (!propose_can(v))
		v++;
	proposer_use(g, v);
}

/* One block at an edge of the text: what lies beyond is 0, which no window asks for there. */
static void propose_edge(const struct proposer *g, const uint8_t *text, size_t len, size_t from,
			 uint64_t *bits)
{
	uint8_t copy[PROPOSE_BLOCK + 2 * WINDOW_WIDTH] = {0};
	size_t before = from < WINDOW_WIDTH ? from : WINDOW_WIDTH, n = len - from;

	if (n > PROPOSE_BLOCK + WINDOW_WIDTH)
		n = PROPOSE_BLOCK + WINDOW_WIDTH;
	memcpy(copy + WINDOW_WIDTH - before, text + from - before, before + n);
	g->kernel(g->tables, copy + WINDOW_WIDTH, 1, bits);
	if (n < PROPOSE_BLOCK)
		*bits &= (1ull << n) - 1;
}

size_t propose(const struct proposer *g, const uint8_t *text, size_t len, size_t from, size_t max,
	       uint64_t *bits)
{
	size_t inner, n = 0;

	if (from >= len)
		return 0;
	if (from == 0) {
		propose_edge(g, text, len, 0, bits);
		n = 1;
	}
	from += n * PROPOSE_BLOCK;
	inner = len > from + WINDOW_WIDTH ? (len - from - WINDOW_WIDTH) / PROPOSE_BLOCK : 0;
	if (inner > max - n)
		inner = max - n;
	if (inner)
		g->kernel(g->tables, text + from, inner, bits + n);
	n += inner;
	from += inner * PROPOSE_BLOCK;
	for (; n < max && from < len; n++, from += PROPOSE_BLOCK)
		propose_edge(g, text, len, from, bits + n);
	return n;
}
