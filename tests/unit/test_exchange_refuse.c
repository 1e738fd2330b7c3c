/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that must not leave, and what their clients are told. */
#include "exchange_rig.h"

/* `wire` is refused for `why`; nothing leaves, and the client is told in the API's own way. */
static void refused(const void *wire, size_t n, enum refusal why, bool stays)
{
	for (size_t step = 0; step < 3; step++) {
		struct rig r;
		struct message m;
		char type[64];

		rig_begin(&r);
		r.step = step;
		r.config.body_max = 4096;
		rig_client(&r, wire, n);
		cr_assert_eq(exchange_want(rig_exchange(&r)), stays ? WANT_CLIENT : WANT_CLOSE,
			     "%s: %.*s", refusal_word(why), (int)n, (const char *)wire);
		cr_assert_eq(exchange_facts(r.x)->refusal, (int)why, "%s, not %s: %.*s",
			     exchange_facts(r.x)->refusal < 0
				     ? "none"
				     : refusal_word((enum refusal)exchange_facts(r.x)->refusal),
			     refusal_word(why), (int)n, (const char *)wire);
		cr_assert_eq(exchange_facts(r.x)->requests, 1u);
		cr_assert_eq(buf_len(&r.sent), 0u);
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(m.whole && m.used == buf_len(&r.got));
		cr_assert_eq(m.status, exchange_facts(r.x)->status);
		cr_assert(strstr(m.head, "Content-Type: application/json\r\n"));
		cr_assert_eq(strstr(m.head, "x-should-retry: false\r\n") != NULL, m.status < 500);
		cr_assert_eq(strstr(m.head, "Connection: close\r\n") != NULL, !stays);
		snprintf(type, sizeof(type), "{\"type\":\"error\",\"error\":{\"type\":\"%s\"",
			 m.status == 413 ? "request_too_large" : "invalid_request_error");
		cr_assert(rig_holds(&m.body, type));
		message_free(&m);
		rig_end(&r);
	}
}

#define REFUSED(wire, why, stays) refused(wire, sizeof(wire) - 1, why, stays)

