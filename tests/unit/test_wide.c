/* SPDX-License-Identifier: Apache-2.0 */
/* What is done for 64 bytes at once, by every variant that this processor has. */
#include "../../user/mask/classes.h"
#include "../../user/mask/jstr_wide.h"
#include "../../user/mask/known_begins.h"
#include "../guard.h"

#include <criterion/criterion.h>

#define TEXT_MAX 400
#define ROUNDS 20000

static uint32_t seed = 20310504;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void expect_classes(const struct classes *c, size_t at, uint8_t byte)
{
	size_t w = at / 64, i = at % 64;

	cr_expect_eq(c->alnum[w] >> i & 1, is_alnum(byte), "%02x", byte);
	cr_expect_eq(c->goes_on[w] >> i & 1, is_alnum(byte) || byte == '-' || byte == '_', "%02x",
		     byte);
	cr_expect_eq(c->digit[w] >> i & 1, byte >= '0' && byte <= '9', "%02x", byte);
	cr_expect_eq(c->escape[w] >> i & 1, byte && strchr("\\%$^\x1b", byte), "%02x", byte);
}

Test(wide, classes_of_all_bytes)
{
	uint8_t bytes[256];
	struct guarded g;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + i / 64);
	g = guarded_copy(bytes, sizeof(bytes));
	cr_assert_not_null(classes_by(CLASSES_PLAIN));
	for (enum classes_variant v = 0; v < CLASSES_VARIANTS; v++) {
		struct classes c = {0};

		if (!classes_by(v))
			continue;
		classes_by(v)(g.p, &c, 0, 1);
		classes_by(v)(g.p + 64, &c, 1, 4);
		for (unsigned i = 0; i < sizeof(bytes); i++)
			expect_classes(&c, i, bytes[i]);
		cr_expect_eq(c.alnum[4] | c.goes_on[4] | c.digit[4] | c.escape[4], 0u);
	}
	guarded_free(&g);
}

/* Where what is passed over ends, at the latest: the first byte that asks for a closer look. */
static size_t ends_at(const uint8_t *p, size_t len, bool *escaped)
{
	size_t i = 0;

	*escaped = false;
	while (i < len && p[i] != '"' && p[i] >= 0x20) {
		if (p[i] != '\\') {
			i++;
			continue;
		}
		if (i + 1 == len || !p[i + 1] || !strchr("\"\\/bfnrt", p[i + 1]))
			break;
		*escaped = true;
		i += 2;
	}
	return i;
}

/* No variant goes further; and none stops sooner but within the last block. */
static void check_pass(const uint8_t *p, size_t len)
{
	bool escaped, want_escaped, before;
	size_t want = ends_at(p, len, &want_escaped);

	for (enum jstr_variant v = 0; v < JSTR_VARIANTS; v++) {
		size_t got;

		if (!jstr_by(v))
			continue;
		escaped = false;
		got = jstr_by(v)(p, 0, len, &escaped);
		cr_assert_leq(got, want);
		cr_assert(got == want || len - got < JSTR_BLOCK);
		(void)ends_at(p, got, &before);
		cr_assert_eq(escaped, before);
	}
}

Test(wide, strings)
{
	static const char bytes[] = "\\\\\\\\\\\"\"nntbfru/x0\x1f\x20\x7f\xc3";

	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t len = any(TEXT_MAX), dense = 1 + any(40);
		uint8_t text[TEXT_MAX];
		struct guarded g;

		for (size_t i = 0; i < len; i++)
			text[i] = any((uint32_t)dense) ? (any(9) ? 'a' : '\\')
						       : (uint8_t)bytes[any(sizeof(bytes) - 1)];
		/* Most of them so that it goes on. */
		for (size_t i = 0; i + 1 < len; i++)
			if (text[i] == '\\' && any(30)) {
				text[i + 1] = (uint8_t) "\"\\/bfnrt"[any(8)];
				i++;
			}
		g = guarded_copy(text, len);
		check_pass(g.p, len);
		guarded_free(&g);
	}
}

static bool same(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) &&
	       (!buf_len(a) || !memcmp(buf_bytes(a), buf_bytes(b), buf_len(a)));
}

