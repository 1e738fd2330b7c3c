/* SPDX-License-Identifier: Apache-2.0 */
/* Heads on their way out: fields keep their order, their names' case and, but for masking, values.
 */
#include "exchange_parts.h"
#include "headers.h"
#include "http_head.h"

int put_number(struct buf *out, size_t v, unsigned base)
{
	char digits[24];
	size_t n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	return buf_append(out, digits + n, sizeof(digits) - n);
}

static int put_field(struct buf *out, const struct http_field *f, const void *value, size_t len)
{
	return buf_append(out, f->name, f->name_len) || buf_puts(out, len ? ": " : ":") ||
			       buf_append(out, value, len) || buf_puts(out, "\r\n")
		       ? -1
		       : 0;
}

static int put_same(struct buf *out, const struct http_field *f)
{
	return put_field(out, f, f->value, f->value_len);
}

static int put_word(struct buf *out, const struct http_field *f, const char *value)
{
	return put_field(out, f, value, strlen(value));
}

static int put_length(struct buf *out, const struct http_field *f, size_t length)
{
	/* A chunked request gets its length in the place of its Transfer-Encoding. */
	if (http_is_word(f->name, f->name_len, "content-length")) {
		if (buf_append(out, f->name, f->name_len))
			return -1;
	} else if (buf_puts(out, "Content-Length")) {
		return -1;
	}
	return buf_puts(out, ": ") || put_number(out, length, 10) || buf_puts(out, "\r\n") ? -1 : 0;
}

static bool is_named(const struct http_field *f, const char *name)
{
	return http_is_word(f->name, f->name_len, name);
}

static int put_masked(struct exchange *x, unsigned part, const void *p, size_t len, struct buf *out)
{
	if (x->config.observe || !mask_found(x->mask, part))
		return buf_append(out, p, len);
	return mask_splice(x->mask, part, p, len, out);
}

struct request_fields {
	bool body_masked;
	size_t length;
	bool connection, accept_encoding; /* was put */
};

/* A field that we fill in stands where the client's first one stood. */
static int put_once(struct buf *out, const struct http_field *f, const char *value, bool *was_put)
{
	if (*was_put)
		return 0;
	*was_put = true;
	return put_word(out, f, value);
}

/* Each side's connection is its own: ours to the origin is kept. */
static int put_hop(const struct exchange *x, struct request_fields *r, const struct http_field *f,
		   struct buf *out)
{
	if (is_named(f, "connection"))
		return put_once(out, f, "keep-alive", &r->connection);
	if (is_named(f, "proxy-authorization") && request_is_proxied(x))
		return put_same(out, f);
	return is_named(f, "transfer-encoding") ? put_length(out, f, r->length) : 0;
}

static int put_ours(struct exchange *x, struct request_fields *r, const struct http_field *f,
		    struct buf *out)
{
	if (!is_named(f, "accept-encoding"))
		return 0;
	return x->config.observe ? put_same(out, f)
				 : put_once(out, f, "identity", &r->accept_encoding);
}

static int put_value(struct exchange *x, unsigned part, const struct http_field *f, struct buf *out)
{
	if (buf_append(out, f->name, f->name_len) || buf_puts(out, f->value_len ? ": " : ":") ||
	    put_masked(x, part, f->value, f->value_len, out))
		return -1;
	return buf_puts(out, "\r\n");
}

static int put_request_field(struct exchange *x, const struct http_head *h, size_t i,
			     struct request_fields *r, struct buf *out)
{
	const struct http_field *f = &h->fields[i];

	switch (header_class(h, f)) {
	case HEADER_HOP:
		return put_hop(x, r, f, out);
	case HEADER_FRAMING:
		if (is_named(f, "content-length"))
			return put_length(out, f, r->length);
		return r->body_masked ? 0 : put_same(out, f);
	case HEADER_OURS:
		return put_ours(x, r, f, out);
	case HEADER_VALUE:
		return put_value(x, PART_FIELDS + (unsigned)i, f, out);
	default:
		if (x->origin_name[0] && is_named(f, "host"))
			return put_word(out, f, x->origin_name);
		return put_same(out, f);
	}
}

static int put_target(struct exchange *x, const struct http_head *h, struct buf *out)
{
	const struct request *r = &x->request;

	if (request_is_proxied(x)) {
		if (buf_append(out, h->target, r->prefix_len))
			return -1;
		if (r->prefix_len == h->target_len)
			return 0;
	}
	return put_masked(x, PART_TARGET, r->path, r->path_len, out);
}

