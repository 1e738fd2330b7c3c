/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what leaves for the origin, and what never does. Answers: test_exchange_answer.c. */
#include "exchange_rig.h"

#define POST_JSON                                                                                  \
	"POST /v1/messages HTTP/1.1\r\nhost: " RIG_HOST "\r\nContent-Type: application/json\r\n"
#define BODY                                                                                       \
	"{\"model\": \"m\", \"messages\": [{\"role\":\"user\",\"content\":\"see " VALUE " now\"}]" \
											"}"
#define MASKED                                                                                     \
	"{\"model\": \"m\", \"messages\": [{\"role\":\"user\",\"content\":\"see " PLACEHOLDER      \
	" now\"}]}"
#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static size_t last_step(size_t n)
{
	return n + 1;
}

/* In pieces of every size (with the whole among them), what is sent is the same. */
static void check_sent(const struct buf *wire, const char *body)
{
	struct buf first = {.data = NULL};

	for (size_t step = 1; step <= last_step(buf_len(wire)); step++) {
		struct rig r;
		struct message m;

		rig_begin(&r);
		r.step = step;
		cr_assert_eq(rig_client(&r, buf_bytes(wire), buf_len(wire)), buf_len(wire));
		cr_assert_eq(exchange_want(r.x), WANT_ORIGIN, "step %zu: %s", step,
			     (const char *)buf_bytes(&r.got));
		cr_assert_not(rig_holds(&r.sent, VALUE), "step %zu", step);
		message_read(&m, HTTP_REQUEST, &r.sent, 0, false);
		cr_assert(m.whole && m.used == buf_len(&r.sent), "step %zu", step);
		if (body)
			cr_assert(body_is(&m, body, strlen(body)), "step %zu: %.*s", step,
				  (int)buf_len(&m.body), (const char *)buf_bytes(&m.body));
		if (step == 1) {
			buf_init(&first, 1 << 20);
			cr_assert_eq(buf_append(&first, buf_bytes(&r.sent), buf_len(&r.sent)), 0);
		}
		cr_assert(buf_len(&first) == buf_len(&r.sent) &&
			  !memcmp(buf_bytes(&first), buf_bytes(&r.sent), buf_len(&first)));
		message_free(&m);
		rig_end(&r);
	}
	buf_free(&first);
}

/* The same in two pieces, cut at every byte. */
static void check_cuts(const struct buf *wire, const char *body)
{
	for (size_t cut = 0; cut <= buf_len(wire); cut++) {
		struct rig r;
		struct message m;

		rig_begin(&r);
		rig_client(&r, buf_bytes(wire), cut);
		rig_client(&r, buf_bytes(wire) + cut, buf_len(wire) - cut);
		cr_assert_not(rig_holds(&r.sent, VALUE), "cut %zu", cut);
		message_read(&m, HTTP_REQUEST, &r.sent, 0, false);
		cr_assert(m.whole && (!body || body_is(&m, body, strlen(body))), "cut %zu", cut);
		message_free(&m);
		rig_end(&r);
	}
}

Test(exchange, json_is_masked)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));

	check_sent(&wire, MASKED);
	check_cuts(&wire, MASKED);
	buf_free(&wire);
}

Test(exchange, chunked_is_masked)
{
	struct buf wire;

	buf_init(&wire, 4096);
	cr_assert_eq(buf_puts(&wire, POST_JSON "Transfer-Encoding: chunked\r\n\r\n"), 0);
	for (size_t at = 0; at < strlen(BODY); at += 7) {
		char chunk[32];
		int n = (int)(strlen(BODY) - at < 7 ? strlen(BODY) - at : 7);

		snprintf(chunk, sizeof(chunk), "%x\r\n%.*s\r\n", n, n, BODY + at);
		cr_assert_eq(buf_puts(&wire, chunk), 0);
	}
	cr_assert_eq(buf_puts(&wire, "0\r\nX-Trailer: " VALUE "\r\n\r\n"), 0);
	check_sent(&wire, MASKED);
	check_cuts(&wire, MASKED);
	buf_free(&wire);
}

