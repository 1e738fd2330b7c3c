/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way in: judged by its head, stored, decoded, scanned. */
#include "../mask/jstr.h"
#include "exchange_parts.h"
#include "headers.h"
#include "http_head.h"

#include <strings.h>

/* How far a body's storage may be ahead of its bytes. */
#define AHEAD 8
#define AHEAD_MIN ((size_t)64 * 1024)
#define SPACE_MIN ((size_t)16 * 1024) /* as a TLS record brings */
#define DECODED_AT_ONCE 8	      /* times scan_apart */

static bool is_method(const struct http_head *h, const char *method)
{
	return strlen(method) == h->method_len && !memcmp(h->method, method, h->method_len);
}

/* A client that offers h2c (RFC 7540 section 3.2) goes on in HTTP/1.1 when nobody takes it up. */
static bool wants_upgrade(const struct http_head *h)
{
	const struct http_field *f = http_find(h, "upgrade");

	return is_method(h, "CONNECT") ||
	       (h->upgrade &&
		(http_count(h, "upgrade") > 1 || !http_is_word(f->value, f->value_len, "h2c")));
}

/* Host and an absolute-form target: each that is there has to name the host that was connected to.
 */
static bool is_right_host(const struct exchange *x, const struct http_head *h)
{
	const struct http_field *f = http_find(h, "host");
	char host[256];
	uint16_t port;

	if (header_host(h, host, &port))
		return false;
	if (!x->host[0]) /* the explicit listener: whatever its clients call it */
		return true;
	if (strcmp(host, x->host))
		return false;
	return !f ||
	       (!header_authority(f->value, f->value_len, host, &port) && !strcmp(host, x->host));
}

/* The path and query, of an absolute-form target too (RFC 9112 section 3.2.2). */
static int request_target(struct request *r, const struct http_head *h)
{
	size_t n = h->target_len, at = 0;

	if (n > 7 && !strncasecmp(h->target, "http://", 7))
		at = 7;
	else if (n > 8 && !strncasecmp(h->target, "https://", 8))
		at = 8;
	while (at && at < n && h->target[at] != '/' && h->target[at] != '?')
		at++;
	r->prefix_len = at;
	if (at && at >= n) {
		r->path = "/";
		r->path_len = 1;
		return 0;
	}
	r->path = h->target + at;
	r->path_len = n - at;
	return *r->path == '/' || (n == 1 && *r->path == '*') ? 0 : -1;
}

static bool has_body(const struct http_head *h)
{
	return h->body == HTTP_BODY_CHUNKED ||
	       (h->body == HTTP_BODY_LENGTH && h->content_length > 0);
}

static int request_coding(struct exchange *x, const struct http_head *h)
{
	const struct http_field *f = http_find(h, "content-encoding");
	struct request *r = &x->request;

	r->coding = f ? coding_of(f->value, f->value_len) : CODING_IDENTITY;
	if (http_count(h, "content-encoding") > 1)
		r->coding = CODING_UNKNOWN;
	if (!has_body(h) || r->coding == CODING_IDENTITY)
		return NOT_REFUSED;
	if (r->coding == CODING_UNKNOWN)
		return x->config.observe ? NOT_REFUSED : REFUSAL_CODING;
	r->coded = true;
	return NOT_REFUSED;
}

int request_headed(struct exchange *x)
{
	const struct http_head *h = http_head(x->client);
	int why;

	if (wants_upgrade(h))
		return REFUSAL_UPGRADE;
	if (!is_right_host(x, h))
		return REFUSAL_WRONG_HOST;
	/* Two types, two readings of one body. */
	if (request_target(&x->request, h) || http_count(h, "content-type") > 1)
		return REFUSAL_MALFORMED;
	if (h->body == HTTP_BODY_LENGTH && h->content_length > x->config.body_max)
		return REFUSAL_BODY_TOO_LARGE;
	why = request_coding(x, h);
	if (why == NOT_REFUSED && h->expect_continue && has_body(h) &&
	    buf_puts(&x->to_client, "HTTP/1.1 100 Continue\r\n\r\n"))
		return REFUSAL_MEMORY;
	return why;
}

