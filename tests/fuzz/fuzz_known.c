/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known values, held against trying each of them at each place. Lines up to an empty one are the
 * values, the first byte of each choosing one of two sets; the rest is the text.
 */
#include "../../user/mask/edge.h"
#include "../known_search.h"
#include "fuzz.h"

#define MEMORY ((size_t)16 << 20)
#define VALUES 64
struct value {
	const uint8_t *p;
	size_t len;
	unsigned set;
};

static struct value values[VALUES];
static size_t n_values;

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_joiner(uint8_t c)
{
	return c == '-' || c == '_';
}

static bool is_account(const struct value *v)
{
	for (size_t i = 0; i < v->len; i++)
		if (v->p[i] < '0' || v->p[i] > '9')
			return false;
	return v->len == 12;
}

/* No letter or digit, directly or behind dashes and underscores. */
static bool ends_left(const uint8_t *text, size_t at)
{
	size_t q = at;

	while (q && is_joiner(text[q - 1]))
		q--;
	return at - q <= 64 && (!q || !is_alnum(text[q - 1]) || escape_ends(text, q));
}

static bool ends_right(const uint8_t *text, size_t len, size_t at)
{
	while (at < len && is_joiner(text[at]))
		at++;
	return at == len || !is_alnum(text[at]);
}

/* Behind a byte that is neither, a joiner goes on: it would be another token's. */
static bool parts_right(const uint8_t *text, size_t len, size_t at)
{
	return at == len || !is_joiner(text[at]) || is_alnum(text[at - 1]) ||
	       is_joiner(text[at - 1]);
}

static bool stands(const struct value *v, const uint8_t *text, size_t len, size_t at)
{
	size_t end = at + v->len;

	if (v->len > len - at || memcmp(text + at, v->p, v->len) != 0)
		return false;
	if (ends_left(text, at) && ends_right(text, len, end) && parts_right(text, len, end))
		return true;
	return is_account(v) && (at == 0 || !is_alnum(text[at - 1]) || escape_ends(text, at)) &&
	       (end == len || !is_alnum(text[end]));
}

static const struct value *longest(const uint8_t *text, size_t len, size_t at)
{
	const struct value *best = NULL;

	for (size_t i = 0; i < n_values; i++) {
		const struct value *v = &values[i];

		if (stands(v, text, len, at) &&
		    (!best || v->len > best->len || (v->len == best->len && v->set < best->set)))
			best = v;
	}
	return best;
}

static bool has_any(const uint64_t *words, size_t n)
{
	while (n && !words[n - 1])
		n--;
	return n;
}

/* What stands there is never ruled out by the text's tokens. */
static void check_tokens(const struct known *const sets[2], const uint8_t *text, size_t len)
{
	uint64_t words[64] = {0};
	struct known_tokens tokens = {.words = words, .n = 64};
	struct buf places;

	buf_init(&places, MEMORY);
	MUST(known_places(sets, len % 3, text, len, &tokens, &places) == 0);
	MUST(tokens.noted == has_any(words, 64));
	for (size_t at = 0; at < len; at++) {
		const struct value *v = longest(text, len, at);
		struct known k;

		if (!v)
			continue;
		known_init(&k, MEMORY);
		MUST(known_add(&k, TYPE_S3_BUCKET, v->p, v->len) == 0);
		MUST(known_tokens_may_have(&tokens, &k, 0));
		known_free(&k);
	}
	buf_free(&places);
}

static void check(const struct known *const sets[2], const uint8_t *text, size_t len)
{
	struct buf spans;
	const struct span *s;
	size_t n, i = 0;

	buf_init(&spans, MEMORY);
	MUST(known_search(sets, 2, text, len, &spans) == 0);
	s = (const struct span *)buf_bytes(&spans);
	n = buf_len(&spans) / sizeof(*s);
	for (size_t at = 0; at < len;) {
		const struct value *v = longest(text, len, at);

		if (!v) {
			MUST(i == n || s[i].start != at);
			at++;
			continue;
		}
		MUST(i < n && s[i].start == at && s[i].end == at + v->len);
		MUST(s[i].type == (v->set ? TYPE_ARN_RESOURCE : TYPE_S3_BUCKET));
		at = s[i++].end;
	}
	MUST(i == n);
	buf_free(&spans);
}

/* Take the values off the front. */
static const uint8_t *read_values(const uint8_t *p, const uint8_t *end, struct known *sets)
{
	static const enum mask_type types[2] = {TYPE_S3_BUCKET, TYPE_ARN_RESOURCE};

	n_values = 0;
	while (p < end && *p != '\n') {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
		struct value v = {.p = p + 1, .set = *p & 1};

		if (!lf)
			lf = end;
		v.len = (size_t)(lf - v.p);
		p = lf + (lf < end);
		if (n_values == VALUES || !known_learns(types[v.set], v.p, v.len))
			continue;
		MUST(known_add(&sets[v.set], types[v.set], v.p, v.len) == 0);
		MUST(known_has(&sets[v.set], types[v.set], v.p, v.len));
		values[n_values++] = v;
	}
	return p + (p < end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct known sets[2];
	const struct known *const both[2] = {&sets[0], &sets[1]};
	const uint8_t *text;

	known_init(&sets[0], MEMORY);
	known_init(&sets[1], MEMORY);
	text = read_values(data, data + size, sets);
	check(both, text, (size_t)(data + size - text));
	check_tokens(both, text, (size_t)(data + size - text));
	known_free(&sets[0]);
	known_free(&sets[1]);
	return 0;
}
