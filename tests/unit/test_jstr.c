/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/jstr.h"
#include "../guard.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#define TOKENS_MAX 4096

struct trace {
	struct jstr_token t[TOKENS_MAX];
	size_t n;
	int rc;
	size_t pos;
};

static void trace_token(struct trace *tr, const struct jstr_token *t)
{
	cr_assert(tr->n < TOKENS_MAX);
	tr->t[tr->n++] = *t;
}

/* Scan what is there; stops at JSTR_END, an error, or for lack of bytes. */
static int scan_some(struct jstr *s, const uint8_t *p, size_t len, bool last, struct trace *tr)
{
	struct jstr_token t;
	int rc;

	while ((rc = jstr_next(s, p, len, last, &t)) == 1) {
		trace_token(tr, &t);
		if (t.kind == JSTR_END)
			break;
	}
	cr_assert(!last || rc != 0);
	tr->rc = rc;
	tr->pos = s->pos;
	return rc;
}

/* Each piece in a copy of its own before a guard page, as the buffer may move between calls. */
static struct trace *scan_pieces(const char *text, size_t len, const size_t *cuts, size_t n)
{
	struct trace *tr = calloc(1, sizeof(*tr));
	struct jstr s = {0};

	for (size_t i = 0; i <= n; i++) {
		size_t have = i == n ? len : cuts[i];
		struct guarded g = guarded_copy(text, have);
		int rc = scan_some(&s, g.p, have, i == n, tr);

		guarded_free(&g);
		if (rc < 0)
			break;
	}
	return tr;
}

static void same_trace(const struct trace *a, const struct trace *b, const char *text, size_t cut)
{
	cr_assert(a->rc == b->rc && a->pos == b->pos && a->n == b->n,
		  "%s, cut at %zu: rc %d %d, pos %zu %zu, tokens %zu %zu", text, cut, a->rc, b->rc,
		  a->pos, b->pos, a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct jstr_token *x = &a->t[i], *y = &b->t[i];

		cr_assert(x->kind == y->kind && x->escaped == y->escaped && x->off == y->off &&
				  x->len == y->len && x->depth == y->depth,
			  "%s, cut at %zu: token %zu differs", text, cut, i);
	}
}

/* At once, at every split into two, and byte by byte: the same. The caller frees the result. */
static struct trace *scan(const char *text, size_t len)
{
	struct trace *whole = scan_pieces(text, len, NULL, 0), *other;
	size_t *cuts = calloc(len + 1, sizeof(*cuts));

	for (size_t i = 0; i <= len; i++) {
		cuts[i] = i;
		other = scan_pieces(text, len, &i, 1);
		same_trace(whole, other, text, i);
		free(other);
	}
	other = scan_pieces(text, len, cuts, len);
	same_trace(whole, other, text, len);
	free(other);
	free(cuts);
	return whole;
}

static const char *const good[] = {
	"0",
	"-0",
	"10",
	"-12.5e+3",
	"1E5",
	"0.0",
	"0e0",
	"1e-9",
	"true",
	" false ",
	"\t\r\nnull\n",
	"\"\"",
	"\"abc\"",
	"[]",
	"{}",
	"[ ]",
	"{ }",
	"[1,2 , 3]",
	"[[],[[]],{}]",
	"{\"a\":1,\"b\":[true,null,{\"c\":\"d\"}]}",
	"{\"\":\"\"}",
	"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\ud83d\"]",
	"\"a string of more than sixteen bytes, \\n with an escape and \xc3\xa9, on and on\"",
	"{\"k\\u0065y\" : \"v\" }",
	"[1e1,-1,0,\"\xff\xfe\"]",
};

static const char *const bad[] = {
	"",
	" ",
	"x",
	"01",
	"-",
	"+1",
	".5",
	"1.",
	"1.e5",
	"1e",
	"1e+",
	"--1",
	"1.2.3",
	"0x1",
	"tru",
	"trUe",
	"truex",
	"nul",
	"\"",
	"\"abc",
	"\"\\",
	"\"\\x\"",
	"\"\\u12\"",
	"\"\\u12g4\"",
	"\"\\u123",
	"\"a\nb\"",
	"\"\t\"",
	"[",
	"[1",
	"[1,",
	"[1,]",
	"[,1]",
	"[1 2]",
	"{",
	"{\"a\"",
	"{\"a\":",
	"{\"a\":1",
	"{\"a\":1,",
	"{\"a\":1,}",
	"{,}",
	"{a:1}",
	"{1:2}",
	"{\"a\",1}",
	"{\"a\" \"b\"}",
	"[1}",
	"{\"a\":1]",
	"]",
	"}",
	"1 2",
	"[] []",
	"[]]",
	"// c\n1",
	"[1]x",
	"'a'",
	"NaN",
	"\xef\xbb\xbf[]",
	"{\"a\":}",
	"\"\\\n\"",
	"\"12345678901234567890\x01\"",
};

