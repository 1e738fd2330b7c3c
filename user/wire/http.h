/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HTTP_H
#define AWSMASK_HTTP_H
/*
 * HTTP/1 messages, incrementally: llhttp frames them, our own check of each head refuses what
 * framing could be argued about (RFC 9112 sections 5.1, 5.2, 6.3, 11.2): obs-fold, bare LF or CR,
 * white space before a colon or before the first field, two Hosts, Content-Length twice or with
 * Transfer-Encoding, a transfer coding other than chunked alone, control characters. Ambiguous
 * framing is an error, never a guess.
 */
#include "../mask/buf.h"

#include <stdbool.h>

#define HTTP_HEAD_MAX (64 * 1024) /* start line and fields */
#define HTTP_FIELDS_MAX 256

struct http_field {
	const char *name; /* as sent; NOT NUL-terminated; these point into the head and live as long
			     as it */
	const char *value; /* without surrounding white space */
	size_t name_len, value_len;
};

enum http_kind { HTTP_REQUEST, HTTP_RESPONSE };

enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_head {
	enum http_kind kind;
	const char *method, *target, *reason; /* method and target: requests; reason: responses */
	size_t method_len, target_len, reason_len;
	unsigned status; /* responses */
	unsigned minor;	 /* HTTP/1.minor: 0 or 1 */
	enum http_body body;
	uint64_t content_length; /* with HTTP_BODY_LENGTH */
	bool keep_alive;	 /* the sender will keep the connection */
	bool expect_continue;
	bool upgrade; /* an Upgrade field that Connection names */
	size_t field_count;
	struct http_field
		fields[HTTP_FIELDS_MAX]; /* the last: only those that there are were written */
};

/* NULL when absent; with several fields of that name, the first. Case-insensitive. */
const struct http_field *http_find_name(const struct http_head *h, const char *name, size_t len);
static inline const struct http_field *http_find(const struct http_head *h, const char *name)
{
	return http_find_name(h, name, strlen(name));
}

struct http_parser; /* one message after another on one connection */

__attribute__((warn_unused_result)) struct http_parser *http_parser_new(enum http_kind kind,
									size_t head_max);
void http_parser_free(struct http_parser *p);
/* For the next message of the connection. Responses need to know whether the request was HEAD or
 * CONNECT. */
void http_parser_next(struct http_parser *p, bool answer_to_head, bool answer_to_connect);

enum http_event {
	HTTP_MORE = 0, /* everything given was consumed, more is needed */
	HTTP_HEAD,     /* *head is complete (1xx responses too: their end follows at once) */
	HTTP_DATA, /* body bytes: *data, *data_len point into the bytes given; chunk framing is gone
		    */
	HTTP_END,  /* the message is complete; trailers were dropped */
	HTTP_ERROR = -1, /* sticky; http_error_text() says why */
};

/*
 * Feed bytes; returns at the first event, *used says how many bytes it took. Call again with the
 * rest. Any split of the input gives the same heads and the same concatenated data.
 */
enum http_event http_feed(struct http_parser *p, const uint8_t *in, size_t n, size_t *used,
			  const uint8_t **data, size_t *data_len);
/* The peer closed: HTTP_END for a body until close, HTTP_MORE between messages, HTTP_ERROR inside
 * one. */
enum http_event http_feed_eof(struct http_parser *p);

const struct http_head *
http_head(const struct http_parser *p); /* from HTTP_HEAD until http_parser_next */
const char *http_error_text(const struct http_parser *p); /* a sentence without payload bytes */
/* The error was a head larger than head_max (answer 431 rather than 400). */
bool http_error_too_large(const struct http_parser *p);

#endif
