/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"
#include "http_chunk.h"
#include "http_framer.h"
#include "http_head.h"

#include <stdlib.h>

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_END, PHASE_ERROR };

struct http_parser {
	enum http_kind kind;
	enum phase phase;
	size_t head_max;
	bool no_body;	 /* the answer's request was HEAD */
	bool connect;	 /* ... or CONNECT */
	bool empty_line; /* one was ignored before the head */
	struct buf raw;	 /* the head as it came; http_head points into it */
	unsigned ending; /* how much of CRLF CRLF stands at its end */
	uint64_t left;	 /* of a body with a length */
	struct chunk_watch chunks;
	struct http_framer *framer;
	const char *error;
	bool too_large;
	struct http_head head; /* the last: pages of fields that need not be cleared */
};

struct http_parser *http_parser_new(enum http_kind kind, size_t head_max)
{
	struct http_parser *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct http_parser, head.fields));
	p->kind = kind;
	p->head_max = head_max;
	buf_init(&p->raw, head_max);
	p->framer = http_framer_new(kind == HTTP_RESPONSE);
	if (!p->framer) {
		free(p);
		return NULL;
	}
	http_parser_next(p, false, false);
	return p;
}

void http_parser_free(struct http_parser *p)
{
	if (!p)
		return;
	http_framer_free(p->framer);
	buf_free(&p->raw);
	free(p);
}

void http_parser_next(struct http_parser *p, bool answer_to_head, bool answer_to_connect)
{
	if (p->phase == PHASE_ERROR)
		return;
	p->phase = PHASE_HEAD;
	p->no_body = answer_to_head;
	p->connect = answer_to_connect;
	p->empty_line = false;
	buf_clear(&p->raw);
	p->ending = 0;
	p->chunks = (struct chunk_watch){.trailers_max = p->head_max};
	http_framer_begin(p->framer);
}

static enum http_event http_fail(struct http_parser *p, const char *why)
{
	p->phase = PHASE_ERROR;
	p->error = why;
	return HTTP_ERROR;
}

/* Both readings of the head agree, or there is no telling what others will read. */
static bool head_agreed(const struct http_parser *p)
{
	bool ended = http_framer_ended(p->framer);

	switch (p->head.body) {
	case HTTP_BODY_LENGTH:
		return ended == (p->head.content_length == 0) &&
		       http_framer_length(p->framer) == p->head.content_length;
	case HTTP_BODY_CHUNKED:
		return !ended && http_framer_chunked(p->framer);
	case HTTP_BODY_UNTIL_CLOSE:
		return !ended && !http_framer_chunked(p->framer);
	default:
		return ended;
	}
}

static enum http_event head_complete(struct http_parser *p)
{
	const uint8_t *raw = buf_bytes(&p->raw);
	size_t len = buf_len(&p->raw);
	const char *why = http_head_parse(&p->head, p->kind, (const char *)raw, len, p->no_body);

	if (why) {
		p->too_large = p->head.field_count == HTTP_FIELDS_MAX;
		return http_fail(p, why);
	}
	/* RFC 9112 section 6.3, item 2 */
	if (p->connect && p->head.status / 100 == 2)
		p->head.body = HTTP_BODY_NONE;
	if (http_framer_head(p->framer, raw, len,
			     p->kind == HTTP_RESPONSE && p->head.body == HTTP_BODY_NONE) ||
	    !head_agreed(p))
		return http_fail(p, "the head is malformed");
	p->left = p->head.content_length;
	p->phase = PHASE_BODY;
	return HTTP_HEAD;
}

/* One more byte of the head: false when it can not stand here. */
static bool head_byte(struct http_parser *p, uint8_t c)
{
	if (p->ending % 2) {
		p->ending++;
		return c == '\n';
	}
	p->ending = c == '\r' ? p->ending + 1 : 0;
	return c != '\n' && c != 0;
}

/* RFC 9112 section 2.2: an empty line before the request line is ignored; one is enough. */
static bool head_is_empty_line(const struct http_parser *p, size_t more)
{
	return p->kind == HTTP_REQUEST && !p->empty_line && p->ending == 2 &&
	       buf_len(&p->raw) + more == 2;
}

/* How many of the first ones are no control characters, but perhaps DEL: they end nothing. */
static size_t plain_run(const uint8_t *in, size_t n)
{
	size_t at = 0;

	while (at < n && in[at] >= ' ')
		at++;
	return at;
}