Test(jstr, accepts_json)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct trace *tr = scan(good[i], strlen(good[i]));

		cr_expect(tr->rc == 1 && tr->t[tr->n - 1].kind == JSTR_END, "%s", good[i]);
		free(tr);
	}
}

Test(jstr, refuses_what_is_not_json)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct trace *tr = scan(bad[i], strlen(bad[i]));

		cr_expect(tr->rc == -1, "%s", bad[i]);
		free(tr);
	}
}

Test(jstr, says_where_it_broke)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = {{"[1,]", 3},	{"{\"a\":tru3}", 8},
		     {"\"ab\\q\"", 4},	{"\"\\u00gg\"", 5},
		     {"[\"a\nb\"]", 3}, {"[1.x]", 3},
		     {"[1", 2},		{"  ", 2},
		     {"{} x", 3},	{"-", 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct trace *tr = scan(cases[i].text, strlen(cases[i].text));

		cr_expect(tr->rc == -1 && tr->pos == cases[i].at, "%s: %zu", cases[i].text,
			  tr->pos);
		free(tr);
	}
}

Test(jstr, an_error_is_sticky_and_leaves_the_token_alone)
{
	struct jstr s = {0};
	struct jstr_token t = {.off = 77};

	cr_assert(jstr_next(&s, (const uint8_t *)"]", 1, false, &t) == -1);
	cr_assert(t.off == 77);
	cr_assert(jstr_next(&s, (const uint8_t *)"]1", 2, true, &t) == -1);
	cr_assert(s.pos == 0);
}

Test(jstr, tokens_have_their_place)
{
	static const char text[] = " {\"k\\n\": [12, \"v\", {}]}";
	static const struct jstr_token want[] = {
		{JSTR_OBJECT_BEGIN, false, 1, 1, 0}, {JSTR_KEY, true, 3, 3, 1},
		{JSTR_ARRAY_BEGIN, false, 9, 1, 1},  {JSTR_SCALAR, false, 10, 2, 2},
		{JSTR_STRING, false, 15, 1, 2},	     {JSTR_OBJECT_BEGIN, false, 19, 1, 2},
		{JSTR_OBJECT_END, false, 20, 1, 2},  {JSTR_ARRAY_END, false, 21, 1, 1},
		{JSTR_OBJECT_END, false, 22, 1, 0},  {JSTR_END, false, 23, 0, 0},
	};
	struct trace *tr = scan(text, strlen(text)), expected = {.rc = 1, .pos = 23, .n = 10};

	memcpy(expected.t, want, sizeof(want));
	same_trace(&expected, tr, text, 0);
	free(tr);
}

Test(jstr, a_number_at_the_end_waits_for_more)
{
	struct jstr s = {0};
	struct jstr_token t;

	cr_assert(jstr_next(&s, (const uint8_t *)"12", 2, false, &t) == 0);
	cr_assert(jstr_next(&s, (const uint8_t *)"123 ", 4, false, &t) == 1);
	cr_assert(t.kind == JSTR_SCALAR && t.off == 0 && t.len == 3);
	cr_assert(jstr_next(&s, (const uint8_t *)"123 ", 4, false, &t) == 0);
	cr_assert(jstr_next(&s, (const uint8_t *)"123 ", 4, true, &t) == 1);
	cr_assert(t.kind == JSTR_END);
}

static int nested(size_t depth, char open, char close)
{
	char *text = malloc(2 * depth);
	struct jstr s = {0};
	struct jstr_token t;
	int rc;

	memset(text, open, depth);
	memset(text + depth, close, depth);
	while ((rc = jstr_next(&s, (uint8_t *)text, 2 * depth, true, &t)) == 1)
		if (t.kind == JSTR_END)
			break;
	free(text);
	return rc;
}

