/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/anchors.h"
#include "../guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX 400

static uint32_t seed = 20260131;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct byte_set set_of(const char *bytes)
{
	struct byte_set s = {0};

	for (; *bytes; bytes++)
		byte_set_add(&s, (uint8_t)*bytes);
	return s;
}

/* "a.b": a, whatever, b. */
static struct window window_of(const char *pattern)
{
	struct window w;

	for (size_t k = 0; k < WINDOW_WIDTH; k++) {
		char one[2] = {pattern[k], 0};

		w.at[k] = pattern[k] == '.' ? byte_set_all : set_of(one);
	}
	return w;
}

/* Does it stand around text[at]? What lies beyond the text is 0. */
static bool stands(const struct window *w, const uint8_t *text, size_t len, size_t at)
{
	for (size_t k = 0; k < WINDOW_WIDTH; k++) {
		size_t i = at + k - WINDOW_BEFORE;
		uint8_t c = at + k >= WINDOW_BEFORE && i < len ? text[i] : 0;

		if (!byte_set_has(&w->at[k], c))
			return false;
	}
	return true;
}

/* The first of the windows that stands at each place, or n; a bit for each place where there is one. */
static void find_standing(const struct window *windows, size_t n, const uint8_t *text, size_t len,
			  size_t *which, uint64_t *wanted)
{
	memset(wanted, 0, (TEXT_MAX / 64 + 1) * sizeof(*wanted));
	for (size_t at = 0; at < len; at++) {
		which[at] = 0;
		while (which[at] < n && !stands(&windows[which[at]], text, len, at))
			which[at]++;
		if (which[at] < n)
			wanted[at / 64] |= 1ull << (at % 64);
	}
}

/* The text with what can be read around it. */
static struct guarded with_margins(const uint8_t *text, size_t len)
{
	uint8_t all[WINDOW_WIDTH + TEXT_MAX + PROPOSE_BLOCK + WINDOW_WIDTH] = {0};

	memcpy(all + WINDOW_WIDTH, text, len);
	return guarded_copy(all, 2 * WINDOW_WIDTH + propose_blocks(len) * PROPOSE_BLOCK);
}

/* Each place where a window stands is proposed, by every variant, however few blocks it is asked. */
static void check(struct proposer *g, const struct window *windows, size_t n, const uint8_t *text,
		  size_t len)
{
	struct guarded copy = with_margins(text, len);
	uint64_t bits[TEXT_MAX / 64 + 2], pieces[TEXT_MAX / 64 + 2], wanted[TEXT_MAX / 64 + 1];
	uint64_t last = len % 64 ? ~0ull >> (64 - len % 64) : ~0ull;
	size_t which[TEXT_MAX];

	find_standing(windows, n, text, len, which, wanted);
	for (enum propose_variant v = 0; v < PROPOSE_VARIANTS; v++) {
		size_t blocks = propose_blocks(len);

		if (!propose_can(v))
			continue;
		proposer_use(g, v);
		propose(g, copy.p + WINDOW_WIDTH, len, bits);
		for (size_t i = 0; i < blocks; i++) {
			size_t left = len - i * PROPOSE_BLOCK;

			propose(g, copy.p + WINDOW_WIDTH + i * PROPOSE_BLOCK,
				left < PROPOSE_BLOCK ? left : PROPOSE_BLOCK, &pieces[i]);
		}
		cr_assert_eq(memcmp(bits, pieces, blocks * sizeof(*bits)), 0, "%s",
			     propose_names[v]);
		cr_assert_eq(bits[blocks - 1] & ~last, 0u, "%s: beyond the text", propose_names[v]);
		for (size_t i = 0; i < blocks; i++) {
			uint64_t missed = wanted[i] & ~bits[i];
			size_t at = i * 64 + (missed ? (size_t)__builtin_ctzll(missed) : 0);

			cr_assert(!missed, "%s: window %zu at %zu", propose_names[v], which[at],
				  at);
		}
	}
	guarded_free(&copy);
}

/* Few letters, so that much nearly stands; and bytes beyond ASCII. */
static void fill(uint8_t *text, size_t len)
{
	static const char letters[] = "abc-/0AB.\xe2\x82";

	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)letters[any(sizeof(letters))];
}

Test(propose, misses_nothing)
{
	struct window windows[40];
	uint8_t text[TEXT_MAX];
	struct proposer g;

	/* What is made of the windows takes far longer than a look at a text. */
	for (unsigned round = 0; round < 60; round++) {
		size_t n = 1 + any(COUNT(windows));

		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < WINDOW_WIDTH; k++) {
				uint8_t some[4];

				fill(some, sizeof(some));
				windows[i].at[k] = any(3) ? byte_set_all : (struct byte_set){0};
				for (size_t j = 0; j < 1 + any(3); j++)
					byte_set_add(&windows[i].at[k], some[j]);
			}
		}
		proposer_add(&g, windows, 0, n);
		for (unsigned i = 0; i < 20; i++) {
			size_t len = 1 + any(TEXT_MAX);

			fill(text, len);
			check(&g, windows, n, text, len);
		}
	}
}