/* Room for n more bytes of what the head announces, so that the body need not move as it grows; but not for much more
 * than has come, for announcing costs nothing. */
static bool body_room(struct exchange *x, size_t have, size_t n)
{
	const struct http_head *h = http_head(x->client);
	struct buf *body = &x->request.body;
	size_t want = have * AHEAD;

	if (h->body != HTTP_BODY_LENGTH || body->cap - body->tail >= n)
		return true;
	want = want < AHEAD_MIN ? AHEAD_MIN : want;
	if (want > h->content_length)
		want = h->content_length;
	return want <= buf_len(body) + n || buf_reserve(body, want - buf_len(body)) != NULL;
}

int request_data(struct exchange *x, const uint8_t *p, size_t n)
{
	struct request *r = &x->request;

	x->facts.request_bytes += n;
	if (n > r->body.max - buf_len(&r->body))
		return REFUSAL_BODY_TOO_LARGE;
	if (r->body.data && p == r->body.data + r->body.tail) { /* it was put there */
		buf_grew(&r->body, n);
		return NOT_REFUSED;
	}
	if (!body_room(x, buf_len(&r->body) + n, n) || buf_append(&r->body, p, n))
		return REFUSAL_MEMORY;
	return NOT_REFUSED;
}

uint8_t *request_space(struct exchange *x, size_t *n)
{
	const struct http_head *h = http_head(x->client);
	struct buf *body = &x->request.body;
	size_t left, some;
	uint8_t *to;

	if (h->body != HTTP_BODY_LENGTH || h->content_length <= buf_len(body))
		return NULL;
	left = (size_t)h->content_length - buf_len(body);
	some = left < SPACE_MIN ? left : SPACE_MIN;
	to = body_room(x, buf_len(body), some) ? buf_reserve(body, some) : NULL;
	some = body->cap - body->tail;
	*n = left < some ? left : some;
	return to;
}

const struct buf *request_text(const struct exchange *x)
{
	return x->request.coded ? &x->request.plain : &x->request.body;
}

void request_release(struct exchange *x)
{
	struct request *r = &x->request;

	buf_free(&r->body);
	buf_free(&r->plain);
	buf_free(&x->outgoing.made);
	x->outgoing = (struct outgoing){.made = x->outgoing.made};
	r->coded = r->familiar = false;
	mask_reset(x->mask);
}

bool request_line(const struct buf *body, size_t *at, const uint8_t **line, size_t *len)
{
	const uint8_t *p, *lf;
	size_t left = buf_len(body) - *at;

	if (left == 0)
		return false;
	p = buf_bytes(body) + *at;
	lf = memchr(p, '\n', left);
	*len = lf ? (size_t)(lf - p) : left;
	*line = p;
	*at += *len + (lf != NULL);
	return true;
}

static bool is_json(const uint8_t *p, size_t n)
{
	struct jstr s = {.pos = 0};
	struct jstr_token t;

	do {
		if (jstr_next(&s, p, n, true, &t) != 1)
			return false;
	} while (t.kind != JSTR_END);
	return true;
}

/* Well-formed UTF-8 (RFC 3629 section 4) without NUL. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t len;

	if (*p < 0x80)
		return *p != 0;
	len = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (*p < 0xc2 || *p > 0xf4 || len > n)
		return 0;
	if (*p == 0xe0)
		low = 0xa0;
	else if (*p == 0xed)
		high = 0x9f;
	else if (*p == 0xf0)
		low = 0x90;
	else if (*p == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
	while (n) {
		size_t len = utf8_length(p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static int binary_allowed(struct exchange *x, enum body_kind *kind)
{
	*kind = BODY_OPAQUE;
	return x->config.allow_binary ? NOT_REFUSED : REFUSAL_BINARY;
}

/* No type, or one that says nothing about text: the bytes decide. */
static int kind_by_bytes(struct exchange *x, const uint8_t *p, size_t n, enum body_kind *kind)
{
	if (is_json(p, n))
		*kind = BODY_JSON;
	else if (is_utf8(p, n))
		*kind = BODY_TEXT;
	else
		return binary_allowed(x, kind);
	return NOT_REFUSED;
}

