/* SPDX-License-Identifier: Apache-2.0 */
/* An answer on its way back: restored by its media type, framed for the client. */
#include "exchange_parts.h"
#include "headers.h"
#include "http_head.h"

/* Coded bytes decoded at a time: gzip grows by 1032 at most, so a piece stays near 4 MB. */
#define CODED_PIECE ((size_t)4096)
#define PLAIN_MAX ((size_t)8 * 1024 * 1024)

static const struct http_field *answer_field(const struct exchange *x, const char *name)
{
	return http_find(http_head(x->origin), name);
}

static enum schema answer_schema(const struct exchange *x)
{
	const char *query = memchr(x->request.path, '?', x->request.path_len);
	size_t len = query ? (size_t)(query - x->request.path) : x->request.path_len;

	return schema_of_answer((const uint8_t *)x->request.path, len);
}

/*
 * By the media type; lines of JSON are text in which each value stands one string deep. A batch's results are
 * messages, whatever they are called: what is signed in them stays as it is.
 */
static enum answer_mode mode_of_type(struct exchange *x)
{
	const struct http_field *type = answer_field(x, "content-type");
	unsigned depth = 0;

	if (media_is_event_stream(type))
		return ANSWER_EVENTS;
	if (answer_schema(x) == SCHEMA_RESULT && !media_is_json(type))
		return ANSWER_LINES;
	if (media_is_json_lines(type))
		depth = 1;
	else if (media_is_json(type))
		return ANSWER_JSON;
	else if (!media_is_text(type) && !media_is_form(type))
		return ANSWER_VERBATIM;
	unmask_text_init(&x->answer.text, x->scope, depth);
	return ANSWER_TEXT;
}

static int answer_coding(struct exchange *x)
{
	const struct http_field *f = answer_field(x, "content-encoding");
	enum coding coding = f ? coding_of(f->value, f->value_len) : CODING_IDENTITY;

	if (coding == CODING_IDENTITY)
		return 0;
	if (coding == CODING_UNKNOWN || http_count(http_head(x->origin), "content-encoding") > 1) {
		x->answer.mode = ANSWER_VERBATIM;
		return 0;
	}
	x->answer.inflater = inflater_new(coding);
	return x->answer.inflater ? 0 : -1;
}

/* 0, or -1: memory. */
static int answer_choose(struct exchange *x)
{
	const struct http_head *h = http_head(x->origin);
	struct answer *a = &x->answer;

	a->mode = ANSWER_EMPTY;
	if (h->body == HTTP_BODY_NONE || (h->body == HTTP_BODY_LENGTH && !h->content_length))
		return 0;
	x->facts.stream = media_is_event_stream(answer_field(x, "content-type"));
	a->mode = x->config.observe ? ANSWER_VERBATIM : mode_of_type(x);
	if (a->mode == ANSWER_VERBATIM)
		return 0;
	if (answer_coding(x))
		return -1;
	if (a->mode != ANSWER_EVENTS)
		return 0;
	a->sse = sse_new(x->scope, answer_schema(x), x->config.body_max);
	return a->sse ? 0 : -1;
}

static enum answer_framing answer_frame(const struct exchange *x)
{
	const struct http_head *h = http_head(x->origin);
	bool chunks = http_head(x->client)->minor == 1;

	if (h->body == HTTP_BODY_NONE)
		return FRAMED_NONE;
	if (x->answer.mode == ANSWER_EMPTY)
		return FRAMED_LENGTH;
	if (x->answer.mode == ANSWER_VERBATIM && h->body == HTTP_BODY_LENGTH)
		return FRAMED_LENGTH;
	if (x->answer.mode == ANSWER_VERBATIM && h->body == HTTP_BODY_UNTIL_CLOSE)
		return FRAMED_CLOSE;
	return chunks ? FRAMED_CHUNKED : FRAMED_CLOSE;
}

static bool client_stays(const struct exchange *x)
{
	return http_head(x->client)->keep_alive && x->answer.framing != FRAMED_CLOSE && !x->last;
}

static int answer_put_head(struct exchange *x, enum answer_framing framing, size_t length)
{
	size_t before = buf_len(&x->to_client);

	x->answer.framing = framing;
	x->answer.stays = client_stays(x);
	if (put_answer_head(x, !x->answer.stays, length, &x->to_client)) {
		buf_truncate(&x->to_client, before);
		return -1;
	}
	x->answer.headed = true;
	x->facts.status = http_head(x->origin)->status;
	return 0;
}

