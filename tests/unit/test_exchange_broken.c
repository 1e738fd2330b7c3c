/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that break off, break the rules, or have no end. */
#include "exchange_rig.h"

static void broken(const char *answer, bool eof)
{
	for (size_t step = 0; step < 3; step++) {
		struct rig r;
		struct message m;

		answer_begin(&r, ASK);
		r.step = step;
		rig_origin_text(&r, answer);
		if (eof) {
			cr_assert_eq(exchange_want(r.x), WANT_ORIGIN, "%s", answer);
			exchange_origin_eof(r.x);
			rig_pump(&r);
		}
		cr_assert_eq(exchange_facts(r.x)->refusal, REFUSAL_ORIGIN_BROKEN, "%s", answer);
		cr_assert_not(exchange_origin_reusable(r.x));
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(m.whole && m.status == 502 && m.used == buf_len(&r.got), "%s", answer);
		message_free(&m);
		/* The client's connection is none the worse for it. */
		rig_client_text(&r, ASK);
		rig_origin_text(&r, "HTTP/1.1 204 No\r\n\r\n");
		cr_assert_eq(exchange_facts(r.x)->status, 204u);
		rig_end(&r);
	}
}

Test(exchange_broken, broken_before_anything_was_said)
{
	broken("", true);
	broken("HTTP/1.1 200 OK\r\nCont", true);
	broken("HTTP/1.1 100 Continue\r\n\r\n", true);
	broken("garbage\r\n\r\n", false);
	broken("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", false);
	broken("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false);
	broken("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
	       "9\r\n\r\n{\"a\"",
	       true);
	broken("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
	       "Content-Length: 3\r\n\r\nabc",
	       false);
	broken("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
	       "Content-Length: 3\r\n\r\n\x1f\x8b\x08",
	       false);
}

/* What came is let out, then the connection is cut without an end: the client sees that too. */
static void truncated(const char *answer, bool eof, const char *body)
{
	for (size_t step = 0; step < 3; step++) {
		struct rig r;
		struct message m;

		answer_begin(&r, ASK);
		r.step = step;
		rig_origin_text(&r, answer);
		if (eof) {
			cr_assert_eq(exchange_want(r.x), WANT_ORIGIN);
			exchange_origin_eof(r.x);
			rig_pump(&r);
		}
		cr_assert(r.cut);
		cr_assert_not(exchange_origin_reusable(r.x));
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(!m.whole && m.status == 200);
		cr_assert(body_is(&m, body, strlen(body)), "%.*s", (int)buf_len(&r.got),
			  (const char *)buf_bytes(&r.got));
		message_free(&m);
		rig_end(&r);
	}
}

Test(exchange_broken, truncated)
{
	truncated("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\n"
		  "x EC2_INST",
		  true, "x EC2_INST");
	truncated(
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
		"10\r\n" PLACEHOLDER "\r\n",
		true, VALUE);
	truncated(
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabcX",
		false, "abc");
	truncated("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nabc",
		  true, "abc");
	truncated("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n8\r\nevent: p\r\n",
		  true, "event: p");
	truncated("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
		  "Content-Length: 99\r\n\r\n\x1f\x8b\x08",
		  true, "");
}

/* Many mebibytes out of a few coded kilobytes: an end is put to it, and memory stays bounded. */
Test(exchange_broken, bomb)
{
	static char spaces[16 << 20];
	struct buf body, wire;
	struct rig r;

	memset(spaces, ' ', sizeof(spaces));
	body = gzip_of(spaces, sizeof(spaces));
	wire = message_of(
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
		"Content-Length: %zu\r\n\r\n",
		buf_bytes(&body), buf_len(&body));
	rig_begin(&r);
	rig_client_text(&r, ASK);
	exchange_origin_bytes(r.x, buf_bytes(&wire), buf_len(&wire));
	cr_assert_eq(exchange_want(r.x), WANT_CLOSE);
	cr_assert_lt(exchange_to_client(r.x)->cap, (size_t)16 << 20);
	rig_end(&r);
	buf_free(&body);
	buf_free(&wire);
}
