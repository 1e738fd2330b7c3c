/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/wire/http.h"
#include "wire_guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

static void tell_data(struct story *s, const uint8_t *p, size_t n)
{
	if (!s->in_data)
		tell(s, "data |");
	s->len--;
	for (size_t i = 0; i < n; i++)
		s->len += (size_t)sprintf(s->text + s->len, "%c", p[i]);
	s->len += (size_t)sprintf(s->text + s->len, "|");
	s->in_data = true;
}

static void tell_head(struct story *s, const struct http_head *h)
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

static void read_piece(struct reading *r, const uint8_t *p, size_t n)
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

static void read_eof(struct reading *r)
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

static void read_begin(struct reading *r, enum http_kind kind, bool head, bool connect, size_t max)
{
	*r = (struct reading){.head = head, .connect = connect};
	r->parser = http_parser_new(kind, max);
	cr_assert_not_null(r->parser);
	http_parser_next(r->parser, head, connect);
}

/* In two pieces at each place, then byte by byte: always the same story. */
static void check(enum http_kind kind, bool head, bool connect, const char *wire, size_t n,
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

/* A request of these field lines is refused, whatever its body. */
static void refused(const char *fields, size_t n)
{
	char wire[2048];
	int len = snprintf(wire, sizeof(wire), "POST /a HTTP/1.1\r\nHost: h\r\n");

	memcpy(wire + len, fields, n);
	memcpy(wire + len + n, "\r\n\r\n0\r\n\r\n", 10);
	wire[len + (int)n + 9] = 0;
	check(HTTP_REQUEST, false, false, wire, (size_t)len + n + 9, "ERROR");
}

#define REFUSED(fields) refused(fields, sizeof(fields) - 1)

Test(http, plain_requests)
{
	REQUEST("GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /a?b=c 1.1 body=none keep Host=h;|end|eof");
	REQUEST("GET / HTTP/1.1\r\nhost:h\r\nX:  a  b\t \r\nEmpty:\r\n\r\n",
		"GET / 1.1 body=none keep host=h; X=a  b; Empty=;|end|eof");
	REQUEST("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
		"POST / 1.1 body=length(5) keep Host=h; Content-Length=5;|data hello|end|eof");
	REQUEST("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"POST / 1.1 body=length(0) keep Host=h; Content-Length=0;|end|eof");
	REQUEST("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 body=none|end|eof");
	REQUEST("GET / HTTP/1.0\r\nConnection: foo, Keep-Alive\r\n\r\n",
		"GET / 1.0 body=none keep Connection=foo, Keep-Alive;|end|eof");
	REQUEST("GET / HTTP/1.1\r\nHost: h\r\nConnection: x,\tclose\r\n\r\n",
		"GET / 1.1 body=none Host=h; Connection=x,\tclose;|end|eof");
	REQUEST("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
		"OPTIONS * 1.1 body=none keep Host=h;|end|eof");
	REQUEST("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
		"CONNECT h:443 1.1 body=none keep Host=h:443;|end|eof");
	REQUEST("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://h/x 1.1 body=none keep Host=h;|end|eof");
}

Test(http, flags)
{
	REQUEST("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na",
		"POST / 1.1 body=length(1) keep expect Host=h; Expect=100-Continue; "
		"Content-Length=1;|data a|end|eof");
	REQUEST("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
		"POST / 1.0 body=length(1) Expect=100-continue; Content-Length=1;|data a|end|eof");
	REQUEST("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET / 1.1 body=none keep upgrade Host=h; Connection=Upgrade; "
		"Upgrade=websocket;|end|eof");
	REQUEST("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
		"GET / 1.1 body=none keep Host=h; Upgrade=websocket;|end|eof");
}

Test(http, pipelined)
{
	REQUEST("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
		"POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		"chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
		"POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nz",
		"GET /1 1.1 body=none keep Host=h;|end|"
		"POST /2 1.1 body=chunked keep Host=h; Transfer-Encoding=chunked;|data ab|end|"
		"POST /3 1.1 body=length(1) keep Host=h; Content-Length=1;|data z|end|eof");
	/* Nothing is said about the connection's end by the framing: close is the owner's business.
	 */
	REQUEST("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
		"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /1 1.1 body=none Host=h; Connection=close;|end|"
		"GET /2 1.1 body=none keep Host=h;|end|eof");
	REQUEST("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na\r\nGET /2 "
		"HTTP/1.0\r\n\r\n",
		"POST /1 1.1 body=length(1) keep Host=h; Content-Length=1;|data a|end|"
		"GET /2 1.0 body=none|end|eof");
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_TOLD "POST / 1.1 body=chunked keep Host=h; Transfer-Encoding=chunked;|"

Test(http, chunked)
{
	REQUEST(CHUNKED "0\r\n\r\n", CHUNKED_TOLD "end|eof");
	REQUEST(CHUNKED "000\r\n\r\n", CHUNKED_TOLD "end|eof");
	REQUEST(CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
		CHUNKED_TOLD "data hello world|end|eof");
	REQUEST(CHUNKED "A\r\n0123456789\r\n00a\r\n0123456789\r\n0\r\n\r\n",
		CHUNKED_TOLD "data 01234567890123456789|end|eof");
	REQUEST(CHUNKED "5;a\r\nhello\r\n0;b=c\r\n\r\n", CHUNKED_TOLD "data hello|end|eof");
	REQUEST(CHUNKED "1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", CHUNKED_TOLD "data a|end|eof");
	REQUEST(CHUNKED "1\r\n\r\r\n2\r\n\r\n\r\n0\r\n\r\n", CHUNKED_TOLD "data \r\r\n|end|eof");
	REQUEST(CHUNKED "1\r\na\r\n0\r\n", CHUNKED_TOLD "data a|ERROR at eof");
}

/* Everything whose framing two readers could see differently. */
Test(http, ambiguous_length)
{
	REFUSED("Content-Length: 5\r\nTransfer-Encoding: chunked"); /* CL.TE */
	REFUSED("Transfer-Encoding: chunked\r\nContent-Length: 5"); /* TE.CL */
	REFUSED("Content-Length: 0\r\nTransfer-Encoding: chunked");
	REFUSED("Content-Length: 5\r\nContent-Length: 6");
	REFUSED("Content-Length: 5\r\nContent-Length: 5");
	REFUSED("Content-Length: 5\r\ncontent-length: 0");
	REFUSED("Content-Length: 5, 5");
	REFUSED("Content-Length: 5,6");
	REFUSED("Content-Length: +5");
	REFUSED("Content-Length: -5");
	REFUSED("Content-Length: 0x5");
	REFUSED("Content-Length: 5 0");
	REFUSED("Content-Length: 5;");
	REFUSED("Content-Length: \"5\"");
	REFUSED("Content-Length: 5.0");
	REFUSED("Content-Length: 5e0");
	REFUSED("Content-Length:");
	REFUSED("Content-Length: five");
	REFUSED("Content-Length: 18446744073709551616");
	REFUSED("Content-Length: 18446744073709551621");
	REFUSED("Content-Length: 9223372036854775808");
	REFUSED("Content-Length : 5");
	REFUSED("Content-Length\t: 5");
	REFUSED(" Content-Length: 5");
	REFUSED("Content-Length: \x0b"
		"5");
	REFUSED("Content-Length: 5\x0c");
	REFUSED("Content\x80-Length: 5");
}

Test(http, ambiguous_coding)
{
	REFUSED("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked");
	REFUSED("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity");
	REFUSED("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked");
	REFUSED("Transfer-Encoding: chunked, identity");
	REFUSED("Transfer-Encoding: identity, chunked");
	REFUSED("Transfer-Encoding: gzip, chunked");
	REFUSED("Transfer-Encoding: chunked, chunked");
	REFUSED("Transfer-Encoding: identity");
	REFUSED("Transfer-Encoding: gzip");
	REFUSED("Transfer-Encoding: xchunked");
	REFUSED("Transfer-Encoding: chunkedx");
	REFUSED("Transfer-Encoding: chunked;q=1");
	REFUSED("Transfer-Encoding: \"chunked\"");
	REFUSED("Transfer-Encoding: ,chunked");
	REFUSED("Transfer-Encoding: chunked,");
	REFUSED("Transfer-Encoding:");
	REFUSED("Transfer-Encoding: chunk");
	REFUSED("Transfer-Encoding : chunked");
	REFUSED("Transfer-Encoding\x0b: chunked");
	REFUSED("Transfer-Encoding: \x0b"
		"chunked");
	REFUSED("Transfer-Encoding: chunked\x0c");
	REFUSED("Transfer-Encoding: chunked\x7f");
	REFUSED("X: y\r\n Transfer-Encoding: chunked");
	REFUSED("Transfer-Encoding:\r\n chunked");
	REFUSED("Transfer-Encoding: chunked\r\n , identity");
	REFUSED("Transfer_Encoding: chunked\nContent-Length: 5");
	/* Framed as RFC 9112 says: the name of the coding knows no case, white space around is
	 * none. */
	REQUEST("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\t CHUNKED\r\n\r\n0\r\n\r\n",
		"POST / 1.1 body=chunked keep Host=h; Transfer-Encoding=CHUNKED;|end|eof");
	REQUEST("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "ERROR");
	REQUEST("POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"ERROR");
}

Test(http, ambiguous_lines)
{
	REFUSED("X: a\nY: b");
	REFUSED("X: a\rY: b");
	REFUSED("X: a\r\r\nY: b");
	REFUSED("X: a\n\r\nY: b");
	REFUSED("X: a\r\n Y: b"); /* obs-fold */
	REFUSED("X: a\r\n\tb");
	REFUSED("X : a");
	REFUSED("X\t: a");
	REFUSED(": a");
	REFUSED("X");
	REFUSED("X a: b");
	REFUSED("X(: b");
	REFUSED("X\"Y\": b");
	REFUSED("X: a\0b");
	REFUSED("X\0: ab");
	REFUSED("X: a\x01"
		"b");
	REFUSED("X: a\x1b"
		"b");
	REFUSED("X: a\x7f"
		"b");
	REFUSED("Host: h");
	REFUSED("host: other");
	REQUEST("GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.1\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.1\nHost: h\n\n", "ERROR");
	REQUEST("GET / HTTP/1.1\r\nHost: h\r\n\n", "ERROR");
	REQUEST("GET / HTTP/1.1\r\nHost: h\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.1\r\nHost: h\r\n\rX", "ERROR");
}

Test(http, request_lines)
{
	REQUEST("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST(" GET / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /\r\n\r\n", "ERROR"); /* HTTP/0.9 */
	REQUEST("GET /\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.10\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/01.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / http/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / HTTP/1.1X\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET / ICE/1.0\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("FROB / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("get / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /\x0b HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR");
	REQUEST("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "ERROR");
	REQUEST("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "ERROR");
	REQUEST("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"ERROR");
	/* RFC 9112 section 2.2 asks to ignore at least one empty line. */
	REQUEST("\r\nGET / HTTP/1.0\r\n\r\n", "GET / 1.0 body=none|end|eof");
	REQUEST("\r\n\r\nGET / HTTP/1.0\r\n\r\n", "ERROR");
	REQUEST("\nGET / HTTP/1.0\r\n\r\n", "ERROR");
}

Test(http, chunks_that_are_none)
{
	REQUEST(CHUNKED "g\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "-1\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "+1\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "0x1\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED " 1\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "1 \r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "1\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "1\ra\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "1\r\nab\r\n0\r\n\r\n", CHUNKED_TOLD "data a|ERROR");
	REQUEST(CHUNKED "2\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "data a\r|ERROR");
	REQUEST(CHUNKED "1\r\na\n0\r\n\r\n", CHUNKED_TOLD "data a|ERROR");
	REQUEST(CHUNKED "1\r\na0\r\n\r\n", CHUNKED_TOLD "data a|ERROR");
	REQUEST(CHUNKED "1\r\na\r\n0\n\r\n", CHUNKED_TOLD "data a|ERROR");
	REQUEST(CHUNKED "1\r\na\r\n0\r\n\n", CHUNKED_TOLD "data a|ERROR");
	REQUEST(CHUNKED "1\r\na\r\n0\r\n\rX", CHUNKED_TOLD "data a|ERROR");
	REQUEST(CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "1;\x80\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "ffffffffffffffff\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "0000000000000000000001\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "0\r\nX : 1\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "0\r\n X: 1\r\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "0\r\nX: 1\n\r\n", CHUNKED_TOLD "ERROR");
	REQUEST(CHUNKED "0\r\nX: \0\r\n\r\n", CHUNKED_TOLD "ERROR");
}

Test(http, endless_extensions_and_trailers)
{
	static char wire[20000];
	struct reading r;
	int n;

	for (int trailers = 0; trailers < 2; trailers++) {
		n = sprintf(wire, CHUNKED "%s", trailers ? "0\r\nX: " : "1;");
		memset(wire + n, 'a', 10000);
		read_begin(&r, HTTP_REQUEST, false, false, 4096);
		read_piece(&r, (const uint8_t *)wire, (size_t)n + 10000);
		cr_assert_str_eq(r.story.text, CHUNKED_TOLD "ERROR");
		http_parser_free(r.parser);
	}
}

Test(http, plain_answers)
{
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
	       "200 [OK] 1.1 body=length(2) keep Content-Length=2;|data hi|end|eof");
	ANSWER("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	       "200 [] 1.1 body=length(0) keep Content-Length=0;|end|eof");
	ANSWER("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
	       "200 [] 1.1 body=length(0) keep Content-Length=0;|end|eof");
	ANSWER("HTTP/1.1 404 Not \xc3\xa4 Found\r\n\r\nto the end",
	       "404 [Not \xc3\xa4 Found] 1.1 body=close keep|data to the end|end by eof");
	ANSWER("HTTP/1.0 200 OK\r\n\r\n", "200 [OK] 1.0 body=close|end by eof");
	ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: x\r\n\r\n",
	       "200 [OK] 1.1 body=chunked keep Transfer-Encoding=chunked;|data hi|end|eof");
	ANSWER("HTTP/1.1 204 No\r\nContent-Length: 7\r\n\r\nHTTP/1.1 304 N\r\nContent-Length: "
	       "9\r\n\r\n",
	       "204 [No] 1.1 body=none keep Content-Length=7;|end|"
	       "304 [N] 1.1 body=none keep Content-Length=9;|end|eof");
	ANSWER("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
	       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
	       "100 [Continue] 1.1 body=none keep|end|103 [Early] 1.1 body=none keep Link=x;|end|"
	       "200 [OK] 1.1 body=length(1) keep Content-Length=1;|data a|end|eof");
	ANSWER("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
	       "204 [No] 1.1 body=none keep Transfer-Encoding=chunked;|end|eof");
	ANSWER("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n",
	       "101 [Switching] 1.1 body=none keep upgrade Connection=upgrade; "
	       "Upgrade=foo;|end|eof");
}

Test(http, answers_to_head_and_connect)
{
	static const char LENGTH[] = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
	static const char CHUNKS[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char REFUSAL[] = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";

	check(HTTP_RESPONSE, true, false, LENGTH, sizeof(LENGTH) - 1,
	      "200 [OK] 1.1 body=none keep Content-Length=7;|end|eof");
	check(HTTP_RESPONSE, true, false, CHUNKS, sizeof(CHUNKS) - 1,
	      "200 [OK] 1.1 body=none keep Transfer-Encoding=chunked;|end|eof");
	check(HTTP_RESPONSE, false, true, LENGTH, sizeof(LENGTH) - 1,
	      "200 [OK] 1.1 body=none keep Content-Length=7;|end|eof");
	check(HTTP_RESPONSE, false, true, CHUNKS, sizeof(CHUNKS) - 1,
	      "200 [OK] 1.1 body=none keep Transfer-Encoding=chunked;|end|eof");
	check(HTTP_RESPONSE, false, true, REFUSAL, sizeof(REFUSAL) - 1,
	      "403 [No] 1.1 body=length(2) keep Content-Length=2;|data no|end|eof");
}

Test(http, broken_answers)
{
	ANSWER("HTTP/1.1 20 OK\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1 2000 OK\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1 099 OK\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1  200 OK\r\n\r\n", "ERROR");
	ANSWER("HTTP/2 200 OK\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1 200 O\x01K\r\n\r\n", "ERROR");
	ANSWER("\r\nHTTP/1.1 200 OK\r\n\r\n", "ERROR");
	ANSWER("ICY 200 OK\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	       "ERROR");
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "ERROR");
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
	       "200 [OK] 1.1 body=length(5) keep Content-Length=5;|data abc|ERROR at eof");
	ANSWER("HTTP/1.1 200 OK\r\nContent-Le", "ERROR at eof");
	ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	       "200 [OK] 1.1 body=chunked keep Transfer-Encoding=chunked;|data ab|ERROR at eof");
}

Test(http, head_limit)
{
	struct reading r;
	char wire[4096];
	int n = sprintf(wire, "GET / HTTP/1.1\r\nHost: h\r\nX: %0200d\r\n\r\n", 0);

	for (size_t max = 100; max <= (size_t)n; max++) {
		for (int piece = 1; piece <= n; piece += n - 1) {
			read_begin(&r, HTTP_REQUEST, false, false, max);
			for (int at = 0; at < n; at += piece)
				read_piece(&r, (const uint8_t *)wire + at, (size_t)piece);
			if (max < (size_t)n)
				cr_assert_str_eq(r.story.text, "ERROR too large");
			else
				cr_assert(strstr(r.story.text, "end"), "%s", r.story.text);
			http_parser_free(r.parser);
		}
	}
}

Test(http, field_limit)
{
	static char wire[8192];

	for (int fields = HTTP_FIELDS_MAX; fields <= HTTP_FIELDS_MAX + 1; fields++) {
		struct reading r;
		int n = sprintf(wire, "GET / HTTP/1.1\r\nHost: h\r\n");

		for (int i = 1; i < fields; i++)
			n += sprintf(wire + n, "X: y\r\n");
		n += sprintf(wire + n, "\r\n");
		read_begin(&r, HTTP_REQUEST, false, false, 8192);
		read_piece(&r, (const uint8_t *)wire, (size_t)n);
		if (fields > HTTP_FIELDS_MAX)
			cr_assert_str_eq(r.story.text, "ERROR too large");
		else
			cr_assert(strstr(r.story.text, "end"));
		http_parser_free(r.parser);
	}
}

Test(http, errors_stick)
{
	struct reading r;

	read_begin(&r, HTTP_REQUEST, false, false, 4096);
	read_piece(&r, (const uint8_t *)"GET /\n", 6);
	cr_assert(r.over);
	cr_assert_str_neq(http_error_text(r.parser), "no error");
	http_parser_next(r.parser, false, false);
	r.over = false;
	read_piece(&r, (const uint8_t *)"GET / HTTP/1.0\r\n\r\n", 18);
	cr_assert_str_eq(r.story.text, "ERRORERROR");
	http_parser_free(r.parser);
}

Test(http, finds_fields)
{
	static const char WIRE[] =
		"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nX-AB: 3\r\n\r\n";
	struct http_parser *p = http_parser_new(HTTP_REQUEST, 4096);
	const struct http_field *f;
	const uint8_t *data;
	size_t used, len;

	cr_assert_eq(http_feed(p, (const uint8_t *)WIRE, sizeof(WIRE) - 1, &used, &data, &len),
		     HTTP_HEAD);
	f = http_find(http_head(p), "x-A");
	cr_assert(f && f->value_len == 1 && *f->value == '1');
	f = http_find(http_head(p), "x-ab");
	cr_assert(f && *f->value == '3');
	cr_assert_null(http_find(http_head(p), "x-"));
	cr_assert_null(http_find(http_head(p), "x-abc"));
	http_parser_free(p);
}
