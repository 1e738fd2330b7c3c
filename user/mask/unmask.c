/* SPDX-License-Identifier: Apache-2.0 */
#include "unmask.h"

#include "chunk.h"
#include "jstr.h"

/* One search: in whose vault, how deep values are escaped, where results are counted. */
struct search {
	struct vault_scope *scope;
	const struct type_set *types;
	unsigned depth;
	struct unmask_counts *counts;
	uint8_t *escape; /* the text is JSON text: where in an escape it begins; else NULL */
};

/* What is searched: what was held, then the decoded piece, and the piece as it came. */
struct source {
	const uint8_t *text;
	size_t len, held_len;
	const uint8_t *raw;
	size_t raw_len;
	const struct text_mark *marks;
	size_t marks_len;
};

/* Append text[from..to), in its raw spelling. Held bytes are plain letters in any spelling. */
static int emit(const struct source *s, size_t from, size_t to, struct buf *out)
{
	size_t a, b;

	if (from < s->held_len) {
		a = to < s->held_len ? to : s->held_len;
		if (buf_append(out, s->text + from, a - from) < 0)
			return -1;
		from = a;
	}
	if (from >= to)
		return 0;
	a = text_raw_offset(s->marks, s->marks_len, from - s->held_len);
	b = to == s->len ? s->raw_len : text_raw_offset(s->marks, s->marks_len, to - s->held_len);
	return buf_append(out, s->raw + a, b - a);
}

enum { ESCAPE_NONE = 0, ESCAPE_HEX_LEFT = 4, ESCAPE_BEGUN = 5 }; /* 1 to 4: hex digits left */

/* Where JSON text stands after text[*at..to); *at becomes `to`. */
static uint8_t escape_state(uint8_t state, const uint8_t *text, size_t *at, size_t to)
{
	for (; *at < to; (*at)++) {
		uint8_t c = text[*at];

		if (state == ESCAPE_NONE)
			state = c == '\\' ? ESCAPE_BEGUN : ESCAPE_NONE;
		else if (state == ESCAPE_BEGUN)
			state = c == 'u' ? ESCAPE_HEX_LEFT : ESCAPE_NONE;
		else
			state--;
	}
	return state;
}

/* Append the placeholder's value in its place, and what stands before it from *done on. */
static int replace(const struct search *q, const struct source *s, const struct placeholder *p,
		   size_t *done, struct buf *out)
{
	const uint8_t *value;
	size_t len;

	if (!q->scope->ops->value(q->scope, p->type, p->number, &value, &len)) {
		q->counts->unknown++;
		return 0;
	}
	q->counts->restored++;
	if (emit(s, *done, p->start, out) < 0)
		return -1;
	*done = p->end;
	return jstr_escape(out, value, len, q->depth);
}

/*
 * Append the text with its placeholders replaced, up to *tail: from there on it could go on to be a
 * placeholder; the end of the text if nothing follows it (`last`).
 */
static int restore(const struct search *q, const struct source *s, bool last, struct buf *out,
		   size_t *tail)
{
	size_t done = 0, from = 0, at = 0;
	uint8_t escape = q->escape ? *q->escape : ESCAPE_NONE;
	struct placeholder p;

	while (placeholder_find(q->scope->types, s->text, s->len, from, last, &p)) {
		if (q->escape)
			escape = escape_state(escape, s->text, &at, p.start);
		if (escape != ESCAPE_NONE) { /* the EC of \u00EC, say, is no beginning of a label */
			from = p.start + 1;
			continue;
		}
		if (replace(q, s, &p, &done, out) < 0)
			return -1;
		from = p.end;
	}
	*tail = s->len;
	if (!last)
		*tail = from +
			placeholder_tail(q->scope->types, s->text + from, s->len - from, q->types);
	if (q->escape)
		*q->escape = escape_state(escape, s->text, &at, *tail);
	return emit(s, done, *tail, out);
}

static void scope_types(struct vault_scope *scope, struct type_set *types)
{
	*types = (struct type_set){0};
	scope->ops->types(scope, types);
}

void unmask_text_init(struct unmask_text *u, struct vault_scope *scope, unsigned depth)
{
	*u = (struct unmask_text){.scope = scope, .depth = depth};
	scope_types(scope, &u->types);
}

static int text_restore(struct unmask_text *u, const uint8_t *p, size_t n, bool last,
			struct buf *out, size_t *tail)
{
	struct search q = {u->scope, &u->types, u->depth, &u->counts, NULL};
	struct source s = {.text = p, .len = n, .raw = p, .raw_len = n};

	return restore(&q, &s, last, out, tail);
}

static void text_hold(struct unmask_text *u, const uint8_t *p, size_t n)
{
	memcpy(u->held, p, n);
	u->held_len = n;
}