/* The same as escape by escape, also where there is room for few marks. */
static void check_decode(const uint8_t *p, size_t len, size_t max_marks)
{
	struct buf text[2], marks[2];
	int rc[2];

	for (unsigned i = 0; i < 2; i++) {
		buf_init(&text[i], len);
		buf_init(&marks[i], max_marks * sizeof(struct text_mark));
		rc[i] = jstr_decode_by(i ? jstr_decoder_best() : NULL, p, len, &text[i], &marks[i]);
	}
	cr_assert_eq(rc[0], rc[1]);
	cr_assert(rc[0] || (same(&text[0], &text[1]) && same(&marks[0], &marks[1])));
	for (unsigned i = 0; i < 2; i++) {
		buf_free(&text[i]);
		buf_free(&marks[i]);
	}
}

Test(wide, decoding)
{
	static const char *const pieces[] = {"\\n",	 "\\\\",	   "\\\"", "\\t\\r",
					     "\\u00e9",	 "\\ud83d\\ude00", "\\x",  "\\",
					     "\xc3\xa9", "\\/\\b\\f"};

	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t most = any(TEXT_MAX), dense = 1 + any(40), kinds = any(3) ? 4 : 10, len = 0;
		uint8_t text[TEXT_MAX + 16];
		struct guarded g;

		while (len < most) {
			const char *piece =
				any((uint32_t)dense) ? "a" : pieces[any((uint32_t)kinds)];

			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		g = guarded_copy(text, len);
		check_decode(g.p, len, any(4) ? len + 1 : any(100));
		guarded_free(&g);
	}
}

#define BEGINS_TEXT ((size_t)BEGINS_WORDS * 64)

static bool goes_on(const uint8_t *p, size_t at)
{
	return is_alnum(p[at]) || p[at] == '-' || p[at] == '_';
}

/* How many bytes go on from here, and is that a plain run? */
static size_t run_at(const uint8_t *p, size_t at, bool *plain)
{
	size_t n = 0;

	*plain = true;
	for (; goes_on(p, at + n); n++)
		*plain &= is_alnum(p[at + n]) && !(p[at + n] >= '0' && p[at + n] <= '9');
	*plain &= n <= 11;
	return n;
}

/* What begins there is found, and nothing plain. */
static void check_begins(const struct begins *b, const uint8_t *p, size_t least)
{
	for (size_t at = 0; at < BEGINS_TEXT; at++) {
		bool found = b->begins[at / 64] >> at % 64 & 1, plain;
		bool digit = p[at] >= '0' && p[at] <= '9', behind = at && is_alnum(p[at - 1]);
		bool first = !at || !goes_on(p, at - 1) || b->escaped[at / 64] >> at % 64 & 1;
		size_t n = run_at(p, at, &plain);

		plain &= !b->plain;
		if (n >= least && is_alnum(p[at]) && !plain && (first || (digit && !behind)))
			cr_assert(found, "%zu", at);
		if (plain || !is_alnum(p[at]))
			cr_assert_not(found, "%zu", at);
	}
}

Test(wide, begins)
{
	static const char bytes[] = "aZ9-_. ";

	for (unsigned round = 0; round < ROUNDS / 20; round++) {
		struct begins b = {.plain = !any(3)}, by;
		uint8_t text[BEGINS_TEXT + 64] = {0};
		size_t least = 1 + any(8);

		begins_least(&b, least);
		for (size_t i = 0; i < BEGINS_TEXT; i++) {
			text[i] = any(6) ? 'a' : (uint8_t)bytes[any(sizeof(bytes) - 1)];
			b.escaped[i / 64] |= (uint64_t)!any(50) << i % 64;
		}
		classes_best()(text, &b.at, 1, BEGINS_WORDS + 2);
		for (enum begins_variant v = 0; v < BEGINS_VARIANTS; v++) {
			by = b;
			if (!begins_by(v))
				continue;
			begins_by(v)(&by, BEGINS_WORDS);
			check_begins(&by, text, least);
			begins_by(BEGINS_ANY)(&b, BEGINS_WORDS);
			cr_assert_arr_eq(by.begins, b.begins, sizeof(b.begins));
			cr_assert_arr_eq(by.may, b.may, sizeof(b.may));
			cr_assert_arr_eq(by.dashes, b.dashes, sizeof(b.dashes));
		}
	}
}