Test(propose, at_every_place_of_texts_of_every_length)
{
	struct window windows[] = {window_of("..i-0..."), window_of("vol-1..."),
				   window_of("..\xc3\xa9....")};
	struct proposer g;

	proposer_add(&g, windows, 0, COUNT(windows));
	for (size_t len = 1; len <= 200; len++) {
		uint8_t text[200];

		for (size_t at = 0; at + 8 <= len; at++) {
			memset(text, ' ', len);
			memcpy(text + at, at % 2 ? "xxi-0zzz" : "vol-1yyy", 8);
			check(&g, windows, COUNT(windows), text, len);
		}
	}
}

/* What has nothing of a window is proposed nowhere: the sharpest variant shows it. */
Test(propose, proposes_little)
{
	struct window w = window_of("..i-0abc");
	uint8_t text[WINDOW_WIDTH + TEXT_MAX + PROPOSE_BLOCK + WINDOW_WIDTH];
	uint64_t bits[TEXT_MAX / 64 + 1];
	struct proposer g;

	memset(text, 'q', sizeof(text));
	proposer_add(&g, &w, 0, 1);
	for (enum propose_variant v = 0; v < PROPOSE_VARIANTS; v++) {
		if (!propose_can(v))
			continue;
		proposer_use(&g, v);
		propose(&g, text + WINDOW_WIDTH, TEXT_MAX, bits);
		for (size_t i = 0; i < propose_blocks(TEXT_MAX); i++)
			cr_assert_eq(bits[i], 0u, "%s", propose_names[v]);
	}
}

Test(propose, plain_can_always)
{
	cr_assert(propose_can(PROPOSE_PLAIN));
}

/* --- what may follow an anchor --- */

static bool goes_on_behind(const char *before, const char *expression, const char *anchor,
			   bool within, const char *rest)
{
	size_t at = strlen(before), behind = at + strlen(anchor);
	char text[2000];
	static struct guards guards;
	struct follow *f = follow_new();
	struct guard_start start;
	unsigned rule;

	cr_assert(f);
	cr_assert_eq(guards_reserve(&guards), 0);
	rule = follow_read(f, expression, &guards);
	guards.count = guards.cell_count = 0;
	follow_anchor(f, anchor, strlen(anchor), false, within);
	start = follow_guard(f);
	follow_fill(f);
	start = follow_start(f, start);
	follow_free(f);
	snprintf(text, sizeof(text), "%s%s%s", before, anchor, rest);
	return guard_lets(&guards, rule, start, (const uint8_t *)text, at, behind, strlen(text));
}

static bool goes_on(const char *expression, const char *anchor, bool within, const char *rest)
{
	return goes_on_behind("", expression, anchor, within, rest);
}