int put_request_head(struct exchange *x, bool body_masked, size_t length, struct buf *out)
{
	const struct http_head *h = http_head(x->client);
	struct request_fields r = {.body_masked = body_masked, .length = length};

	if (buf_append(out, h->method, h->method_len) || buf_puts(out, " ") ||
	    put_target(x, h, out) || buf_puts(out, " HTTP/1.1\r\n"))
		return -1;
	/* An HTTP/1.0 client may come without; RFC 9112 section 3.2 wants it from us. */
	if (!http_find(h, "host") &&
	    (buf_puts(out, "Host: ") ||
	     buf_puts(out, x->origin_name[0] ? x->origin_name : x->host) || buf_puts(out, "\r\n")))
		return -1;
	for (size_t i = 0; i < h->field_count; i++) {
		if (put_request_field(x, h, i, &r, out))
			return -1;
	}
	if (!r.accept_encoding && !x->config.observe &&
	    buf_puts(out, "Accept-Encoding: identity\r\n"))
		return -1;
	return buf_puts(out, "\r\n");
}

/* A restored value may hold what a field must not (RFC 9110 section 5.5): then it stays masked. */
static bool may_be_value(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return false;
	}
	return true;
}

static int put_restored(struct exchange *x, const struct http_field *f, struct buf *out)
{
	struct unmask_text u;
	struct buf text;
	int r = -1;

	buf_init(&text, out->max);
	unmask_text_init(&u, x->scope, 0);
	if (unmask_text_feed(&u, (const uint8_t *)f->value, f->value_len, &text) ||
	    unmask_text_finish(&u, &text))
		goto out;
	if (may_be_value(buf_bytes(&text), buf_len(&text))) {
		r = put_field(out, f, buf_bytes(&text), buf_len(&text));
		x->facts.unmasked.restored += u.counts.restored;
		x->facts.unmasked.unknown += u.counts.unknown;
	} else {
		r = put_same(out, f);
	}
out:
	buf_free(&text);
	return r;
}

static int put_answer_framing(struct exchange *x, const struct http_field *f, size_t length,
			      struct buf *out)
{
	bool same = x->answer.mode == ANSWER_EMPTY || x->answer.mode == ANSWER_VERBATIM;

	if (!is_named(f, "content-length"))
		return same ? put_same(out, f) : 0;
	if (x->answer.framing == FRAMED_LENGTH)
		return put_length(out, f, length);
	/* RFC 9110 section 8.6: none in a 1xx or 204; HEAD and 304 say what GET would. */
	if (x->answer.framing == FRAMED_NONE && http_head(x->origin)->status >= 200 &&
	    http_head(x->origin)->status != 204)
		return put_same(out, f);
	return 0;
}

static int put_answer_field(struct exchange *x, const struct http_field *f, size_t length,
			    struct buf *out)
{
	switch (header_class(http_head(x->origin), f)) {
	case HEADER_HOP:
		return is_named(f, "proxy-authenticate") && request_is_proxied(x) ? put_same(out, f)
										  : 0;
	case HEADER_FRAMING:
		return put_answer_framing(x, f, length, out);
	case HEADER_VALUE:
		return x->config.observe ? put_same(out, f) : put_restored(x, f, out);
	default:
		if (x->answer.inflater && is_named(f, "content-encoding"))
			return 0;
		return put_same(out, f);
	}
}

static int put_status_and_fields(struct exchange *x, size_t length, struct buf *out)
{
	const struct http_head *h = http_head(x->origin);

	if (buf_puts(out, "HTTP/1.1 ") || put_number(out, h->status, 10) || buf_puts(out, " ") ||
	    buf_append(out, h->reason, h->reason_len) || buf_puts(out, "\r\n"))
		return -1;
	for (size_t i = 0; i < h->field_count; i++) {
		if (put_answer_field(x, &h->fields[i], length, out))
			return -1;
	}
	return 0;
}

int put_interim_head(struct exchange *x, struct buf *out)
{
	x->answer.framing = FRAMED_NONE;
	return put_status_and_fields(x, 0, out) || buf_puts(out, "\r\n") ? -1 : 0;
}

int put_answer_head(struct exchange *x, bool close, size_t length, struct buf *out)
{
	if (put_status_and_fields(x, length, out))
		return -1;
	if (x->answer.framing == FRAMED_LENGTH &&
	    !http_find(http_head(x->origin), "content-length") &&
	    (buf_puts(out, "Content-Length: ") || put_number(out, length, 10) ||
	     buf_puts(out, "\r\n")))
		return -1;
	if (x->answer.framing == FRAMED_CHUNKED && buf_puts(out, "Transfer-Encoding: chunked\r\n"))
		return -1;
	if (close && buf_puts(out, "Connection: close\r\n"))
		return -1;
	/* RFC 9112 section 9.3: an HTTP/1.0 client has to be told. */
	if (!close && http_head(x->client)->minor == 0 &&
	    buf_puts(out, "Connection: keep-alive\r\n"))
		return -1;
	return buf_puts(out, "\r\n");
}
