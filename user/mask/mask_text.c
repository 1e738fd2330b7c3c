/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_scan.h"

void mask_text_begin(struct mask *m)
{
	buf_clear(&m->text);
	buf_clear(&m->marks);
	buf_clear(&m->found);
	buf_clear(&m->hits);
	buf_clear(&m->seen);
	buf_clear(&m->places);
}

static bool is_inner_byte(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Where a span of a decoded text may be cut out of the raw one: not inside a character, which one
 * escape may have made, and then not before a digit either.
 */
static void span_align(const uint8_t *text, size_t len, size_t skip, struct span *s)
{
	while (s->start > skip && is_inner_byte(text[s->start]))
		s->start--;
	if (s->end == len || !is_inner_byte(text[s->end]))
		return;
	while (s->end < len &&
	       (is_inner_byte(text[s->end]) || (text[s->end] >= '0' && text[s->end] <= '9')))
		s->end++;
}

enum mask_error mask_do_span(struct mask *m, const struct mask_effect *e, const uint8_t *value)
{
	struct mask_span keep = {.start = (size_t)e->start,
				 .end = (size_t)e->start + e->width,
				 .quoted = e->quoted,
				 .rule = e->rule};

	mask_remember_effect(m, e, value);
	if (mask_value(m, (enum mask_type)e->type, value, e->len, &keep.value) ||
	    mask_keep(m, &m->spans, &keep, sizeof(keep)))
		return MASK_TOO_LARGE;
	if (m->policy->actions[e->type] == ACTION_BLOCK)
		return MASK_OK;
	mask_counts_note(&m->counts, (enum mask_type)e->type);
	m->counts.by_type[e->type]++;
	m->counts.by_knowledge += e->rule == RULE_KNOWN;
	m->counts.known_by_type[e->type] += e->rule == RULE_KNOWN;
	return MASK_OK;
}

/* The span of a text stands at [start, end) of the part. */
static enum mask_error span_keep(struct mask *m, const uint8_t *text, const struct span *s,
				 size_t start, size_t end, bool quoted)
{
	const struct mask_effect e = {.kind = EFFECT_SPAN,
				      .start = (int64_t)start,
				      .width = (uint32_t)(end - start),
				      .len = (uint32_t)(s->end - s->start),
				      .type = (uint16_t)s->type,
				      .rule = s->rule,
				      .quoted = quoted};

	return mask_do_span(m, &e, text + s->start);
}

enum mask_error mask_text_scan(struct mask *m, const uint8_t *text, size_t len, size_t skip,
			       size_t off)
{
	const struct text_mark *marks = (const struct text_mark *)buf_bytes(&m->marks);
	size_t n_marks = buf_len(&m->marks) / sizeof(*marks), done = skip, before = 0;
	struct mask_merge g;
	struct span s;
	enum mask_error e;

	if (len == skip)
		return MASK_OK;
	e = mask_find(m, text, len, skip, true, &g);
	while (e == MASK_OK && mask_merge_next(&g, done, &s)) {
		size_t start, end;

		if (s.start < done)
			s.start = done;
		if (n_marks)
			span_align(text, len, done, &s);
		start = text_raw_offset_on(marks, n_marks, s.start - skip, &before);
		end = text_raw_offset_on(marks, n_marks, s.end - skip, &before);
		e = span_keep(m, text, &s, off + start, off + end, false);
		done = s.end;
	}
	return e;
}

enum mask_error mask_number_scan(struct mask *m, const uint8_t *text, size_t len, size_t skip,
				 size_t off)
{
	struct mask_merge g;
	struct span s;
	enum mask_error e = mask_find(m, text, len, skip, true, &g);

	if (e != MASK_OK || !mask_merge_next(&g, skip, &s) || s.start != skip || s.end != len)
		return e;
	return span_keep(m, text, &s, off, off + len - skip, true);
}

enum mask_error mask_signed_scan(struct mask *m, const uint8_t *text, size_t len)
{
	struct mask_merge g;
	struct span s = {0};
	enum mask_error e = mask_find(m, text, len, 0, false, &g);

	while (e == MASK_OK && mask_merge_next(&g, s.end, &s))
		if (s.type != TYPE_LITERAL)
			mask_note(m, EFFECT_SIGNED, s.type);
	return e;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode into m->text, with marks. What is no escape stays as it is. 0, or -1: memory. */
static int percent_decode(struct mask *m, const uint8_t *p, size_t len)
{
	size_t done = 0;

	for (size_t i = 0; i + 2 < len; i++) {
		struct text_mark mark;
		int high, low;
		uint8_t byte;

		if (p[i] != '%')
			continue;
		high = hex_digit(p[i + 1]);
		low = hex_digit(p[i + 2]);
		if (high < 0 || low < 0)
			continue;
		byte = (uint8_t)(high << 4 | low);
		if (buf_append(&m->text, p + done, i - done) || buf_append(&m->text, &byte, 1))
			return -1;
		done = i + 3;
		mark = (struct text_mark){(uint32_t)buf_len(&m->text), (uint32_t)done};
		if (buf_append(&m->marks, &mark, sizeof(mark)))
			return -1;
		i += 2;
	}
	return buf_append(&m->text, p + done, len - done);
}

static enum mask_error raw_scan(struct mask *m, const uint8_t *p, size_t off, size_t len)
{
	mask_text_begin(m);
	return mask_text_scan(m, p + off, len, 0, off);
}

static enum mask_error percent_scan(struct mask *m, const uint8_t *p, size_t off, size_t len)
{
	if (!memchr(p + off, '%', len))
		return raw_scan(m, p, off, len);
	mask_text_begin(m);
	if (len > UINT32_MAX || percent_decode(m, p + off, len))
		return MASK_TOO_LARGE;
	return mask_text_scan(m, buf_bytes(&m->text), buf_len(&m->text), 0, off);
}

/* It is one piece. */
static enum mask_error whole_scan(struct mask *m, enum source_kind kind, const uint8_t *p,
				  size_t off, size_t len)
{
	const uint8_t state = (uint8_t)kind;
	enum mask_error e;
	size_t done = 0;

	if (!len)
		return MASK_OK;
	buf_clear(&m->record.state);
	if (buf_append(&m->record.state, &state, 1))
		return MASK_TOO_LARGE;
	e = mask_piece_recall(m, (struct memo_bytes){p + off, len}, false, off, &done);
	if (e != MASK_OK || done)
		return e;
	if (len > m->read_left)
		return MASK_TOO_NEW;
	if (m->read_left < SIZE_MAX)
		m->read_left -= len;
	e = kind == SOURCE_QUERY ? percent_scan(m, p, off, len) : raw_scan(m, p, off, len);
	if (e == MASK_OK)
		mask_piece_keep(m, (struct memo_bytes){p + off, len}, true);
	return e;
}

enum mask_error mask_raw_scan(struct mask *m, const uint8_t *p, size_t off, size_t len)
{
	return whole_scan(m, SOURCE_TEXT, p, off, len);
}

enum mask_error mask_percent_scan(struct mask *m, const uint8_t *p, size_t off, size_t len)
{
	return whole_scan(m, SOURCE_QUERY, p, off, len);
}
