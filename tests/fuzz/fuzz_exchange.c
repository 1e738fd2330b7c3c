/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes of a client and of an origin. Properties: a planted value never is in the body
 * that leaves, as text; how the bytes are split changes neither what leaves nor what the client
 * reads; nothing leaves while something is to be reserved.
 *
 * Input: a byte that says how the request is made, one that seeds the splits, two with the length
 * of the client's share; that share, the origin's. The byte 0x01 stands for the value.
 */
#include "../../user/wire/coding.h"
#include "../../user/wire/exchange.h"
#include "../memory_vault.h"
#include "fuzz.h"

#include <stdio.h>

#define KNOWN_MOST 64 /* bytes: some bodies are longer */
#define HOST "a.example"
#define VALUE "i-0f1e2d3c4b5a69788"
#define PLANTED " " VALUE " "
#define BODY_MAX 65536

/* What one way of splitting led to. */
struct outcome {
	struct buf sent, got;
	struct buf taken; /* `sent` as the origin understands it */
	struct buf read;  /* `got` as the client understands it */
	int refusal;
	unsigned status;
	bool reusable, closed;
};

static const struct catalogue *catalogue(void)
{
	static struct catalogue *c;
	char why[256];

	if (!c)
		c = catalogue_new(why, sizeof(why));
	if (!c)
		abort();
	return c;
}

static void put(struct buf *b, const void *p, size_t n)
{
	if (buf_append(b, p, n))
		abort();
}

static void put_text(struct buf *b, const char *text)
{
	put(b, text, strlen(text));
}

static void plant(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == 1)
			put_text(b, PLANTED);
		else
			put(b, &p[i], 1);
	}
}

static const char *const TYPES[] = {
	"application/json",
	"application/x-ndjson",
	"application/x-www-form-urlencoded",
	"text/plain",
	"application/octet-stream",
	"multipart/form-data; boundary=b",
	"application/json-seq",
	"x",
};

/* A request around the body: only its content is the fuzzer's. */
static void wrap(struct buf *out, unsigned how, const struct buf *body)
{
	char head[256];
	struct buf coded;

	buf_init(&coded, 1 << 22);
	if (deflate_all(how & 0x40 ? CODING_GZIP : CODING_IDENTITY, buf_bytes(body), buf_len(body),
			NULL, NULL, &coded))
		abort();
	snprintf(head, sizeof(head),
		 "POST /x HTTP/1.1\r\nHost: " HOST
		 "\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n",
		 TYPES[how >> 1 & 7], how & 0x40 ? "Content-Encoding: gzip\r\n" : "",
		 buf_len(&coded));
	put_text(out, head);
	put(out, buf_bytes(&coded), buf_len(&coded));
	buf_free(&coded);
}

static size_t next_piece(uint32_t *seed, size_t left)
{
	size_t some = left;

	if (*seed) {
		*seed = *seed * 1664525 + 1013904223;
		some = 1 + (*seed >> 24) % (*seed & 0x10000 ? 3 : 60);
	}
	return some < left ? some : left;
}

static void pump(struct exchange *x, struct memory_vault *v, struct outcome *o, uint32_t seed)
{
	struct buf *out = exchange_to_origin(x);

	if (seed & 0x1000)
		while (exchange_scan_ahead(x, seed >> 13 & 0xff)) {
		}

	if (exchange_want(x) == WANT_SCAN && !exchange_scan_known(x, KNOWN_MOST))
		exchange_scan(x);
	if (exchange_want(x) == WANT_RESERVE) {
		size_t n;
		struct vault_entry *e = exchange_pending(x, &n);

		if (n == 0 || buf_len(out))
			abort();
		exchange_reserved(x, memory_vault_reserve(&v->scope, e, n) == 0);
	}
	while (buf_len(out = exchange_to_origin(x))) {
		put(&o->sent, buf_bytes(out), buf_len(out));
		buf_drop(out, buf_len(out));
	}
	out = exchange_to_client(x);
	put(&o->got, buf_bytes(out), buf_len(out));
	buf_drop(out, buf_len(out));
}

static void feed_client(struct exchange *x, struct memory_vault *v, struct outcome *o,
			const struct buf *in, uint32_t seed)
{
	size_t at = 0;

	/* The first request only, for it says how the answer is read. */
	while (at < buf_len(in) && exchange_want(x) == WANT_CLIENT && !exchange_facts(x)->status) {
		size_t some = next_piece(&seed, buf_len(in) - at), taken, room = 0;
		uint8_t *to = seed & 0x20000 ? exchange_body_space(x, &room) : NULL;

		if (to) {
			some = some < room ? some : room;
			memcpy(to, buf_bytes(in) + at, some);
		}
		taken = exchange_client_bytes(x, to ? to : buf_bytes(in) + at, some);
		if (taken > some || (taken == 0 && exchange_want(x) == WANT_CLIENT))
			abort();
		at += taken;
		pump(x, v, o, seed);
	}
}

static void feed_origin(struct exchange *x, struct memory_vault *v, struct outcome *o,
			const struct buf *in, uint32_t seed)
{
	size_t at = 0;

	while (at < buf_len(in) && exchange_want(x) == WANT_ORIGIN) {
		size_t some = next_piece(&seed, buf_len(in) - at);
		size_t taken = exchange_origin_bytes(x, buf_bytes(in) + at, some);

		if (taken > some || (taken < some && exchange_want(x) == WANT_ORIGIN))
			abort();
		at += taken;
		pump(x, v, o, seed);
	}
	o->reusable = exchange_origin_reusable(x) && at == buf_len(in);
	exchange_origin_eof(x);
	pump(x, v, o, seed);
}

