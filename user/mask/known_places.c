/* SPDX-License-Identifier: Apache-2.0 */
/* Where known values may stand: most tokens are told from all of them by one look into a filter. */
#include "edge.h"
#include "known_begins.h"
#include "known_table.h"

#define WINDOW (BEGINS_WORDS * CLASSES_BLOCK)
#define COLOUR_PARAMETERS 16

struct pass {
	const struct known_search *search;
	struct run_filter filters[KNOWN_SETS], tokens; /* tokens.n: 0 if there are none */
	bool noted;				       /* of those */
	classes_kernel *classify;
	begins_kernel *begin;
	const uint8_t *text;
	size_t len;
	size_t least; /* shorter runs are nothing */
	bool other;   /* some value begins with no letter or digit ... */
	struct byte_set other_first;

	/* The window: where it begins, and how many words of it the text has. */
	size_t from, words;
	struct begins b;
	bool leading; /* the byte before a word is one of the dashes that a run begins with */
	uint32_t places[WINDOW + CHUNK_PLACES];
};

/* ---- behind escapes, which only are what escape_ends() says: here more may be */

static inline void begin_at(struct pass *p, size_t at)
{
	at -= p->from;
	p->b.escaped[at / 64] |= 1ull << at % 64;
}

/* An escape may end before `at`: what stands there is a beginning, and what stands behind dashes. */
static void escape_end(struct pass *p, size_t at)
{
	size_t most = at + KNOWN_JOINERS;

	if (at >= p->len)
		return;
	begin_at(p, at);
	while (at < p->len && at < most && (known_classes[p->text[at]] & JOINER))
		at++;
	if (at < p->len)
		begin_at(p, at);
}

/* ... [1;31m */
static void colour_end(struct pass *p, size_t at)
{
	size_t most = at + 1 + COLOUR_PARAMETERS;

	if (at >= p->len || p->text[at++] != '[')
		return;
	while (at < p->len && at < most && (is_digit(p->text[at]) || p->text[at] == ';'))
		at++;
	if (at < p->len && (p->text[at] == 'm' || p->text[at] == 'K'))
		escape_end(p, at + 1);
}

static void backslash_end(struct pass *p, size_t at, uint8_t kind)
{
	switch (kind) {
	case 'x':
	case 'u':
		escape_end(p, at + (kind == 'x' ? 4 : 6));
		colour_end(p, at + (kind == 'x' ? 4 : 6));
		break;
	case '0':
		colour_end(p, at + 4);
		break;
	case 'e':
		colour_end(p, at + 2);
		break;
	default:
		if (escape_has(kind))
			escape_end(p, at + 2);
		break;
	}
}

/* %XX, %25XX, $25XX and so on */
static void percent_end(struct pass *p, size_t at)
{
	const uint8_t *text = p->text;
	size_t end = at + 1;

	if (text[at] == '%')
		escape_end(p, at + 3);
	while (end - at < 7 && p->len - end > 2 && text[end] == '2' && text[end + 1] == '5') {
		end += 2;
		escape_end(p, end + 2);
	}
}

static void escape_begins(struct pass *p, size_t at)
{
	const uint8_t *text = p->text;

	if (p->len - at < 3)
		return;
	switch (text[at]) {
	case '\\':
		backslash_end(p, at, text[at + 1]);
		break;
	case '%':
	case '$':
		percent_end(p, at);
		break;
	case '^':
		if (text[at + 1] == '[')
			colour_end(p, at + 2);
		break;
	default:
		colour_end(p, at + 1);
		break;
	}
}

/* ---- where a token may begin */

static uint64_t others(const struct pass *p, size_t word, uint64_t may)
{
	size_t from = p->from + word * CLASSES_BLOCK;
	uint64_t bits = 0;

	if (p->len - from < CLASSES_BLOCK)
		may &= (1ull << (p->len - from)) - 1;
	for (; may; may &= may - 1) {
		unsigned i = (unsigned)__builtin_ctzll(may);

		bits |= (uint64_t)byte_set_has(&p->other_first, p->text[from + i]) << i;
	}
	return bits;
}

/* What begins behind dashes that a run begins with; they may have begun in the word before. */
static void begin_behind(struct pass *p, size_t word)
{
	uint64_t alnum = p->b.at.alnum[1 + word], joiner = p->b.at.goes_on[1 + word] & ~alnum;
	unsigned long long sum;
	bool over = __builtin_uaddll_overflow(joiner, p->b.dashes[word], &sum);

	over |= __builtin_uaddll_overflow(sum, p->leading, &sum);
	p->b.begins[word] |= sum & ~joiner & p->b.may[word];
	p->leading = over;
}

