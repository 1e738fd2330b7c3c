/* SPDX-License-Identifier: Apache-2.0 */
#include "jstr_byte.h"

/* Decoding the strings that jstr.c finds, and encoding them. */
#define MARKS_STEP 512 /* so many are made room for at once */

static int utf8_put(uint8_t out[static 4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = 0xc0 | c >> 6;
		out[1] = 0x80 | (c & 0x3f);
		return 2;
	}
	if (c < 0x10000) {
		out[0] = 0xe0 | c >> 12;
		out[1] = 0x80 | (c >> 6 & 0x3f);
		out[2] = 0x80 | (c & 0x3f);
		return 3;
	}
	out[0] = 0xf0 | c >> 18;
	out[1] = 0x80 | (c >> 12 & 0x3f);
	out[2] = 0x80 | (c >> 6 & 0x3f);
	out[3] = 0x80 | (c & 0x3f);
	return 4;
}

/* The code unit of a \uXXXX at raw[i], or -1: there is none. */
static int32_t unicode_escape(const uint8_t *raw, size_t i, size_t len)
{
	int32_t unit = 0;

	if (len < i || len - i < 6 || raw[i] != '\\' || raw[i + 1] != 'u')
		return -1;
	for (size_t k = i + 2; k < i + 6; k++) {
		int digit = jstr_hex(raw[k]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* Decode the escape at raw[i], no simple one: its bytes into `out`, their count into *n. Returns
 * its raw length. */
static size_t unescape(const uint8_t *raw, size_t i, size_t len, uint8_t out[static 4], int *n)
{
	int32_t c = unicode_escape(raw, i, len), low;

	*n = 1;
	if (c >= 0xd800 && c < 0xdc00) {
		low = unicode_escape(raw, i + 6, len);
		if (low >= 0xdc00 && low < 0xe000) {
			*n = utf8_put(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return 12;
		}
	}
	if (c >= 0) {
		*n = utf8_put(out, c);
		return 6;
	}
	out[0] = '\\';
	return 1;
}

struct decoder {
	const uint8_t *raw, *end;
	uint8_t *text; /* room for all of it: what is decoded is never longer */
	struct buf *marks;
	struct text_mark *mark,
		*full; /* where the next one goes, and where there is no room any more */
};

/* Room for some marks more, when what there was is used up. 0, or -1: the buffer is full. */
static int marks_room(struct decoder *d)
{
	struct buf *b = d->marks;
	size_t most = (b->max - buf_len(b)) / sizeof(*d->mark);
	size_t want = most < MARKS_STEP ? most : MARKS_STEP;

	d->mark = want ? (void *)buf_reserve(b, want * sizeof(*d->mark)) : NULL;
	d->full = d->mark ? d->mark + want : NULL;
	return d->mark ? 0 : -1;
}

static void marks_done(struct decoder *d)
{
	if (d->mark)
		buf_grew(d->marks, (size_t)((uint8_t *)d->mark - d->marks->data) - d->marks->tail);
}

static inline int decode_mark(struct decoder *d, const uint8_t *to, const uint8_t *from)
{
	if (d->mark == d->full) {
		marks_done(d);
		if (marks_room(d))
			return -1;
	}
	*d->mark++ = (struct text_mark){(uint32_t)(to - d->text), (uint32_t)(from - d->raw)};
	return 0;
}

/* No simple one. How long it is, and *to goes on; 0: memory. */
static size_t decode_escape(struct decoder *d, const uint8_t *from, uint8_t **to)
{
	uint8_t bytes[4];
	int n;
	size_t size =
		unescape(d->raw, (size_t)(from - d->raw), (size_t)(d->end - d->raw), bytes, &n);

	for (int k = 0; k < n; k++) {
		*(*to)++ = bytes[k];
		if (decode_mark(d, *to, k == n - 1 ? from + size : from))
			return 0;
	}
	return size;
}

/* The next backslash from *from on, or the end. What is before it is copied. */
static inline const uint8_t *decode_plain(const uint8_t *from, const uint8_t *end, uint8_t **to)
{
	uint8_t *at = *to;

	for (; end - from >= CHUNK; from += CHUNK, at += CHUNK) {
		unsigned hits = chunk_find(from, '\\');

		/* What is copied too much is written over. */
		memcpy(at, from, CHUNK);
		if (hits) {
			*to = at + (unsigned)__builtin_ctz(hits);
			return from + (unsigned)__builtin_ctz(hits);
		}
	}
	while (from < end && *from != '\\')
		*at++ = *from++;
	*to = at;
	return from;
}

static int decode(struct decoder *d, uint8_t **at)
{
	const uint8_t *from = d->raw, *end = d->end;
	uint8_t *to = d->text;
	int rc = 0;

	while ((from = decode_plain(from, end, &to)) < end) {
		uint8_t simple = end - from > 1 ? jstr_simple[from[1]] : 0;
		size_t size = 2;

		if (simple) {
			*to++ = simple;
			rc = decode_mark(d, to, from + size);
		} else {
			size = decode_escape(d, from, &to);
		}
		if (rc || !size)
			return -1;
		from += size;
	}
	*at = to;
	return 0;
}

int jstr_decode(const uint8_t *raw, size_t len, struct buf *text, struct buf *marks)
{
	struct decoder d = {.raw = raw, .marks = marks};
	uint8_t *to;

	if (len == 0)
		return 0;
	d.end = raw + len;
	d.text = len <= UINT32_MAX ? buf_reserve(text, len) : NULL;
	if (!d.text || decode(&d, &to))
		return -1;
	marks_done(&d);
	buf_grew(text, (size_t)(to - d.text));
	return 0;
}

size_t text_raw_offset(const struct text_mark *marks, size_t n, size_t at)
{
	size_t low = 0, high = n;

	/* The last mark at or before `at`: marks[low - 1]. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (marks[mid].text <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? marks[low - 1].raw + (at - marks[low - 1].text) : at;
}

/* How one byte that cannot stand in a JSON string is written. */
static size_t escape_byte(uint8_t c, char out[static 7])
{
	static const char hex[] = "0123456789abcdef";
	static const char names[256] = {
		['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
	};

	if (names[c]) {
		out[0] = '\\';
		out[1] = names[c];
		return 2;
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

int jstr_escape(struct buf *out, const uint8_t *text, size_t len, unsigned depth)
{
	size_t i = 0, run;
	char sequence[7];

	if (depth == 0)
		return buf_append(out, text, len);
	while (i < len) {
		run = jstr_skip_plain(text, i, len);
		if (buf_append(out, text + i, run - i) < 0)
			return -1;
		i = run;
		if (i == len)
			break;
		/* What escaping made is escaped again for the strings around this one. */
		if (jstr_escape(out, (const uint8_t *)sequence, escape_byte(text[i], sequence),
				depth - 1) < 0)
			return -1;
		i++;
	}
	return 0;
}