Test(exchange_refuse, refusals_of_heads)
{
	static char large[HTTP_HEAD_MAX + 10] = GET "X: ";

	REFUSED("GET / HTTP/1.1\r\n\r\n", REFUSAL_MALFORMED, false);
	REFUSED("GET / HTTP/1.1\nHost: h\n\n", REFUSAL_MALFORMED, false);
	REFUSED("\x16\x03\x01\x02\0", REFUSAL_MALFORMED, false);
	REFUSED(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", REFUSAL_MALFORMED,
		false);
	REFUSED(POST "Content-Type: text/plain\r\nContent-Type: application/json\r\n"
		     "Content-Length: 1\r\n\r\n",
		REFUSAL_MALFORMED, false);
	REFUSED("GET foo://" RIG_HOST "/ HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n",
		REFUSAL_WRONG_HOST, false);
	REFUSED("GET http://" RIG_HOST "?x HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n",
		REFUSAL_MALFORMED, false);
	REFUSED("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", REFUSAL_WRONG_HOST, false);
	REFUSED("GET / HTTP/1.0\r\n\r\n", REFUSAL_WRONG_HOST, false);
	REFUSED("GET / HTTP/1.1\r\nHost: x" RIG_HOST "\r\n\r\n", REFUSAL_WRONG_HOST, false);
	REFUSED("GET / HTTP/1.1\r\nHost: " RIG_HOST ",a\r\n\r\n", REFUSAL_WRONG_HOST, false);
	REFUSED("GET http://other.example/ HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n",
		REFUSAL_WRONG_HOST, false);
	REFUSED("GET http://" RIG_HOST "/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
		REFUSAL_WRONG_HOST, false);
	REFUSED(GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", REFUSAL_UPGRADE, false);
	REFUSED(GET "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n", REFUSAL_UPGRADE,
		false);
	REFUSED(GET "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n\r\n",
		REFUSAL_UPGRADE, false);
	REFUSED("CONNECT " RIG_HOST ":443 HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n", REFUSAL_UPGRADE,
		false);
	memset(large + strlen(large), 'a', sizeof(large) - strlen(large));
	refused(large, sizeof(large), REFUSAL_HEAD_TOO_LARGE, false);
}

Test(exchange_refuse, refusals_of_bodies)
{
	REFUSED(POST "Content-Length: 4097\r\n\r\n", REFUSAL_BODY_TOO_LARGE, false);
	REFUSED(POST "Content-Length: 4097\r\nExpect: 100-continue\r\n\r\n", REFUSAL_BODY_TOO_LARGE,
		false);
	REFUSED(POST "Content-Length: 1\r\nContent-Encoding: br\r\n\r\n", REFUSAL_CODING, false);
	REFUSED(POST "Content-Length: 1\r\nContent-Encoding: gzip, gzip\r\n\r\n", REFUSAL_CODING,
		false);
	REFUSED(POST
		"Content-Length: 1\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n",
		REFUSAL_CODING, false);
	REFUSED(POST "Content-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc", REFUSAL_CODING,
		true);
	REFUSED(POST "Content-Length: 4\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00",
		REFUSAL_CODING, true);
	REFUSED(POST "Content-Length: 4\r\nContent-Type: application/json\r\n\r\n{\"a\"",
		REFUSAL_NOT_JSON, true);
	REFUSED(POST "Content-Length: 5\r\nContent-Type: application/x-ndjson\r\n\r\n1\n{\n2",
		REFUSAL_NOT_JSON, true);
	REFUSED(POST "Content-Length: 4\r\nContent-Type: multipart/form-data\r\n\r\nabcd",
		REFUSAL_NOT_MULTIPART, true);
	REFUSED(POST
		"Content-Length: 4\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\nabcd",
		REFUSAL_NOT_MULTIPART, true);
	REFUSED(POST "Content-Length: 4\r\nContent-Type: image/png\r\n\r\n\x89PNG", REFUSAL_BINARY,
		true);
	REFUSED(POST "Content-Length: 4\r\n\r\na\0b\0", REFUSAL_BINARY, true);
	REFUSED(POST "Content-Length: 4\r\nContent-Type: text/plain\r\n\r\na\0b\0", REFUSAL_BINARY,
		true);
	REFUSED(POST "Content-Length: 3\r\n\r\n\xed\xa0\x80", REFUSAL_BINARY, true);
	REFUSED(POST "Content-Length: 2\r\nConnection: close\r\n\r\n\xc0\x80", REFUSAL_BINARY,
		false);
	REFUSED(POST "Transfer-Encoding: chunked\r\n\r\nx", REFUSAL_MALFORMED, false);
}

Test(exchange_refuse, binary_by_policy)
{
	struct rig r;

	rig_begin(&r);
	r.config.allow_binary = true;
	rig_client(&r, POST "Content-Length: 4\r\nContent-Type: image/png\r\n\r\n\x89PNG",
		   strlen(POST) + 21 + 27 + 4);
	rig_client(&r, "xx", 2);
	cr_assert_eq(exchange_want(r.x), WANT_ORIGIN);
	cr_assert(rig_holds(&r.sent, "\r\n\r\n\x89PNG"));
	rig_end(&r);
}

Test(exchange_refuse, too_large_while_it_comes)
{
	static char piece[1000];
	static const char *const HEADS[] = {
		POST "Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n",
		POST "Content-Length: 100000\r\n\r\n",
	};

	memset(piece, 'a', sizeof(piece));
	for (size_t i = 0; i < 2; i++) {
		struct rig r;
		struct message m;

		rig_begin(&r);
		r.config.body_max = 4096;
		rig_client_text(&r, HEADS[i]);
		for (int n = 0; n < 10 && !r.cut; n++)
			rig_client(&r, piece, sizeof(piece));
		cr_assert_eq(exchange_want(r.x), WANT_CLOSE);
		/* A client that goes on sending is heard, and nothing comes of it. */
		cr_assert_eq(exchange_client_bytes(r.x, (uint8_t *)piece, sizeof(piece)), 1000u);
		rig_pump(&r);
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(m.whole && m.status == 413 && m.used == buf_len(&r.got));
		cr_assert(strstr(m.head, "Connection: close\r\n"));
		message_free(&m);
		rig_end(&r);
	}
}

Test(exchange_refuse, gzip_bomb)
{
	static char zeros[100000];
	struct buf body = gzip_of(zeros, sizeof(zeros));
	struct buf wire = message_of(POST "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
				     buf_bytes(&body), buf_len(&body));

	cr_assert_lt(buf_len(&body), 4096u);
	refused(buf_bytes(&wire), buf_len(&wire), REFUSAL_BODY_TOO_LARGE, true);
	buf_free(&body);
	buf_free(&wire);
}

Test(exchange_refuse, vault_that_cannot_store)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	struct rig r;
	struct message m;

	rig_begin(&r);
	r.vault.refuse = true;
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	cr_assert_eq(exchange_facts(r.x)->refusal, REFUSAL_VAULT);
	cr_assert_eq(buf_len(&r.sent), 0u);
	message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
	cr_assert(m.status == 400 && rig_holds(&m.body, "api_error"));
	message_free(&m);
	/* The connection is still good, and so is the vault again. */
	r.vault.refuse = false;
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	cr_assert(rig_holds(&r.sent, PLACEHOLDER) && !rig_holds(&r.sent, VALUE));
	rig_end(&r);
	buf_free(&wire);
}

Test(exchange_refuse, known_values_need_no_reserve)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	struct rig r;

	rig_begin(&r);
	memory_vault_put(&r.vault, TYPE_EC2_INSTANCE, 7, VALUE);
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	cr_assert(rig_holds(&r.sent, "EC2_INSTANCE_007") && !rig_holds(&r.sent, VALUE));
	cr_assert_eq(memory_vault_calls(&r.vault, MEMORY_RESERVE), 0u);
	rig_end(&r);
	buf_free(&wire);
}