/* And with what is no letter or digit. */
static void begin_others(struct pass *p, size_t word)
{
	uint64_t alnum = p->b.at.alnum[1 + word], behind = alnum << 1 | p->b.at.alnum[word] >> 63;

	p->b.begins[word] |= others(p, word, ~alnum & (~behind | p->b.escaped[word]));
}

/* ---- what stands there */

/* A run that ends at `end`. */
static inline bool run_may_be(struct pass *p, const uint8_t *text, size_t end)
{
	uint64_t key = run_key(text, end);
	bool may = filter_has(p->filters[0], key);

	for (size_t i = 1; i < p->search->n; i++)
		may |= filter_has(p->filters[i], key);
	if (p->tokens.n && end >= KNOWN_MIN) {
		filter_add(p->tokens, key);
		p->noted = true;
	}
	return may;
}

/* Of a bit and those behind it, at least RUN_LONG + 1 of them. */
static inline uint64_t bits_from(const uint64_t *words, size_t at)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)words + at / 8, sizeof(word));
	return word >> at % 8;
}

/* Might a value begin with this letter or digit of the window? It stands at `text`. */
static inline bool may_begin(struct pass *p, size_t at, const uint8_t *text)
{
	uint64_t alnum = bits_from(p->b.at.alnum + 1, at);
	uint64_t goes_on = bits_from(p->b.at.goes_on + 1, at);
	uint64_t run = (~goes_on & (goes_on + 1)) - 1; /* all ones, so far as it goes on */
	size_t end = 64 - (unsigned)__builtin_clzll(alnum & run);
	bool may = run_may_be(p, text, end);

	/* What is behind that is not known; or nothing is, and this is all. */
	if (run >> RUN_LONG && end < RUN_LONG)
		may |= run_may_be(p, text, RUN_LONG);
	if (end > KNOWN_ACCOUNT && !(alnum >> KNOWN_ACCOUNT & 1) && is_digit(*text) &&
	    (unsigned)__builtin_ctzll(~alnum) == KNOWN_ACCOUNT)
		may |= run_may_be(p, text, KNOWN_ACCOUNT);
	return may;
}

/* The same where little is left of the text. */
static bool may_begin_late(struct pass *p, size_t at)
{
	uint8_t copy[2 * sizeof(uint64_t)] = {0};

	memcpy(copy, p->text + p->from + at, p->len - p->from - at);
	return may_begin(p, at, copy);
}

/* Of so many places those that the filters do not tell from all values. */
static size_t window_sieve(struct pass *p, size_t n)
{
	const uint8_t *text = p->text + p->from;
	size_t left = 0, late = p->len - p->from;

	late = late > 2 * sizeof(uint64_t) ? late - 2 * sizeof(uint64_t) : 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = p->places[i];
		bool may;

		if (p->other && !(known_classes[text[at]] & ALNUM))
			may = true;
		else
			may = at < late ? may_begin(p, at, text + at) : may_begin_late(p, at);
		p->places[left] = at;
		left += may;
	}
	return left;
}

/* ---- the text, window by window */

/* The end of the text, `n` bytes that are less than a block, to a word. */
static void last_classes(struct pass *p, size_t word, size_t n)
{
	struct classes *at = &p->b.at;
	uint8_t copy[CLASSES_BLOCK];

	if (p->len < CLASSES_BLOCK) {
		memset(copy, 0, sizeof(copy));
		memcpy(copy, p->text, n);
		p->classify(copy, at, word, word + 1);
		return;
	}
	/* What stands before it is seen once more, and leaves its word. */
	p->classify(p->text + p->len - CLASSES_BLOCK, at, word, word + 1);
	at->alnum[word] >>= CLASSES_BLOCK - n;
	at->goes_on[word] >>= CLASSES_BLOCK - n;
	at->digit[word] >>= CLASSES_BLOCK - n;
	at->escape[word] >>= CLASSES_BLOCK - n;
}

