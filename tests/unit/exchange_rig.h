/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_EXCHANGE_RIG_H
#define AWSMASK_TESTS_EXCHANGE_RIG_H
/* An exchange with a vault in memory, its owner, and both peers, played by the test. */
#include "../../user/wire/coding.h"
#include "../../user/wire/exchange.h"
#include "../memory_vault.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define RIG_HOST "api.example.com"
#define VALUE "i-0f1e2d3c4b5a69788"
#define PLACEHOLDER "EC2_INSTANCE_001"

/* Requests that tests begin with. */
#define POST "POST /x HTTP/1.1\r\nHost: " RIG_HOST "\r\n"
#define GET "GET /x HTTP/1.1\r\nHost: " RIG_HOST "\r\n"

#define POST_JSON                                                                                  \
	"POST /v1/messages HTTP/1.1\r\nhost: " RIG_HOST "\r\nContent-Type: application/json\r\n"
#define BODY                                                                                       \
	"{\"model\": \"m\", \"messages\": [{\"role\":\"user\",\"content\":\"see " VALUE " now\"}]" \
	"}"
#define MASKED                                                                                     \
	"{\"model\": \"m\", \"messages\": [{\"role\":\"user\",\"content\":\"see " PLACEHOLDER      \
	" now\"}]}"
#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct rig {
	struct memory_vault vault;
	struct exchange_config config;
	struct exchange *x;
	struct buf sent, got; /* all that went to the origin, to the client */
	size_t step;	      /* bytes fed at a time; 0: all */
	bool cut;	      /* the exchange closed the client's connection */
};

static inline const struct catalogue *rig_catalogue(void)
{
	static struct catalogue *c;
	char why[256];

	if (!c)
		c = catalogue_new(why, sizeof(why));
	cr_assert_not_null(c, "%s", why);
	return c;
}

static inline void rig_begin(struct rig *r)
{
	*r = (struct rig){.step = 0};
	memory_vault_init(&r->vault);
	r->config = (struct exchange_config){
		.catalogue = rig_catalogue(),
		.body_max = 1024 * 1024,
		.head_max = HTTP_HEAD_MAX,
		.out_max = 1024 * 1024,
	};
	buf_init(&r->sent, 1 << 26);
	buf_init(&r->got, 1 << 26);
}

static inline void rig_end(struct rig *r)
{
	exchange_free(r->x);
	memory_vault_free(&r->vault);
	buf_free(&r->sent);
	buf_free(&r->got);
}

static inline struct exchange *rig_exchange(struct rig *r)
{
	if (!r->x)
		r->x = exchange_new(&r->config, &r->vault.scope, RIG_HOST, NULL);
	cr_assert_not_null(r->x);
	return r->x;
}

static inline void rig_take(struct buf *from, struct buf *to)
{
	cr_assert_eq(buf_append(to, buf_bytes(from), buf_len(from)), 0);
	buf_drop(from, buf_len(from));
}

static inline void rig_pump(struct rig *r)
{
	struct exchange *x = rig_exchange(r);

	if (exchange_want(x) == WANT_SCAN)
		exchange_scan(x);
	if (exchange_want(x) == WANT_RESERVE) {
		size_t n = 0;
		struct vault_entry *e = exchange_pending(x, &n);

		cr_assert_gt(n, 0u, "nothing to reserve");
		cr_assert_eq(buf_len(exchange_to_origin(x)), 0u, "sent before it was durable");
		exchange_reserved(x, r->vault.scope.ops->reserve(&r->vault.scope, e, n) == 0);
	}
	while (buf_len(exchange_to_origin(x)))
		rig_take(exchange_to_origin(x), &r->sent);
	rig_take(exchange_to_client(x), &r->got);
	r->cut = exchange_want(x) == WANT_CLOSE;
}

/* Returns how many bytes were taken before the exchange wanted something else. */
static inline size_t rig_client(struct rig *r, const void *p, size_t n)
{
	size_t at = 0;

	while (at < n && exchange_want(rig_exchange(r)) == WANT_CLIENT) {
		size_t some = r->step && r->step < n - at ? r->step : n - at;
		size_t taken = exchange_client_bytes(r->x, (const uint8_t *)p + at, some);

		cr_assert_leq(taken, some);
		cr_assert(taken > 0 || exchange_want(r->x) != WANT_CLIENT, "no progress");
		at += taken;
		rig_pump(r);
	}
	return at;
}

