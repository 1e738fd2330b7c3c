/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk.h"
#include "edge.h"
#include "known_table.h"

#define ACCOUNT_LEN 12
#define BLOCK 64
/* A longer row of dashes is a line that was drawn; nor may many looks at one cost much. */
#define JOINERS_MAX 64

struct candidate {
	uint64_t hash;
	size_t len;
};

/* The first type by which these bytes are looked for. */
static const struct known_value *wanted(const struct known *k, const struct known_filter *f,
					const struct known_value *v)
{
	while (v && f && !f->wants(f->arg, v->type, buf_bytes(&k->bytes) + v->off, v->len))
		v = v->next ? &value_list(k)[v->next - 1] : NULL;
	return v;
}

/* The longest value that p begins with and after which the token ends. */
static const struct known_value *longest_at(const struct known *k, const struct known_filter *f,
					    const uint8_t *p, size_t len)
{
	struct candidate ends[KNOWN_STOPS];
	size_t n = 0, at = 0;
	const struct known_stop *slot;
	uint64_t h = k->seed;

	for (size_t stops = 0; stops < KNOWN_STOPS && at < len; stops++) {
		size_t stop = next_stop(p, at, len);

		if (stop > k->longest)
			break;
		h = hash_on(h, p + at, stop - at);
		at = stop;
		slot = known_slot(k, h, p, at, false);
		if (!slot->hash)
			break;
		/* A stop inside a run stands before the joiners at its end. */
		if (at == len || !goes_on(p[at]) || goes_on(p[at - 1]))
			ends[n++] = (struct candidate){h, at};
		if (!slot->longer)
			break;
	}
	while (n--) {
		const struct known_value *v =
			wanted(k, f, known_value_at(k, ends[n].hash, p, ends[n].len));

		if (v)
			return v;
	}
	return NULL;
}

static bool is_account(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_digit(p[n]))
		n++;
	return n == len && len == ACCOUNT_LEN;
}

/* Twelve digits, whatever joins them to what follows. */
static const struct known_value *account_at(const struct known *k, const struct known_filter *f,
					    const uint8_t *p, size_t len)
{
	if (len < ACCOUNT_LEN || !is_account(p, ACCOUNT_LEN) ||
	    (len > ACCOUNT_LEN && known_classes[p[ACCOUNT_LEN]] & ALNUM))
		return NULL;
	return wanted(k, f, known_value_at(k, hash_on(k->seed, p, ACCOUNT_LEN), p, ACCOUNT_LEN));
}

/* What is looked for. */
struct search {
	const struct known *sets[KNOWN_SETS];
	size_t n;
	const struct known_filter *filter;
	const struct known_tokens *tokens;
	bool other; /* some value begins with no letter or digit */
};

/* `joined`: only an account may begin here. */
static const struct known_value *find_at(const struct search *s, const uint8_t *text, size_t len,
					 bool joined)
{
	const struct known_value *best = NULL, *v;

	for (size_t i = 0; i < s->n; i++) {
		const struct known *k = s->sets[i];

		v = joined ? NULL : longest_at(k, s->filter, text, len);
		if (!v && is_digit(*text))
			v = account_at(k, s->filter, text, len);
		if (v && (!best || v->len > best->len))
			best = v;
	}
	return best;
}

struct proposals {
	size_t cursor;	  /* where to go on */
	uint64_t escapes; /* in the block before */
	size_t n;
	uint32_t at[BLOCK + CHUNK_PLACES]; /* behind `base` */
	size_t base;
};

/* Each bit also reaches the 31 behind it: no escape is longer. */
static uint64_t reach_on(uint64_t before, uint64_t now)
{
	unsigned __int128 all = (unsigned __int128)now << 64 | before;

	for (unsigned by = 1; by < 32; by *= 2)
		all |= all << by;
	return (uint64_t)(all >> 64);
}

/*
 * Where a token may begin in p[0..BLOCK): behind what is no letter or digit, or where an escape may
 * have ended; with a letter or digit, or `other` bytes as well. p[-1] can be read.
 */
static uint64_t tokens(const uint8_t *p, bool other, uint64_t *escapes)
{
	uint64_t alnum = 0, now = 0, reached;

	for (unsigned i = 0; i < BLOCK; i += CHUNK) {
		alnum |= (uint64_t)chunk_alnum(p + i - 1) << i;
		now |= (uint64_t)chunk_escapes(p + i - 1) << i;
	}
	reached = reach_on(*escapes, now);
	*escapes = now;
	if (other)
		return ~alnum | reached;
	return (~alnum | reached) &
	       (alnum >> 1 | (uint64_t) !!(known_classes[p[BLOCK - 1]] & ALNUM) << 63);
}

/* The same at the edges of the text, where not all of it can be read. */
static uint64_t tokens_at(const uint8_t *text, size_t len, size_t at, bool other, uint64_t *escapes)
{
	uint8_t copy[1 + BLOCK] = {0};
	size_t n = len - at < BLOCK ? len - at : BLOCK;

	if (at && n == BLOCK)
		return tokens(text + at, other, escapes);
	if (at)
		copy[0] = text[at - 1];
	memcpy(copy + 1, text + at, n);
	return tokens(copy + 1, other, escapes);
}

/* Beyond the text's end there are zeroes. */
static inline uint64_t first_at(const uint8_t *text, size_t len, size_t at)
{
	uint64_t first = 0;

	if (len - at < sizeof(first))
		memcpy(&first, text + at, len - at);
	else
		memcpy(&first, text + at, sizeof(first));
	return first & ((1ull << (8 * KNOWN_MIN)) - 1);
}

