/* SPDX-License-Identifier: Apache-2.0 */
/* Where known values may stand: most tokens are told from all of them by one look into a filter. */
#include "classes.h"
#include "edge.h"
#include "known_table.h"

#define WORDS 16   /* of 64 bytes: so much of a text at a time ... */
#define TOGETHER 8 /* ... and so many of them at once */
#define WINDOW (WORDS * CLASSES_BLOCK)
/* An escape and the dashes behind it reach at most so many words further. */
#define REACH 2
#define COLOUR_PARAMETERS 16
/* Shorter runs than the shortest that a value begins with are nothing, if that is no longer than so. */
#define RUN_STEPS 3
#define RUN_LEAST (1 << RUN_STEPS)

struct pass {
	const struct known_search *search;
	struct run_filter filters[KNOWN_SETS], tokens; /* tokens.n: 0 if there are none */
	classes_kernel *classify;
	void (*begin)(struct pass *);
	const uint8_t *text;
	size_t len;
	size_t least; /* shorter runs are nothing */
	bool plain;   /* some value begins with a plain run */
	bool other;   /* some value begins with no letter or digit ... */
	struct byte_set other_first;
	unsigned steps[RUN_STEPS];  /* how far on a run is looked for that is long enough ... */
	uint64_t beyond[RUN_STEPS]; /* ... of which bytes that is in the next word */

	/* The window: where it begins, and how many words of it the text has. */
	size_t from, words;
	struct classes at;		 /* the word before it, then its own, and one more */
	uint64_t escaped[WORDS + REACH]; /* a token may begin here, for an escape has ended */
	uint64_t begins[WORDS];		 /* tokens begin here */
	uint64_t may[WORDS];		 /* long enough for one, and not plain */
	uint64_t dashes[WORDS];		 /* runs begin here with what is no letter or digit */
	bool leading; /* the byte before a word is one of the dashes that a run begins with */
	uint32_t places[WINDOW + CHUNK_PLACES];
};

/* ---- behind escapes, which only are what escape_ends() says: here more may be */

static inline void begin_at(struct pass *p, size_t at)
{
	at -= p->from;
	p->escaped[at / 64] |= 1ull << at % 64;
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

/* A word and the next one, from which bits go over to it. */
struct two {
	uint64_t word, next;
};

static inline struct two two_shift(struct two t, unsigned n)
{
	return (struct two){t.word >> n | t.next << (64 - n), t.next >> n};
}

/* Where these many bytes stand before an end, that is one as well. */
static inline struct two two_ends(struct two ends, struct two these, unsigned n)
{
	struct two far = two_shift(ends, n);

	return (struct two){ends.word | (these.word & far.word),
			    ends.next | (these.next & far.next)};
}

static inline struct two two_both(struct two these, unsigned n)
{
	struct two far = two_shift(these, n);

	return (struct two){these.word & far.word, these.next & far.next};
}

/*
 * Where do no more than RUN_PLAIN letters stand, and then what does not go on? Found from the end of runs, by twice
 * as many letters at a time.
 */
static inline uint64_t plain_runs(struct two letters, struct two ends)
{
	struct two pairs = two_both(letters, 1), fours = two_both(pairs, 2);

	_Static_assert(RUN_PLAIN == 1 + 2 + 4 + 4, "they are these steps");
	ends = two_ends(ends, letters, 1);
	ends = two_ends(ends, pairs, 2);
	ends = two_ends(ends, fours, 4);
	return two_ends(ends, fours, 4).word;
}

/*
 * Of TOGETHER words: runs of what goes on begin tokens, and so do digits behind what is no letter or digit: they
 * may be an account's. No word waits for the one before, so that the compiler takes several of them at once.
 */
static inline __attribute__((always_inline)) void begin_words(struct pass *restrict p, size_t first)
{
	const uint64_t *alnum = p->at.alnum + 1 + first, *goes_on = p->at.goes_on + 1 + first;
	const uint64_t *digit = p->at.digit + 1 + first, drops = p->plain ? 0 : ~0ull;
	uint64_t *restrict begins = p->begins + first, *restrict may = p->may + first;
	uint64_t *restrict dashes = p->dashes + first;
	const uint64_t *restrict escaped = p->escaped + first;
	const unsigned steps[] = {p->steps[0], p->steps[1], p->steps[2]};
	const uint64_t beyond[] = {p->beyond[0], p->beyond[1], p->beyond[2]};

	_Static_assert(RUN_STEPS == 3, "they are written one by one");
	for (unsigned i = 0; i < TOGETHER; i++) {
		uint64_t on = goes_on[i], run = on & ~(on << 1 | goes_on[(int)i - 1] >> 63);
		uint64_t behind = alnum[i] << 1 | alnum[(int)i - 1] >> 63;
		struct two letters = {alnum[i] & ~digit[i], alnum[i + 1] & ~digit[i + 1]};
		struct two ends = {~on, ~goes_on[i + 1]};

		on &= on >> steps[0] | beyond[0];
		on &= on >> steps[1] | beyond[1];
		on &= on >> steps[2] | beyond[2];
		on &= ~(plain_runs(letters, ends) & drops);
		begins[i] = ((alnum[i] & (run | escaped[i])) | (digit[i] & ~behind)) & on;
		may[i] = alnum[i] & on;
		dashes[i] = run & ~alnum[i];
	}
}

static inline __attribute__((always_inline)) void begin_all(struct pass *p)
{
	for (size_t w = 0; w < p->words; w += TOGETHER)
		begin_words(p, w);
}

static void begin_any(struct pass *p)
{
	begin_all(p);
}

#ifdef __x86_64__
__attribute__((target("avx512bw,avx512vl"))) static void begin_avx512(struct pass *p)
{
	begin_all(p);
}

__attribute__((target("avx2"))) static void begin_avx2(struct pass *p)
{
	begin_all(p);
}
#endif

static void (*begin_best(void))(struct pass *)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		return begin_avx512;
	if (__builtin_cpu_supports("avx2"))
		return begin_avx2;
#endif
	return begin_any;
}

