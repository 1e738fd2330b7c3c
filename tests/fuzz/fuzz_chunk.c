/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunked coding alone. Any split gives the same data and the same end, a plain reading of the whole
 * says the same, and what a sender makes of any data is read back.
 */
#include "../../user/wire/http_chunk.h"

#include "../../user/mask/buf.h"
#include "fuzz.h"

#include <stdio.h>

#define TRAILERS_MAX 512

struct reading {
	struct buf data;
	size_t used;
	bool bad, done;
};

static void add(struct buf *b, const uint8_t *p, size_t n)
{
	MUST(buf_append(b, p, n) == 0);
}

/* By the code under test, in pieces that `seed` chooses (0: whole). */
static struct reading watch(const uint8_t *p, size_t n, uint32_t seed)
{
	struct chunk_watch w = {.trailers_max = TRAILERS_MAX};
	struct reading r = {.used = 0};

	buf_init(&r.data, 1 << 22);
	while (r.used < n && !w.bad && !w.done) {
		size_t some = n - r.used, took, len;

		if (seed) {
			seed = seed * 1664525 + 1013904223;
			some = 1 + (seed >> 24) % 7;
			some = some < n - r.used ? some : n - r.used;
		}
		took = chunk_watch_run(&w, p + r.used, some, &len);
		MUST(took <= some && len <= took);
		MUST(took > 0 || w.bad);
		MUST(!w.extension || (len == 0 && !memchr(p + r.used, '\r', took)));
		add(&r.data, p + r.used + took - len, len);
		r.used += took;
	}
	r.bad = w.bad;
	r.done = w.done;
	return r;
}

static const uint8_t *line_end(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p != '\r')
		p++;
	return p + 1 < end && p[1] == '\n' ? p : NULL;
}

static bool is_line(const uint8_t *p, const uint8_t *end, bool ascii)
{
	for (; p < end; p++)
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f || (ascii && *p >= 0x80))
			return false;
	return true;
}

/* RFC 9112 section 7.1, read from a whole message. Whether it is one. */
static bool plain_trailers(const uint8_t *p, const uint8_t *end, const uint8_t **last)
{
	const uint8_t *from = p, *eol;

	while ((eol = line_end(p, end)) && eol != p) {
		if (!is_line(p, eol, false) || *p == ' ' || *p == '\t' || *p == ':')
			return false;
		p = eol + 2;
	}
	/* The limit counts the lines with their ends, and the empty one's CR. */
	if (!eol || (size_t)(p - from) + 1 > TRAILERS_MAX)
		return false;
	*last = p + 2;
	return true;
}

static bool plain(const uint8_t *p, const uint8_t *end, struct buf *out, const uint8_t **last)
{
	size_t extensions = 0;

	for (;;) {
		const uint8_t *eol = line_end(p, end), *from = p;
		uint64_t chunk = 0;

		for (; eol && p < eol && strchr("0123456789abcdefABCDEF", *p) && *p; p++)
			chunk = chunk << 4 |
				(unsigned)(*p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10);
		if (!eol || p == from || p - from > 15 || (p < eol && *p != ';') ||
		    !is_line(p, eol, true))
			return false;
		extensions += p < eol ? (size_t)(eol - p) - 1 : 0;
		if (extensions > CHUNK_EXTENSIONS_MAX)
			return false;
		p = eol + 2;
		if (chunk == 0)
			return plain_trailers(p, end, last);
		if ((uint64_t)(end - p) < chunk + 2 || p[chunk] != '\r' || p[chunk + 1] != '\n')
			return false;
		add(out, p, chunk);
		p += chunk + 2;
	}
}

static void check_plain(const uint8_t *p, size_t n, const struct reading *r)
{
	const uint8_t *last = NULL;
	struct buf out;

	buf_init(&out, 1 << 22);
	MUST(plain(p, p + n, &out, &last) == r->done);
	if (r->done) {
		MUST((size_t)(last - p) == r->used);
		MUST(buf_len(&out) == buf_len(&r->data));
		MUST(!buf_len(&out) ||
		     !memcmp(buf_bytes(&out), buf_bytes(&r->data), buf_len(&out)));
	}
	buf_free(&out);
}

static void check_split(const uint8_t *p, size_t n, const struct reading *whole, uint32_t seed)
{
	struct reading r = watch(p, n, seed);

	MUST(r.bad == whole->bad && r.done == whole->done && r.used == whole->used);
	MUST(buf_len(&r.data) == buf_len(&whole->data));
	MUST(!buf_len(&r.data) ||
	     !memcmp(buf_bytes(&r.data), buf_bytes(&whole->data), buf_len(&r.data)));
	buf_free(&r.data);
}

/* The input as data, in chunks whose sizes it chooses itself. */
static void check_round_trip(const uint8_t *p, size_t n)
{
	struct reading r;
	struct buf wire;
	char line[32];

	buf_init(&wire, 1 << 24);
	for (size_t at = 0, some; at < n; at += some) {
		some = 1 + p[at] % 40;
		some = some < n - at ? some : n - at;
		add(&wire, (uint8_t *)line,
		    (size_t)sprintf(line, p[at] & 64 ? "%zX\r\n" : "%zx\r\n", some));
		add(&wire, p + at, some);
		add(&wire, (const uint8_t *)"\r\n", 2);
	}
	add(&wire, (const uint8_t *)"0\r\n\r\n", 5);
	r = watch(buf_bytes(&wire), buf_len(&wire), (uint32_t)n);
	MUST(r.done && r.used == buf_len(&wire) && buf_len(&r.data) == n);
	MUST(n == 0 || !memcmp(buf_bytes(&r.data), p, n));
	buf_free(&r.data);
	buf_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole = watch(data, size, 0);

	check_split(data, size, &whole, 1);
	check_split(data, size, &whole, (uint32_t)size + 7);
	check_plain(data, size, &whole);
	buf_free(&whole.data);
	check_round_trip(data, size);
	return 0;
}
