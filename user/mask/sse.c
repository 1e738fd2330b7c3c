/* SPDX-License-Identifier: Apache-2.0 */
#include "sse.h"

#include "sse_event.h"

#include <stdlib.h>

/* Messages have few blocks, and one grows at a time: more at once is somebody's test of us. */
#define OPEN_MAX 64

/* A content block whose text goes on where its last delta ended. */
struct open_block {
	uint32_t index;
	const struct sse_delta_kind *kind;
	struct sse_dialect dialect; /* of the delta that left the carry */
	struct unmask_carry carry;
};

struct sse {
	enum schema schema;
	struct buf in;	/* the event that is not complete yet */
	size_t line;	/* where its last, incomplete line begins */
	size_t bom;	/* length of the byte order mark before the event */
	bool in_stream; /* the first line is over */
	bool after_cr;	/* an LF would belong to the line ending before it */
	bool failed;
	struct unmask unmask;
	struct usage usage;
	struct sse_event event;
	struct buf data; /* an event's restored data */
	size_t open;
	struct open_block blocks[OPEN_MAX]; /* the oldest first */
};

struct sse *sse_new(struct vault_scope *scope, enum schema schema, size_t max_event)
{
	struct sse *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	/* A message that streams comes as events. */
	s->schema = schema == SCHEMA_ANSWER ? SCHEMA_EVENT : schema;
	buf_init(&s->in, max_event);
	unmask_init(&s->unmask, scope);
	return s;
}

