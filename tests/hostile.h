/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H
/*
 * Texts that make a rule work for nothing, made from the catalogue itself: a rule's anchor, behind what
 * it asks for before it, then as much as PCRE2 says might still become a match (a partial one), then a
 * byte with which it cannot. Seeded, so that a text can be made again. Repeated they make a body.
 */
#include "../user/mask/catalogue.h"
#include "must.h"

#define HOSTILE_PIECE_MAX 2048
#define HOSTILE_WORDS_MAX 256
#define HOSTILE_WORD_MAX 24

struct hostile_words {
	unsigned n;
	char list[HOSTILE_WORDS_MAX][HOSTILE_WORD_MAX];
};

/* Of one rule. */
struct hostile {
	const struct rule *rule;
	struct compiled compiled;
	pcre2_match_data *match;
	uint64_t seed;
	struct hostile_words before, inside; /* what lookbehinds ask for; words of the expression */
};

struct hostile_piece {
	size_t len, start; /* where the match would begin */
	char text[HOSTILE_PIECE_MAX];
};

static inline uint32_t hostile_random(struct hostile *h, uint32_t below)
{
	h->seed = h->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(h->seed >> 33) % below;
}

static inline bool hostile_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline void hostile_word(struct hostile_words *words, const char *from, size_t len)
{
	char *word;

	if (!len || len >= HOSTILE_WORD_MAX || words->n == HOSTILE_WORDS_MAX)
		return;
	word = words->list[words->n++];
	memcpy(word, from, len);
	word[len] = 0;
}

/* The alternatives of each lookbehind that are plain words, and the words of the rest. */
static inline void hostile_read(struct hostile *h)
{
	const char *e = h->rule->expression, *p;

	for (p = strstr(e, "(?<="); p; p = strstr(p, "(?<=")) {
		size_t n;

		p += 4;
		if (!strncmp(p, "(?i)", 4))
			p += 4;
		for (n = strcspn(p, "|)"); n; n = strcspn(p, "|)")) {
			if (strcspn(p, "[(\\?*+{.") >= n)
				hostile_word(&h->before, p, n);
			p += n + (p[n] == '|');
			if (p[-1] != '|')
				break;
		}
	}
	for (p = e; *p; p++) {
		size_t n = 0;

		while (hostile_letter(p[n]) || (n && (p[n] == '-' || p[n] == '_' || p[n] == ' ')))
			n++;
		if (n > 1 && (p == e || p[-1] != '<'))
			hostile_word(&h->inside, p, n < HOSTILE_WORD_MAX ? n : 0);
		p += n ? n - 1 : 0;
	}
}

static inline void hostile_init(struct hostile *h, const struct rule *rule)
{
	char why[200];

	*h = (struct hostile){.rule = rule, .seed = 20310504};
	MUST(rule_compile(rule, &h->compiled, why, sizeof(why)) == 0);
	h->match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	MUST(h->match);
	hostile_read(h);
}

static inline void hostile_free(struct hostile *h)
{
	pcre2_code_free(h->compiled.code);
	pcre2_match_data_free(h->match);
}

/* May this text go on so that it matches? */
static inline bool hostile_open(struct hostile *h, const struct hostile_piece *p)
{
	return pcre2_match(h->compiled.code, (PCRE2_SPTR)p->text, p->len, p->start,
			   PCRE2_PARTIAL_HARD, h->match, NULL) == PCRE2_ERROR_PARTIAL;
}

static inline bool hostile_put(struct hostile_piece *p, const char *text, size_t len)
{
	if (len >= sizeof(p->text) - p->len)
		return false;
	memcpy(p->text + p->len, text, len);
	p->len += len;
	return true;
}

/* What may stand between the start of a match and an anchor that stands within it. */
static const char *const hostile_runs[] = {
	"482910573641",
	"4829",
	"corvid-ledger-1",
	"corvid",
	"k7f3q9x2ma",
	"E1A2B3C4D5E6F7",
	"corvid.k7f3q9x2mabc",
	"abcdefghijklmnopqrstuvwxyz-0a1b2c3d4e5f60718.x.y",
	"1",
};

/* The anchor, with what it needs before it, if that can be found. */
static inline void hostile_begin(struct hostile *h, const char *anchor, struct hostile_piece *p)
{
	const size_t runs = sizeof(hostile_runs) / sizeof(*hostile_runs);
	unsigned n = h->rule->back ? (unsigned)runs : h->before.n, first;

	first = n ? hostile_random(h, n) : 0;
	for (unsigned i = 0; i <= n; i++) {
		const char *before = "";

		if (i < n)
			before = h->rule->back ? hostile_runs[(first + i) % n]
					       : h->before.list[(first + i) % n];
		p->len = 0;
		hostile_put(p, before, strlen(before));
		p->start = h->rule->back ? 0 : p->len;
		hostile_put(p, anchor, strlen(anchor));
		if (hostile_open(h, p))
			return;
	}
}

static const char hostile_bytes[] = "aefnz019AFZ-_.:/\"'\\ \t\n,=()[]{}<>|*%$+@#&;`~^!?\x1b\xe2";

/* Add one byte or word after which it is still open; the same again where that goes. */
static inline bool hostile_grow(struct hostile *h, struct hostile_piece *p, unsigned again)
{
	size_t before = p->len;

	for (unsigned i = 0; i < 40; i++) {
		char byte = hostile_bytes[hostile_random(h, sizeof(hostile_bytes) - 1)];
		const char *what = &byte;
		size_t len = 1;

		if (i == 0 && hostile_random(h, 100) < again)
			byte = p->text[p->len - 1];
		else if (h->inside.n && hostile_random(h, 3) == 0) {
			what = h->inside.list[hostile_random(h, h->inside.n)];
			len = strlen(what);
		}
		if (hostile_put(p, what, len) && hostile_open(h, p))
			return true;
		p->len = before;
	}
	return false;
}

/* An anchor and up to `more` bytes; `end`: then what spoils it. */
static inline void hostile_make(struct hostile *h, const char *anchor, size_t more, unsigned again,
				bool end, struct hostile_piece *p)
{
	size_t most;

	hostile_begin(h, anchor, p);
	most = p->len + more;
	while (p->len < most && p->len + HOSTILE_WORD_MAX < sizeof(p->text) &&
	       hostile_grow(h, p, again))
		;
	for (unsigned i = 0; end && i < 40; i++) {
		hostile_put(p, &hostile_bytes[hostile_random(h, sizeof(hostile_bytes) - 1)], 1);
		if (!hostile_open(h, p))
			return;
		p->len--;
	}
}

#endif
