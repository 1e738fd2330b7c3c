/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: any split of a connection's bytes is read as the same messages. The first byte says
 * what is parsed, the second seeds the split.
 */
#include "../../user/wire/http.h"
#include "fuzz.h"

#include <stdio.h>

#define HEAD_MAX 1024

/* All that was said, in order; data of one body is joined. */
struct story {
	struct http_parser *parser;
	struct buf told;
	bool head, connect, over, in_data;
};

static void tell(struct story *s, const void *p, size_t n)
{
	if (buf_append(&s->told, p, n))
		abort();
}

static void tell_head(struct story *s)
{
	const struct http_head *h = http_head(s->parser);
	char line[128];
	int n = snprintf(line, sizeof(line), "\nHEAD %u 1.%u %d %llu %d%d%d %zu\n", h->status,
			 h->minor, h->body,
			 h->body == HTTP_BODY_LENGTH ? (unsigned long long)h->content_length : 0,
			 h->keep_alive, h->expect_continue, h->upgrade, h->field_count);

	tell(s, line, (size_t)n);
	if (h->kind == HTTP_REQUEST) {
		tell(s, h->method, h->method_len);
		tell(s, h->target, h->target_len);
	}
	for (size_t i = 0; i < h->field_count; i++) {
		tell(s, h->fields[i].name, h->fields[i].name_len);
		tell(s, "=", 1);
		tell(s, h->fields[i].value, h->fields[i].value_len);
	}
}

static void story_event(struct story *s, enum http_event e, const uint8_t *data, size_t len)
{
	if (e == HTTP_DATA && !s->in_data)
		tell(s, "\nDATA ", 6);
	s->in_data = e == HTTP_DATA;
	switch (e) {
	case HTTP_HEAD:
		tell_head(s);
		break;
	case HTTP_DATA:
		tell(s, data, len);
		break;
	case HTTP_END:
		tell(s, "\nEND", 4);
		http_parser_next(s->parser, s->head, s->connect);
		break;
	case HTTP_ERROR:
		tell(s, http_error_too_large(s->parser) ? "\nLARGE" : "\nERROR", 6);
		s->over = true;
		break;
	default:
		break;
	}
}

static void story_piece(struct story *s, const uint8_t *p, size_t n)
{
	enum http_event e = HTTP_HEAD;

	while (!s->over && e != HTTP_MORE) {
		const uint8_t *data = NULL;
		size_t used = 0, len = 0;
		bool in_data = s->in_data;

		e = http_feed(s->parser, p, n, &used, &data, &len);
		if (used > n || (e == HTTP_MORE && used != n) ||
		    (e == HTTP_DATA && (len == 0 || data + len != p + used)))
			abort();
		p += used;
		n -= used;
		story_event(s, e, data, len);
		if (e == HTTP_MORE)
			s->in_data = in_data;
	}
}

static void story_read(struct story *s, const uint8_t *flags, const uint8_t *p, size_t n,
		       uint32_t seed)
{
	enum http_kind kind = flags[0] & 1 ? HTTP_RESPONSE : HTTP_REQUEST;

	*s = (struct story){.head = flags[0] & 2, .connect = flags[0] & 4};
	buf_init(&s->told, 1 << 26);
	s->parser = http_parser_new(kind, HEAD_MAX);
	if (!s->parser)
		abort();
	http_parser_next(s->parser, s->head, s->connect);
	while (n) {
		size_t some = n;

		if (seed) {
			seed = seed * 1664525 + 1013904223;
			some = 1 + (seed >> 24) % (seed & 0x10000 ? 3 : 40);
		}
		some = some < n ? some : n;
		story_piece(s, p, some);
		p += some;
		n -= some;
	}
	if (!s->over)
		story_event(s, http_feed_eof(s->parser), NULL, 0);
	http_parser_free(s->parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, split;

	if (size < 2)
		return 0;
	story_read(&whole, data, data + 2, size - 2, 0);
	for (uint32_t i = 1; i <= 2; i++) {
		story_read(&split, data, data + 2, size - 2, data[1] * 7919u + i);
		if (buf_len(&whole.told) != buf_len(&split.told) ||
		    (buf_len(&whole.told) &&
		     memcmp(buf_bytes(&whole.told), buf_bytes(&split.told), buf_len(&whole.told))))
			abort();
		buf_free(&split.told);
	}
	buf_free(&whole.told);
	return 0;
}
