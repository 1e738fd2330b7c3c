/* SPDX-License-Identifier: Apache-2.0 */
#include "http_story.h"

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
