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

static void marks_done(struct jstr_decoding *d, struct buf *marks)
{
	if (d->mark)
		buf_grew(marks, (size_t)((uint8_t *)d->mark - marks->data) - marks->tail);
}

/* Room for some marks more, as far as the buffer may grow. */
static void marks_room(struct jstr_decoding *d, struct buf *marks)
{
	size_t most, want;

	marks_done(d, marks);
	most = (marks->max - buf_len(marks)) / sizeof(*d->mark);
	want = most < MARKS_STEP ? most : MARKS_STEP;
	d->mark = want ? (void *)buf_reserve(marks, want * sizeof(*d->mark)) : NULL;
	d->full = d->mark ? d->mark + want : NULL;
}

/* Behind what has come by now. 0, or -1: there is no room. */
static inline int decode_mark(struct jstr_decoding *d, struct buf *marks, size_t raw)
{
	if (d->mark == d->full)
		marks_room(d, marks);
	if (d->mark == d->full)
		return -1;
	*d->mark++ = (struct text_mark){(uint32_t)d->to, (uint32_t)raw};
	return 0;
}

/* 0, or -1: memory. */
static int decode_escape(struct jstr_decoding *d, struct buf *marks)
{
	uint8_t simple = d->len - d->from > 1 ? jstr_simple[d->raw[d->from + 1]] : 0, bytes[4];
	size_t size;
	int n;

	if (simple) {
		d->text[d->to++] = simple;
		d->from += 2;
		return decode_mark(d, marks, d->from);
	}
	size = unescape(d->raw, d->from, d->len, bytes, &n);
	for (int k = 0; k < n; k++) {
		d->text[d->to++] = bytes[k];
		if (decode_mark(d, marks, k == n - 1 ? d->from + size : d->from))
			return -1;
	}
	d->from += size;
	return 0;
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

/* Up to an escape of more than two bytes or none at all, or for which there is no room, or the end. */
static void decode_simple(struct jstr_decoding *decoding)
{
	const struct jstr_decoding d = *decoding;
	const uint8_t *from = d.raw + d.from, *end = d.raw + d.len;
	struct text_mark *mark = d.mark;
	uint8_t *to = d.text + d.to;

	while ((from = decode_plain(from, end, &to)) < end) {
		uint8_t simple = end - from > 1 ? jstr_simple[from[1]] : 0;

		if (!simple || mark == d.full)
			break;
		*to++ = simple;
		from += 2;
		*mark++ = (struct text_mark){(uint32_t)(to - d.text), (uint32_t)(from - d.raw)};
	}
	decoding->from = (size_t)(from - d.raw);
	decoding->to = (size_t)(to - d.text);
	decoding->mark = mark;
}

static int decode(struct jstr_decoding *d, jstr_decoder *wide, struct buf *marks)
{
	while (d->from < d->len) {
		if (d->full - d->mark < JSTR_BLOCK_MARKS)
			marks_room(d, marks);
		if (wide)
			wide(d);
		decode_simple(d);
		if (d->from < d->len && decode_escape(d, marks))
			return -1;
	}
	marks_done(d, marks);
	return 0;
}

int jstr_decode_by(jstr_decoder *wide, const uint8_t *raw, size_t len, struct buf *text,
		   struct buf *marks)
{
	struct jstr_decoding d = {.raw = raw, .len = len};

	if (len == 0)
		return 0;
	d.text = len <= UINT32_MAX ? buf_reserve(text, len) : NULL;
	if (!d.text || decode(&d, wide, marks))
		return -1;
	buf_grew(text, d.to);
	return 0;
}

int jstr_decode(const uint8_t *raw, size_t len, struct buf *text, struct buf *marks)
{
	return jstr_decode_by(jstr_decoder_best(), raw, len, text, marks);
}

/* How many marks stand at or before `at`: at least `low`, at most `high`. */
static size_t marks_until(const struct text_mark *marks, size_t low, size_t high, size_t at)
{
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (marks[mid].text <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static size_t raw_behind(const struct text_mark *marks, size_t before, size_t at)
{
	return before ? marks[before - 1].raw + (at - marks[before - 1].text) : at;
}

size_t text_raw_offset(const struct text_mark *marks, size_t n, size_t at)
{
	return raw_behind(marks, marks_until(marks, 0, n, at), at);
}

size_t text_raw_offset_on(const struct text_mark *marks, size_t n, size_t at, size_t *before)
{
	size_t low = *before, step = 1;

	/* The next one is near, mostly. */
	while (step <= n - low && marks[low + step - 1].text <= at) {
		low += step;
		step *= 2;
	}
	*before = marks_until(marks, low, step < n - low ? low + step : n, at);
	return raw_behind(marks, *before, at);
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
