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

/* frequency[], summed up: of the eight bytes from 8 i on, those with each set of the last three bits. */
struct weights {
	uint32_t sums[16][256];
};

static void weights_init(struct weights *w)
{
	for (unsigned i = 0; i < 16; i++) {
		for (unsigned set = 0; set < 256; set++) {
			w->sums[i][set] = 0;
			for (unsigned bit = 0; bit < 8; bit++)
				if (set >> bit & 1)
					w->sums[i][set] += frequency[8 * i + bit];
		}
	}
}

/* As bytes_share(), with less to sum up. */
static double set_share(const struct weights *w, const struct byte_set *set)
{
	uint32_t sum = 1;

	for (unsigned i = 0; i < 16; i++)
		sum += w->sums[i][set->bits[i / 8] >> i % 8 * 8 & 255];
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

/* What a table lets through of which only these bytes should be. */
static struct byte_set let_through(enum propose_kind kind, const struct byte_set *set)
{
	struct byte_set out = {0};
	uint16_t low = 0;

	if (kind == PROPOSE_BY_BYTE)
		return *set;
	for (unsigned high = 0; high < 16; high++)
		low |= (uint16_t)(set->bits[high / 4] >> high % 4 * 16);
	for (unsigned high = 0; high < 16; high++)
		if (set->bits[high / 4] >> high % 4 * 16 & 0xffff)
			out.bits[high / 4] |= (uint64_t)low << high % 4 * 16;
	return out;
}

/* A group: what its windows have at each place, how much that lets through there, and in all. */
struct propose_group {
	struct byte_set at[WINDOW_WIDTH];
	double shares[WINDOW_WIDTH];
	double cost;
};

struct groups {
	enum propose_kind kind;
	unsigned n;
	const struct weights *weights;
	struct propose_group list[PROPOSE_GROUPS_MAX];
};

/* The group with more at its places. */
static struct propose_group group_with(const struct groups *groups, const struct propose_group *g,
				       const struct byte_set more[static WINDOW_WIDTH])
{
	struct propose_group with = *g;

	with.cost = 1;
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		byte_set_join(&with.at[k], &more[k]);
		if (memcmp(&with.at[k], &g->at[k], sizeof(g->at[k]))) {
			struct byte_set through = let_through(groups->kind, &with.at[k]);

			with.shares[k] = set_share(groups->weights, &through);
		}
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
	unsigned group = g->n;

	for (unsigned i = 0; i < g->n; i++) {
		struct propose_group with = group_with(g, &g->list[i], w->at);
		double more = with.cost - g->list[i].cost;

		if (group < g->n && more >= least)
			continue;
		least = more;
		group = i;
		best = with;
	}
	w->group[g->kind] = group;
	g->list[group] = best;
}

static void group_leave(struct groups *g, const struct window *windows, size_t n, size_t leaver)
{
	unsigned from = windows[leaver].group[g->kind];
	struct byte_set left[WINDOW_WIDTH] = {0};
	const struct propose_group empty = group_empty();

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0;
		     i != leaver && windows[i].group[g->kind] == from && k < WINDOW_WIDTH; k++)
			byte_set_join(&left[k], &windows[i].at[k]);
	g->list[from] = group_with(g, &empty, left);
}

/* Sort the windows into groups. */
static void groups_make(struct groups *g, struct window *windows, size_t n)
{
	for (unsigned i = 0; i < g->n; i++)
		g->list[i] = group_empty();
	for (size_t i = 0; i < n; i++)
		group_join(g, &windows[i]);
	/* The first ones did not know who else would come. */
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++) {
			group_leave(g, windows, n, i);
			group_join(g, &windows[i]);
		}
	}
}

/* What the windows of one group let through at one place. */
static void table_add(struct proposer *g, enum propose_kind kind, unsigned group, unsigned k,
		      const struct byte_set *set)
{
	uint8_t bit = (uint8_t)(1u << group % 8);

	for (unsigned c = byte_set_next(set, 0); c < 256; c = byte_set_next(set, c + 1)) {
		if (kind == PROPOSE_BY_BYTE) {
			g->bytes[group / 8].exact[k][c] |= bit;
			g->bytes[group / 8].ascii[k][c & 127] |= bit;
		} else {
			g->halves[group / 8].low[k][c & 15] |= bit;
			g->halves[group / 8].high[k][c >> 4] |= bit;
		}
	}
}

/* The bytes of a set as gram_is_known() has them; its case does not count. */
static unsigned set_folded(const struct byte_set *s, uint8_t out[static 256])
{
	struct byte_set folded = {0};
	unsigned n = 0;

	for (unsigned c = byte_set_next(s, 0); c < 256; c = byte_set_next(s, c + 1))
		byte_set_add(&folded, (uint8_t)(c | 0x20));
	for (unsigned c = byte_set_next(&folded, 0); c < 256; c = byte_set_next(&folded, c + 1))
		out[n++] = (uint8_t)c;
	return n;
}

static void grams_add(struct proposer *g, const struct window *w)
{
	uint8_t bytes[3][256];
	unsigned n[3];

	for (unsigned k = 0; k < 3; k++)
		n[k] = set_folded(&w->at[WINDOW_BEFORE + k], bytes[k]);
	for (unsigned a = 0; a < n[0]; a++)
		for (unsigned b = 0; b < n[1]; b++)
			for (unsigned c = 0; c < n[2]; c++) {
				uint32_t three = bytes[0][a] | (uint32_t)bytes[1][b] << 8 |
						 (uint32_t)bytes[2][c] << 16;
				uint32_t hash = gram_hash(three << 8, GRAM_BITS);
				g->grams[hash / 64] |= 1ull << (hash % 64);
			}
}

void proposer_init(struct proposer *g, struct window *windows, size_t n)
{
	static const unsigned counts[PROPOSE_KINDS] = {
		[PROPOSE_BY_BYTE] = 8 * PROPOSE_BYTE_TABLES,
		[PROPOSE_BY_HALVES] = 8 * PROPOSE_HALF_TABLES,
	};
	struct weights weights;

	*g = (struct proposer){0};
	weights_init(&weights);
	for (enum propose_kind kind = 0; kind < PROPOSE_KINDS; kind++) {
		struct groups groups = {.kind = kind, .n = counts[kind], .weights = &weights};

		groups_make(&groups, windows, n);
		for (unsigned i = 0; i < groups.n; i++)
			for (unsigned k = 0; k < WINDOW_WIDTH; k++)
				table_add(g, kind, i, k, &groups.list[i].at[k]);
	}
	for (size_t i = 0; i < n; i++)
		grams_add(g, &windows[i]);
	proposer_use_best(g);
}

static void propose_plain(const struct proposer *g, const uint8_t *p, size_t blocks, uint64_t *bits)
{
	for (size_t i = 0; i < blocks; i++) {
		bits[i] = 0;
		for (unsigned k = 0; k < PROPOSE_BLOCK; k++, p++) {
			uint32_t four;

			memcpy(&four, p, sizeof(four));
			bits[i] |= (uint64_t)gram_is_known(g, four) << k;
		}
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
	g->kernel(g, copy + WINDOW_WIDTH, 1, bits);
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
		g->kernel(g, text + from, inner, bits + n);
	n += inner;
	from += inner * PROPOSE_BLOCK;
	for (; n < max && from < len; n++, from += PROPOSE_BLOCK)
		propose_edge(g, text, len, from, bits + n);
	return n;
}
