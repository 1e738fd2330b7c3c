/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_HTTP_STORY_H
#define AWSMASK_TESTS_HTTP_STORY_H
#include "../../user/wire/http.h"
#include "wire_guard.h"

#include <stdarg.h>
#include <stdio.h>

/* What a parser said about a connection's bytes, in one string; two readings are equal when these
 * are. */
struct story {
	char text[16384];
	size_t len;
	bool in_data;
};

__attribute__((format(printf, 2, 3))) static void tell(struct story *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	s->len += (size_t)vsnprintf(s->text + s->len, sizeof(s->text) - s->len, format, ap);
	va_end(ap);
	cr_assert_lt(s->len, sizeof(s->text));
	s->in_data = false;
}

static inline void tell_data(struct story *s, const uint8_t *p, size_t n)
{
	if (!s->in_data)
		tell(s, "data |");
	s->len--;
	for (size_t i = 0; i < n; i++)
		s->len += (size_t)sprintf(s->text + s->len, "%c", p[i]);
	s->len += (size_t)sprintf(s->text + s->len, "|");
	s->in_data = true;
}

static inline void tell_head(struct story *s, const struct http_head *h)
{
	static const char *const BODY[] = {"none", "length", "chunked", "close"};

	if (h->kind == HTTP_REQUEST)
		tell(s, "%.*s %.*s 1.%u", (int)h->method_len, h->method, (int)h->target_len,
		     h->target, h->minor);
	else
		tell(s, "%u [%.*s] 1.%u", h->status, (int)h->reason_len, h->reason, h->minor);
	tell(s, " body=%s", BODY[h->body]);
	if (h->body == HTTP_BODY_LENGTH)
		tell(s, "(%llu)", (unsigned long long)h->content_length);
	tell(s, "%s%s%s", h->keep_alive ? " keep" : "", h->expect_continue ? " expect" : "",
	     h->upgrade ? " upgrade" : "");
	for (size_t i = 0; i < h->field_count; i++)
		tell(s, " %.*s=%.*s;", (int)h->fields[i].name_len, h->fields[i].name,
		     (int)h->fields[i].value_len, h->fields[i].value);
	tell(s, "|");
}

struct reading {
	struct http_parser *parser;
	struct story story;
	bool head, connect; /* the answers are to these */
	bool over;
};

static inline void read_piece(struct reading *r, const uint8_t *p, size_t n)
{
	for (;;) {
		const uint8_t *data = NULL;
		size_t used, len = 0;
		enum http_event e = http_feed(r->parser, p, n, &used, &data, &len);

		cr_assert_leq(used, n);
		p += used;
		n -= used;
		switch (e) {
		case HTTP_MORE:
			cr_assert(n == 0 || r->over, "bytes left at MORE");
			return;
		case HTTP_HEAD:
			tell_head(&r->story, http_head(r->parser));
			break;
		case HTTP_DATA:
			cr_assert(len > 0 && data + len <= p && data + len > p - used);
			tell_data(&r->story, data, len);
			break;
		case HTTP_END:
			tell(&r->story, "end|");
			http_parser_next(r->parser, r->head, r->connect);
			break;
		default:
			if (!r->over)
				tell(&r->story, "ERROR%s",
				     http_error_too_large(r->parser) ? " too large" : "");
			r->over = true;
			return;
		}
	}
}

static inline void read_eof(struct reading *r)
{
	switch (http_feed_eof(r->parser)) {
	case HTTP_END:
		tell(&r->story, "end by eof");
		break;
	case HTTP_MORE:
		tell(&r->story, "eof");
		break;
	default:
		if (!r->over)
			tell(&r->story, "ERROR at eof");
		break;
	}
}

static inline void read_begin(struct reading *r, enum http_kind kind, bool head, bool connect,
			      size_t max)
{
	*r = (struct reading){.head = head, .connect = connect};
	r->parser = http_parser_new(kind, max);
	cr_assert_not_null(r->parser);
	http_parser_next(r->parser, head, connect);
}

/* In two pieces at each place, then byte by byte: always the same story. */
static inline void check(enum http_kind kind, bool head, bool connect, const char *wire, size_t n,
			 const char *expect)
{
	struct reading r;

	for (size_t cut = 0; cut <= n + 1; cut++) {
		read_begin(&r, kind, head, connect, 4096);
		if (cut <= n) {
			read_piece(&r, guard_copy(wire, cut), cut);
			read_piece(&r, guard_copy(wire + cut, n - cut), n - cut);
		}
		for (size_t i = 0; cut > n && i < n; i++)
			read_piece(&r, guard_copy(wire + i, 1), 1);
		read_eof(&r);
		cr_assert_str_eq(r.story.text, expect, "cut %zu of '%s':\n  got %s\n  not %s", cut,
				 wire, r.story.text, expect);
		http_parser_free(r.parser);
	}
}

#define REQUEST(wire, expect) check(HTTP_REQUEST, false, false, wire, sizeof(wire) - 1, expect)
#define ANSWER(wire, expect) check(HTTP_RESPONSE, false, false, wire, sizeof(wire) - 1, expect)

#define CHUNKED "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_TOLD "POST / 1.1 body=chunked keep Host=h; Transfer-Encoding=chunked;|"

#endif
