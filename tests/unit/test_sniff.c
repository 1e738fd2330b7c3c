/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/wire/sniff.h"
#include "wire_guard.h"

static const struct {
	const char *bytes;
	size_t len;
	enum sniff_kind kind;
} CASES[] = {
#define CASE(text, kind)                                                                           \
	{                                                                                          \
		text, sizeof(text) - 1, kind                                                       \
	}
	CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", SNIFF_TLS),
	CASE("\x16\x03\x03\x40\x00", SNIFF_TLS),
	CASE("\x16\x02\x01\x02\x00\x01", SNIFF_OTHER),
	CASE("\x16\x03\x09\x02\x00\x01", SNIFF_OTHER),
	CASE("\x15\x03\x01\x00\x02\x02\x28", SNIFF_OTHER),
	CASE("GET / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("POST /v1/messages HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("OPTIONS * HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("post /v1/messages HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("VERSION-CONTROL /a HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET http://example.com/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET HTTPS://example.com/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET wss://example.com/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET ftp://example.com/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET gopher://example.com/ HTTP/1.1\r\n", SNIFF_OTHER),
	CASE("\r\nPOST / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("\n\nPOST / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nPOST / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nPOST / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("CONNECT api.example.com:443 HTTP/1.1\r\n", SNIFF_CONNECT),
	CASE("CONNECTION / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SNIFF_HTTP2),
	CASE("PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", SNIFF_HTTP),
	CASE("PRINT /a HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", SNIFF_OTHER),
	CASE("EHLO mail.example.com\r\n", SNIFF_OTHER),
	CASE("PING\r\n", SNIFF_OTHER),
	/* What a lenient server would take for a request is one, to be refused as malformed. */
	CASE("GET  / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE(" GET / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("\t\tGET\thttp://example.com/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET\x0b/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("GET                                   / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("UPDATEREDIRECTREFS http://example.com/ HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("\r GET / HTTP/1.1\r\n", SNIFF_HTTP),
	CASE("connect  api.example.com:443 HTTP/1.1\r\n", SNIFF_CONNECT),
	CASE("\x05\x01\x00", SNIFF_SOCKS),
	CASE("\x05\x02\x00\x02", SNIFF_SOCKS),
	CASE("\x05\x00", SNIFF_OTHER),
	CASE("\x04\x01\x01\xbb\x00\x00\x00\x01u\x00api.example.com", SNIFF_SOCKS),
	CASE("\x04\x05\x01\xbb", SNIFF_OTHER),
	CASE("G\x80T / HTTP/1.1\r\n", SNIFF_OTHER),
	CASE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SNIFF_OTHER),
	CASE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", SNIFF_OTHER),
#undef CASE
};

Test(sniff, kinds)
{
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		enum sniff_kind kind = SNIFF_OTHER;
		const uint8_t *p = guard_copy(CASES[i].bytes, CASES[i].len);

		cr_assert_eq(sniff(p, CASES[i].len, &kind), 1, "case %zu undecided", i);
		cr_assert_eq(kind, CASES[i].kind, "case %zu: kind %d", i, kind);
	}
}

/* Once decided, more bytes change nothing; before, the kind is not touched. */
Test(sniff, prefixes_agree)
{
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		for (size_t n = 0; n <= CASES[i].len; n++) {
			enum sniff_kind kind = (enum sniff_kind)99;
			int r = sniff(guard_copy(CASES[i].bytes, n), n, &kind);

			if (r == 1)
				cr_assert_eq(kind, CASES[i].kind, "case %zu, prefix %zu", i, n);
			else
				cr_assert_eq((int)kind, 99, "case %zu, prefix %zu", i, n);
			cr_assert(r == 1 || n < 24, "case %zu, prefix %zu", i, n);
			cr_assert(r == 1 || r == 0);
		}
	}
}
