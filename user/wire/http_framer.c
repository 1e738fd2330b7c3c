/* SPDX-License-Identifier: Apache-2.0 */
#include "http_framer.h"

#include <llhttp.h>
#include <stdlib.h>

struct http_framer {
	llhttp_t parser;
	bool response, no_body;
	bool headed, ended; /* what llhttp said in its callbacks */
	const char *data;
	size_t data_len;
};

static int on_headers_complete(llhttp_t *parser)
{
	struct http_framer *f = parser->data;

	f->headed = true;
	return f->no_body;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct http_framer *f = parser->data;

	if (len == 0)
		return HPE_OK;
	f->data = at;
	f->data_len = len;
	return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
	struct http_framer *f = parser->data;

	f->ended = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t SETTINGS = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

struct http_framer *http_framer_new(bool response)
{
	struct http_framer *f = calloc(1, sizeof(*f));

	if (f)
		f->response = response;
	return f;
}

void http_framer_free(struct http_framer *f)
{
	free(f);
}

void http_framer_begin(struct http_framer *f)
{
	bool response = f->response;

	*f = (struct http_framer){.response = response};
	llhttp_init(&f->parser, response ? HTTP_RESPONSE : HTTP_REQUEST, &SETTINGS);
	f->parser.data = f;
}

int http_framer_run(struct http_framer *f, const uint8_t *in, size_t n, size_t *data)
{
	/* llhttp keeps the address as the mark of an open span: it must not be NULL. */
	const char *at = n ? (const char *)in : "";
	llhttp_errno_t err;

	*data = 0;
	f->data_len = 0;
	if (f->ended)
		return n ? -1 : 0;
	err = llhttp_execute(&f->parser, at, n);
	if (err == HPE_PAUSED)
		llhttp_resume(&f->parser);
	else if (err != HPE_OK)
		return -1;
	if (f->data_len && f->data + f->data_len != at + n)
		return -1;
	*data = f->data_len;
	return 0;
}

int http_framer_head(struct http_framer *f, const uint8_t *in, size_t n, bool no_body)
{
	size_t data;

	f->no_body = no_body;
	return http_framer_run(f, in, n, &data) || !f->headed || data ? -1 : 0;
}

bool http_framer_ended(const struct http_framer *f)
{
	return f->ended;
}

bool http_framer_chunked(const struct http_framer *f)
{
	return f->parser.flags & F_CHUNKED;
}

uint64_t http_framer_length(const struct http_framer *f)
{
	return f->parser.content_length;
}