static int put_body_bytes(struct exchange *x, const uint8_t *p, size_t n)
{
	bool chunked = x->answer.framing == FRAMED_CHUNKED;
	struct buf *out = &x->to_client;

	if (n == 0)
		return 0;
	x->facts.answer_bytes += n;
	if (chunked && (put_number(out, n, 16) || buf_puts(out, "\r\n")))
		return -1;
	if (buf_append(out, p, n))
		return -1;
	return chunked ? buf_puts(out, "\r\n") : 0;
}

static int put_piece(struct exchange *x)
{
	struct buf *piece = &x->answer.piece;
	int r = put_body_bytes(x, buf_bytes(piece), buf_len(piece));

	buf_clear(piece);
	return r;
}

/* Too large to be held whole: what came goes on as text, in which values stand one string deep. */
static int json_overflow(struct exchange *x)
{
	struct answer *a = &x->answer;
	int r;

	a->mode = ANSWER_TEXT;
	unmask_text_init(&a->text, x->scope, 1);
	if (!a->headed && answer_put_head(x, answer_frame(x), 0))
		return -1;
	r = unmask_text_feed(&a->text, buf_bytes(&a->whole), buf_len(&a->whole), &a->piece);
	buf_free(&a->whole);
	return r ? -1 : put_piece(x);
}

/* They end with a blank line each (LF or CR LF, as servers write them). */
static void count_events(struct exchange *x)
{
	const uint8_t *p = buf_bytes(&x->answer.piece);
	size_t n = buf_len(&x->answer.piece);

	while (n) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n;

		x->answer.line += len - (len && p[len - 1] == '\r');
		if (!end)
			return;
		x->facts.events += x->answer.line == 0;
		x->answer.line = 0;
		p += len + 1;
		n -= len + 1;
	}
}

/* Those that are whole with these bytes. */
static int restore_lines(struct exchange *x, const uint8_t *p, size_t n)
{
	struct answer *a = &x->answer;
	const uint8_t *lf = memrchr(p, '\n', n);
	size_t rest = lf ? (size_t)(p + n - lf) - 1 : n;
	int r;

	if (!lf)
		return buf_append(&a->whole, p, n);
	if (buf_append(&a->whole, p, n - rest) ||
	    unmask_json(x->scope, buf_bytes(&a->whole), buf_len(&a->whole), SCHEMA_RESULT,
			&a->piece, &x->facts.unmasked))
		return -1;
	buf_clear(&a->whole);
	r = put_piece(x);
	return r ? r : buf_append(&a->whole, p + n - rest, rest);
}

static int restore_piece(struct exchange *x, const uint8_t *p, size_t n)
{
	struct answer *a = &x->answer;

	if (a->mode == ANSWER_JSON || a->mode == ANSWER_LINES) {
		bool fits = n <= a->whole.max - buf_len(&a->whole);

		if (fits && a->mode == ANSWER_LINES)
			return restore_lines(x, p, n);
		if (fits)
			return buf_append(&a->whole, p, n);
		if (json_overflow(x))
			return -1;
	}
	if (a->mode == ANSWER_EVENTS ? sse_feed(a->sse, p, n, &a->piece)
				     : unmask_text_feed(&a->text, p, n, &a->piece))
		return -1;
	/* At once: a client that leaves in the middle has used what it was told of. */
	if (a->mode == ANSWER_EVENTS) {
		count_events(x);
		x->facts.usage = *sse_usage(a->sse);
	}
	return put_piece(x);
}

static int decode_piece(struct exchange *x, const uint8_t *p, size_t n)
{
	struct answer *a = &x->answer;

	while (n) {
		size_t some = n < CODED_PIECE ? n : CODED_PIECE;

		buf_clear(&a->plain);
		a->inflated = inflater_feed(a->inflater, p, some, &a->plain);
		/* What decoded before the damage is good. */
		if (buf_len(&a->plain) &&
		    restore_piece(x, buf_bytes(&a->plain), buf_len(&a->plain)))
			return -1;
		if (a->inflated < 0)
			return -1;
		p += some;
		n -= some;
	}
	return 0;
}

void answer_data(struct exchange *x, const uint8_t *p, size_t n)
{
	int r;

	if (x->answer.mode == ANSWER_VERBATIM)
		r = put_body_bytes(x, p, n);
	else
		r = x->answer.inflater ? decode_piece(x, p, n) : restore_piece(x, p, n);
	if (r)
		answer_broken(x);
}

static void interim_headed(struct exchange *x, const struct http_head *h)
{
	x->answer.interim = true;
	/* We never asked for another protocol. */
	if (h->status == 101) {
		exchange_answer_refusal(x, REFUSAL_ORIGIN_BROKEN);
		return;
	}
	/* RFC 9110 section 15.2: none to an HTTP/1.0 client; 100 was ours to say. */
	if (h->status != 100 && http_head(x->client)->minor == 1 &&
	    put_interim_head(x, &x->to_client))
		exchange_cut(x);
}