/* Of the window and one word more; beyond the text nothing is of any class. */
static void window_classes(struct pass *p)
{
	struct classes *at = &p->b.at;
	size_t left = p->len - p->from, full = left / CLASSES_BLOCK, end, word;

	p->words = full < BEGINS_WORDS ? full + (left % CLASSES_BLOCK != 0) : BEGINS_WORDS;
	if (full > BEGINS_WORDS + 1)
		full = BEGINS_WORDS + 1;
	p->classify(p->text + p->from, at, 1, 1 + full);
	if (full > BEGINS_WORDS)
		return;
	word = 1 + full;
	if (left % CLASSES_BLOCK)
		last_classes(p, word++, left % CLASSES_BLOCK);
	end = begins_together(p->words) + 2;
	for (; word < end; word++)
		at->alnum[word] = at->goes_on[word] = at->digit[word] = 0;
}

static size_t window_begins(struct pass *p)
{
	size_t n = 0;

	for (size_t w = 0; w < p->words; w++)
		for (uint64_t e = p->b.at.escape[1 + w]; e; e &= e - 1)
			escape_begins(p,
				      p->from + w * CLASSES_BLOCK + (unsigned)__builtin_ctzll(e));
	p->begin(&p->b, p->words);
	for (size_t w = 0; w < p->words; w++) {
		if (p->b.dashes[w] || p->leading)
			begin_behind(p, w);
		if (p->other)
			begin_others(p, w);
		p->b.escaped[w] = 0; /* for the next window */
		n += bit_places(p->b.begins[w], (uint32_t)(w * CLASSES_BLOCK), p->places + n);
	}
	return n;
}

/* The window before it was whole. */
static void window_next(struct pass *p)
{
	p->from += WINDOW;
	p->b.at.alnum[0] = p->b.at.alnum[BEGINS_WORDS];
	p->b.at.goes_on[0] = p->b.at.goes_on[BEGINS_WORDS];
	for (unsigned i = 0; i < BEGINS_REACH; i++) {
		p->b.escaped[i] = p->b.escaped[BEGINS_WORDS + i];
		p->b.escaped[BEGINS_WORDS + i] = 0;
	}
}

/* What all sets have in common. */
static void pass_sets(struct pass *p)
{
	p->least = p->tokens.n ? KNOWN_MIN : BEGINS_LEAST;
	p->b.plain = p->other = false;
	p->other_first = (struct byte_set){0};
	for (size_t i = 0; i < p->search->n; i++) {
		const struct known *k = p->search->sets[i];

		p->filters[i] = filter_of(k);
		p->b.plain |= k->plain;
		p->other |= k->other;
		byte_set_join(&p->other_first, &k->other_first);
		if (k->least < p->least)
			p->least = k->least;
	}
	begins_least(&p->b, p->least);
}

static int pass_window(struct pass *p, struct buf *places)
{
	size_t n;

	window_classes(p);
	n = window_sieve(p, window_begins(p));
	for (size_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)p->from + p->places[i];

		if (known_at(p->search, p->text, p->len, at) && buf_append(places, &at, sizeof(at)))
			return -1;
	}
	return 0;
}

int known_places(const struct known *const *sets, size_t n_sets, const uint8_t *text, size_t len,
		 struct known_tokens *tokens, struct buf *places)
{
	static const uint64_t none;
	struct known_search s;
	struct pass p;
	size_t words;
	int rc = 0;

	known_search_begin(&s, sets, n_sets, NULL);
	if (len > UINT32_MAX)
		return -1;
	if (!s.n && !tokens)
		return 0;
	p.search = &s;
	p.filters[0] = (struct run_filter){(uint64_t *)&none, 1};
	p.tokens = tokens ? (struct run_filter){tokens->words, tokens->n} : (struct run_filter){0};
	pass_sets(&p);
	if (len < p.least && !p.other)
		return 0;
	p.classify = classes_best();
	p.begin = begins_best();
	p.text = text;
	p.len = len;
	p.from = 0;
	p.b.at.alnum[0] = p.b.at.goes_on[0] = 0;
	p.leading = p.noted = false;
	words = begins_together(len < WINDOW ? len / CLASSES_BLOCK + 1 : BEGINS_WORDS);
	memset(p.b.escaped, 0, (words + BEGINS_REACH) * sizeof(*p.b.escaped));
	for (; rc == 0 && p.from < len; window_next(&p))
		rc = pass_window(&p, places);
	if (tokens)
		tokens->noted |= p.noted;
	return rc;
}

bool known_tokens_may_have(const struct known_tokens *t, const struct known *k, size_t i)
{
	const struct known_value *v = &value_list(k)[i];

	return !v->has_token || filter_has((struct run_filter){t->words, t->n}, v->token);
}
