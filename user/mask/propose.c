/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#include <string.h>

#define GROUPS 8

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

/* What a group lets through at each place: by the low and the high half of a byte. */
struct group {
	uint16_t low[WINDOW_WIDTH], high[WINDOW_WIDTH];
	double cost; /* how often it proposes */
};

static void group_add(struct group *g, const struct window *w)
{
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		for (unsigned c = 0; c < 256; c++) {
			if (!byte_set_has(&w->at[k], (uint8_t)c))
				continue;
			g->low[k] |= (uint16_t)(1u << (c & 15));
			g->high[k] |= (uint16_t)(1u << (c >> 4));
		}
	}
}

static void group_weigh(struct group *g)
{
	g->cost = 1;
	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		unsigned sum = 1;

		for (unsigned c = 0; c < 128; c++)
			if (g->low[k] >> (c & 15) & g->high[k] >> (c >> 4) & 1)
				sum += frequency[c];
		g->cost *= sum / 10000.0;
	}
}

static struct group group_with(const struct group *g, const struct group *one)
{
	struct group both = *g;

	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		both.low[k] |= one->low[k];
		both.high[k] |= one->high[k];
	}
	group_weigh(&both);
	return both;
}

/* Which group grows least when this one joins it. */
static unsigned choose_group(const struct group groups[static GROUPS], const struct group *one,
			     struct group *grown)
{
	unsigned best = 0;
	double least = 0;

	for (unsigned i = 0; i < GROUPS; i++) {
		struct group both = group_with(&groups[i], one);
		double more = both.cost - groups[i].cost;

		if (i == 0 || more < least) {
			least = more;
			best = i;
			*grown = both;
		}
	}
	return best;
}

static void table_add(struct propose_tables *t, const struct window *w, unsigned group)
{
	uint8_t bit = (uint8_t)(1u << group);

	for (unsigned k = 0; k < WINDOW_WIDTH; k++) {
		for (unsigned c = 0; c < 256; c++) {
			if (!byte_set_has(&w->at[k], (uint8_t)c))
				continue;
			t->exact[k][c] |= bit;
			t->ascii[k][c & 127] |= bit;
			t->low[k][c & 15] |= bit;
			t->high[k][c >> 4] |= bit;
		}
	}
}

void proposer_init(struct proposer *g, const struct window *windows, size_t n)
{
	struct group groups[GROUPS] = {0};
	enum propose_variant v = 0;

	*g = (struct proposer){0};
	for (size_t i = 0; i < n; i++) {
		struct group one = {0}, grown = {0};
		unsigned where;

		group_add(&one, &windows[i]);
		where = choose_group(groups, &one, &grown);
		groups[where] = grown;
		table_add(&g->tables, &windows[i], where);
	}
	while (!propose_can(v))
		v++;
	proposer_use(g, v);
}

static void propose_plain(const struct propose_tables *t, const uint8_t *p, size_t blocks,
			  uint64_t *bits)
{
	memset(bits, 0, blocks * sizeof(*bits));
	for (size_t i = 0; i < blocks * PROPOSE_BLOCK; i++, p++) {
		uint8_t in = t->exact[WINDOW_BEFORE][p[0]] & t->exact[WINDOW_BEFORE + 1][p[1]];

		if (!in)
			continue;
		for (unsigned k = 0; k < WINDOW_WIDTH; k++)
			in &= t->exact[k][p[(ptrdiff_t)k - WINDOW_BEFORE]];
		bits[i / PROPOSE_BLOCK] |= (uint64_t)(in != 0) << (i % PROPOSE_BLOCK);
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

/* One block at an edge of the text: what lies beyond is 0, which no window asks for there. */
static void propose_edge(const struct proposer *g, const uint8_t *text, size_t len, size_t from,
			 uint64_t *bits)
{
	uint8_t copy[PROPOSE_BLOCK + 2 * WINDOW_WIDTH] = {0};
	size_t before = from < WINDOW_WIDTH ? from : WINDOW_WIDTH, n = len - from;

	if (n > PROPOSE_BLOCK + WINDOW_WIDTH)
		n = PROPOSE_BLOCK + WINDOW_WIDTH;
	memcpy(copy + WINDOW_WIDTH - before, text + from - before, before + n);
	g->kernel(&g->tables, copy + WINDOW_WIDTH, 1, bits);
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
		g->kernel(&g->tables, text + from, inner, bits + n);
	n += inner;
	from += inner * PROPOSE_BLOCK;
	for (; n < max && from < len; n++, from += PROPOSE_BLOCK)
		propose_edge(g, text, len, from, bits + n);
	return n;
}