int unmask_text_feed(struct unmask_text *u, const uint8_t *p, size_t n, struct buf *out)
{
	uint8_t window[4 * PLACEHOLDER_MAX];
	size_t tail, len, taken;

	if (n == 0)
		return 0;
	if (u->held_len) {
		taken = n < sizeof(window) - u->held_len ? n : sizeof(window) - u->held_len;
		len = u->held_len + taken;
		memcpy(window, u->held, u->held_len);
		memcpy(window + u->held_len, p, taken);
		if (text_restore(u, window, len, false, out, &tail) < 0)
			return -1;
		if (taken == n) {
			text_hold(u, window + tail, len - tail);
			return 0;
		}
		/* A full window: its tail is shorter than what was taken, so it lies in p. */
		u->held_len = 0;
		taken -= len - tail;
		p += taken;
		n -= taken;
	}
	if (text_restore(u, p, n, false, out, &tail) < 0)
		return -1;
	text_hold(u, p + tail, n - tail);
	return 0;
}

int unmask_text_finish(struct unmask_text *u, struct buf *out)
{
	size_t n = u->held_len, tail;

	u->held_len = 0;
	return text_restore(u, u->held, n, true, out, &tail);
}

void unmask_init(struct unmask *u, struct vault_scope *scope)
{
	*u = (struct unmask){.scope = scope};
	scope_types(scope, &u->types);
}

void unmask_free(struct unmask *u)
{
	buf_free(&u->text);
	buf_free(&u->marks);
}

/* Fill `s` with the string raw[0..len) after what is held; decoded if it must be. */
static int source_of_string(struct unmask *u, const uint8_t *raw, size_t len, bool escaped,
			    const struct unmask_carry *carry, struct source *s)
{
	size_t held_len = carry ? carry->held_len : 0;

	*s = (struct source){.text = raw, .len = len, .raw = raw, .raw_len = len};
	if (!escaped && !held_len)
		return 0;
	buf_clear(&u->text);
	buf_clear(&u->marks);
	u->text.max = PLACEHOLDER_MAX + len;
	u->marks.max = sizeof(struct text_mark) * len;
	if ((held_len && buf_append(&u->text, carry->held, held_len) < 0) ||
	    jstr_decode(raw, len, &u->text, &u->marks) < 0)
		return -1;
	s->text = buf_bytes(&u->text);
	s->len = buf_len(&u->text);
	s->held_len = held_len;
	s->marks = (const void *)buf_bytes(&u->marks);
	s->marks_len = buf_len(&u->marks) / sizeof(struct text_mark);
	return 0;
}

/* Append a JSON string's content, restored; `carry` NULL: it stands alone. */
static int restore_string(struct unmask *u, const uint8_t *raw, size_t len, bool escaped,
			  bool nested, struct unmask_carry *carry, bool last, struct buf *out)
{
	uint8_t alone = ESCAPE_NONE;
	struct search q = {u->scope, &u->types, nested ? 2 : 1, &u->counts, NULL};
	struct source s;
	size_t tail;

	if (nested)
		q.escape = carry ? &carry->escape : &alone;
	if (source_of_string(u, raw, len, escaped, carry, &s) < 0 ||
	    restore(&q, &s, last, out, &tail) < 0)
		return -1;
	if (carry) {
		memcpy(carry->held, s.text + tail, s.len - tail);
		carry->held_len = s.len - tail;
	}
	return 0;
}

int unmask_settle(struct unmask *u, bool is_nested, struct unmask_carry *carry, struct buf *out)
{
	static const uint8_t nothing[1];

	return restore_string(u, nothing, 0, false, is_nested, carry, true, out);
}

/* A walk through a document. */
struct walk {
	struct unmask *u;
	const uint8_t *p;
	struct buf *out;
	size_t copied; /* p[0..copied) is in out, restored */
	const struct unmask_torn *torn;
	enum schema schema;
	bool keyed;			/* a key's value comes next ... */
	schema_node value;		/* ... here */
	schema_node in[JSTR_MAX_DEPTH]; /* the place of each open container */
};

static void walk_init(struct walk *w, struct unmask *u, const uint8_t *p, enum schema schema)
{
	w->u = u;
	w->p = p;
	w->copied = 0;
	w->schema = schema;
	w->keyed = false;
}

static schema_node walk_place(struct walk *w, const struct jstr_token *t)
{
	if (w->keyed) {
		w->keyed = false;
		return w->value;
	}
	return t->depth ? schema_element(w->in[t->depth - 1]) : schema_root(w->schema);
}

