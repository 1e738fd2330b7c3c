/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way in: judged by its head, stored. */
#include "exchange_parts.h"
#include "headers.h"
#include "http_head.h"

#include <strings.h>

/* How far a body's storage may be ahead of its bytes. */
#define AHEAD 8
#define AHEAD_MIN ((size_t)64 * 1024)
#define SPACE_MIN ((size_t)16 * 1024) /* as a TLS record brings */

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

static int request_coding(struct exchange *x, const struct http_head *h)
{
	const struct http_field *f = http_find(h, "content-encoding");
	struct request *r = &x->request;

	r->coding = f ? coding_of(f->value, f->value_len) : CODING_IDENTITY;
	if (http_count(h, "content-encoding") > 1)
		r->coding = CODING_UNKNOWN;
	if (!request_has_body(h) || r->coding == CODING_IDENTITY)
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
	if (why == NOT_REFUSED && h->expect_continue && request_has_body(h) &&
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
	r->scanning = (struct scanning){.begun = false};
	mask_reset(x->mask);
}
