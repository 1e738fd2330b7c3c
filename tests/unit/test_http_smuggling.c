/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything whose framing two readers could see differently is refused; what is not refused is framed as the RFC
 * says. Each case names the section, and is read whole, in two pieces at each place, and byte by byte.
 */
#include "../../user/wire/http_head.h"
#include "http_story.h"

#define TOLD "GET / 1.1 body=none keep Host=h;|end|"

struct smuggled {
	const char *section; /* of RFC 9110 or RFC 9112 */
	enum http_kind kind;
	const char *wire;
	size_t len;
	const char *told;
};

#define ASKED(section, wire, told)                                                                 \
	{                                                                                          \
		section, HTTP_REQUEST, wire, sizeof(wire) - 1, told                                \
	}
#define ANSWERED(section, wire, told)                                                              \
	{                                                                                          \
		section, HTTP_RESPONSE, wire, sizeof(wire) - 1, told                               \
	}
/* A request of these field lines is refused, whatever its body. */
#define FIELDS(section, fields)                                                                    \
	ASKED(section, "POST /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n0\r\n\r\n", "ERROR")

/* clang-format off */
static const struct smuggled CASES[] = {
	/* ambiguous length */
	FIELDS("9112 6.3", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
	FIELDS("9112 6.3", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
	FIELDS("9112 6.3", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
	FIELDS("9112 6.3", "Content-Length: 5\r\nContent-Length: 6"),
	FIELDS("9112 6.3", "Content-Length: 5\r\nContent-Length: 5"),
	FIELDS("9112 6.3", "Content-Length: 5\r\ncontent-length: 0"),
	FIELDS("9110 8.6", "Content-Length: 5, 5"),
	FIELDS("9110 8.6", "Content-Length: 5,6"),
	FIELDS("9110 8.6", "Content-Length: +5"),
	FIELDS("9110 8.6", "Content-Length: -5"),
	FIELDS("9110 8.6", "Content-Length: 0x5"),
	FIELDS("9110 8.6", "Content-Length: 5 0"),
	FIELDS("9110 8.6", "Content-Length: 5;"),
	FIELDS("9110 8.6", "Content-Length: \"5\""),
	FIELDS("9110 8.6", "Content-Length: 5.0"),
	FIELDS("9110 8.6", "Content-Length: 5e0"),
	FIELDS("9110 8.6", "Content-Length:"),
	FIELDS("9110 8.6", "Content-Length: five"),
	FIELDS("9110 8.6", "Content-Length: 18446744073709551616"),
	FIELDS("9110 8.6", "Content-Length: 18446744073709551621"),
	FIELDS("9110 8.6", "Content-Length: 9223372036854775808"),
	FIELDS("9112 5.1", "Content-Length : 5"),
	FIELDS("9112 5.1", "Content-Length\t: 5"),
	FIELDS("9112 2.2", " Content-Length: 5"),
	FIELDS("9110 8.6", "Content-Length: \x0b" "5"),
	FIELDS("9110 8.6", "Content-Length: 5\x0c"),
	FIELDS("9112 5.1", "Content\x80-Length: 5"),

	/* ambiguous coding */
	FIELDS("9112 6.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
	FIELDS("9112 6.1", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked, identity"),
	FIELDS("9112 6.1", "Transfer-Encoding: identity, chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: gzip, chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked, chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: identity"),
	FIELDS("9112 6.1", "Transfer-Encoding: gzip"),
	FIELDS("9112 6.1", "Transfer-Encoding: xchunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunkedx"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked;q=1"),
	FIELDS("9112 6.1", "Transfer-Encoding: \"chunked\""),
	FIELDS("9112 6.1", "Transfer-Encoding: ,chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked,"),
	FIELDS("9112 6.1", "Transfer-Encoding:"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunk"),
	FIELDS("9112 5.1", "Transfer-Encoding : chunked"),
	FIELDS("9112 5.1", "Transfer-Encoding\x0b: chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: \x0b" "chunked"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked\x0c"),
	FIELDS("9112 6.1", "Transfer-Encoding: chunked\x7f"),
	FIELDS("9112 5.2", "X: y\r\n Transfer-Encoding: chunked"),
	FIELDS("9112 5.2", "Transfer-Encoding:\r\n chunked"),
	FIELDS("9112 5.2", "Transfer-Encoding: chunked\r\n , identity"),
	FIELDS("9112 2.2", "Transfer_Encoding: chunked\nContent-Length: 5"),
	ASKED("9112 6.1", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\t CHUNKED\r\n\r\n0\r\n\r\n", "POST / 1.1 body=chunked keep Host=h; Transfer-Encoding=CHUNKED;|end|eof"),
	ASKED("9112 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "ERROR"),
	ASKED("9112 6.3", "POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: " "chunked\r\n\r\n0\r\n\r\n", "ERROR"),

	/* ambiguous lines */
	FIELDS("9112 2.2", "X: a\nY: b"),
	FIELDS("9112 2.2", "X: a\rY: b"),
	FIELDS("9112 2.2", "X: a\r\r\nY: b"),
	FIELDS("9112 2.2", "X: a\n\r\nY: b"),
	FIELDS("9112 5.2", "X: a\r\n Y: b"),
	FIELDS("9112 5.2", "X: a\r\n\tb"),
	FIELDS("9112 5.1", "X : a"),
	FIELDS("9112 5.1", "X\t: a"),
	FIELDS("9112 5.1", ": a"),
	FIELDS("9112 5.1", "X"),
	FIELDS("9112 5.1", "X a: b"),
	FIELDS("9112 5.1", "X(: b"),
	FIELDS("9112 5.1", "X\"Y\": b"),
	FIELDS("9110 5.5", "X: a\0b"),
	FIELDS("9110 5.5", "X\0: ab"),
	FIELDS("9110 5.5", "X: a\x01" "b"),
	FIELDS("9110 5.5", "X: a\x1b" "b"),
	FIELDS("9110 5.5", "X: a\x7f" "b"),
	FIELDS("9112 3.2", "Host: h"),
	FIELDS("9112 3.2", "host: other"),
	ASKED("9112 2.2", "GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3.2", "GET / HTTP/1.1\r\n\r\n", "ERROR"),
	ASKED("9112 2.2", "GET / HTTP/1.1\nHost: h\n\n", "ERROR"),
	ASKED("9112 2.2", "GET / HTTP/1.1\r\nHost: h\r\n\n", "ERROR"),
	ASKED("9112 2.2", "GET / HTTP/1.1\r\nHost: h\n\r\n", "ERROR"),
	ASKED("9112 2.2", "GET / HTTP/1.1\r\nHost: h\r\n\rX", "ERROR"),

	/* request lines */
	ASKED("9112 3", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3", "GET /\r\n\r\n", "ERROR"),
	ASKED("9112 3", "GET /\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / HTTP/01.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / http/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / HTTP/1.1X\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "GET / ICE/1.0\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9110 9.1", "FROB / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9110 9.1", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3.2", "GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3.2", "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3.2", "GET /\x0b HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 3.2", "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", "ERROR"),
	ASKED("9112 2.3", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "ERROR"),
	ASKED("9110 9.3.6", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "ERROR"),
	ASKED("9110 9.3.6", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "ERROR"),
	ASKED("9112 2.2", "\r\nGET / HTTP/1.0\r\n\r\n", "GET / 1.0 body=none|end|eof"),
	ASKED("9112 2.2", "\r\n\r\nGET / HTTP/1.0\r\n\r\n", "ERROR"),
	ASKED("9112 2.2", "\nGET / HTTP/1.0\r\n\r\n", "ERROR"),

	/* chunks that are none, and trailers */
	ASKED("9112 7.1", CHUNKED "g\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "-1\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "+1\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "0x1\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED " 1\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "1 \r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "1\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "1\ra\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "1\r\nab\r\n0\r\n\r\n", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1", CHUNKED "2\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "data a\r|ERROR"),
	ASKED("9112 7.1", CHUNKED "1\r\na\n0\r\n\r\n", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1", CHUNKED "1\r\na0\r\n\r\n", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1", CHUNKED "1\r\na\r\n0\n\r\n", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1", CHUNKED "1\r\na\r\n0\r\n\n", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1", CHUNKED "1\r\na\r\n0\r\n\rX", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1.1", CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1.1", CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1.1", CHUNKED "1;\x80\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "ffffffffffffffff\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1", CHUNKED "0000000000000000000001\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 5.1", CHUNKED "0\r\nX : 1\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 5.1", CHUNKED "0\r\n X: 1\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1.2", CHUNKED "0\r\nX: 1\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1.2", CHUNKED "0\r\nX: \0\r\n\r\n", CHUNKED_TOLD "ERROR"),

	/* broken answers */
	ANSWERED("9112 4", "HTTP/1.1 20 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 4", "HTTP/1.1 2000 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 4", "HTTP/1.1 099 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 4", "HTTP/1.1  200 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 2.3", "HTTP/2 200 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 4", "HTTP/1.1 200 O\x01K\r\n\r\n", "ERROR"),
	ANSWERED("9112 2.2", "\r\nHTTP/1.1 200 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 2.3", "ICY 200 OK\r\n\r\n", "ERROR"),
	ANSWERED("9112 6.3", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "ERROR"),
	ANSWERED("9112 6.3", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n", "ERROR"),
	ANSWERED("9112 6.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "ERROR"),
	ANSWERED("9112 6.1", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "ERROR"),
	ANSWERED("9112 8", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "200 [OK] 1.1 body=length(5) keep Content-Length=5;|data abc|ERROR at eof"),
	ANSWERED("9112 8", "HTTP/1.1 200 OK\r\nContent-Le", "ERROR at eof"),
	ANSWERED("9112 8", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "200 [OK] 1.1 body=chunked keep Transfer-Encoding=chunked;|data ab|ERROR at eof"),

	/* framed, as it says */
	ASKED("9112 9.3.2", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", TOLD TOLD "eof"),
	ASKED("9112 9.3.2", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGETGET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "POST / 1.1 body=length(3) keep Host=h; Content-Length=3;|data GET|end|" TOLD "eof"),
	ASKED("9112 6.3", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "GET / 1.1 body=length(3) keep Host=h; Content-Length=3;|data abc|end|" TOLD "eof"),
	ASKED("9112 6.3", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
	      "POST / 1.1 body=length(0) keep Host=h; Content-Length=0;|end|ERROR"),
	ASKED("9112 6.3", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 00003\r\n\r\nabc",
	      "POST / 1.1 body=length(3) keep Host=h; Content-Length=00003;|data abc|end|eof"),
	ASKED("9112 6.3", "GET / HTTP/1.1\r\nHost: h\r\n\r\nabc", TOLD "ERROR at eof"),
	ASKED("9112 8", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab",
	      "POST / 1.1 body=length(5) keep Host=h; Content-Length=5;|data ab|ERROR at eof"),
	ASKED("9112 7.1", CHUNKED "a\r\n0\r\n\r\nGET /\r\n\r\n0\r\n\r\n", CHUNKED_TOLD "data 0\r\n\r\nGET /|ERROR"),
	ASKED("9112 7.1", CHUNKED "001\r\na\r\n000\r\n\r\n", CHUNKED_TOLD "data a|end|eof"),
	ASKED("9112 7.1.1", CHUNKED "1;a=\"0\"\r\na\r\n0;b\r\n\r\n", CHUNKED_TOLD "data a|end|eof"),
	ASKED("9112 7.1.1", CHUNKED "1;a=b;c=d\r\na\r\n0;a=\"\\\"\";b;c=\"x y\"\r\n\r\n",
	      CHUNKED_TOLD "data a|end|eof"),
	ASKED("9112 7.1.1", CHUNKED "1 ; a = \"b;c\" ;d\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1.1", CHUNKED "1; a = \"b\" ; d\r\na\r\n0 ;\r\n\r\n", CHUNKED_TOLD "data a|ERROR"),
	ASKED("9112 7.1.1", CHUNKED "1;;=,\r\na\r\n0;\r\n\r\n", CHUNKED_TOLD "data a|end|eof"),
	ASKED("9112 7.1.1", CHUNKED ";a\r\na\r\n0\r\n\r\n", CHUNKED_TOLD "ERROR"),
	ASKED("9112 7.1.2", CHUNKED "0\r\nContent-Length: 5\r\nHost: other\r\n\r\n", CHUNKED_TOLD "end|eof"),
	ASKED("9112 7.1.2", CHUNKED "0\r\nTransfer-Encoding: identity\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      CHUNKED_TOLD "ERROR"),
	ASKED("9112 3.2.2", "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://other/ 1.1 body=none keep Host=h;|end|eof"),
	ASKED("9112 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * 1.1 body=none keep Host=h;|end|eof"),
	ASKED("9112 3.2", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 body=none|end|eof"),
	ASKED("9112 9.3", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	      "GET / 1.1 body=none Host=h; Connection=close;|end|eof"),
	ASKED("9110 10.1.1", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
	      "POST / 1.1 body=length(1) keep expect Host=h; Expect=100-continue; Content-Length=1;|data a|end|eof"),
	ASKED("9110 7.8", "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n", "GET / 1.1 body=none keep Host=h; Upgrade=h2c;|end|eof"),
	ASKED("9110 7.8", "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na",
	      "POST / 1.1 body=length(1) keep upgrade Host=h; Connection=upgrade; Upgrade=h2c; Content-Length=1;|data a|end|eof"),

	/* answers of which a part could pass for another one */
	ANSWERED("9112 6.3", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nabcde",
		 "204 [No] 1.1 body=none keep Content-Length=5;|end|ERROR at eof"),
	ANSWERED("9112 6.3", "HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", "304 [Not] 1.1 body=none keep Content-Length=5;|end|eof"),
	ANSWERED("9110 15.2", "HTTP/1.1 100 Go\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
		 "100 [Go] 1.1 body=none keep Content-Length=5;|end|204 [No] 1.1 body=none keep|end|eof"),
	ANSWERED("9112 6.3", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		 "200 [OK] 1.1 body=close keep|data HTTP/1.1 200 OK\r\n\r\n|end by eof"),
	ANSWERED("9112 7.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
		 "200 [OK] 1.1 body=chunked keep Transfer-Encoding=chunked;|data a|ERROR"),
	ANSWERED("9112 7.1.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b;c=d\r\na\r\n0;e\r\n\r\n",
		 "200 [OK] 1.1 body=chunked keep Transfer-Encoding=chunked;|data a|end|eof"),
	ANSWERED("9112 5.2", "HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 5\r\n\r\n", "ERROR"),
	ANSWERED("9112 5.1", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", "ERROR"),
	ANSWERED("9112 2.2", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "ERROR"),
};
/* clang-format on */

#define COUNT (sizeof(CASES) / sizeof(CASES[0]))

Test(http_smuggling, each_case)
{
	for (size_t i = 0; i < COUNT; i++)
		check(CASES[i].kind, false, false, CASES[i].wire, CASES[i].len, CASES[i].told);
}

Test(http_smuggling, as_many_as_it_says_and_no_two_the_same)
{
	cr_assert_eq(COUNT, 183u);
	for (size_t i = 0; i < COUNT; i++) {
		cr_expect(!strncmp(CASES[i].section, "9110 ", 5) ||
			  !strncmp(CASES[i].section, "9112 ", 5));
		for (size_t j = 0; j < i; j++)
			cr_expect(CASES[i].len != CASES[j].len ||
					  memcmp(CASES[i].wire, CASES[j].wire, CASES[i].len),
				  "%zu is %zu again", i, j);
	}
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
