/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what leaves for the origin, and what never does. Answers: test_exchange_answer.c. */
#include "../seeded_memo.h"
#include "exchange_rig.h"

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

	buf_init(&body, 4096);
	cr_assert_eq(
		deflate_all(CODING_GZIP, (const uint8_t *)TEXT, strlen(TEXT), NULL, NULL, &body),
		0);
	body.data[4] = 1; /* a time, which we do not write: coding it anew would show */
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
				   "X-Empty:\r\n"
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

/* A client of the explicit listener calls it by a name of its own choice. */
Test(exchange, any_host_when_none_is_given)
{
	struct rig r;

	rig_begin(&r);
	r.x = exchange_new(&r.config, &r.vault.scope, NULL, "api.example.com");
	rig_client_text(&r, "GET /" VALUE " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
	cr_assert_eq(exchange_want(r.x), WANT_ORIGIN);
	cr_assert(rig_holds(&r.sent, "GET /" PLACEHOLDER " HTTP/1.1\r\nHost: api.example.com\r\n"));
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

/* Takes one that is there; how often is counted. */
struct one_memo {
	struct memo_source source; /* first */
	struct memo *memo;
	const void *owner;
	unsigned taken, given;
};

static struct memo *memo_take(struct memo_source *s, const void *owner)
{
	struct one_memo *one = (struct one_memo *)s;

	one->owner = owner;
	one->taken++;
	return one->memo;
}

static void memo_done(struct memo_source *s, struct memo *m)
{
	struct one_memo *one = (struct one_memo *)s;

	cr_assert_eq(m, one->memo);
	one->given++;
}

/* The second time it is not scanned, and leaves as it did the first time. A refused one gives the memo back. */
Test(exchange, remembers)
{
	static const char text[] =
		"[\"the quick brown fox looks at the log again and finds \\n" VALUE "\"]";
	struct one_memo one = {{memo_take, memo_done}, seeded_memo(1 << 20, 3), NULL, 0, 0};
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", text, strlen(text));
	struct buf broken = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", text, 5);
	struct rig r;
	size_t first = 0;

	rig_begin(&r);
	r.config.memos = &one.source;
	for (unsigned i = 1; i <= 2; i++) {
		rig_client(&r, buf_bytes(&wire), buf_len(&wire));
		cr_assert(one.taken == i && one.given == i && one.owner == &r.vault.scope);
		cr_assert_eq(memo_stats(one.memo)->recalled, 2 * (i - 1), "the target, the string");
		rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		first = i == 1 ? buf_len(&r.sent) : first;
	}
	cr_expect(buf_len(&r.sent) == 2 * first &&
		  !memcmp(buf_bytes(&r.sent), buf_bytes(&r.sent) + first, first));
	cr_expect_not(rig_holds(&r.sent, VALUE));
	rig_client(&r, buf_bytes(&broken), buf_len(&broken));
	cr_expect(one.taken == 3 && one.given == 3);
	rig_end(&r);
	memo_free(one.memo);
	buf_free(&wire);
	buf_free(&broken);
}

/* What was scanned before, and gzipped, is not coded anew either; what is new to the scan is not kept. */
Test(exchange, remembers_what_was_coded)
{
	struct one_memo one = {{memo_take, memo_done}, seeded_memo(4 << 20, 3), NULL, 0, 0};
	struct buf text, body, wire, plain[3];
	struct message m;
	struct rig r;

	buf_init(&text, 1 << 20);
	cr_assert_eq(buf_puts(&text, "[\"" VALUE "\""), 0);
	for (unsigned i = 0; buf_len(&text) < 200000; i++) {
		char line[64];

		snprintf(line, sizeof(line), ",\"turn %u of what is said\"", i * i);
		cr_assert_eq(buf_puts(&text, line), 0);
	}
	cr_assert_eq(buf_puts(&text, "]"), 0);
	body = gzip_of(buf_bytes(&text), buf_len(&text));
	wire = message_of(POST_JSON "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
			  buf_bytes(&body), buf_len(&body));
	rig_begin(&r);
	r.config.memos = &one.source;
	for (unsigned i = 0; i < 3; i++) {
		rig_client(&r, buf_bytes(&wire), buf_len(&wire));
		cr_assert_eq(one.taken, i ? 2 * i + 1 : 1);
		cr_assert_eq(one.given, one.taken);
		message_read(&m, HTTP_REQUEST, &r.sent, 0, false);
		plain[i] = gunzip_of(&m.body);
		cr_assert(!rig_holds(&plain[i], VALUE) && rig_holds(&plain[i], PLACEHOLDER));
		cr_assert_eq(buf_len(&plain[i]), buf_len(&plain[0]));
		cr_assert_eq(memcmp(buf_bytes(&plain[i]), buf_bytes(&plain[0]), buf_len(&plain[0])),
			     0);
		message_free(&m);
		buf_clear(&r.sent);
		rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	}
	for (unsigned i = 0; i < 3; i++)
		buf_free(&plain[i]);
	rig_end(&r);
	memo_free(one.memo);
	buf_free(&text);
	buf_free(&body);
	buf_free(&wire);
}

/* Who has little time scans what came before; of what did not, nothing is done. */
Test(exchange, scans_what_is_remembered)
{
	static const char text[] =
		"[\"the quick brown fox looks at the log again and finds \\n" VALUE "\"]";
	struct one_memo one = {{memo_take, memo_done}, seeded_memo(1 << 20, 3), NULL, 0, 0};
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", text, strlen(text));
	struct rig r;

	rig_begin(&r);
	r.config.memos = &one.source;
	r.config.scan_apart = 1;
	rig_exchange(&r);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(exchange_client_bytes(r.x, buf_bytes(&wire), buf_len(&wire)),
			     buf_len(&wire));
		cr_assert_eq(exchange_want(r.x), WANT_SCAN);
		cr_assert_eq(exchange_scan_size(r.x), strlen(text));
		cr_assert_eq(exchange_scan_known(r.x, 20), i == 1);
		cr_assert_eq(one.taken, one.given);
		if (i == 0) {
			cr_assert_eq(exchange_want(r.x), WANT_SCAN);
			cr_assert_eq(exchange_scan_size(r.x), EXCHANGE_SCAN_MUCH);
			cr_assert_eq(exchange_facts(r.x)->masked.by_type[TYPE_EC2_INSTANCE], 0u);
			exchange_scan(r.x);
		}
		rig_pump(&r);
		rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	}
	cr_expect_not(rig_holds(&r.sent, VALUE));
	rig_end(&r);
	memo_free(one.memo);
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
		cr_assert_neq(exchange_facts(r.x)->unmaskable, -1, "case %zu", i);
		cr_assert(exchange_facts(r.x)->passed_on && exchange_facts(r.x)->refusal == -1);
		rig_origin_text(&r, OK_EMPTY);
	}
	rig_end(&r);
}
