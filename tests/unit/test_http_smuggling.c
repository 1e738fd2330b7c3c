/* SPDX-License-Identifier: Apache-2.0 */
/* Everything whose framing two readers could see differently is refused. */
#include "../../user/wire/http_head.h"
#include "http_story.h"

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

Test(http_smuggling, ambiguous_length)
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

Test(http_smuggling, ambiguous_coding)
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

Test(http_smuggling, ambiguous_lines)
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

Test(http_smuggling, request_lines)
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

Test(http_smuggling, chunks_that_are_none)
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

Test(http_smuggling, endless_extensions_and_trailers)
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

Test(http_smuggling, broken_answers)
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

/* Our own reading refuses these by itself: it does not lean on llhttp. */
Test(http_smuggling, our_reading_alone)
{
	static const char *const FIELDS[] = {
		"Content-Length: 5\r\nContent-Length: 5",
		"Content-Length: 5\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nContent-Length: 5",
		"Transfer-Encoding: identity",
		"Content-Length: 5,5",
		"Content-Length: +5",
		"Content-Length : 5",
		"X: a\r\n b: c",
		"X y: a",
		"X",
		"X: \x01",
	};
	struct http_head h;
	char wire[256];
	int n;

	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(*FIELDS); i++) {
		n = sprintf(wire, "POST / HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n", FIELDS[i]);
		cr_assert_not_null(http_head_parse(&h, HTTP_REQUEST, wire, (size_t)n, false), "%s",
				   FIELDS[i]);
	}
	n = sprintf(wire, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
	cr_assert_null(http_head_parse(&h, HTTP_REQUEST, wire, (size_t)n, false));
	cr_assert(h.body == HTTP_BODY_LENGTH && h.content_length == 5);
}