static int walk_restore(struct walk *w, const struct jstr_token *t, bool nested,
			struct unmask_carry *carry)
{
	if (buf_append(w->out, w->p + w->copied, t->off - w->copied) < 0)
		return -1;
	w->copied = t->off + t->len;
	return restore_string(w->u, w->p + t->off, t->len, t->escaped, nested, carry, !carry,
			      w->out);
}

static int walk_key(struct walk *w, const struct jstr_token *t)
{
	schema_node object = w->in[t->depth - 1];
	struct source s;
	bool known;

	if (source_of_string(w->u, w->p + t->off, t->len, t->escaped, NULL, &s) < 0)
		return -1;
	w->value = schema_key(object, s.text, s.len, &known);
	w->keyed = true;
	return known ? 0 : walk_restore(w, t, false, NULL);
}

static int walk_string(struct walk *w, const struct jstr_token *t, schema_node place)
{
	if (w->torn && w->torn->off == t->off)
		return walk_restore(w, t, w->torn->is_nested, w->torn->carry);
	/* The rules with a condition occur in requests only. */
	switch (schema_rule(place)) {
	case SCHEMA_MASK:
		return walk_restore(w, t, false, NULL);
	case SCHEMA_NESTED_JSON:
		return walk_restore(w, t, true, NULL);
	default:
		return 0;
	}
}

static int walk_token(struct walk *w, const struct jstr_token *t)
{
	switch (t->kind) {
	case JSTR_KEY:
		return walk_key(w, t);
	case JSTR_STRING:
		return walk_string(w, t, walk_place(w, t));
	case JSTR_OBJECT_BEGIN:
	case JSTR_ARRAY_BEGIN:
		w->in[t->depth] = walk_place(w, t);
		return 0;
	case JSTR_SCALAR:
		w->keyed = false;
		return 0;
	default:
		return 0;
	}
}

int unmask_document(struct unmask *u, const uint8_t *p, size_t len, enum schema schema,
		    const struct unmask_torn *torn, struct buf *out)
{
	struct walk w; /* its places are written before they are read: no need to clear a page */
	struct unmask_counts counts = u->counts;
	size_t before = buf_len(out);
	struct jstr js = {0};
	struct jstr_token t;
	int rc;

	walk_init(&w, u, p, schema);
	w.torn = torn;
	w.out = out;
	while ((rc = jstr_next(&js, p, len, true, &t)) == 1 && t.kind != JSTR_END)
		if (walk_token(&w, &t) < 0)
			return -1;
	if (rc < 0) {
		buf_truncate(out, before);
		u->counts = counts;
		return 0;
	}
	return buf_append(out, p + w.copied, len - w.copied) < 0 ? -1 : 1;
}

/* memmem() for two bytes takes eight instructions for each. */
static bool has_unicode_escape(const uint8_t *p, size_t len)
{
	size_t at = 0;

	for (; len - at > CHUNK; at += CHUNK)
		if (chunk_find(p + at, '\\') & chunk_find(p + at + 1, 'u'))
			return true;
	for (; at + 1 < len; at++)
		if (p[at] == '\\' && p[at + 1] == 'u')
			return true;
	return false;
}

/* Whether a placeholder could stand in it, in whatever spelling: only a \u could hide one. */
static bool worth_a_walk(const struct types *types, const uint8_t *p, size_t len)
{
	struct placeholder found;

	return placeholder_find(types, p, len, 0, true, &found) || has_unicode_escape(p, len);
}

static int restore_json(struct vault_scope *scope, const uint8_t *p, size_t len, enum schema schema,
			struct buf *out, struct unmask_counts *counts)
{
	struct unmask_text text;
	struct unmask u;
	int rc;

	if (len == 0 || !worth_a_walk(scope->types, p, len))
		return buf_append(out, p, len);
	unmask_init(&u, scope);
	rc = unmask_document(&u, p, len, schema, NULL, out);
	if (rc == 0) {
		unmask_text_init(&text, scope, 1);
		rc = unmask_text_feed(&text, p, len, out);
		if (rc == 0)
			rc = unmask_text_finish(&text, out);
		u.counts = text.counts;
	}
	counts->restored += u.counts.restored;
	counts->unknown += u.counts.unknown;
	unmask_free(&u);
	return rc < 0 ? -1 : 0;
}

int unmask_json(struct vault_scope *scope, const uint8_t *p, size_t len, enum schema schema,
		struct buf *out, struct unmask_counts *counts)
{
	const uint8_t *lf;
	size_t line;

	if (schema != SCHEMA_RESULT)
		return restore_json(scope, p, len, schema, out, counts);
	for (; len; p += line, len -= line) {
		lf = memchr(p, '\n', len);
		line = lf ? (size_t)(lf - p) + 1 : len;
		if (restore_json(scope, p, line, schema, out, counts) < 0)
			return -1;
	}
	return 0;
}
