/* SPDX-License-Identifier: Apache-2.0 */
/* Requests one after another, broken off, tried again. */
#include "exchange_rig.h"

Test(exchange_connection, one_request_at_a_time)
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
Test(exchange_connection, pipelined_refusals)
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

Test(exchange_connection, client_that_leaves)
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

/* Told before, or between the request and the answer's head: that says so. */
Test(exchange_connection, the_last_answer_says_that_it_is)
{
	static const char *const answers[] = {
		OK_EMPTY,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		for (int late = 0; late < 2; late++) {
			struct rig r;

			rig_begin(&r);
			if (!late)
				exchange_last(rig_exchange(&r));
			rig_client_text(&r, GET "\r\n");
			if (late)
				exchange_last(r.x);
			cr_assert(rig_holds(&r.sent, "GET /x"));
			cr_assert_not(rig_holds(&r.sent, "close"), "the origin's connection stays");
			rig_origin_text(&r, answers[i]);
			cr_assert(r.cut && rig_holds(&r.got, "\r\nConnection: close\r\n"));
			cr_assert(exchange_origin_reusable(r.x));
			rig_end(&r);
		}
}

Test(exchange_connection, an_answer_that_promised_another_keeps_its_word)
{
	struct rig r;

	rig_begin(&r);
	rig_client_text(&r, GET "\r\n");
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	exchange_last(r.x);
	rig_origin_text(&r, "2\r\nab\r\n0\r\n\r\n");
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	cr_assert_not(rig_holds(&r.got, "close"));
	rig_client_text(&r, POST "Content-Length: 1\r\n\r\n\xff");
	cr_assert(r.cut && rig_holds(&r.got, "400 Bad Request") &&
		  rig_holds(&r.got, "\r\nConnection: close\r\n"));
	rig_end(&r);
}

Test(exchange_connection, retry_sends_the_same)
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

Test(exchange_connection, a_large_body_waits_for_its_scan)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	struct rig r;

	rig_begin(&r);
	r.config.scan_apart = strlen(BODY);
	rig_exchange(&r);
	cr_assert_eq(exchange_client_bytes(r.x, buf_bytes(&wire), buf_len(&wire)), buf_len(&wire));
	cr_assert_eq(exchange_want(r.x), WANT_RESERVE, "it is just not larger");
	rig_end(&r);

	rig_begin(&r);
	r.config.scan_apart = strlen(BODY) - 1;
	rig_exchange(&r);
	cr_assert_eq(exchange_client_bytes(r.x, buf_bytes(&wire), buf_len(&wire)), buf_len(&wire));
	cr_assert_eq(exchange_want(r.x), WANT_SCAN);
	cr_assert_eq(exchange_scan_size(r.x), strlen(BODY));
	cr_assert_eq(exchange_client_bytes(r.x, buf_bytes(&wire), buf_len(&wire)), 0u);
	cr_assert_eq(buf_len(exchange_to_origin(r.x)), 0u);
	exchange_scan(r.x);
	cr_assert_eq(exchange_want(r.x), WANT_RESERVE);
	exchange_scan(r.x);
	cr_assert_eq(exchange_want(r.x), WANT_RESERVE, "once is enough");
	rig_pump(&r);
	cr_assert(rig_holds(&r.sent, MASKED));
	rig_end(&r);
	buf_free(&wire);
}

/* It may end while it waits, for its memory or its client's sake. */
Test(exchange_connection, a_scan_that_is_not_waited_for)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));
	struct rig r;

	rig_begin(&r);
	r.config.scan_apart = 1;
	rig_exchange(&r);
	cr_assert_eq(exchange_client_bytes(r.x, buf_bytes(&wire), buf_len(&wire)), buf_len(&wire));
	exchange_refuse(r.x, REFUSAL_MEMORY);
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	exchange_scan(r.x);
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	rig_pump(&r);
	cr_assert(rig_holds(&r.got, "HTTP/1.1 529 Overloaded\r\n"));
	cr_assert_eq(buf_len(&r.sent), 0u);
	rig_end(&r);
	buf_free(&wire);
}

Test(exchange_connection, early_answer)
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

Test(exchange_connection, owner_refuses)
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

Test(exchange_connection, owner_refuses_in_the_middle)
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

Test(exchange_connection, head_is_refused_without_a_body)
{
	struct rig r;

	rig_begin(&r);
	rig_client_text(&r, "HEAD / HTTP/1.1\r\nHost: other.example\r\n\r\n");
	cr_assert(rig_holds(&r.got, "421") && !rig_holds(&r.got, "\"error\""));
	rig_end(&r);
}

/* ---- RFC 9112 section 3.2.2: absolute-form */

#define ABSOLUTE "http://API.example.com:80"

static void expect_line(bool keep, const char *target, const char *sent)
{
	char wire[512];
	char line[256];
	struct rig r;

	rig_begin(&r);
	if (keep)
		exchange_keep_absolute(rig_exchange(&r));
	snprintf(wire, sizeof(wire),
		 "GET %s HTTP/1.1\r\nHost: " RIG_HOST "\r\nProxy-Authorization: Basic eA==\r\n"
		 "Proxy-Connection: keep-alive\r\n\r\n",
		 target);
	rig_client_text(&r, wire);
	snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\nHost: " RIG_HOST "\r\n", sent);
	cr_expect(rig_holds(&r.sent, line), "%s", target);
	cr_expect_eq(rig_holds(&r.sent, "Proxy-Authorization: Basic eA==\r\n"), *sent == 'h');
	cr_expect_not(rig_holds(&r.sent, "Proxy-Connection"));
	rig_origin_text(&r, "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n"
			    "Proxy-Connection: close\r\nContent-Length: 0\r\n\r\n");
	cr_expect_eq(rig_holds(&r.got, "Proxy-Authenticate: Basic\r\n"), *sent == 'h');
	cr_expect_not(rig_holds(&r.got, "Proxy-Connection"));
	cr_expect_eq(exchange_origin_reusable(r.x), *sent != 'h', "%s", target);
	rig_end(&r);
}

Test(exchange_connection, absolute_form_stays_towards_a_proxy_alone)
{
	expect_line(false, ABSOLUTE "/a?b=c", "/a?b=c");
	expect_line(false, ABSOLUTE, "/");
	expect_line(true, ABSOLUTE "/a?b=c", ABSOLUTE "/a?b=c");
	expect_line(true, ABSOLUTE "/?id=" VALUE, ABSOLUTE "/?id=" PLACEHOLDER);
	expect_line(true, ABSOLUTE, ABSOLUTE);
	expect_line(true, ABSOLUTE "/", ABSOLUTE "/");
	expect_line(true, "https://" RIG_HOST "/a", "https://" RIG_HOST "/a");
	expect_line(true, "/a?b=c", "/a?b=c");
}

/* The form is each request's own. */
Test(exchange_connection, origin_form_after_absolute_form)
{
	struct rig r;

	rig_begin(&r);
	exchange_keep_absolute(rig_exchange(&r));
	rig_client_text(&r, "GET " ABSOLUTE "/a HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n");
	rig_origin_text(&r, OK_EMPTY);
	rig_client_text(&r, GET "\r\n");
	cr_expect(rig_holds(&r.sent, "GET /x HTTP/1.1\r\n"));
	rig_origin_text(&r, OK_EMPTY);
	cr_expect(exchange_origin_reusable(r.x));
	rig_end(&r);
}
