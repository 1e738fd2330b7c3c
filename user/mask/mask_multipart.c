/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_scan.h"

#include <strings.h>

/*
 * Every byte of the body leaves, so every byte is scanned or refused: preamble and epilogue too.
 * Framing that two readers could understand differently is refused.
 */

#define BOUNDARY_MAX 70 /* RFC 2046, section 5.1.1 */

struct multipart {
	struct mask *m;
	const uint8_t *p;
	size_t len;
	char dash[BOUNDARY_MAX + 3]; /* "--" and the boundary */
	size_t dash_len;
	bool allow_binary;
};

struct delimiter {
	size_t start; /* of the line break before it, which belongs to it */
	size_t end;   /* where the next part's header begins */
	bool closing;
};

struct part_head {
	const uint8_t *type; /* Content-Type's value; NULL: none */
	size_t type_len;
	bool encoded; /* in a way that hides the text */
	unsigned seen;
};

static bool is_text(const uint8_t *p, size_t len)
{
	return !len || !memchr(p, 0, len);
}

/* RFC 3629, section 4 */
static bool is_utf8(const uint8_t *p, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint8_t c = p[i++], low = 0x80, high = 0xbf;
		unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || more > len - i)
			return false;
		if (c == 0xe0)
			low = 0xa0;
		else if (c == 0xed)
			high = 0x9f;
		else if (c == 0xf0)
			low = 0x90;
		else if (c == 0xf4)
			high = 0x8f;
		for (; more; more--, low = 0x80, high = 0xbf) {
			if (p[i] < low || p[i] > high)
				return false;
			i++;
		}
	}
	return true;
}

/* What may follow a delimiter: "--" if it is the last, white space, a line break. */
static int delimiter_tail(const struct multipart *mp, size_t at, struct delimiter *d)
{
	d->closing = mp->len - at >= 2 && mp->p[at] == '-' && mp->p[at + 1] == '-';
	if (d->closing)
		at += 2;
	while (at < mp->len && (mp->p[at] == ' ' || mp->p[at] == '\t'))
		at++;
	if (d->closing && at == mp->len) {
		d->end = at;
		return 0;
	}
	/* RFC 2046, section 5.1.1: a line that only begins like one must not occur. */
	if (mp->len - at < 2 || mp->p[at] != '\r' || mp->p[at + 1] != '\n')
		return -1;
	d->end = at + 2;
	return 0;
}

/* The next delimiter at or after `from`. 0, or -1: there is none, or what looks like one is not. */
static int delimiter_find(const struct multipart *mp, size_t from, struct delimiter *d)
{
	const uint8_t *p = mp->p;

	while (from < mp->len) {
		const uint8_t *hit = memmem(p + from, mp->len - from, mp->dash, mp->dash_len);
		size_t at;

		if (!hit)
			return -1;
		at = (size_t)(hit - p);
		if (at == 0 || (at >= 2 && p[at - 2] == '\r' && p[at - 1] == '\n')) {
			d->start = at ? at - 2 : 0;
			return delimiter_tail(mp, at + mp->dash_len, d);
		}
		/* RFC 2046, section 4.1.1: only CRLF breaks a line; some readers are laxer. */
		if (p[at - 1] == '\n' || p[at - 1] == '\r')
			return -1;
		from = at + 1;
	}
	return -1;
}

static bool is_name(const uint8_t *p, size_t len, const char *name)
{
	return strlen(name) == len && !strncasecmp((const char *)p, name, len);
}

/* RFC 2045, section 6.1: these three leave the bytes as they are. */
static bool is_identity(const uint8_t *p, size_t len)
{
	return is_name(p, len, "7bit") || is_name(p, len, "8bit") || is_name(p, len, "binary");
}

static int head_field(struct part_head *h, const uint8_t *name, size_t name_len,
		      const uint8_t *value, size_t len)
{
	unsigned bit = 0;

	while (len && (*value == ' ' || *value == '\t'))
		value++, len--;
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	if (is_name(name, name_len, "content-type")) {
		h->type = value;
		h->type_len = len;
		bit = 1;
	} else if (is_name(name, name_len, "content-transfer-encoding")) {
		h->encoded |= !is_identity(value, len);
		bit = 2;
	} else if (is_name(name, name_len, "content-encoding")) {
		h->encoded |= !is_name(value, len, "identity");
		bit = 4;
	} else if (is_name(name, name_len, "content-disposition")) {
		bit = 8;
	}
	if (h->seen & bit)
		return -1;
	h->seen |= bit;
	return 0;
}

