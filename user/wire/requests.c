/* SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include <stdlib.h>

struct requests {
	struct http_parser *parser;
	struct buf head; /* withheld, an empty line before it included */
	bool in_body;
	bool broken;
};

struct requests *requests_new(size_t head_max)
{
	struct requests *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->parser = http_parser_new(HTTP_REQUEST, head_max);
	if (!r->parser) {
		free(r);
		return NULL;
	}
	buf_init(&r->head, head_max + 2);
	return r;
}

void requests_free(struct requests *r)
{
	if (!r)
		return;
	http_parser_free(r->parser);
	buf_free(&r->head);
	free(r);
}

static enum requests_event requests_break(struct requests *r)
{
	r->broken = true;
	return REQUESTS_BROKEN;
}

enum requests_event requests_feed(struct requests *r, const uint8_t *in, size_t n, size_t *used,
				  struct buf *out)
{
	*used = 0;
	while (!r->broken) {
		const uint8_t *data;
		size_t took, data_len;
		enum http_event e =
			http_feed(r->parser, in + *used, n - *used, &took, &data, &data_len);

		if (e == HTTP_ERROR || buf_append(r->in_body ? out : &r->head, in + *used, took))
			break;
		*used += took;
		if (e == HTTP_MORE)
			return REQUESTS_MORE;
		if (e == HTTP_HEAD) {
			r->in_body = true;
			return REQUESTS_HEAD;
		}
		if (e == HTTP_END) {
			r->in_body = false;
			http_parser_next(r->parser, false, false);
			return REQUESTS_END;
		}
	}
	return requests_break(r);
}

const struct http_head *requests_head(const struct requests *r)
{
	return http_head(r->parser);
}

int requests_pass(struct requests *r, struct buf *out)
{
	if (buf_append(out, buf_bytes(&r->head), buf_len(&r->head)))
		return -1;
	buf_free(&r->head);
	return 0;
}