static inline size_t rig_origin(struct rig *r, const void *p, size_t n)
{
	size_t at = 0;

	while (at < n && exchange_want(rig_exchange(r)) == WANT_ORIGIN) {
		size_t some = r->step && r->step < n - at ? r->step : n - at;
		size_t taken = exchange_origin_bytes(r->x, (const uint8_t *)p + at, some);

		cr_assert(taken == some || exchange_want(r->x) != WANT_ORIGIN);
		at += taken;
		rig_pump(r);
	}
	return at;
}

static inline size_t rig_client_text(struct rig *r, const char *text)
{
	return rig_client(r, text, strlen(text));
}

static inline size_t rig_origin_text(struct rig *r, const char *text)
{
	return rig_origin(r, text, strlen(text));
}

static inline bool rig_holds(const struct buf *b, const char *text)
{
	return b->data && memmem(buf_bytes(b), buf_len(b), text, strlen(text));
}

/* A message as its reader understands it. */
struct message {
	char head[8192]; /* as it stands there */
	unsigned status;
	struct buf body; /* chunks joined */
	bool whole;
	size_t used;
};

static inline void message_read(struct message *m, enum http_kind kind, const struct buf *wire,
				size_t from, bool to_head)
{
	struct http_parser *p = http_parser_new(kind, HTTP_HEAD_MAX);
	const uint8_t *in = buf_bytes(wire) + from, *data;
	size_t n = buf_len(wire) - from, used, len;
	enum http_event e;

	*m = (struct message){.status = 0};
	buf_init(&m->body, 1 << 26);
	http_parser_next(p, to_head, false);
	do {
		e = http_feed(p, in + m->used, n - m->used, &used, &data, &len);
		m->used += used;
		if (e == HTTP_HEAD) {
			cr_assert_lt(m->used, sizeof(m->head));
			memcpy(m->head, in, m->used);
			m->status = http_head(p)->status;
		}
		if (e == HTTP_DATA)
			cr_assert_eq(buf_append(&m->body, data, len), 0);
		cr_assert_neq(e, HTTP_ERROR, "%s: %.*s", http_error_text(p), (int)n,
			      (const char *)in);
	} while (e != HTTP_MORE && e != HTTP_END);
	m->whole = e == HTTP_END || http_feed_eof(p) == HTTP_END;
	http_parser_free(p);
}

static inline void message_free(struct message *m)
{
	buf_free(&m->body);
}

static inline bool body_is(const struct message *m, const void *p, size_t n)
{
	return buf_len(&m->body) == n && (n == 0 || !memcmp(buf_bytes(&m->body), p, n));
}

static inline struct buf gzip_of(const void *p, size_t n)
{
	struct buf b;

	buf_init(&b, 1 << 24);
	cr_assert_eq(deflate_all(CODING_GZIP, p, n, NULL, NULL, &b), 0);
	return b;
}

static inline struct buf gunzip_of(const struct buf *b)
{
	struct inflater *i = inflater_new(CODING_GZIP);
	struct buf out;

	buf_init(&out, 1 << 24);
	cr_assert_eq(inflater_feed(i, buf_bytes(b), buf_len(b), &out), 1);
	inflater_free(i);
	return out;
}

/* `head` with one %zu for the body's length, then the body. */
__attribute__((format(printf, 1, 0))) static inline struct buf
message_of(const char *head, const void *body, size_t n)
{
	char text[4096];
	struct buf b;
	int len = snprintf(text, sizeof(text), head, n);

	buf_init(&b, 1 << 24);
	cr_assert(len > 0 && (size_t)len < sizeof(text));
	cr_assert_eq(buf_append(&b, text, (size_t)len), 0);
	cr_assert_eq(buf_append(&b, body, n), 0);
	return b;
}

/* ---- answers: what was asked for, and the vault knows VALUE already */

#define ASK "GET /v1/messages HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n"
#define ASK10 "GET /v1/messages HTTP/1.0\r\nHost: " RIG_HOST "\r\nConnection: keep-alive\r\n\r\n"
#define ASK_HEAD "HEAD /v1/messages HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n"

static inline void answer_begin(struct rig *r, const char *request)
{
	rig_begin(r);
	memory_vault_put(&r->vault, TYPE_EC2_INSTANCE, 1, VALUE);
	rig_client_text(r, request);
	cr_assert_eq(exchange_want(r->x), WANT_ORIGIN);
}

#endif