Test(follow, may_and_may_not)
{
	static const struct {
		const char *expression, *anchor;
		bool within;
		const char *may, *may_not;
	} cases[] = {
		{"i-[0-9a-f]{8}", "i-", false, "0123abcd", "0123abcg"},
		{"i-[0-9a-f]{8}", "i-", false, "0123abcd!", "0123abc"},
		{"i-[0-9a-f]{2,4}x", "i-", false, "abcdx", "abq"},
		{"(?<a>user)_?name=", "user", false, "_name=", "_nome="},
		{"user(?=_name|id)[a-z_]+=", "user", false, "_name=", "_none="},
		{"user(?=_name|id)[a-z_]+=", "user", false, "ideal=", "x="},
		{"user(?!s)[a-z]=", "user", false, "s=", "sx"},
		{"(?i)key[ :]+Z", "key", false, ": z", ": y"},
		{"key(?i:a)B", "key", false, "AB", "Ab"},
		{"(?:ab|ac+)d", "ac", false, "ccd", "bd"},
		{"a\\.b\\d\\D\\s\\S\\w\\W", "a.", false, "b1x x_.", "b1x xx_"},
		{"a[^b-d\\s\\]]e", "a", false, "xe", "]e"},
		{"[0-9]{4}-[0-9]{4}-[0-9]{4}", "-", true, "1234-5678", "123-"},
		{"(?=[a-z-]*[0-9])[a-z]+-x[0-9]", "-", true, "x1", "y1"},
		{"[0-9]{4}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z", "20", false, "31-05T10:10Z",
		 "31-05T10:10x"},
		{"x\\x41[\\x42-\\x44]", "x", false, "AC", "AE"},
		{"ab*+c??d", "a", false, "bbd", "bbe"},
		{"a[bc](?<=ab)d", "a", false, "bd", "cd"},
		{"a[ :]++(?:(?<=:)|(?<=: ))d", "a", false, ": d", "  d"},
		{"a(?:(?<=a)|(?<=bc))d", "a", false, "d", "bcd"},
		{"a(?=b+c)[a-z]{3}d", "a", false, "bbcd", "bcbx"},
		{"(b[0-9])(?1)c", "b", false, "7b8c", "7b8d"},
		{"a(?<x>b(?1)?)c", "a", false, "bzz", "z"},
		{"a(?:b(?:c(?:d)))", "a", false, "bcd", "bce"},
		{"a{x}b", "a{", false, "x}b", "y}b"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *what = cases[i].expression, *anchor = cases[i].anchor;

		cr_expect(goes_on(what, anchor, cases[i].within, cases[i].may), "%s: %s%s", what,
			  anchor, cases[i].may);
		cr_expect_not(goes_on(what, anchor, cases[i].within, cases[i].may_not), "%s: %s%s",
			      what, anchor, cases[i].may_not);
	}
}

/* What must precede an anchor is looked at as far as two bytes. */
Test(follow, may_and_may_not_precede)
{
	static const struct {
		const char *expression, *anchor, *rest, *may, *may_not;
	} cases[] = {
		{"(?<=q)ab", "a", "b", "q", "p"},
		{"(?<=q)ab", "a", "b", "q", ""},
		{"(?<=--)ab", "a", "b", "--", "-"},
		{"(?<=--)ab", "a", "b", "x--", " -"},
		{"(?<=to )ab", "a", "b", "to ", "t "},
		{"(?<=[0-9]{12}:|x)ab", "a", "b", "123456789012:", "12345678901a:"},
		{"(?<=[0-9]{12}:|x)ab", "a", "b", "x", "y"},
		{"(?:(?<=q)ab|ac)", "a", "c", "q", NULL},
		{"(?:(?<=q)ab|ac)", "a", "c", "", NULL},
		{"(?:(?<=q)ab|ac)", "a", "b", "q", "p"},
		{"ab(?<=rab)c", "ab", "c", "r", "s"},
		{"(?<!q)ab", "a", "b", "q", NULL},
		{"(?<=\\n|^)ab", "a", "b", "\\n", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *what = cases[i].expression, *anchor = cases[i].anchor;

		cr_expect(goes_on_behind(cases[i].may, what, anchor, false, cases[i].rest),
			  "%s: behind '%s'", what, cases[i].may);
		cr_expect(!cases[i].may_not || !goes_on_behind(cases[i].may_not, what, anchor,
							       false, cases[i].rest),
			  "%s: behind '%s'", what, cases[i].may_not);
	}
}

/* What it cannot read, or finds too large, may go on in any way. */
Test(follow, anything_when_in_doubt)
{
	static const char *const doubtful[] = {
		"a(b)\\1",     "a\\Kb",	   "a(?(1)b)", "a[[:alpha:]]",
		"a(*ACCEPT)b", "a\\Qb\\E", "a(b",      "a[b",
		"a\\x{41}",    "a(?#b)c",  "a**",      "a\\pL",
		"abc|",	       "a(?:b|)",  "a$",       "a",
	};

	for (size_t i = 0; i < COUNT(doubtful); i++)
		cr_expect(goes_on(doubtful[i], "a", false, "zzz"), "%s", doubtful[i]);
	cr_expect(goes_on("bcd", "a", false, "zzz"), "an anchor that is not in it");
	cr_expect(goes_on("a(?:(?:[a-z]{24}x){24}y){24}", "ax", true, "!"), "too large");
}

/* A long run does not cost more than a short one. */
Test(follow, looks_no_further_than_it_says)
{
	char run[1000];

	memset(run, ' ', sizeof(run) - 1);
	run[sizeof(run) - 1] = 0;
	cr_expect(goes_on("a *b", "a", false, run));
	run[GUARD_BYTES / 2] = 'c';
	cr_expect_not(goes_on("a *b", "a", false, run));
}

Test(follow, sets)
{
	static struct guards guards;
	struct follow *f = follow_new();
	struct byte_set out[FOLLOW];

	cr_assert(f);
	cr_assert_eq(guards_reserve(&guards), 0);
	follow_read(f, "i-[0-9]{2}(?:x|yz)", &guards);
	follow_anchor(f, "i-", 2, false, false);
	follow_sets(f, out);
	for (unsigned c = 0; c < 256; c++) {
		cr_expect_eq(byte_set_has(&out[0], (uint8_t)c), c >= '0' && c <= '9');
		cr_expect_eq(byte_set_has(&out[2], (uint8_t)c), c == 'x' || c == 'y');
		cr_expect(byte_set_has(&out[3], (uint8_t)c), "it may have ended");
	}
	guards_free(&guards);
	follow_free(f);
}
