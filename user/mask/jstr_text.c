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
	const uint8_t *raw;
	size_t len, i; /* read so far */
	uint8_t *text; /* room for all of it: what is decoded is never longer */
	size_t n;      /* written so far */
	struct buf *marks;
	struct text_mark *room;
	size_t left;
};

static int decode_mark(struct decoder *d, size_t text, size_t raw)
{
	struct buf *b = d->marks;

	if (!d->left) {
		size_t most = (b->max - buf_len(b)) / sizeof(*d->room);

		d->left = most < MARKS_STEP ? most : MARKS_STEP;
		if (!d->left)
			return -1;
		d->room = (void *)buf_reserve(b, d->left * sizeof(*d->room));
		if (!d->room)
			return -1;
	}
	*d->room++ = (struct text_mark){(uint32_t)text, (uint32_t)raw};
	d->left--;
	buf_grew(b, sizeof(*d->room));
	return 0;
}

static int decode_escape(struct decoder *d)
{
	uint8_t simple = d->i + 1 < d->len ? jstr_simple[d->raw[d->i + 1]] : 0, bytes[4];
	size_t from = d->i;
	int n;

	if (simple) {
		d->text[d->n++] = simple;
		d->i += 2;
		return decode_mark(d, d->n, d->i);
	}
	d->i += unescape(d->raw, d->i, d->len, bytes, &n);
	for (int k = 0; k < n; k++) {
		d->text[d->n++] = bytes[k];
		if (decode_mark(d, d->n, k == n - 1 ? d->i : from))
			return -1;
	}
	return 0;
}

/* Copy up to the next backslash or the end. */
static inline void decode_plain(struct decoder *d)
{
	while (d->len - d->i >= CHUNK) {
		unsigned hits;

		/* What is copied too much is written over. */
		memcpy(d->text + d->n, d->raw + d->i, CHUNK);
		hits = chunk_find(d->raw + d->i, '\\');
		if (hits) {
			d->i += (unsigned)__builtin_ctz(hits);
			d->n += (unsigned)__builtin_ctz(hits);
			return;
		}
		d->i += CHUNK;
		d->n += CHUNK;
	}
	while (d->i < d->len && d->raw[d->i] != '\\')
		d->text[d->n++] = d->raw[d->i++];
}

int jstr_decode(const uint8_t *raw, size_t len, struct buf *text, struct buf *marks)
{
	struct decoder d = {.raw = raw, .len = len, .marks = marks};
	int rc = 0;

	if (len == 0)
		return 0;
	d.text = len <= UINT32_MAX ? buf_reserve(text, len) : NULL;
	if (!d.text)
		return -1;
	for (decode_plain(&d); rc == 0 && d.i < len; decode_plain(&d))
		rc = decode_escape(&d);
	buf_grew(text, d.n);
	return rc;
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