/* What begins behind dashes that a run begins with; they may have begun in the word before. */
static void begin_behind(struct pass *p, size_t word)
{
	uint64_t alnum = p->at.alnum[1 + word], joiner = p->at.goes_on[1 + word] & ~alnum;
	unsigned long long sum;
	bool over = __builtin_uaddll_overflow(joiner, p->dashes[word], &sum);

	over |= __builtin_uaddll_overflow(sum, p->leading, &sum);
	p->begins[word] |= sum & ~joiner & p->may[word];
	p->leading = over;
}

/* And with what is no letter or digit. */
static void begin_others(struct pass *p, size_t word)
{
	uint64_t alnum = p->at.alnum[1 + word], behind = alnum << 1 | p->at.alnum[word] >> 63;

	p->begins[word] |= others(p, word, ~alnum & (~behind | p->escaped[word]));
}

/* ---- what stands there */

/* A run that ends at `end`. */
static inline bool run_may_be(const struct pass *p, const uint8_t *text, size_t end)
{
	uint64_t key = run_key(text, end);
	bool may = filter_has(p->filters[0], key);

	for (size_t i = 1; i < p->search->n; i++)
		may |= filter_has(p->filters[i], key);
	if (p->tokens.n && end >= KNOWN_MIN)
		filter_add(p->tokens, key);
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
static inline bool may_begin(const struct pass *p, size_t at, const uint8_t *text)
{
	uint64_t alnum = bits_from(p->at.alnum + 1, at);
	uint64_t goes_on = bits_from(p->at.goes_on + 1, at);
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
static bool may_begin_late(const struct pass *p, size_t at)
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

/* So many words are looked at for so many. */
static size_t together(size_t words)
{
	return (words + TOGETHER - 1) / TOGETHER * TOGETHER;
}

/* Of the window and one word more; beyond the text nothing is of any class. */
static void window_classes(struct pass *p)
{
	const uint8_t *text = p->text + p->from;
	size_t left = p->len - p->from, full = left / CLASSES_BLOCK, end;
	uint8_t copy[CLASSES_BLOCK] = {0};

	p->words = full < WORDS ? full + (left % CLASSES_BLOCK != 0) : WORDS;
	if (full > WORDS + 1)
		full = WORDS + 1;
	p->classify(text, &p->at, 1, 1 + full);
	if (full > WORDS)
		return;
	memcpy(copy, text + full * CLASSES_BLOCK, left - full * CLASSES_BLOCK);
	p->classify(copy, &p->at, 1 + full, 2 + full);
	end = together(p->words) + 2;
	for (size_t w = 2 + full; w < end; w++)
		p->at.alnum[w] = p->at.goes_on[w] = p->at.digit[w] = 0;
}

static size_t window_begins(struct pass *p)
{
	size_t n = 0;

	for (size_t w = 0; w < p->words; w++)
		for (uint64_t e = p->at.escape[1 + w]; e; e &= e - 1)
			escape_begins(p,
				      p->from + w * CLASSES_BLOCK + (unsigned)__builtin_ctzll(e));
	p->begin(p);
	for (size_t w = 0; w < p->words; w++) {
		if (p->dashes[w] || p->leading)
			begin_behind(p, w);
		if (p->other)
			begin_others(p, w);
		p->escaped[w] = 0; /* for the next window */
		n += bit_places(p->begins[w], (uint32_t)(w * CLASSES_BLOCK), p->places + n);
	}
	return n;
}

/* The window before it was whole. */
static void window_next(struct pass *p)
{
	p->from += WINDOW;
	p->at.alnum[0] = p->at.alnum[WORDS];
	p->at.goes_on[0] = p->at.goes_on[WORDS];
	for (unsigned i = 0; i < REACH; i++) {
		p->escaped[i] = p->escaped[WORDS + i];
		p->escaped[WORDS + i] = 0;
	}
}

/* What all sets have in common. */
static void pass_sets(struct pass *p)
{
	size_t have = 1;

	p->least = p->tokens.n ? KNOWN_MIN : RUN_LEAST;
	p->plain = p->other = false;
	p->other_first = (struct byte_set){0};
	for (size_t i = 0; i < p->search->n; i++) {
		const struct known *k = p->search->sets[i];

		p->filters[i] = filter_of(k);
		p->plain |= k->plain;
		p->other |= k->other;
		byte_set_join(&p->other_first, &k->other_first);
		if (k->least < p->least)
			p->least = k->least;
	}
	for (unsigned i = 0; i < RUN_STEPS; i++, have += p->steps[i - 1]) {
		p->steps[i] = (unsigned)(p->least - have < have ? p->least - have : have);
		p->beyond[i] = ~(~0ull >> p->steps[i]);
	}
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
		 const struct known_tokens *tokens, struct buf *places)
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
	p.begin = begin_best();
	p.text = text;
	p.len = len;
	p.from = 0;
	p.at.alnum[0] = p.at.goes_on[0] = 0;
	p.leading = false;
	words = together(len < WINDOW ? len / CLASSES_BLOCK + 1 : WORDS);
	memset(p.escaped, 0, (words + REACH) * sizeof(*p.escaped));
	for (; rc == 0 && p.from < len; window_next(&p))
		rc = pass_window(&p, places);
	return rc;
}

bool known_tokens_may_have(const struct known_tokens *t, const struct known *k, size_t i)
{
	const struct known_value *v = &value_list(k)[i];

	return !v->has_token || filter_has((struct run_filter){t->words, t->n}, v->token);
}
