/* SPDX-License-Identifier: Apache-2.0 */
/* What passes on a plain connection is what came, and no head before it was seen. */
#include "../../user/wire/requests.h"
#include "wire_guard.h"

#include <stdio.h>

#define HEAD_MAX 512

/* What is told of one connection's bytes: the events, and what had gone on at each. */
struct reading {
	struct requests *requests;
	struct buf out;
	char told[2048];
	bool over;
};

static void note(struct reading *r, const char *word)
{
	size_t len = strlen(r->told);

	snprintf(r->told + len, sizeof(r->told) - len, "%s@%zu ", word, buf_len(&r->out));
}

static void give(struct reading *r, const uint8_t *p, size_t n)
{
	while (!r->over) {
		size_t used, before = buf_len(&r->out);
		enum requests_event e = requests_feed(r->requests, p, n, &used, &r->out);

		cr_assert_leq(used, n);
		p += used;
		n -= used;
		if (e == REQUESTS_MORE) {
			cr_assert_eq(n, 0u);
			return;
		}
		if (e == REQUESTS_HEAD) {
			cr_assert_eq(buf_len(&r->out), before, "a head went on unseen");
			note(r, "head");
			cr_assert_eq(requests_pass(r->requests, &r->out), 0);
		} else if (e == REQUESTS_END) {
			note(r, "end");
		} else {
			r->over = true;
			cr_assert_eq(requests_feed(r->requests, p, n, &used, &r->out),
				     REQUESTS_BROKEN);
		}
	}
}

/* In two pieces at each place, then byte by byte. `passed`: how many of the bytes go on in the end. */
static void check(const char *wire, const char *told, bool broken, size_t passed)
{
	size_t n = strlen(wire);

	for (size_t cut = 0; cut <= n + 1; cut++) {
		struct reading r = {.requests = requests_new(HEAD_MAX)};

		cr_assert(r.requests);
		buf_init(&r.out, 65536);
		if (cut <= n) {
			give(&r, guard_copy(wire, cut), cut);
			give(&r, guard_copy(wire + cut, n - cut), n - cut);
		}
		for (size_t i = 0; cut > n && i < n; i++)
			give(&r, guard_copy(wire + i, 1), 1);
		cr_expect_str_eq(r.told, told, "cut %zu: %s", cut, r.told);
		cr_expect_eq(r.over, broken, "cut %zu", cut);
		cr_expect(buf_len(&r.out) >= passed, "cut %zu: %zu", cut, buf_len(&r.out));
		if (buf_len(&r.out))
			cr_expect_eq(memcmp(buf_bytes(&r.out), wire, buf_len(&r.out)), 0, "cut %zu",
				     cut);
		requests_free(r.requests);
		buf_free(&r.out);
	}
}

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n" /* 27 bytes */

Test(requests, one_after_another)
{
	check(GET GET, "head@0 end@27 head@27 end@54 ", false, 54);
	check("\r\n" GET "\r\n" GET, "head@0 end@29 head@29 end@58 ", false, 58);
	check("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde" GET,
	      "head@0 end@52 head@52 end@79 ", false, 79);
	check("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n" GET,
	      "head@0 end@79 head@79 end@106 ", false, 106);
}

Test(requests, what_could_be_argued_about_does_not_pass)
{
	check("GET / HTTP/1.1\r\nHost: h\n\r\n\r\n", "", true, 0);
	check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", true, 0);
	check(GET "GET  / HTTP/1.1\r\n", "head@0 end@27 ", false, 27);
	check(GET "GET  / HTTP/1.1\r\n\r\n", "head@0 end@27 ", true, 27);
	check("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
	      "chunked\r\n\r\n",
	      "", true, 0);
	check("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "head@0 ",
	      true, 55);
}

Test(requests, a_head_has_a_limit)
{
	char wire[HEAD_MAX + 64];

	memset(wire, 'a', sizeof(wire));
	memcpy(wire, "GET /", 5);
	wire[sizeof(wire) - 1] = 0;
	check(wire, "", true, 0);
}

Test(requests, memory_that_is_out_is_an_end)
{
	struct requests *r = requests_new(HEAD_MAX);
	struct buf out;
	size_t used;

	buf_init(&out, 8);
	cr_assert_eq(requests_feed(r, (const uint8_t *)GET, 27, &used, &out), REQUESTS_HEAD);
	cr_expect_eq(http_find(requests_head(r), "host")->value_len, 1u);
	cr_expect_eq(requests_pass(r, &out), -1);
	requests_free(r);
	requests_free(NULL);
	buf_free(&out);
}