/* Might a value of this set begin with these bytes? */
static inline bool may_begin(const struct known *k, uint64_t first)
{
	return first_occurs((const uint64_t *)buf_bytes(&k->bits),
			    first_hash(first, k->first_mask, k->shift));
}

/* So many bytes tell apart what begins alike, as a firm's names do. */
#define TOKEN_LONG 16

/* What stands for the first TOKEN_LONG bytes. */
static inline uint64_t long_first(const uint8_t *p)
{
	uint64_t words[2];

	memcpy(words, p, sizeof(words));
	return (words[0] * 0xff51afd7ed558ccdu) ^ (words[1] + 0xc4ceb9fe1a85ec53u);
}

/* Where in the filter a token's first bytes are: one word, and two of its bits. */
static inline uint64_t *token_bits(const struct known_tokens *t, uint64_t first, uint64_t *bits)
{
	uint64_t h = first * 0x9e3779b97f4a7c15u;

	*bits = 1ull << (h >> 20 & 63) | 1ull << (h >> 26 & 63);
	return &t->words[(h >> 32) * t->n >> 32];
}

bool known_tokens_may_have(const struct known_tokens *t, const struct known *k, size_t i)
{
	const struct known_value *v = &value_list(k)[i];
	const uint8_t *p = buf_bytes(&k->bytes) + v->off;
	uint64_t bits, word;

	if (v->len < KNOWN_MIN || !(known_classes[*p] & ALNUM))
		return true;
	word = *token_bits(t, first_at(p, v->len, 0), &bits);
	if ((word & bits) != bits)
		return false;
	if (v->len < TOKEN_LONG)
		return true;
	word = *token_bits(t, long_first(p), &bits);
	return (word & bits) == bits;
}

static inline void token_note(const struct known_tokens *t, uint64_t first)
{
	uint64_t bits, *word = token_bits(t, first, &bits);

	*word |= bits;
}

/*
 * The next places where the first bytes of a value might stand. Without a branch on what the text
 * is like: the next byte cannot be guessed.
 */
static void propose(const struct search *s, const uint8_t *text, size_t len, struct proposals *g)
{
	const struct known *one = s->sets[0];
	size_t at = g->cursor, n = 0, count;
	uint64_t mask = tokens_at(text, len, at, s->other, &g->escapes);

	if (len - at < BLOCK)
		mask &= (1ull << (len - at)) - 1;
	count = bit_places(mask, 0, g->at);
	for (size_t i = 0; i < count; i++) {
		uint64_t first = first_at(text, len, at + g->at[i]);
		bool hit = one && may_begin(one, first);

		if (s->tokens) {
			token_note(s->tokens, first);
			if (len - at - g->at[i] >= TOKEN_LONG)
				token_note(s->tokens, long_first(text + at + g->at[i]));
		}
		for (size_t k = 1; k < s->n; k++)
			hit |= may_begin(s->sets[k], first);
		g->at[n] = g->at[i];
		n += hit;
	}
	g->base = at;
	g->cursor = at + BLOCK;
	g->n = n;
}

/* Does nothing but a few dashes and underscores stand before `at` in its run? */
static bool run_begins(const uint8_t *text, size_t at)
{
	size_t least = at > JOINERS_MAX ? at - JOINERS_MAX : 0;

	while (at > least && (known_classes[text[at - 1]] & JOINER))
		at--;
	return !at || !goes_on(text[at - 1]) || escape_ends(text, at);
}

static const struct known_value *confirm(const struct search *s, const uint8_t *text, size_t len,
					 size_t at)
{
	bool begins = !at || !(known_classes[text[at - 1]] & ALNUM) || escape_ends(text, at);
	bool joined = begins && !run_begins(text, at);

	return begins ? find_at(s, text + at, len - at, joined) : NULL;
}

static struct search search_for(const struct known *const *sets, size_t n)
{
	struct search s = {.n = 0};

	for (size_t i = 0; i < n; i++)
		if (known_count(sets[i])) {
			s.other |= sets[i]->other;
			s.sets[s.n++] = sets[i];
		}
	return s;
}

int known_places(const struct known *const *sets, size_t n_sets, const uint8_t *text, size_t len,
		 const struct known_tokens *tokens, struct buf *places)
{
	struct search s = search_for(sets, n_sets);
	struct proposals g;

	if (len > UINT32_MAX)
		return -1;
	if (!s.n && !tokens)
		return 0;
	s.tokens = tokens;
	g.cursor = g.escapes = 0;
	while (g.cursor < len) {
		propose(&s, text, len, &g);
		for (size_t i = 0; i < g.n; i++) {
			uint32_t at = (uint32_t)g.base + g.at[i];

			if (confirm(&s, text, len, at) && buf_append(places, &at, sizeof(at)))
				return -1;
		}
	}
	return 0;
}

int known_find(const struct known *const *sets, size_t n_sets, const struct known_filter *filter,
	       const uint8_t *text, size_t len, const struct buf *places, struct buf *spans)
{
	const uint32_t *at = (const uint32_t *)buf_bytes(places);
	struct search s = search_for(sets, n_sets);
	size_t done = 0;

	s.filter = filter;
	for (size_t i = 0; i < buf_len(places) / sizeof(*at); i++) {
		const struct known_value *v;
		struct span found;

		if (at[i] < done)
			continue;
		v = confirm(&s, text, len, at[i]);
		if (!v)
			continue;
		done = at[i] + v->len;
		found = (struct span){
			.start = at[i], .end = done, .type = v->type, .rule = RULE_KNOWN};
		if (buf_append(spans, &found, sizeof(found)))
			return -1;
	}
	return 0;
}
