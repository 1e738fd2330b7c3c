/* SPDX-License-Identifier: Apache-2.0 */
#include "sse_event.h"

#include "chunk.h"

size_t sse_line_end(const uint8_t *raw, size_t i, size_t len)
{
	for (; len - i >= CHUNK; i += CHUNK) {
		unsigned hits = chunk_find(raw + i, '\n') | chunk_find(raw + i, '\r');

		if (hits)
			return i + (unsigned)__builtin_ctz(hits);
	}
	while (i < len && raw[i] != '\n' && raw[i] != '\r')
		i++;
	return i;
}

/* Length of the line ending at raw[i]: LF, CR or CRLF; 0 at the end of the bytes. */
static size_t eol_length(const uint8_t *raw, size_t i, size_t len)
{
	if (i == len)
		return 0;
	return raw[i] == '\r' && i + 1 < len && raw[i + 1] == '\n' ? 2 : 1;
}

static bool field_is(const uint8_t *line, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(line, name, len) == 0;
}

static int data_field(struct sse_event *e, size_t off, size_t len, bool space)
{
	struct sse_data_line data = {off, len};
	size_t eol = eol_length(e->raw, off + len, e->len);

	if (buf_len(&e->lines) == 0 && eol) {
		memcpy(e->dialect.eol, e->raw + off + len, eol);
		e->dialect.eol_len = eol;
	}
	if (buf_len(&e->lines) == 0)
		e->dialect.space = space;
	return buf_append(&e->lines, &data, sizeof(data));
}

/* WHATWG HTML section 9.2.6: name, colon, at most one space, value; or a name alone. */
static int field(struct sse_event *e, size_t start, size_t end)
{
	const uint8_t *line = e->raw + start, *colon = memchr(line, ':', end - start);
	size_t name_len = colon ? (size_t)(colon - line) : end - start;
	size_t value = colon ? start + name_len + 1 : end;
	bool space = value < end && e->raw[value] == ' ';

	value += space;
	if (field_is(line, name_len, "data"))
		return data_field(e, value, end - value, space);
	if (field_is(line, name_len, "event")) {
		e->dialect.named = true;
		e->is_error = field_is(e->raw + value, end - value, "error");
	}
	return 0;
}

int sse_event_parse(struct sse_event *e, const uint8_t *raw, size_t len)
{
	size_t end;

	buf_clear(&e->lines);
	buf_clear(&e->joined);
	/* A data line takes five bytes at least, with its name and its end. */
	e->lines.max = len * sizeof(struct sse_data_line);
	e->joined.max = len;
	e->raw = raw;
	e->len = len;
	e->dialect = (struct sse_dialect){.eol = "\n", .eol_len = 1};
	e->is_error = false;
	for (size_t i = 0; i < len; i = end + eol_length(raw, end, len)) {
		end = sse_line_end(raw, i, len);
		if (field(e, i, end) < 0)
			return -1;
	}
	return 0;
}

void sse_event_free(struct sse_event *e)
{
	buf_free(&e->lines);
	buf_free(&e->joined);
}

int sse_event_data(struct sse_event *e, const uint8_t **data, size_t *len)
{
	const struct sse_data_line *line = sse_event_line(e, 0);

	*data = e->raw + line->off;
	*len = line->len;
	if (sse_event_lines(e) == 1)
		return 0;
	for (size_t i = 0; i < sse_event_lines(e); i++, line++)
		if ((i && buf_puts(&e->joined, "\n") < 0) ||
		    buf_append(&e->joined, e->raw + line->off, line->len) < 0)
			return -1;
	*data = buf_bytes(&e->joined);
	*len = buf_len(&e->joined);
	return 0;
}

int sse_event_put(const struct sse_event *e, const uint8_t *data, size_t len, struct buf *out)
{
	size_t n = sse_event_lines(e), copied = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sse_data_line *line = sse_event_line(e, i);
		const uint8_t *lf = i + 1 < n ? memchr(data + at, '\n', len - at) : NULL;
		size_t end = lf ? (size_t)(lf - data) : len;

		if (buf_append(out, e->raw + copied, line->off - copied) < 0 ||
		    buf_append(out, data + at, end - at) < 0)
			return -1;
		copied = line->off + line->len;
		at = lf ? end + 1 : end;
	}
	return buf_append(out, e->raw + copied, e->len - copied);
}

static int put_eol(const struct sse_dialect *d, struct buf *out)
{
	return buf_append(out, d->eol, d->eol_len);
}

static int put_field(const struct sse_dialect *d, const char *name, struct buf *out)
{
	return buf_puts(out, name) < 0 || buf_puts(out, d->space ? ": " : ":") < 0 ? -1 : 0;
}

/* A restored value may hold line breaks: each begins a `data` field of its own. */
static int put_value(const struct sse_dialect *d, const uint8_t *p, size_t len, struct buf *out)
{
	for (size_t i = 0, end; len; i = end + eol_length(p, end, len)) {
		end = sse_line_end(p, i, len);

		if (buf_append(out, p + i, end - i) < 0)
			return -1;
		if (end == len)
			return 0;
		if (put_eol(d, out) < 0 || put_field(d, "data", out) < 0)
			return -1;
	}
	return 0;
}

static int restore_line(struct unmask *u, const uint8_t *p, size_t len, struct buf *to)
{
	struct unmask_text text;
	int rc;

	buf_clear(to);
	unmask_text_init(&text, u->scope, 0);
	rc = unmask_text_feed(&text, p, len, to);
	if (rc == 0)
		rc = unmask_text_finish(&text, to);
	u->counts.restored += text.counts.restored;
	u->counts.unknown += text.counts.unknown;
	return rc;
}

int sse_event_put_text(const struct sse_event *e, struct unmask *u, struct buf *out)
{
	size_t copied = 0;

	u->text.max = out->max;
	for (size_t i = 0; i < sse_event_lines(e); i++) {
		const struct sse_data_line *line = sse_event_line(e, i);

		if (buf_append(out, e->raw + copied, line->off - copied) < 0 ||
		    restore_line(u, e->raw + line->off, line->len, &u->text) < 0 ||
		    put_value(&e->dialect, buf_bytes(&u->text), buf_len(&u->text), out) < 0)
			return -1;
		copied = line->off + line->len;
	}
	return buf_append(out, e->raw + copied, e->len - copied);
}

static int put_number(uint32_t n, struct buf *out)
{
	char digits[10];
	size_t i = sizeof(digits);

	do {
		digits[--i] = '0' + n % 10;
		n /= 10;
	} while (n);
	return buf_append(out, digits + i, sizeof(digits) - i);
}

int sse_delta_begin(const struct sse_dialect *d, const struct sse_delta_kind *kind, uint32_t index,
		    struct buf *out)
{
	if (d->named && (put_field(d, "event", out) < 0 ||
			 buf_puts(out, "content_block_delta") < 0 || put_eol(d, out) < 0))
		return -1;
	if (put_field(d, "data", out) < 0 ||
	    buf_puts(out, "{\"type\":\"content_block_delta\",\"index\":") < 0 ||
	    put_number(index, out) < 0 || buf_puts(out, ",\"delta\":{\"type\":\"") < 0 ||
	    buf_puts(out, kind->type) < 0 || buf_puts(out, "\",\"") < 0 ||
	    buf_puts(out, kind->field) < 0)
		return -1;
	return buf_puts(out, "\":\"");
}

int sse_delta_end(const struct sse_dialect *d, struct buf *out)
{
	if (buf_puts(out, "\"}}") < 0 || put_eol(d, out) < 0)
		return -1;
	return put_eol(d, out);
}
