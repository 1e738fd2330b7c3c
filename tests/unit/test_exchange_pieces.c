/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that come to where they stay, and go in pieces. */
#include "exchange_rig.h"

#define LINES 4000
#define PIECE_MAX ((size_t)64 * 1024 + HTTP_HEAD_MAX)

/* A JSON body of many lines, each of them with this word. */
static void put_lines(struct buf *out, const char *word, unsigned lines)
{
	buf_init(out, 1 << 22);
	cr_assert_eq(buf_puts(out, "{\"messages\":[{\"role\":\"user\",\"content\":\""), 0);
	for (unsigned i = 0; i < lines; i++)
		cr_assert(!buf_puts(out, "it was ") && !buf_puts(out, word) &&
			  !buf_puts(out, i % 3 ? ", it said\\n" : " that \\\"answered\\\"\\n"));
	cr_assert_eq(buf_puts(out, "\"}]}"), 0);
}

static struct buf lines_request(const struct buf *body)
{
	return message_of(POST_JSON "Content-Length: %zu\r\n\r\n", buf_bytes(body), buf_len(body));
}

static void expect_sent(const struct rig *r, const struct buf *want)
{
	struct message m;

	message_read(&m, HTTP_REQUEST, &r->sent, 0, false);
	cr_expect(body_is(&m, buf_bytes(want), buf_len(want)), "%zu bytes, not %zu",
		  buf_len(&m.body), buf_len(want));
	message_free(&m);
}

/* As rig_begin(), and the request with so many lines of this word is ready to go. */
static void lines_begin(struct rig *r, const char *word, unsigned lines)
{
	struct buf body, wire;
	size_t n;

	rig_begin(r);
	put_lines(&body, word, lines);
	wire = lines_request(&body);
	rig_exchange(r);
	cr_assert_eq(exchange_client_bytes(r->x, buf_bytes(&wire), buf_len(&wire)), buf_len(&wire));
	if (exchange_want(r->x) == WANT_RESERVE) {
		struct vault_entry *e = exchange_pending(r->x, &n);

		exchange_reserved(r->x, !memory_vault_reserve(&r->vault.scope, e, n));
	}
	cr_assert_eq(exchange_want(r->x), WANT_ORIGIN);
	buf_free(&body);
	buf_free(&wire);
}

/* Take some of what is there to go. False: nothing is. */
static bool take(struct rig *r, size_t most)
{
	struct buf *out = exchange_to_origin(r->x);
	size_t n = buf_len(out) < most ? buf_len(out) : most;

	cr_assert_leq(buf_len(out), PIECE_MAX);
	cr_assert_eq(buf_append(&r->sent, buf_bytes(out), n), 0);
	buf_drop(out, n);
	return n > 0;
}

Test(exchange_pieces, all_of_it_goes_whatever_is_taken_at_a_time)
{
	static const size_t most[] = {SIZE_MAX, 65536, 65535, 16384, 4999, 331};
	static const char *const words[][2] = {{VALUE, PLACEHOLDER}, {"nobody", "nobody"}};

	for (size_t w = 0; w < 2; w++) {
		struct buf want;

		put_lines(&want, words[w][1], LINES);
		for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
			struct rig r;

			lines_begin(&r, words[w][0], LINES);
			while (take(&r, most[i]))
				;
			expect_sent(&r, &want);
			rig_end(&r);
		}
		buf_free(&want);
	}
}

Test(exchange_pieces, what_is_sent_does_not_stand_there_twice)
{
	struct rig r;
	size_t with, body = LINES * (sizeof("it was " VALUE) - 1);

	lines_begin(&r, VALUE, LINES);
	with = exchange_memory(r.x);
	cr_assert_gt(body, 100000u);
	while (take(&r, SIZE_MAX))
		cr_expect_leq(buf_len(exchange_to_origin(r.x)), 65536u);
	cr_expect_leq(exchange_memory(r.x), with, "no piece takes more room than the first");
	rig_end(&r);
}

Test(exchange_pieces, retry_begins_anew)
{
	static const char *const words[][2] = {{VALUE, PLACEHOLDER}, {"nobody", "nobody"}};

	for (size_t w = 0; w < 2; w++) {
		struct buf want;
		struct rig r;

		put_lines(&want, words[w][1], LINES);
		lines_begin(&r, words[w][0], LINES);
		for (unsigned pieces = 0; pieces < 4; pieces++) {
			for (unsigned i = 0; i < pieces; i++)
				cr_assert(take(&r, pieces == 3 ? 1000 : SIZE_MAX));
			cr_assert(exchange_can_retry(r.x));
			exchange_retry(r.x);
			buf_clear(&r.sent);
		}
		while (take(&r, SIZE_MAX))
			;
		expect_sent(&r, &want);
		buf_free(&want);
		rig_end(&r);
	}
}