void sse_free(struct sse *s)
{
	if (!s)
		return;
	buf_free(&s->in);
	buf_free(&s->data);
	unmask_free(&s->unmask);
	sse_event_free(&s->event);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

const struct unmask_counts *sse_counts(const struct sse *s)
{
	return &s->unmask.counts;
}

const struct usage *sse_usage(const struct sse *s)
{
	return &s->usage;
}

static bool carries(const struct unmask_carry *c)
{
	return c->held_len || c->escape;
}

/* A block's text is over: what is held goes out as one more delta. */
static int close_block(struct sse *s, size_t i, struct buf *out)
{
	struct open_block b = s->blocks[i];

	s->open--;
	memmove(&s->blocks[i], &s->blocks[i + 1], (s->open - i) * sizeof(b));
	if (!b.carry.held_len)
		return 0;
	if (sse_delta_begin(&b.dialect, b.kind, b.index, out) < 0 ||
	    unmask_settle(&s->unmask, b.kind->is_nested, &b.carry, out) < 0)
		return -1;
	return sse_delta_end(&b.dialect, out);
}

static int close_all(struct sse *s, struct buf *out)
{
	while (s->open)
		if (close_block(s, 0, out) < 0)
			return -1;
	return 0;
}

static size_t find_block(const struct sse *s, uint32_t index)
{
	size_t i = 0;

	while (i < s->open && s->blocks[i].index != index)
		i++;
	return i;
}

/* What must leave before the event: the texts that it ends. */
static int close_before(struct sse *s, const struct sse_message *m, struct buf *out)
{
	size_t i;

	if (s->event.is_error || m->kind == SSE_BREAK)
		return close_all(s, out);
	if (m->kind != SSE_BLOCK && m->kind != SSE_DELTA)
		return 0;
	i = find_block(s, m->index);
	if (i == s->open || s->blocks[i].kind == m->delta)
		return 0;
	return close_block(s, i, out);
}

/* Keep, or forget, the block whose delta was restored just now. */
static int keep_block(struct sse *s, size_t i, const struct open_block *b, struct buf *out)
{
	if (!carries(&b->carry)) {
		if (i == s->open)
			return 0;
		s->open--;
		memmove(&s->blocks[i], &s->blocks[i + 1], (s->open - i) * sizeof(*b));
		return 0;
	}
	if (i == OPEN_MAX) {
		if (close_block(s, 0, out) < 0)
			return -1;
		i = s->open;
	}
	s->blocks[i] = *b;
	if (i == s->open)
		s->open++;
	return 0;
}

static int put_data(struct sse *s, const uint8_t *data, size_t len, struct buf *out)
{
	const struct sse_event *e = &s->event;

	if (buf_len(&s->data) == len && memcmp(buf_bytes(&s->data), data, len) == 0)
		return buf_append(out, e->raw, e->len);
	return sse_event_put(e, buf_bytes(&s->data), buf_len(&s->data), out);
}

static int restore_delta(struct sse *s, const struct sse_message *m, const uint8_t *data,
			 size_t len, struct buf *out)
{
	size_t i = find_block(s, m->index);
	struct open_block b = {.index = m->index, .kind = m->delta};
	struct unmask_torn torn = {m->text_off, m->delta->is_nested, &b.carry};

	if (i < s->open)
		b = s->blocks[i];
	b.dialect = s->event.dialect;
	if (unmask_document(&s->unmask, data, len, SCHEMA_EVENT, &torn, &s->data) < 0 ||
	    keep_block(s, i, &b, out) < 0)
		return -1;
	return put_data(s, data, len, out);
}

/* `last`: the stream ended inside this event, so its text is not continued. */
static int restore_event(struct sse *s, bool last, struct buf *out)
{
	struct sse_event *e = &s->event;
	struct sse_message m = {.kind = SSE_OTHER};
	const uint8_t *data;
	size_t len;
	bool json;

	if (sse_event_lines(e) == 0)
		return buf_append(out, e->raw, e->len);
	if (sse_event_data(e, &data, &len) < 0)
		return -1;
	json = sse_message_read(data, len, &m);
	if (sse_event_tells(e->raw, e->len))
		usage_read(&s->usage, data, len);
	if (close_before(s, &m, out) < 0)
		return -1;
	if (!json)
		return sse_event_put_text(e, &s->unmask, out);
	buf_clear(&s->data);
	s->data.max = out->max;
	if (m.kind == SSE_DELTA && !last)
		return restore_delta(s, &m, data, len, out);
	if (unmask_document(&s->unmask, data, len, m.is_message ? SCHEMA_EVENT : s->schema, NULL,
			    &s->data) < 0)
		return -1;
	return put_data(s, data, len, out);
}

/* The pending bytes are a whole event, or all there is. */
static int pending_done(struct sse *s, bool last, struct buf *out)
{
	const uint8_t *raw = buf_bytes(&s->in);

	if (buf_append(out, raw, s->bom) < 0 ||
	    sse_event_parse(&s->event, raw + s->bom, buf_len(&s->in) - s->bom) < 0 ||
	    restore_event(s, last, out) < 0)
		return -1;
	buf_clear(&s->in);
	s->line = s->bom = 0;
	return 0;
}

/* A line is complete; `end` is where its content ends in s->in. */
static int line_done(struct sse *s, size_t end, struct buf *out)
{
	const uint8_t *p = buf_bytes(&s->in);
	size_t start = s->line;

	if (!s->in_stream && end >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		start = s->bom = 3;
	s->in_stream = true;
	/* A comment outside an event must not wait: it may be all that keeps the client awake. */
	if (end == start || (p[start] == ':' && start == s->bom))
		return pending_done(s, false, out);
	s->line = buf_len(&s->in);
	return 0;
}

/* Take bytes to the end of one line, or all. Returns how many, 0: failed. */
static size_t take_line(struct sse *s, const uint8_t *p, size_t n, struct buf *out)
{
	size_t before = buf_len(&s->in), end;

	if (s->after_cr && *p == '\n') {
		s->after_cr = false;
		if (!before)
			return buf_append(out, p, 1) < 0 ? 0 : 1;
		s->line = before + 1;
		return buf_append(&s->in, p, 1) < 0 ? 0 : 1;
	}
	end = sse_line_end(p, 0, n);
	s->after_cr = end < n && p[end] == '\r';
	if (end == n)
		return buf_append(&s->in, p, n) < 0 ? 0 : n;
	if (buf_append(&s->in, p, end + 1) < 0 || line_done(s, before + end, out) < 0)
		return 0;
	return end + 1;
}

/* Between two events, and nothing of the first is held for the second. */
static bool is_between(const struct sse *s)
{
	return s->in_stream && !s->after_cr && !s->open && !buf_len(&s->in);
}

int sse_feed(struct sse *s, const uint8_t *p, size_t n, struct buf *out)
{
	size_t seen = 0; /* of p: until there it was looked for plain events */

	while (n && !s->failed) {
		size_t taken = 0;

		if (!seen && is_between(s))
			taken = sse_plain_events(p, n, s->in.max, &seen);
		if (taken)
			s->failed = buf_append(out, p, taken) < 0;
		else
			s->failed = (taken = take_line(s, p, n, out)) == 0;
		seen = seen > taken ? seen - taken : 0;
		p += taken;
		n -= taken;
	}
	return s->failed ? -1 : 0;
}

int sse_finish(struct sse *s, struct buf *out)
{
	/* A delta after the incomplete event would become part of it: so before. */
	if (!s->failed)
		s->failed = close_all(s, out) < 0 ||
			    (buf_len(&s->in) && pending_done(s, true, out) < 0);
	return s->failed ? -1 : 0;
}