/* Statuses and bodies, without what chunks say. */
static void understand(struct outcome *o, bool to_head)
{
	struct http_parser *p = http_parser_new(HTTP_RESPONSE, 1 << 20);
	const uint8_t *in = buf_bytes(&o->got), *data;
	size_t n = buf_len(&o->got), used, len;
	enum http_event e = HTTP_MORE;

	if (!p)
		abort();
	http_parser_next(p, to_head, false);
	for (bool begun = false; n || begun; begun = e != HTTP_MORE) {
		e = http_feed(p, in, n, &used, &data, &len);
		in += used;
		n -= used;
		if (e == HTTP_HEAD)
			put(&o->read, &http_head(p)->status, sizeof(unsigned));
		if (e == HTTP_DATA)
			put(&o->read, data, len);
		if (e == HTTP_END) {
			put_text(&o->read, "END");
			http_parser_next(p, to_head, false);
		}
		if (e == HTTP_ERROR) /* what we write is well-formed */
			abort();
	}
	http_parser_free(p);
}

/*
 * What is gzipped anew does not always come out in the same bytes, nor the same number of them: ISA-L says
 * nothing of that. The same text it is.
 */
static void take(struct outcome *o)
{
	const uint8_t *p = buf_bytes(&o->sent), *end, *body, *length, *rest;

	if (!buf_len(&o->sent))
		return;
	end = p + buf_len(&o->sent);
	body = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
	length = body ? memmem(p, (size_t)(body - p), "\r\nContent-Length: ", 18) : NULL;
	if (length && memmem(p, (size_t)(body - p), "\r\nContent-Encoding: gzip", 24)) {
		rest = memmem(length + 2, (size_t)(body + 2 - length), "\r\n", 2);
		put(&o->taken, p, (size_t)(length - p));
		put(&o->taken, rest, (size_t)(body + 4 - rest));
		if (inflate_all(CODING_GZIP, body + 4, (size_t)(end - body) - 4, &o->taken) == 0)
			return;
		buf_clear(&o->taken);
	}
	put(&o->taken, p, (size_t)(end - p));
}

static void run(struct outcome *o, const struct buf *client, const struct buf *origin,
		uint32_t seed)
{
	struct exchange_config config = {.catalogue = catalogue(),
					 .body_max = BODY_MAX,
					 .head_max = 8192,
					 .out_max = 1 << 20,
					 .scan_apart = seed & 0x100 ? 8 : 0};
	struct memory_vault v;
	struct exchange *x;

	memory_vault_init(&v);
	v.unlogged = true;
	*o = (struct outcome){.refusal = -1};
	buf_init(&o->sent, 1 << 26);
	buf_init(&o->got, 1 << 26);
	buf_init(&o->taken, 1 << 26);
	buf_init(&o->read, 1 << 26);
	x = exchange_new(&config, &v.scope, HOST, NULL);
	if (!x)
		abort();
	feed_client(x, &v, o, client, seed);
	if (exchange_want(x) == WANT_ORIGIN)
		feed_origin(x, &v, o, origin, seed);
	o->refusal = exchange_facts(x)->refusal;
	o->status = exchange_facts(x)->status;
	o->closed = exchange_want(x) == WANT_CLOSE;
	take(o);
	understand(o, !strcmp(exchange_facts(x)->method, "HEAD"));
	exchange_free(x);
	memory_vault_free(&v);
}

static void outcome_free(struct outcome *o)
{
	buf_free(&o->sent);
	buf_free(&o->got);
	buf_free(&o->taken);
	buf_free(&o->read);
}

static void same(const struct buf *a, const struct buf *b)
{
	if (buf_len(a) != buf_len(b) ||
	    (buf_len(a) && memcmp(buf_bytes(a), buf_bytes(b), buf_len(a))))
		abort();
}

static bool holds(const uint8_t *p, size_t n, const char *text)
{
	return n && memmem(p, n, text, strlen(text));
}

/* Heads have fields that pass as they are: only bodies are looked at. */
static void check_leak(const struct buf *sent)
{
	const uint8_t *body;

	if (!buf_len(sent))
		return;
	body = memmem(buf_bytes(sent), buf_len(sent), "\r\n\r\n", 4);
	if (!body || holds(body, buf_len(sent) - (size_t)(body - buf_bytes(sent)), VALUE))
		abort();
}

/*
 * The API's own shapes have strings that pass as they are, and the fuzzer, left alone, writes the
 * value into the middle of a word, where it is none.
 */
static bool is_checked(const struct buf *client, const uint8_t *data, size_t size)
{
	return buf_len(client) && !holds(buf_bytes(client), buf_len(client), "/v1/messages") &&
	       !holds(data, size, "2d3c4b");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf client, origin, body;
	struct outcome whole, split;
	size_t share;

	if (size < 4 || size > 8192)
		return 0;
	share = ((size_t)data[2] << 8 | data[3]) % (size - 3);
	buf_init(&client, 1 << 24);
	buf_init(&origin, 1 << 24);
	buf_init(&body, 1 << 24);
	plant(&body, data + 4, share);
	put(&origin, data + 4 + share, size - 4 - share);
	if (data[0] & 1)
		wrap(&client, data[0], &body);
	else
		put(&client, buf_bytes(&body), buf_len(&body));
	run(&whole, &client, &origin, 0);
	run(&split, &client, &origin, data[1] + 1u);
	if (is_checked(&client, data, size))
		check_leak(&whole.taken);
	same(&whole.taken, &split.taken);
	same(&whole.read, &split.read);
	if (whole.refusal != split.refusal || whole.status != split.status ||
	    whole.reusable != split.reusable || whole.closed != split.closed)
		abort();
	outcome_free(&whole);
	outcome_free(&split);
	buf_free(&client);
	buf_free(&origin);
	buf_free(&body);
	return 0;
}