Test(exchange, gzip_is_masked_and_stays_gzip)
{
	struct buf body = gzip_of(BODY, strlen(BODY));
	struct buf wire =
		message_of(POST_JSON "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
			   buf_bytes(&body), buf_len(&body));
	struct message m;
	struct buf plain;
	struct rig r;

	check_sent(&wire, NULL);
	check_cuts(&wire, NULL);
	rig_begin(&r);
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	message_read(&m, HTTP_REQUEST, &r.sent, 0, false);
	cr_assert(strstr(m.head, "Content-Encoding: gzip\r\n"));
	plain = gunzip_of(&m.body);
	cr_assert(buf_len(&plain) == strlen(MASKED) &&
		  !memcmp(buf_bytes(&plain), MASKED, strlen(MASKED)));
	buf_free(&plain);
	buf_free(&body);
	buf_free(&wire);
	message_free(&m);
	rig_end(&r);
}

Test(exchange, gzip_without_values_goes_as_it_came)
{
	static const char TEXT[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"nothing\"}]}";
	struct buf body, wire;
	struct message m;
	struct rig r;

	/* Another level than ours, so that coding it anew would show. */
	buf_init(&body, 4096);
	cr_assert_eq(deflate_all(CODING_GZIP, 0, (const uint8_t *)TEXT, strlen(TEXT), &body), 0);
	wire = message_of(POST_JSON "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
			  buf_bytes(&body), buf_len(&body));
	rig_begin(&r);
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	cr_assert_eq(exchange_want(r.x), WANT_ORIGIN);
	message_read(&m, HTTP_REQUEST, &r.sent, 0, false);
	cr_assert(body_is(&m, buf_bytes(&body), buf_len(&body)));
	cr_assert_eq(memory_vault_calls(&r.vault, MEMORY_RESERVE), 0u);
	message_free(&m);
	buf_free(&body);
	buf_free(&wire);
	rig_end(&r);
}

Test(exchange, head_as_it_leaves)
{
	static const char WIRE[] = "POST /a?x=" VALUE "&y=1 HTTP/1.1\r\n"
				   "HOST:  " RIG_HOST "  \r\n"
				   "connection: close, X-Hop\r\n"
				   "X-Hop: 1\r\n"
				   "Keep-Alive: 5\r\n"
				   "X-Api-Key: " VALUE "\r\n"
				   "user-agent: a/1\r\n"
				   "accept-encoding: gzip, br\r\n"
				   "Accept-Encoding: zstd\r\n"
				   "Referer: https://h/" VALUE "?q\r\n"
				   "TE: trailers\r\n"
				   "Content-MD5: abc\r\n"
				   "X-Empty:\r\n"
				   "CONTENT-LENGTH: 19\r\n"
				   "Expect: 100-continue\r\n"
				   "Content-Type: text/plain\r\n\r\n" VALUE;
	static const char SENT[] = "POST /a?x=" PLACEHOLDER "&y=1 HTTP/1.1\r\n"
				   "HOST: " RIG_HOST "\r\n"
				   "connection: keep-alive\r\n"
				   "X-Api-Key: " VALUE "\r\n"
				   "user-agent: a/1\r\n"
				   "accept-encoding: identity\r\n"
				   "Referer: https://h/" PLACEHOLDER "?q\r\n"
				   "X-Empty: \r\n"
				   "CONTENT-LENGTH: 16\r\n"
				   "Content-Type: text/plain\r\n\r\n" PLACEHOLDER;

	for (size_t step = 0; step < sizeof(WIRE); step++) {
		struct rig r;

		rig_begin(&r);
		r.step = step;
		rig_client(&r, WIRE, sizeof(WIRE) - 1);
		cr_assert_eq(buf_append(&r.sent, "", 1), 0);
		cr_assert_str_eq((const char *)buf_bytes(&r.sent), SENT);
		cr_assert_eq(buf_append(&r.got, "", 1), 0);
		cr_assert_str_eq((const char *)buf_bytes(&r.got), "HTTP/1.1 100 Continue\r\n\r\n");
		rig_end(&r);
	}
}

Test(exchange, heads_made_whole)
{
	static const struct {
		const char *wire, *sent;
	} CASES[] = {
		{"GET / HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n",
		 "GET / HTTP/1.1\r\nHost: " RIG_HOST "\r\nAccept-Encoding: identity\r\n\r\n"},
		{"GET http://" RIG_HOST "/a/b?c HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n",
		 "GET /a/b?c HTTP/1.1\r\nHost: " RIG_HOST "\r\nAccept-Encoding: identity\r\n\r\n"},
		{"GET https://" RIG_HOST " HTTP/1.1\r\nHost: " RIG_HOST ":443\r\n\r\n",
		 "GET / HTTP/1.1\r\nHost: " RIG_HOST ":443\r\nAccept-Encoding: identity\r\n\r\n"},
		{"GET http://" RIG_HOST "/ HTTP/1.0\r\n\r\n",
		 "GET / HTTP/1.1\r\nHost: " RIG_HOST "\r\nAccept-Encoding: identity\r\n\r\n"},
		{"POST / HTTP/1.1\r\nHost: " RIG_HOST "\r\nTransfer-Encoding: chunked\r\n"
		 "X-Last: 1\r\n\r\n2\r\nab\r\n0\r\n\r\n",
		 "POST / HTTP/1.1\r\nHost: " RIG_HOST "\r\nContent-Length: 2\r\nX-Last: 1\r\n"
		 "Accept-Encoding: identity\r\n\r\nab"},
		{"POST / HTTP/1.1\r\nHost: " RIG_HOST "\r\nContent-Length: 0\r\n\r\n",
		 "POST / HTTP/1.1\r\nHost: " RIG_HOST "\r\nContent-Length: 0\r\n"
		 "Accept-Encoding: identity\r\n\r\n"},
		{"OPTIONS * HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n",
		 "OPTIONS * HTTP/1.1\r\nHost: " RIG_HOST "\r\nAccept-Encoding: identity\r\n\r\n"},
		{"GET / HTTP/1.1\r\nHost: " RIG_HOST "\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		 "Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
		 "GET / HTTP/1.1\r\nHost: " RIG_HOST "\r\nConnection: keep-alive\r\n"
		 "Accept-Encoding: identity\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct rig r;

		rig_begin(&r);
		rig_client_text(&r, CASES[i].wire);
		cr_assert_eq(buf_append(&r.sent, "", 1), 0);
		cr_assert_str_eq((const char *)buf_bytes(&r.sent), CASES[i].sent, "case %zu: %s", i,
				 (const char *)buf_bytes(&r.sent));
		rig_end(&r);
	}
}

Test(exchange, origin_name_replaces_host)
{
	struct rig r;

	rig_begin(&r);
	r.x = exchange_new(&r.config, &r.vault.scope, RIG_HOST, "gateway.example:8080");
	rig_client_text(&r, "GET / HTTP/1.1\r\nhost: " RIG_HOST "\r\n\r\n");
	cr_assert(rig_holds(&r.sent, "host: gateway.example:8080\r\n"));
	cr_assert_not(rig_holds(&r.sent, RIG_HOST));
	rig_end(&r);
}

Test(exchange, each_media_type_is_masked)
{
	static const struct {
		const char *type, *body, *sent;
	} CASES[] = {
		{"application/json", "[\"" VALUE "\"]", "[\"" PLACEHOLDER "\"]"},
		{"application/x+json", "{\"" VALUE "\":1}", "{\"" PLACEHOLDER "\":1}"},
		{"application/x-ndjson", "{\"a\":\"" VALUE "\"}\n\n{\"a\":1}\r\n[\"" VALUE "\"]",
		 "{\"a\":\"" PLACEHOLDER "\"}\n\n{\"a\":1}\r\n[\"" PLACEHOLDER "\"]"},
		{"application/json-seq", "\x1e[\"" VALUE "\"]\n\x1e[1]\n",
		 "\x1e[\"" PLACEHOLDER "\"]\n\x1e[1]\n"},
		{"application/x-www-form-urlencoded", "a=" VALUE "&b=i%2D0f1e2d3c4b5a69788",
		 "a=" PLACEHOLDER "&b=" PLACEHOLDER},
		{"text/plain", "x " VALUE "\n", "x " PLACEHOLDER "\n"},
		{"text/html; charset=utf-8", "<b>" VALUE "</b>", "<b>" PLACEHOLDER "</b>"},
		{"application/octet-stream", "{\"a\":\"i\\u002d0f1e2d3c4b5a69788\"}",
		 "{\"a\":\"" PLACEHOLDER "\"}"},
		{"application/octet-stream", "{" VALUE, "{" PLACEHOLDER},
		{"x", "\xc3\xa4 " VALUE, "\xc3\xa4 " PLACEHOLDER},
		{"multipart/form-data; boundary=b",
		 "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" VALUE "\r\n--b--\r\n",
		 "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" PLACEHOLDER
		 "\r\n--b--\r\n"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct rig r;
		struct message m;
		char head[256];
		struct buf wire;

		snprintf(head, sizeof(head),
			 "POST /x HTTP/1.1\r\nHost: " RIG_HOST "\r\nContent-Type: %s\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 CASES[i].type, strlen(CASES[i].body));
		rig_begin(&r);
		buf_init(&wire, 4096);
		cr_assert(!buf_puts(&wire, head) && !buf_puts(&wire, CASES[i].body));
		rig_client(&r, buf_bytes(&wire), buf_len(&wire));
		cr_assert_eq(exchange_want(r.x), WANT_ORIGIN, "case %zu", i);
		message_read(&m, HTTP_REQUEST, &r.sent, 0, false);
		cr_assert(body_is(&m, CASES[i].sent, strlen(CASES[i].sent)), "case %zu: %.*s", i,
			  (int)buf_len(&m.body), (const char *)buf_bytes(&m.body));
		message_free(&m);
		buf_free(&wire);
		rig_end(&r);
	}
}

/* ---- refusals */

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

#define POST "POST /x HTTP/1.1\r\nHost: " RIG_HOST "\r\n"
#define GET "GET /x HTTP/1.1\r\nHost: " RIG_HOST "\r\n"
#define REFUSED(wire, why, stays) refused(wire, sizeof(wire) - 1, why, stays)

Test(exchange, refusals_of_heads)
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
	REFUSED("GET foo://" RIG_HOST "/ HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n", REFUSAL_MALFORMED,
		false);
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

Test(exchange, refusals_of_bodies)
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
		false);
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

Test(exchange, binary_by_policy)
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

Test(exchange, too_large_while_it_comes)
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

Test(exchange, gzip_bomb)
{
	static char zeros[100000];
	struct buf body = gzip_of(zeros, sizeof(zeros));
	struct buf wire = message_of(POST "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
				     buf_bytes(&body), buf_len(&body));

	cr_assert_lt(buf_len(&body), 4096u);
	refused(buf_bytes(&wire), buf_len(&wire), REFUSAL_BODY_TOO_LARGE, false);
	buf_free(&body);
	buf_free(&wire);
}

Test(exchange, vault_that_cannot_store)
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

Test(exchange, known_values_need_no_reserve)
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

Test(exchange, facts)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	const struct exchange_facts *f;
	struct rig r;

	rig_begin(&r);
	f = exchange_facts(rig_exchange(&r));
	cr_assert(f->requests == 0 && f->refusal == -1);
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	cr_assert(f->requests == 1 && f->status == 0 && f->refusal == -1);
	cr_assert_eq(f->request_bytes, strlen(BODY));
	cr_assert_str_eq(f->method, "POST");
	cr_assert_eq(f->masked.by_type[TYPE_EC2_INSTANCE], 1u);
	rig_origin_text(
		&r, "HTTP/1.1 529 Busy\r\nContent-Length: 21\r\nContent-Type: text/plain\r\n\r\n"
		    "no " PLACEHOLDER " x");
	rig_origin_text(&r, "y");
	cr_assert_eq(f->status, 529u);
	cr_assert_eq(f->unmasked.restored, 1u);
	cr_assert_eq(f->answer_bytes, 21u + strlen(VALUE) - strlen(PLACEHOLDER));
	rig_end(&r);
	buf_free(&wire);
}

Test(exchange, observe_changes_nothing)
{
	static const char WIRE[] =
		"POST /" VALUE " HTTP/1.1\r\nHost: " RIG_HOST "\r\n"
		"Accept-Encoding: gzip\r\nX-A: " VALUE "\r\nContent-Length: 19\r\n\r\n" VALUE;
	static const char *const ODD[] = {
		POST "Content-Length: 1\r\nContent-Encoding: br\r\n\r\nx",
		POST "Content-Length: 1\r\nContent-Encoding: gzip\r\n\r\nx",
		POST "Content-Length: 1\r\nContent-Type: application/json\r\n\r\nx",
		POST "Content-Length: 1\r\nContent-Type: image/png\r\n\r\n\xff",
	};
	struct rig r;

	rig_begin(&r);
	r.config.observe = true;
	memory_vault_put(&r.vault, TYPE_EC2_INSTANCE, 1, VALUE);
	rig_client(&r, WIRE, sizeof(WIRE) - 1);
	cr_assert(buf_len(&r.sent) == sizeof(WIRE) - 1 &&
		  !memcmp(buf_bytes(&r.sent), WIRE, sizeof(WIRE) - 1));
	cr_assert_eq(exchange_facts(r.x)->masked.by_type[TYPE_EC2_INSTANCE], 3u);
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: " PLACEHOLDER
			    "\r\nContent-Length: 16\r\n\r\n" PLACEHOLDER);
	cr_assert_not(rig_holds(&r.got, VALUE));
	for (size_t i = 0; i < sizeof(ODD) / sizeof(*ODD); i++) {
		buf_clear(&r.sent);
		rig_client_text(&r, ODD[i]);
		cr_assert(rig_holds(&r.sent, strstr(ODD[i], "\r\n\r\n")), "case %zu", i);
		rig_origin_text(&r, OK_EMPTY);
	}
	rig_end(&r);
}

/* ---- connections */

Test(exchange, one_request_at_a_time)
{
	static const char TWO[] = GET "X-A: 1\r\n\r\n" GET "X-A: " VALUE "\r\n\r\n";
	size_t first = strlen(GET "X-A: 1\r\n\r\n");

	for (size_t step = 0; step < sizeof(TWO); step++) {
		struct rig r;
		size_t taken;

		rig_begin(&r);
		r.step = step;
		taken = rig_client(&r, TWO, sizeof(TWO) - 1);
		cr_assert_eq(taken, first);
		cr_assert_eq(exchange_want(r.x), WANT_ORIGIN);
		cr_assert_eq(exchange_client_bytes(r.x, (const uint8_t *)TWO + first, 5), 0u);
		rig_origin_text(&r, OK_EMPTY);
		cr_assert(exchange_origin_reusable(r.x));
		cr_assert_eq(rig_client(&r, TWO + taken, sizeof(TWO) - 1 - taken),
			     sizeof(TWO) - 1 - first);
		cr_assert_eq(exchange_facts(r.x)->requests, 2u);
		cr_assert(rig_holds(&r.sent, "X-A: " PLACEHOLDER));
		rig_end(&r);
	}
}

/* Refused ones, too, are answered one by one. */
Test(exchange, pipelined_refusals)
{
	static const char BAD[] = POST "Content-Length: 1\r\n\r\n\xff";
	char wire[1024];
	struct rig r;
	size_t n = sizeof(BAD) - 1;

	memcpy(wire, BAD, n);
	memcpy(wire + n, BAD, n);
	rig_begin(&r);
	rig_exchange(&r);
	cr_assert_eq(exchange_client_bytes(r.x, (uint8_t *)wire, 2 * n), n);
	cr_assert_eq(exchange_facts(r.x)->requests, 1u);
	cr_assert_eq(exchange_client_bytes(r.x, (uint8_t *)wire + n, n), n);
	cr_assert_eq(exchange_facts(r.x)->requests, 2u);
	rig_end(&r);
}

Test(exchange, client_that_leaves)
{
	struct rig r;

	rig_begin(&r);
	exchange_client_eof(rig_exchange(&r));
	cr_assert_eq(exchange_want(r.x), WANT_CLOSE);
	rig_end(&r);

	rig_begin(&r);
	rig_client_text(&r, POST "Content-Length: 10\r\n\r\nabc");
	exchange_client_eof(r.x);
	rig_pump(&r);
	cr_assert(r.cut && buf_len(&r.sent) == 0);
	rig_end(&r);

	/* One that only ended its sending side still gets its answer. */
	rig_begin(&r);
	rig_client_text(&r, GET "\r\n");
	exchange_client_eof(r.x);
	cr_assert_eq(exchange_want(r.x), WANT_ORIGIN);
	rig_origin_text(&r, OK_EMPTY);
	cr_assert(r.cut && rig_holds(&r.got, "200 OK"));
	rig_end(&r);
}

Test(exchange, retry_sends_the_same)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	struct rig r;
	struct buf first;

	rig_begin(&r);
	rig_client(&r, buf_bytes(&wire), buf_len(&wire));
	buf_init(&first, 4096);
	cr_assert_eq(buf_append(&first, buf_bytes(&r.sent), buf_len(&r.sent)), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert(exchange_can_retry(r.x));
		buf_clear(&r.sent);
		exchange_retry(r.x);
		rig_pump(&r);
		cr_assert(buf_len(&first) == buf_len(&r.sent) &&
			  !memcmp(buf_bytes(&first), buf_bytes(&r.sent), buf_len(&first)));
	}
	rig_origin_text(&r, "H");
	cr_assert_not(exchange_can_retry(r.x));
	exchange_retry(r.x);
	cr_assert_eq(buf_len(exchange_to_origin(r.x)), 0u);
	buf_free(&first);
	buf_free(&wire);
	rig_end(&r);
}