/* The answer has begun, and the request goes on; the next one is as good as any. */
Test(exchange_pieces, an_answer_that_begins_before_all_has_gone)
{
	static const char begin[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
	struct buf want;
	struct rig r;
	size_t with;

	put_lines(&want, PLACEHOLDER, LINES);
	lines_begin(&r, VALUE, LINES);
	cr_assert(take(&r, SIZE_MAX));
	with = exchange_memory(r.x);
	cr_assert_eq(exchange_origin_bytes(r.x, (const uint8_t *)begin, sizeof(begin) - 1),
		     sizeof(begin) - 1);
	cr_expect_not(exchange_can_retry(r.x));
	while (take(&r, 20000))
		;
	expect_sent(&r, &want);
	cr_expect_leq(exchange_memory(r.x) + buf_len(&want), with, "what has gone is not kept");
	cr_assert_eq(exchange_origin_bytes(r.x, (const uint8_t *)"ok", 2), 2u);
	cr_expect(exchange_origin_reusable(r.x));
	cr_expect_eq(exchange_want(r.x), WANT_CLIENT);
	buf_free(&want);
	rig_end(&r);
}

Test(exchange_pieces, an_answer_that_ends_before_all_has_gone)
{
	static const char answer[] = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";
	struct rig r;

	lines_begin(&r, VALUE, LINES);
	cr_assert(take(&r, SIZE_MAX)); /* and nothing is left of that piece */
	cr_assert_eq(exchange_origin_bytes(r.x, (const uint8_t *)answer, sizeof(answer) - 1),
		     sizeof(answer) - 1);
	cr_expect_not(exchange_origin_reusable(r.x), "the origin waits for the rest");
	cr_expect_not(take(&r, SIZE_MAX));
	rig_end(&r);
}

/* ---- bodies that are put where they stay */

/* Feeds up to so many bytes at a time; body bytes to where there is space for them. */
static void feed_in_place(struct rig *r, const struct buf *wire, size_t step)
{
	const uint8_t *p = buf_bytes(wire);
	size_t n = buf_len(wire), at = 0;

	while (at < n) {
		size_t room = 0, some = step < n - at ? step : n - at;
		uint8_t *to = exchange_body_space(r->x, &room);

		if (to) {
			cr_assert_gt(room, 0u);
			cr_assert_leq(room, n - at, "nothing behind the body");
			some = some < room ? some : room;
			memcpy(to, p + at, some);
		}
		cr_assert_eq(exchange_client_bytes(r->x, to ? to : p + at, some), some);
		at += some;
	}
	cr_assert_null(exchange_body_space(r->x, &(size_t){0}), "it is whole");
}

Test(exchange_pieces, in_place_at_every_split)
{
	struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", BODY, strlen(BODY));

	for (size_t step = 1; step <= buf_len(&wire); step++) {
		struct rig r;

		rig_begin(&r);
		rig_exchange(&r);
		feed_in_place(&r, &wire, step);
		rig_pump(&r);
		cr_expect(rig_holds(&r.sent, MASKED), "step %zu", step);
		cr_expect_eq(exchange_facts(r.x)->request_bytes, strlen(BODY));
		rig_end(&r);
	}
	buf_free(&wire);
}

Test(exchange_pieces, in_place_and_large)
{
	struct buf body, want, wire;

	put_lines(&body, VALUE, LINES);
	put_lines(&want, PLACEHOLDER, LINES);
	wire = lines_request(&body);
	for (size_t step = 1000; step < 200000; step *= 5) {
		struct rig r;

		rig_begin(&r);
		rig_exchange(&r);
		feed_in_place(&r, &wire, step);
		rig_pump(&r);
		expect_sent(&r, &want);
		rig_end(&r);
	}
	buf_free(&body);
	buf_free(&want);
	buf_free(&wire);
}

Test(exchange_pieces, no_space_for_what_has_no_length)
{
	struct rig r;
	size_t n;

	rig_begin(&r);
	rig_exchange(&r);
	cr_expect_null(exchange_body_space(r.x, &n), "there is no head yet");
	rig_client_text(&r, POST_JSON "Transfer-Encoding: chunked\r\n\r\n5\r\n");
	cr_expect_null(exchange_body_space(r.x, &n));
	rig_end(&r);
}

/* Who announces much and sends little holds little. */
Test(exchange_pieces, space_grows_with_what_has_come)
{
	struct rig r;
	size_t n;

	rig_begin(&r);
	rig_exchange(&r);
	rig_client_text(&r, POST_JSON "Content-Length: 1000000\r\n\r\n");
	cr_assert_not_null(exchange_body_space(r.x, &n));
	cr_expect_leq(n, 65536u);
	cr_expect_lt(exchange_memory(r.x), 200000u);
	rig_end(&r);
}