static int kind_of_body(struct exchange *x, const uint8_t *p, size_t n, char boundary[static 71],
			enum body_kind *kind)
{
	const struct http_field *type = http_find(http_head(x->client), "content-type");

	*kind = BODY_OPAQUE;
	if (n == 0)
		return NOT_REFUSED;
	if (media_is_json_lines(type)) {
		*kind = BODY_JSON_LINES;
	} else if (media_is_json(type)) {
		*kind = BODY_JSON;
	} else if (media_is_form(type)) {
		*kind = BODY_FORM;
	} else if (media_is_multipart(type, boundary)) {
		*kind = BODY_MULTIPART;
	} else if (media_is_text(type)) {
		*kind = BODY_TEXT;
		/* UTF-16 would hide everything from a reader of bytes. */
		if (memchr(p, 0, n))
			return binary_allowed(x, kind);
	} else {
		return kind_by_bytes(x, p, n, kind);
	}
	return NOT_REFUSED;
}

static bool is_typed_json(const struct exchange *x)
{
	return media_is_json(http_find(http_head(x->client), "content-type"));
}

enum schema request_schema(const struct exchange *x)
{
	const char *query = memchr(x->request.path, '?', x->request.path_len);
	size_t len = query ? (size_t)(query - x->request.path) : x->request.path_len;

	return is_typed_json(x) ? schema_of_request((const uint8_t *)x->request.path, len)
				: SCHEMA_NONE;
}

static bool is_blank_line(const uint8_t *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t' || *p == '\r')) {
		p++;
		n--;
	}
	return n == 0;
}

/* Each line is a document of its own; json-seq (RFC 7464) has a record separator before it. */
static enum mask_error scan_lines(struct exchange *x, const struct buf *body)
{
	enum mask_error e = MASK_OK;
	const uint8_t *line;
	unsigned part = PART_BODY;
	size_t at = 0, len;

	for (; e == MASK_OK && request_line(body, &at, &line, &len); part++) {
		if (len && *line == 0x1e) {
			line++;
			len--;
		}
		if (!is_blank_line(line, len))
			e = mask_scan_json(x->mask, part, line, len, SCHEMA_NONE);
	}
	return e;
}

static enum mask_error scan_body(struct exchange *x, const struct buf *body, const char *boundary)
{
	const uint8_t *p = buf_bytes(body);
	size_t n = buf_len(body);

	switch (x->request.kind) {
	case BODY_JSON:
		return mask_scan_json(x->mask, PART_BODY, p, n, request_schema(x));
	case BODY_JSON_LINES:
		return scan_lines(x, body);
	case BODY_FORM:
		return mask_scan_query(x->mask, PART_BODY, p, n);
	case BODY_MULTIPART:
		if (!*boundary)
			return MASK_NOT_MULTIPART;
		return mask_scan_multipart(x->mask, PART_BODY, p, n, boundary,
					   x->config.allow_binary);
	case BODY_TEXT:
		return mask_scan_text(x->mask, PART_BODY, p, n);
	default:
		return MASK_OK;
	}
}

static enum mask_error scan_head(struct exchange *x)
{
	const struct http_head *h = http_head(x->client);
	enum mask_error e = mask_scan_query(x->mask, PART_TARGET, (const uint8_t *)x->request.path,
					    x->request.path_len);

	for (size_t i = 0; e == MASK_OK && i < h->field_count; i++) {
		const struct http_field *f = &h->fields[i];

		if (f->value_len && header_class(h, f) == HEADER_VALUE)
			e = mask_scan_text(x->mask, PART_FIELDS + (unsigned)i,
					   (const uint8_t *)f->value, f->value_len);
	}
	return e;
}