Test(jstr, depth_is_bounded)
{
	cr_assert(nested(JSTR_MAX_DEPTH, '[', ']') == 1);
	cr_assert(nested(JSTR_MAX_DEPTH + 1, '[', ']') == -1);
	cr_assert(nested(100000, '[', ']') == -1);
}

/* Random tokens in random order, most of them wrong: jansson must agree on which are JSON. */
Test(jstr, agrees_with_an_independent_parser)
{
	static const char *const bits[] = {
		"{",	"}",	"[", "]",	",", ":",	    "\"a\"", "\"b\"", "1",  "-2.5",
		"true", "null", " ", "\"\\n\"", "0", "\"\\u0041\"", "e-0",   ".",     "\"", "\\"};
	unsigned seed = 4711, valid = 0;

	for (int round = 0; round < 200000; round++) {
		char text[128];
		size_t len = 0, n = 1 + rand_r(&seed) % 8;
		struct jstr s = {0};
		struct jstr_token t;
		json_t *tree;
		int rc;

		for (size_t i = 0; i < n; i++) {
			const char *bit = bits[rand_r(&seed) % (sizeof(bits) / sizeof(*bits))];

			memcpy(text + len, bit, strlen(bit));
			len += strlen(bit);
		}
		tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		while ((rc = jstr_next(&s, (uint8_t *)text, len, true, &t)) == 1)
			if (t.kind == JSTR_END)
				break;
		cr_assert((tree != NULL) == (rc == 1), "%.*s", (int)len, text);
		valid += tree != NULL;
		json_decref(tree);
	}
	cr_assert(valid > 1000, "%u", valid);
}

/* A megabyte fed a byte at a time: quadratic work would be 10^12 steps. */
Test(jstr, is_linear_byte_by_byte, .timeout = 10)
{
	size_t len = 1 << 20, tokens = 0;
	uint8_t *text = malloc(len);
	struct jstr s = {0};
	struct jstr_token t;
	int rc = 0;

	memset(text, 'a', len);
	text[0] = text[len - 1] = '"';
	memcpy(text + len / 2, "\\\"", 2);
	for (size_t i = 1; i <= len; i++)
		while ((rc = jstr_next(&s, text, i, i == len, &t)) == 1 && t.kind != JSTR_END)
			tokens++;
	cr_assert(rc == 1 && tokens == 1);
	memset(text, '7', len);
	s = (struct jstr){0};
	for (size_t i = 1; i <= len; i++)
		while ((rc = jstr_next(&s, text, i, i == len, &t)) == 1 && t.kind != JSTR_END)
			tokens++;
	cr_assert(rc == 1 && tokens == 2);
	free(text);
}

static void decodes_to(const char *raw, const char *want, size_t want_len)
{
	size_t len = strlen(raw);
	struct guarded g = guarded_copy(raw, len);
	struct buf text, marks;

	buf_init(&text, 1 << 16);
	buf_init(&marks, 1 << 16);
	cr_assert(jstr_decode(g.p, len, &text, &marks) == 0);
	cr_expect(buf_len(&text) == want_len && !memcmp(buf_bytes(&text), want, want_len), "%s",
		  raw);
	buf_free(&text);
	buf_free(&marks);
	guarded_free(&g);
}

