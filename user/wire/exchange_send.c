/* SPDX-License-Identifier: Apache-2.0 */
/* A scanned request on its way out. */
#include "exchange_parts.h"

/* As much as goes into one segment on its way through the kernel, by the records that TLS makes of it. */
#define PIECE ((size_t)64 * 1024)
#define HEAD_ROOM 2048 /* what a head mostly takes */

static bool found_in_lines(const struct exchange *x)
{
	const uint8_t *line;
	unsigned part = PART_BODY;
	size_t at = 0, len;

	for (; request_line(request_text(x), &at, &line, &len); part++) {
		if (mask_found(x->mask, part))
			return true;
	}
	return false;
}

static bool found_in_body(const struct exchange *x)
{
	if (x->config.observe || x->request.kind == BODY_OPAQUE)
		return false;
	if (x->request.kind == BODY_JSON_LINES)
		return found_in_lines(x);
	return mask_found(x->mask, PART_BODY);
}

static int splice_line(const struct exchange *x, unsigned part, const uint8_t *line, size_t len,
		       struct buf *out)
{
	if (!mask_found(x->mask, part))
		return buf_append(out, line, len);
	if (*line == 0x1e) {
		if (buf_append(out, line, 1))
			return -1;
		line++;
		len--;
	}
	return mask_splice(x->mask, part, line, len, out);
}

static int splice_lines(const struct exchange *x, const struct buf *body, struct buf *out)
{
	const uint8_t *line;
	unsigned part = PART_BODY;
	size_t at = 0, len, from;

	for (from = 0; request_line(body, &at, &line, &len); from = at, part++) {
		/* What follows the line is its LF, or nothing. */
		if (splice_line(x, part, line, len, out) ||
		    buf_append(out, line + len, at - from - len))
			return -1;
	}
	return 0;
}

static int splice_body(const struct exchange *x, struct buf *out)
{
	const struct buf *body = request_text(x);

	if (x->request.kind == BODY_JSON_LINES)
		return splice_lines(x, body, out);
	return mask_splice(x->mask, PART_BODY, buf_bytes(body), buf_len(body), out);
}

/* Placeholders are about as long as what they stand for. */
static size_t likely_length(const struct buf *body)
{
	return buf_len(body) + buf_len(body) / 8;
}

static int code_body(const struct exchange *x, const struct buf *masked, struct buf *out)
{
	struct memo_source *s = x->request.familiar ? x->config.memos : NULL;
	struct memo *memo = s ? s->take(s, x->scope) : NULL;
	int r = deflate_all(x->request.coding, buf_bytes(masked), buf_len(masked), memo, x->scope,
			    out);

	if (memo)
		s->done(s, memo);
	return r;
}

/* Coded in, coded out: clients that compress are seen to compress. */
static int splice_coded(const struct exchange *x, struct buf *out)
{
	struct buf masked;
	int r;

	buf_init(&masked, out->max);
	r = buf_reserve(&masked, likely_length(request_text(x))) ? splice_body(x, &masked) : -1;
	if (r == 0)
		r = code_body(x, &masked, out);
	buf_free(&masked);
	return r;
}

/* What goes, and how much of it there is. */
static int choose_body(struct exchange *x, bool masked, size_t *size)
{
	const struct buf *body = &x->request.body;
	struct outgoing *o = &x->outgoing;

	if (masked && (x->request.coded || x->request.kind == BODY_JSON_LINES)) {
		if (x->request.coded ? splice_coded(x, &o->made) : splice_body(x, &o->made))
			return -1;
		*size = buf_len(&o->made);
		return 0;
	}
	o->spliced = masked;
	*size = buf_len(body);
	return masked ? mask_spliced_size(x->mask, PART_BODY, buf_len(body), size) : 0;
}

static size_t put_verbatim(struct outgoing *o, const struct buf *body, uint8_t *to, size_t room)
{
	size_t n = o->left < room ? o->left : room;

	memcpy(to, buf_bytes(body) + o->cut.at, n);
	o->cut.at += n;
	return n;
}

static size_t put_piece(struct exchange *x, uint8_t *to, size_t room)
{
	const struct buf *body = &x->request.body;
	struct outgoing *o = &x->outgoing;

	if (o->spliced)
		return mask_splice_some(x->mask, PART_BODY, buf_bytes(body), buf_len(body), &o->cut,
					to, room);
	return put_verbatim(o, buf_len(&o->made) ? &o->made : body, to, room);
}

/* As much as makes a piece of what is in to_origin. */
static int fill(struct exchange *x)
{
	struct outgoing *o = &x->outgoing;
	size_t held = buf_len(&x->to_origin), room = held < PIECE ? PIECE - held : 0;
	uint8_t *to;

	room = room < o->left ? room : o->left;
	if (!room)
		return 0;
	to = buf_reserve(&x->to_origin, room);
	if (!to)
		return -1;
	room = put_piece(x, to, room);
	buf_grew(&x->to_origin, room);
	o->left -= room;
	return 0;
}

/* The head says how long the masked body is, and no piece of it finds less room than the first one. */
static int begin(struct exchange *x, bool masked, size_t size)
{
	struct buf *out = &x->to_origin;

	if (!buf_reserve(out, size < PIECE ? size + HEAD_ROOM : PIECE) ||
	    put_request_head(x, masked, size, out) || size > out->max - buf_len(out))
		return -1;
	x->outgoing.left = size;
	return fill(x);
}

int request_build(struct exchange *x)
{
	bool masked = found_in_body(x);
	size_t size;

	buf_clear(&x->to_origin);
	if (choose_body(x, masked, &size) == 0 && begin(x, masked, size) == 0)
		return 0;
	buf_free(&x->to_origin);
	return -1;
}

int request_rewind(struct exchange *x)
{
	const struct buf *body = &x->request.body;
	struct outgoing *o = &x->outgoing;
	size_t size = buf_len(&o->made) ? buf_len(&o->made) : buf_len(body);

	buf_clear(&x->to_origin);
	o->cut = (struct mask_cut){0};
	if (o->spliced && mask_spliced_size(x->mask, PART_BODY, buf_len(body), &size))
		return -1;
	return begin(x, found_in_body(x), size);
}

void request_put_more(struct exchange *x)
{
	if (x->outgoing.left && fill(x)) {
		exchange_refuse(x, REFUSAL_MEMORY);
		return;
	}
	if (x->outgoing.left || !x->answer.begun || !x->to_origin.data)
		return;
	request_release(x);
	if (!buf_len(&x->to_origin)) /* an answer may take minutes */
		buf_free(&x->to_origin);
}