static int refusal_of(enum mask_error e)
{
	switch (e) {
	case MASK_OK:
		return NOT_REFUSED;
	case MASK_NOT_JSON:
		return REFUSAL_NOT_JSON;
	case MASK_NOT_MULTIPART:
		return REFUSAL_NOT_MULTIPART;
	case MASK_BINARY_PART:
		return REFUSAL_BINARY;
	case MASK_MATCH_LIMIT:
		return REFUSAL_MATCH_LIMIT;
	case MASK_TOO_NEW:
		return NOT_SCANNED;
	default:
		return REFUSAL_BODY_TOO_LARGE;
	}
}

/* A coded stream has to come to its own end, or somebody else may read on where we did not. */
static int request_decode(struct request *r)
{
	if (!r->coded || !buf_len(&r->body) || buf_len(&r->plain) ||
	    !inflate_all(r->coding, buf_bytes(&r->body), buf_len(&r->body), &r->plain))
		return NOT_REFUSED;
	return buf_len(&r->plain) == r->plain.max ? REFUSAL_BODY_TOO_LARGE : REFUSAL_CODING;
}

/* A coded body may grow a great deal: it is decoded at once as far as that takes no time. */
size_t request_scan_size(struct exchange *x)
{
	struct request *r = &x->request;
	size_t max = r->plain.max, most = x->config.scan_apart * DECODED_AT_ONCE;
	int why;

	if (!r->coded)
		return buf_len(&r->body);
	if (buf_len(&r->body) > most / 2)
		return EXCHANGE_SCAN_MUCH;
	r->plain.max = most < max ? most : max;
	why = request_decode(r);
	r->plain.max = max;
	if (why == NOT_REFUSED)
		return buf_len(&r->plain);
	buf_free(&r->plain);
	return EXCHANGE_SCAN_MUCH;
}

static int scan_all(struct exchange *x)
{
	const struct buf *body = request_text(x);
	char boundary[71];
	int why;

	why = request_decode(&x->request);
	if (why == NOT_REFUSED)
		why = refusal_of(scan_head(x));
	if (why == NOT_REFUSED)
		why = kind_of_body(x, buf_bytes(body), buf_len(body), boundary, &x->request.kind);
	if (why == NOT_REFUSED)
		why = refusal_of(scan_body(x, body, boundary));
	if (why == NOT_REFUSED)
		why = refusal_of(mask_learn(x->mask));
	if (why == NOT_REFUSED && mask_counts(x->mask)->blocked)
		why = REFUSAL_BLOCKED;
	return why;
}

static int scan_by_memory(struct exchange *x)
{
	struct memo_source *s = x->config.memos;
	struct memo *memo = s ? s->take(s, x->scope) : NULL;
	uint64_t before = memo ? memo_stats(memo)->recalled_bytes : 0;
	int why;

	mask_know(x->mask, x->scope);
	mask_remember(x->mask, memo);
	why = scan_all(x);
	mask_remember(x->mask, NULL);
	if (!memo)
		return why;
	x->request.familiar =
		memo_stats(memo)->recalled_bytes - before > buf_len(request_text(x)) / 2;
	s->done(s, memo);
	return why;
}

static int scan_by_policy(struct exchange *x)
{
	struct policy_source *s = x->config.policies;
	const struct mask_policy *policy =
		s ? s->take(s, x->host[0] ? x->host : x->origin_name) : NULL;
	int why;

	if (policy)
		mask_follow(x->mask, policy);
	why = scan_by_memory(x);
	if (policy) {
		mask_follow(x->mask, &policy_default);
		s->done(s, policy);
	}
	return why;
}

int request_scan(struct exchange *x, size_t most)
{
	int why;

	mask_reset(x->mask);
	mask_read_most(x->mask, most);
	if (x->config.observe && x->request.coding == CODING_UNKNOWN) {
		x->facts.unmaskable = has_body(http_head(x->client)) ? REFUSAL_CODING : NOT_REFUSED;
		return NOT_REFUSED;
	}
	why = scan_by_policy(x);
	if (why == NOT_SCANNED)
		return why;
	mask_counts_copy(&x->facts.masked, mask_counts(x->mask));
	if (!x->config.observe)
		return why;
	/* Who only observes is in nobody's way. */
	x->facts.unmaskable = why;
	return NOT_REFUSED;
}