Test(jstr, decode)
{
	decodes_to("plain \xc3\xa9", "plain \xc3\xa9", 8);
	decodes_to("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8);
	decodes_to("\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 6);
	decodes_to("\\u0000", "\0", 1);
	decodes_to("\\ud83d\\ude00", "\xf0\x9f\x98\x80", 4);
	decodes_to("\\ud83d", "\xed\xa0\xbd", 3);
	decodes_to("\\ude00x", "\xed\xb8\x80x", 4);
	decodes_to("\\ud83d\\u0041",
		   "\xed\xa0\xbd"
		   "A",
		   4);
	decodes_to("\\ud83d\\ud83d\\ude00", "\xed\xa0\xbd\xf0\x9f\x98\x80", 7);
	/* Never seen in a token; must still be safe. */
	decodes_to("a\\", "a\\", 2);
	decodes_to("\\u12", "\\u12", 4);
}

Test(jstr, decoded_offsets_lead_back)
{
	static const char raw[] = "ab\\ncd\\u00e9\\ud83d\\ude00\\u0041z";
	static const size_t want[] = {0, 1, 2, 4, 5, 6, 6, 12, 12, 12, 12, 24, 30, 31};
	struct buf text, marks;

	buf_init(&text, 100);
	buf_init(&marks, 1000);
	/* What other strings left there does not matter. */
	cr_assert(buf_puts(&text, "earlier") == 0);
	cr_assert(jstr_decode((const uint8_t *)raw, strlen(raw), &text, &marks) == 0);
	cr_assert(buf_len(&text) - 7 == 13);
	for (size_t at = 0; at <= 13; at++)
		cr_expect(text_raw_offset((const struct text_mark *)(void *)buf_bytes(&marks),
					  buf_len(&marks) / sizeof(struct text_mark),
					  at) == want[at],
			  "%zu", at);
	cr_expect(text_raw_offset(NULL, 0, 5) == 5);
	for (size_t first = 0; first <= 13; first++)
		for (size_t at = first; at <= 13; at++) {
			const struct text_mark *m = (const void *)buf_bytes(&marks);
			size_t n = buf_len(&marks) / sizeof(*m), before = 0;

			cr_expect(text_raw_offset_on(m, n, first, &before) == want[first]);
			cr_expect(text_raw_offset_on(m, n, at, &before) == want[at]);
		}
	buf_free(&text);
	buf_free(&marks);
}

Test(jstr, decode_stops_at_a_full_buffer)
{
	struct buf text, marks;

	buf_init(&text, 3);
	buf_init(&marks, 1000);
	cr_expect(jstr_decode((const uint8_t *)"abc", 3, &text, &marks) == 0);
	buf_clear(&text);
	cr_expect(jstr_decode((const uint8_t *)"abcd", 4, &text, &marks) == -1);
	buf_clear(&text);
	cr_expect(jstr_decode((const uint8_t *)"abc\\n", 5, &text, &marks) == -1);
	buf_clear(&text);
	marks.max = 0;
	cr_expect(jstr_decode((const uint8_t *)"\\n", 2, &text, &marks) == -1);
	buf_free(&text);
	buf_free(&marks);
}

static void escapes_to(const char *text, size_t len, unsigned depth, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	cr_assert(jstr_escape(&out, (const uint8_t *)text, len, depth) == 0);
	cr_expect(buf_len(&out) == strlen(want) &&
			  (!*want || !memcmp(buf_bytes(&out), want, strlen(want))),
		  "%.*s", (int)buf_len(&out), (const char *)buf_bytes(&out));
	buf_free(&out);
}

Test(jstr, escape)
{
	escapes_to("a\"b\\c\n", 6, 0, "a\"b\\c\n");
	escapes_to("", 0, 1, "");
	escapes_to("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9", 16, 1,
		   "a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9");
	escapes_to("\0", 1, 1, "\\u0000");
	escapes_to("a\"\\\n\x01", 5, 2, "a\\\\\\\"\\\\\\\\\\\\n\\\\u0001");
	escapes_to("\"", 1, 3, "\\\\\\\\\\\\\\\"");
}

Test(jstr, escape_says_when_out_is_full)
{
	struct buf out;

	for (size_t max = 0; max < 8; max++) {
		buf_init(&out, max);
		cr_expect((jstr_escape(&out, (const uint8_t *)"a\x01z", 3, 1) == 0) == (max >= 8));
		buf_free(&out);
	}
}

/* Whatever the bytes: escaped, they are one JSON string, and decode to themselves, at any depth. */
Test(jstr, escape_and_decode_are_inverse)
{
	unsigned seed = 99;

	for (int round = 0; round < 2000; round++) {
		size_t len = rand_r(&seed) % 40;
		unsigned depth = 1 + rand_r(&seed) % 3;
		struct buf a, b, marks;
		uint8_t text[40];

		for (size_t i = 0; i < len; i++)
			text[i] = rand_r(&seed) % 3 ? "\"\\\n\t\x01/u0"[rand_r(&seed) % 8]
						    : rand_r(&seed);
		buf_init(&a, 1 << 16);
		buf_init(&b, 1 << 16);
		buf_init(&marks, 1 << 20);
		cr_assert(jstr_escape(&a, text, len, depth) == 0);
		for (unsigned d = 0; d < depth; d++) {
			struct buf swap;

			buf_clear(&b);
			cr_assert(jstr_decode(buf_bytes(&a), buf_len(&a), &b, &marks) == 0);
			swap = a;
			a = b;
			b = swap;
		}
		cr_assert(buf_len(&a) == len && (!len || !memcmp(buf_bytes(&a), text, len)));
		buf_free(&a);
		buf_free(&b);
		buf_free(&marks);
	}
}