Test(exchange, early_answer)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	static const char EARLY[] = "HTTP/1.1 429 Slow\r\nContent-Length: 2\r\n\r\nno";
	struct rig r;

	rig_begin(&r);
	rig_exchange(&r);
	cr_assert_eq(exchange_client_bytes(r.x, buf_bytes(&wire), buf_len(&wire)), buf_len(&wire));
	exchange_reserved(
		r.x, !memory_vault_reserve(&r.vault.scope, exchange_pending(r.x, &(size_t){0}), 1));
	cr_assert_gt(buf_len(exchange_to_origin(r.x)), 10u);
	buf_drop(exchange_to_origin(r.x), 10);
	cr_assert_eq(exchange_origin_bytes(r.x, (const uint8_t *)EARLY, sizeof(EARLY) - 1),
		     sizeof(EARLY) - 1);
	cr_assert_not(exchange_origin_reusable(r.x));
	cr_assert_eq(buf_len(exchange_to_origin(r.x)), 0u, "nobody is to write the rest");
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	rig_pump(&r);
	cr_assert(rig_holds(&r.got, "HTTP/1.1 429 Slow\r\n"));
	rig_end(&r);
	buf_free(&wire);
}

Test(exchange, owner_refuses)
{
	static const enum refusal WHY[] = {REFUSAL_ORIGIN_UNREACHABLE, REFUSAL_ORIGIN_UNTRUSTED,
					   REFUSAL_ORIGIN_TIMEOUT, REFUSAL_MEMORY};

	for (size_t i = 0; i < sizeof(WHY) / sizeof(*WHY); i++) {
		struct rig r;
		struct message m;

		rig_begin(&r);
		rig_client_text(&r, GET "\r\n");
		exchange_refuse(r.x, WHY[i]);
		cr_assert_not(exchange_origin_reusable(r.x));
		rig_pump(&r);
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(m.whole && m.status == exchange_facts(r.x)->status);
		cr_assert_eq(strstr(m.head, "retry-after:") != NULL, m.status == 529);
		cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
		/* The next request finds everything in order. */
		rig_client_text(&r, GET "\r\n");
		rig_origin_text(&r, OK_EMPTY);
		cr_assert_eq(exchange_facts(r.x)->status, 200u);
		message_free(&m);
		rig_end(&r);
	}
}

