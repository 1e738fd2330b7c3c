/* SPDX-License-Identifier: Apache-2.0 */
/* A scanned request on its way out. */
#include "exchange_parts.h"

#define LENGTH_DIGITS 20

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

/* Coded in, coded out: clients that compress are seen to compress. */
static int splice_coded(const struct exchange *x, struct buf *out)
{
	struct buf masked;
	int r;

	buf_init(&masked, out->max);
	r = buf_reserve(&masked, likely_length(request_text(x))) ? splice_body(x, &masked) : -1;
	if (r == 0)
		r = deflate_all(x->request.coding, buf_bytes(&masked), buf_len(&masked), out);
	buf_free(&masked);
	return r;
}

static int put_body(const struct exchange *x, bool masked, struct buf *out)
{
	const struct buf *body = &x->request.body;

	if (!masked)
		return buf_append(out, buf_bytes(body), buf_len(body));
	return x->request.coded ? splice_coded(x, out) : splice_body(x, out);
}

/*
 * The head says how long the masked body is, which is known only once it stands there: a gap is
 * left, the body appended, and the head moved in right before it.
 */
static int build_around(struct exchange *x, struct buf *head, struct buf *out)
{
	bool masked = found_in_body(x);
	size_t gap, length;
	uint8_t *room;

	if (put_request_head(x, masked, 0, head))
		return -1;
	gap = buf_len(head) + LENGTH_DIGITS;
	room = buf_reserve(out, gap + likely_length(&x->request.body));
	if (!room)
		return -1;
	memset(room, 0, gap);
	buf_grew(out, gap);
	if (put_body(x, masked, out))
		return -1;
	length = buf_len(out) - gap;
	buf_clear(head);
	if (put_request_head(x, masked, length, head))
		return -1;
	memcpy(out->data + out->head + gap - buf_len(head), buf_bytes(head), buf_len(head));
	buf_drop(out, gap - buf_len(head));
	return 0;
}

int request_build(struct exchange *x)
{
	struct buf head;
	int r;

	buf_clear(&x->to_origin);
	buf_init(&head, x->to_origin.max);
	r = build_around(x, &head, &x->to_origin);
	buf_free(&head);
	if (r)
		buf_free(&x->to_origin);
	return r;
}