void answer_headed(struct exchange *x)
{
	const struct http_head *h = http_head(x->origin);
	enum answer_framing framing;

	if (h->status < 200) {
		interim_headed(x, h);
		return;
	}
	if (answer_choose(x)) {
		exchange_answer_refusal(x, REFUSAL_MEMORY);
		return;
	}
	framing = answer_frame(x);
	/* JSON waits for its length. */
	if (x->answer.mode != ANSWER_JSON && answer_put_head(x, framing, h->content_length))
		exchange_cut(x);
}

/* Let out what the stream's restorer still holds. */
static int restore_finish(struct exchange *x)
{
	struct answer *a = &x->answer;
	int r = 0;

	if (a->mode == ANSWER_EVENTS) {
		r = sse_finish(a->sse, &a->piece);
		count_events(x);
	} else if (a->mode == ANSWER_TEXT) {
		r = unmask_text_finish(&a->text, &a->piece);
	} else if (a->mode == ANSWER_LINES && buf_len(&a->whole)) {
		r = unmask_json(x->scope, buf_bytes(&a->whole), buf_len(&a->whole), SCHEMA_RESULT,
				&a->piece, &x->facts.unmasked);
		buf_clear(&a->whole);
	}
	return r ? -1 : put_piece(x);
}

static int json_finish(struct exchange *x)
{
	struct answer *a = &x->answer;

	if (answer_schema(x) == SCHEMA_ANSWER)
		usage_read(&x->facts.usage, buf_bytes(&a->whole), buf_len(&a->whole));
	if (buf_len(&a->whole) && unmask_json(x->scope, buf_bytes(&a->whole), buf_len(&a->whole),
					      answer_schema(x), &a->piece, &x->facts.unmasked))
		return -1;
	if (answer_put_head(x, FRAMED_LENGTH, buf_len(&a->piece)))
		return -1;
	return put_piece(x);
}

static void answer_count(struct exchange *x)
{
	const struct answer *a = &x->answer;
	const struct unmask_counts *c = NULL;

	if (a->mode == ANSWER_EVENTS)
		c = sse_counts(a->sse);
	else if (a->mode == ANSWER_TEXT)
		c = &a->text.counts;
	if (!c)
		return;
	x->facts.unmasked.restored += c->restored;
	x->facts.unmasked.unknown += c->unknown;
}

static bool is_reusable(const struct exchange *x)
{
	const struct http_head *h = http_head(x->origin);

	/* What is left of the request would be read as the next one. */
	return h->keep_alive && h->body != HTTP_BODY_UNTIL_CLOSE && !buf_len(&x->to_origin) &&
	       !x->outgoing.left;
}

void answer_ended(struct exchange *x)
{
	struct answer *a = &x->answer;
	bool stays, reusable;

	if (a->interim) {
		a->interim = false;
		http_parser_next(x->origin, !strcmp(x->facts.method, "HEAD"), false);
		return;
	}
	if ((a->inflater && a->inflated != 1) ||
	    (a->mode == ANSWER_JSON ? json_finish(x) : restore_finish(x)) ||
	    (a->framing == FRAMED_CHUNKED && buf_puts(&x->to_client, "0\r\n\r\n"))) {
		answer_broken(x);
		return;
	}
	answer_count(x);
	stays = a->stays;
	reusable = is_reusable(x);
	exchange_next(x, stays);
	a->reusable = reusable;
}

void answer_broken(struct exchange *x)
{
	if (!x->answer.headed) {
		exchange_answer_refusal(x, REFUSAL_ORIGIN_BROKEN);
		return;
	}
	/* The client gets all that came and sees from the framing that it is not all. */
	if (restore_finish(x) == 0)
		answer_count(x);
	exchange_cut(x);
}

void answer_release(struct exchange *x)
{
	struct answer *a = &x->answer;

	inflater_free(a->inflater);
	sse_free(a->sse);
	buf_free(&a->plain);
	buf_free(&a->whole);
	buf_free(&a->piece);
	/* Held text may be the beginning of a placeholder only, yet it is the model's words. */
	explicit_bzero(&a->text, sizeof(a->text));
	*a = (struct answer){.mode = ANSWER_EMPTY};
	buf_init(&a->plain, PLAIN_MAX);
	buf_init(&a->whole, x->config.body_max);
	buf_init(&a->piece, x->to_client.max);
}