static enum http_event feed_head(struct http_parser *p, const uint8_t *in, size_t n, size_t *used)
{
	size_t room = p->head_max - buf_len(&p->raw), look = n < room ? n : room, at = 0;

	while (at < look && p->ending < 4 && !head_is_empty_line(p, at)) {
		if (!head_byte(p, in[at++]))
			return http_fail(p, "a CR, an LF or a NUL stands where none may");
		if (p->ending == 0)
			at += plain_run(in + at, look - at);
	}
	if (buf_append(&p->raw, in, at))
		return http_fail(p, "memory is out");
	*used += at;
	if (p->ending == 4)
		return head_complete(p);
	if (head_is_empty_line(p, 0)) {
		p->empty_line = true;
		p->ending = 0;
		buf_clear(&p->raw);
		return feed_head(p, in + at, n - at, used);
	}
	if (at < n) {
		p->too_large = true;
		return http_fail(p, "the head is larger than the limit");
	}
	return HTTP_MORE;
}

/* How many of the n bytes may go to llhttp at once, of which the last *data are body data. */
static size_t body_run(struct http_parser *p, const uint8_t *in, size_t n, size_t *data)
{
	if (p->head.body == HTTP_BODY_CHUNKED)
		return chunk_watch_run(&p->chunks, in, n, data);
	if (p->head.body == HTTP_BODY_LENGTH) {
		n = n < p->left ? n : (size_t)p->left;
		p->left -= n;
	}
	*data = n;
	return n;
}

static bool body_over(const struct http_parser *p)
{
	switch (p->head.body) {
	case HTTP_BODY_LENGTH:
		return p->left == 0;
	case HTTP_BODY_CHUNKED:
		return p->chunks.done;
	case HTTP_BODY_UNTIL_CLOSE:
		return false;
	default:
		return true;
	}
}

static enum http_event body_end(struct http_parser *p)
{
	size_t none;

	if (http_framer_run(p->framer, NULL, 0, &none) || !http_framer_ended(p->framer))
		return http_fail(p, "the body's framing is malformed");
	p->phase = PHASE_END;
	return HTTP_END;
}

static enum http_event feed_body(struct http_parser *p, const uint8_t *in, size_t n, size_t *used,
				 const uint8_t **data, size_t *data_len)
{
	while (!body_over(p)) {
		size_t run = 0, len = 0, seen;

		if (*used < n)
			run = body_run(p, in + *used, n - *used, &len);
		if (run == 0)
			return p->chunks.bad ? http_fail(p, "the chunked coding is malformed")
					     : HTTP_MORE;
		if (!p->chunks.extension &&
		    (http_framer_run(p->framer, in + *used, run, &seen) || seen != len))
			return http_fail(p, "the body's framing is malformed");
		*used += run;
		if (len) {
			*data = in + *used - len;
			*data_len = len;
			return HTTP_DATA;
		}
	}
	return body_end(p);
}

enum http_event http_feed(struct http_parser *p, const uint8_t *in, size_t n, size_t *used,
			  const uint8_t **data, size_t *data_len)
{
	*used = 0;
	switch (p->phase) {
	case PHASE_HEAD:
		return feed_head(p, in, n, used);
	case PHASE_BODY:
		return feed_body(p, in, n, used, data, data_len);
	case PHASE_END:
		return HTTP_END;
	default:
		return HTTP_ERROR;
	}
}

enum http_event http_feed_eof(struct http_parser *p)
{
	switch (p->phase) {
	case PHASE_HEAD:
		return buf_len(&p->raw) ? http_fail(p, "the connection ended inside a head")
					: HTTP_MORE;
	case PHASE_BODY:
		if (p->head.body == HTTP_BODY_UNTIL_CLOSE) {
			p->phase = PHASE_END;
			return HTTP_END;
		}
		return body_over(p) ? body_end(p)
				    : http_fail(p, "the connection ended inside a body");
	case PHASE_END:
		return HTTP_MORE;
	default:
		return HTTP_ERROR;
	}
}

const struct http_head *http_head(const struct http_parser *p)
{
	return &p->head;
}

const char *http_error_text(const struct http_parser *p)
{
	return p->error ? p->error : "no error";
}

bool http_error_too_large(const struct http_parser *p)
{
	return p->too_large;
}