Test(exchange, owner_refuses_in_the_middle)
{
	struct rig r;

	rig_begin(&r); /* idle: nobody asked */
	exchange_refuse(rig_exchange(&r), REFUSAL_ORIGIN_TIMEOUT);
	rig_pump(&r);
	cr_assert(r.cut && buf_len(&r.got) == 0);
	rig_end(&r);

	rig_begin(&r); /* in a head */
	rig_client_text(&r, "GET /");
	exchange_refuse(r.x, REFUSAL_ORIGIN_TIMEOUT);
	rig_pump(&r);
	cr_assert(r.cut && rig_holds(&r.got, "504 Gateway Timeout"));
	rig_end(&r);

	rig_begin(&r); /* in an answer */
	rig_client_text(&r, GET "\r\n");
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
	exchange_refuse(r.x, REFUSAL_ORIGIN_TIMEOUT);
	rig_pump(&r);
	cr_assert(r.cut && !rig_holds(&r.got, "504"));
	rig_end(&r);
}

Test(exchange, head_is_refused_without_a_body)
{
	struct rig r;

	rig_begin(&r);
	rig_client_text(&r, "HEAD / HTTP/1.1\r\nHost: other.example\r\n\r\n");
	cr_assert(rig_holds(&r.got, "421") && !rig_holds(&r.got, "\"error\""));
	rig_end(&r);
}