/* One line of the header, without its line break. 0, or -1: it is none. */
static int head_line(struct part_head *h, const uint8_t *p, size_t len)
{
	size_t colon = 0;

	/* RFC 9110, section 5.6.2: no white space in a name; so no folded line either. */
	while (colon < len && p[colon] > ' ' && p[colon] < 0x7f && p[colon] != ':')
		colon++;
	if (!colon || colon == len || p[colon] != ':')
		return -1;
	for (size_t i = colon; i < len; i++) {
		if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return -1;
	}
	return head_field(h, p, colon, p + colon + 1, len - colon - 1);
}

/* The header in [at, end); *body is where the content begins. 0, or -1. */
static int head_parse(const uint8_t *p, size_t at, size_t end, struct part_head *h, size_t *body)
{
	for (;;) {
		const uint8_t *eol = memmem(p + at, end - at, "\r\n", 2);
		size_t len;

		if (!eol)
			return -1;
		len = (size_t)(eol - (p + at));
		if (!len) {
			*body = at + 2;
			return 0;
		}
		if (head_line(h, p + at, len))
			return -1;
		at += len + 2;
	}
}

static bool type_begins(const struct part_head *h, const char *with)
{
	size_t n = strlen(with);

	return h->type_len >= n && !strncasecmp((const char *)h->type, with, n);
}

static bool type_is_json(const struct part_head *h)
{
	size_t n = 0;

	while (n < h->type_len && h->type[n] != ';' && h->type[n] != ' ' && h->type[n] != '\t')
		n++;
	return is_name(h->type, n, "application/json") ||
	       (n > 5 && !strncasecmp((const char *)h->type + n - 5, "+json", 5));
}

/* Whether identifiers in the content can be seen as they are. */
static bool content_is_text(const struct part_head *h, const uint8_t *p, size_t len)
{
	if (h->encoded || !is_text(p, len))
		return false;
	if (!h->type || type_begins(h, "text/"))
		return true;
	/* Parts within, each encoded as it likes (RFC 7578, section 4.3 deprecates them). */
	if (type_begins(h, "multipart/") || type_begins(h, "message/"))
		return false;
	return is_utf8(p, len);
}

static enum mask_error part_scan(struct multipart *mp, size_t start, size_t end)
{
	struct part_head h = {0};
	enum mask_error e;
	size_t body;

	if (end < start || head_parse(mp->p, start, end, &h, &body))
		return MASK_NOT_MULTIPART;
	/* RFC 7578, section 4.2: names in the header may be percent-encoded. */
	e = mask_percent_scan(mp->m, mp->p, start, body - start);
	if (e != MASK_OK)
		return e;
	if (h.type && !h.encoded && type_is_json(&h))
		return mask_json_scan(mp->m, mp->p, body, end - body, SCHEMA_NONE);
	if (content_is_text(&h, mp->p + body, end - body))
		return mask_raw_scan(mp->m, mp->p, body, end - body);
	return mp->allow_binary ? MASK_OK : MASK_BINARY_PART;
}

/* Preamble and epilogue: nobody should read them, but they leave. */
static enum mask_error outside_scan(struct multipart *mp, size_t start, size_t end)
{
	if (!is_text(mp->p + start, end - start) || !is_utf8(mp->p + start, end - start))
		return MASK_NOT_MULTIPART;
	return mask_raw_scan(mp->m, mp->p, start, end - start);
}

enum mask_error mask_multipart_scan(struct mask *m, const uint8_t *p, size_t len,
				    const char *boundary, bool allow_binary)
{
	struct multipart mp = {.m = m, .p = p, .len = len, .allow_binary = allow_binary};
	size_t n = strlen(boundary);
	struct delimiter d;
	enum mask_error e;

	if (!n || n > BOUNDARY_MAX)
		return MASK_NOT_MULTIPART;
	memcpy(mp.dash, "--", 2);
	memcpy(mp.dash + 2, boundary, n);
	mp.dash_len = n + 2;
	if (delimiter_find(&mp, 0, &d))
		return MASK_NOT_MULTIPART;
	e = outside_scan(&mp, 0, d.start);
	while (e == MASK_OK && !d.closing) {
		size_t start = d.end;

		/* The break that ends this delimiter's line may be the one before the next. */
		if (delimiter_find(&mp, start, &d))
			return MASK_NOT_MULTIPART;
		e = part_scan(&mp, start, d.start);
	}
	return e == MASK_OK ? outside_scan(&mp, d.end, len) : e;
}
