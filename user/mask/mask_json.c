/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_walk.h"

/*
 * A walk over the document's tokens that always knows its place in the API's shapes. A string that
 * may pass verbatim only under a condition is held until the objects that decide have ended: their
 * keys may come in any order.
 */

#define CONTEXT_MAX 4096 /* longer strings are texts of their own, not the value of a setting */
#define KEY_CONTEXT_MAX 256
#define NUMBER_MAX 32
/* A piece ends behind a string of so many bytes, or with an element of the document's lists, or is long. */
#define PIECE_LEAST MEMO_HEAD
#define PIECE_LONG 8192
#define LISTS_DEPTH 2

static schema_node place_here(const struct walk *w)
{
	const struct frame *f;

	if (w->flat_depth)
		return w->flat;
	if (!w->n_frames)
		return w->root;
	f = &w->frames[w->n_frames - 1];
	return f->object ? f->child : schema_element(f->node);
}

/* The string's content, decoded; NULL: memory. */
static const uint8_t *token_text(struct walk *w, const struct jstr_token *t, size_t *len)
{
	struct mask *m = w->m;

	mask_text_begin(m);
	if (!t->escaped) {
		*len = t->len;
		return w->p + t->off;
	}
	if (jstr_decode(w->p + t->off, t->len, &m->text, &m->marks))
		return NULL;
	*len = buf_len(&m->text);
	return buf_bytes(&m->text);
}

static enum mask_error scan_token(struct walk *w, const struct jstr_token *t)
{
	size_t len = 0;
	const uint8_t *text;

	if (!t->len)
		return MASK_OK;
	text = token_text(w, t, &len);
	return text ? mask_text_scan(w->m, text, len, 0, w->base + t->off) : MASK_TOO_LARGE;
}

/* A setting's value means something only beside its name: "accountId": "...". */
static enum mask_error scan_with_key(struct walk *w, const struct jstr_token *t)
{
	struct mask *m = w->m;
	size_t skip;

	mask_text_begin(m);
	if (buf_append(&m->text, "\"", 1) ||
	    jstr_decode(w->p + w->key.off, w->key.len, &m->text, &m->marks) ||
	    buf_append(&m->text, "\":\"", 3))
		return MASK_TOO_LARGE;
	skip = buf_len(&m->text);
	buf_clear(&m->marks);
	if (jstr_decode(w->p + t->off, t->len, &m->text, &m->marks))
		return MASK_TOO_LARGE;
	return mask_text_scan(m, buf_bytes(&m->text), buf_len(&m->text), skip, w->base + t->off);
}

/*
 * An account id may be written as a number. JSON has no number that could stand for it: its
 * placeholder is a string. The API's own numbers have keys that the schema knows.
 */
static enum mask_error scan_number(struct walk *w, const struct jstr_token *t)
{
	struct mask *m = w->m;
	size_t skip;

	if (!w->has_key || !t->len || t->len > NUMBER_MAX || w->p[t->off] < '0' ||
	    w->p[t->off] > '9')
		return MASK_OK;
	mask_text_begin(m);
	if (buf_append(&m->text, "\"", 1) ||
	    jstr_decode(w->p + w->key.off, w->key.len, &m->text, &m->marks) ||
	    buf_append(&m->text, "\":", 2))
		return MASK_TOO_LARGE;
	skip = buf_len(&m->text);
	buf_clear(&m->marks);
	if (buf_append(&m->text, w->p + t->off, t->len))
		return MASK_TOO_LARGE;
	return mask_number_scan(m, buf_bytes(&m->text), buf_len(&m->text), skip, w->base + t->off);
}

/* Whether what is known of the frame allows the string to pass. */
static bool frame_allows(const struct frame *f, const struct schema_place *place, unsigned level)
{
	if (!place->types[level])
		return true;
	if (f->ambiguous || !(f->types & place->types[level]))
		return false;
	return place->rule != SCHEMA_SIGNED || level || f->has_signature;
}

static enum mask_error pass_verbatim(struct walk *w, const struct hold *h)
{
	enum schema_rule rule = schema_rule(h->node);
	const uint8_t *text;
	size_t len;

	if (rule == SCHEMA_OPAQUE || !h->token.len)
		return MASK_OK;
	text = token_text(w, &h->token, &len);
	if (!text)
		return MASK_TOO_LARGE;
	if (rule == SCHEMA_SIGNED)
		return mask_signed_scan(w->m, text, len);
	return schema_is_base64(text, len) ? MASK_OK : scan_token(w, &h->token);
}

/* The frame that h waits for has ended (it is no longer counted). *kept: another one decides. */
static enum mask_error hold_decide(struct walk *w, const struct frame *ended, struct hold *h,
				   bool *kept)
{
	const struct schema_place *place = schema_place(h->node);
	unsigned around = w->n_frames;

	*kept = false;
	if (!frame_allows(ended, place, h->level))
		return scan_token(w, &h->token);
	if (++h->level == SCHEMA_LEVELS || !place->types[h->level])
		return pass_verbatim(w, h);
	while (around && !w->frames[around - 1].object)
		around--;
	if (!around)
		return scan_token(w, &h->token);
	h->owner = around - 1;
	*kept = true;
	return MASK_OK;
}

static enum mask_error frame_end(struct walk *w)
{
	const struct frame ended = w->frames[--w->n_frames];
	struct hold *holds = (struct hold *)buf_bytes(&w->m->holds);
	size_t n = buf_len(&w->m->holds) / sizeof(*holds), keep = ended.held;

	for (size_t i = ended.held; i < n; i++) {
		struct hold h = holds[i];
		bool kept = true;
		enum mask_error e = MASK_OK;

		if (h.owner == w->n_frames)
			e = hold_decide(w, &ended, &h, &kept);
		if (e != MASK_OK)
			return e;
		if (kept)
			holds[keep++] = h;
	}
	if (keep < n) {
		buf_truncate(&w->m->holds, keep * sizeof(*holds));
		mask_text_room(w->m);
	}
	return MASK_OK;
}

static enum mask_error string_hold(struct walk *w, const struct jstr_token *t, schema_node node)
{
	struct hold h = {.token = *t, .node = node, .owner = w->n_frames - 1};

	/* A second one of the same name: nothing in this object passes, so it need not wait. */
	if (w->frames[h.owner].ambiguous)
		return scan_token(w, t);
	return mask_keep(w->m, &w->m->holds, &h, sizeof(h)) ? MASK_TOO_LARGE : MASK_OK;
}

static enum mask_error string_billing(struct walk *w, const struct jstr_token *t)
{
	size_t len = 0;
	const uint8_t *text = token_text(w, t, &len);

	if (!text && t->len)
		return MASK_TOO_LARGE;
	if (w->frames[w->n_frames - 1].first && schema_is_billing(text, len))
		return MASK_OK;
	return scan_token(w, t);
}

/* What the string says about the object that holds it. */
static enum mask_error string_role(struct walk *w, const struct jstr_token *t,
				   enum schema_role role)
{
	const uint8_t *text;
	size_t len;

	if (role == SCHEMA_SIGNATURE)
		w->frames[w->n_frames - 1].has_signature = t->len > 0;
	if (role != SCHEMA_TYPE || !t->len)
		return MASK_OK;
	text = token_text(w, t, &len);
	if (!text)
		return MASK_TOO_LARGE;
	w->frames[w->n_frames - 1].types = (uint16_t)schema_type_of(text, len);
	return MASK_OK;
}

static enum mask_error walk_string(struct walk *w, const struct jstr_token *t)
{
	schema_node node = place_here(w);
	const struct schema_place *place = schema_place(node);
	enum mask_error e;

	if (t->len > UINT32_MAX)
		return MASK_TOO_LARGE;
	e = string_role(w, t, place->role);
	if (e != MASK_OK)
		return e;
	switch (place->rule) {
	case SCHEMA_VERBATIM:
		return MASK_OK;
	case SCHEMA_BILLING:
		return string_billing(w, t);
	case SCHEMA_SIGNED:
	case SCHEMA_BASE64:
	case SCHEMA_OPAQUE:
		return string_hold(w, t, node);
	case SCHEMA_MASK:
	case SCHEMA_NESTED_JSON:
		break;
	}
	if (w->has_key && t->len <= CONTEXT_MAX)
		return scan_with_key(w, t);
	return scan_token(w, t);
}

static bool place_decides(const struct schema_place *place)
{
	return place->role != SCHEMA_PLAIN || place->types[0];
}

/* The next value's place follows from its key. *known: the key is the API's own. 0, or -1: memory.
 */
static int frame_key(struct walk *w, const struct jstr_token *t, bool *known)
{
	struct frame *f = &w->frames[w->n_frames - 1];
	size_t len = 0;
	const uint8_t *text = token_text(w, t, &len);

	if (!text && t->len)
		return -1;
	f->child = schema_key(f->node, text, len, known);
	if (place_decides(schema_place(f->child))) {
		f->ambiguous |= f->seen >> f->child & 1;
		f->seen |= 1ull << f->child;
	}
	return 0;
}

static enum mask_error walk_key(struct walk *w, const struct jstr_token *t)
{
	bool known = w->flat != 0; /* verbatim throughout, or free-form */

	if (t->len > UINT32_MAX)
		return MASK_TOO_LARGE;
	if (!w->flat_depth && frame_key(w, t, &known))
		return MASK_TOO_LARGE;
	w->has_key = !known && t->len <= KEY_CONTEXT_MAX;
	w->key = *t;
	return known ? MASK_OK : scan_token(w, t);
}

/* A value begins: whether it is the first of its array. */
static bool element_first(struct walk *w)
{
	struct frame *f;
	bool first;

	if (w->flat_depth || !w->n_frames)
		return false;
	f = &w->frames[w->n_frames - 1];
	first = f->empty;
	f->empty = false;
	return first;
}

static void walk_begin(struct walk *w, bool object)
{
	schema_node node = place_here(w);
	bool first = element_first(w);

	if (object)
		w->has_key = false;
	if (w->flat_depth || schema_uniform(node) || w->n_frames == FRAMES) {
		if (!w->flat_depth++)
			w->flat = schema_uniform(node) ? node : 0;
		return;
	}
	w->frames[w->n_frames++] = (struct frame){
		.node = node,
		.object = object,
		.first = first,
		.empty = !object,
		.held = (uint32_t)(buf_len(&w->m->holds) / sizeof(struct hold)),
	};
}

static enum mask_error walk_end(struct walk *w)
{
	w->has_key = false;
	if (!w->flat_depth)
		return frame_end(w);
	if (!--w->flat_depth)
		w->flat = 0;
	return MASK_OK;
}

static enum mask_error walk_token(struct walk *w, const struct jstr_token *t)
{
	switch (t->kind) {
	case JSTR_OBJECT_BEGIN:
	case JSTR_ARRAY_BEGIN:
		walk_begin(w, t->kind == JSTR_OBJECT_BEGIN);
		break;
	case JSTR_OBJECT_END:
	case JSTR_ARRAY_END:
		return walk_end(w);
	case JSTR_KEY:
		return walk_key(w, t);
	case JSTR_STRING:
		element_first(w);
		return walk_string(w, t);
	case JSTR_SCALAR:
		element_first(w);
		return scan_number(w, t);
	case JSTR_END:
		break;
	}
	return MASK_OK;
}

/*
 * Does a piece end behind this token? Where it begins hardly matters: so pieces are the same again
 * behind what changed. A number goes on with what follows, and a key is none without that.
 */
static bool piece_ends(struct walk *w, size_t from, const struct jstr_token *t)
{
	bool end = t->kind == JSTR_OBJECT_END || t->kind == JSTR_ARRAY_END;
	size_t len = w->json.pos - from;

	if (len < PIECE_LEAST || !w->json.depth || !(end || t->kind == JSTR_STRING))
		return false;
	if (len < PIECE_LONG && !(end ? t->depth <= LISTS_DEPTH : t->len >= PIECE_LEAST))
		return false;
	if (jstr_in_object(&w->json))
		w->has_key = false; /* it had its value */
	return walk_save(w);
}

/* Read a piece, as far as it has come, and remember it when that is all of it. */
static enum mask_error walk_piece(struct walk *w, bool last)
{
	bool pieces = w->m->record.asks;
	enum mask_error e;
	int rc = 1;

	do {
		if (!w->waits)
			rc = jstr_next(&w->json, w->p, w->len, last, &w->token);
		if (rc <= 0)
			return rc < 0 ? MASK_NOT_JSON : MASK_OK;
		w->waits = w->json.pos > w->until;
		if (w->waits)
			return MASK_TOO_NEW;
		e = walk_token(w, &w->token);
		if (e != MASK_OK)
			return e;
		w->ended = w->token.kind == JSTR_END;
	} while (!w->ended && !(pieces && piece_ends(w, w->from, &w->token)));
	if (w->ended)
		buf_clear(&w->m->record.state);
	w->begun = false;
	mask_piece_keep(w->m, (struct memo_bytes){w->p + w->from, w->json.pos - w->from}, w->ended);
	return MASK_OK;
}

/* Pass over what is remembered from here on, piece by piece, to where one begins that is not. */
static enum mask_error walk_recall(struct walk *w, bool last)
{
	struct mask_record *r = &w->m->record;
	size_t pos = w->json.pos, len;
	enum mask_error e;

	do {
		e = mask_piece_recall(w->m, (struct memo_bytes){w->p + pos, w->len - pos}, !last,
				      w->base + pos, &len);
		pos += len;
		w->ended = len && !buf_len(&r->state);
	} while (e == MASK_OK && len && !w->ended);
	if (w->until < SIZE_MAX)
		w->until += pos - w->json.pos;
	if (w->ended)
		w->json.pos = pos;
	if (e != MASK_OK || w->ended)
		return e;
	w->begun = !r->key.cut;
	w->from = pos;
	if (pos > w->json.pos)
		e = walk_load(w, w->begun ? &r->begun : &r->state, pos);
	/* Of what is whole nothing is read, unless all of it may be. */
	return e == MASK_OK && last && w->until < w->len ? MASK_TOO_NEW : e;
}

enum mask_error mask_walk_begin(struct mask *m, size_t off, enum schema schema)
{
	*m->walk = (struct walk){.m = m, .base = off, .root = schema_root(schema)};
	buf_clear(&m->holds);
	return walk_save(m->walk) ? MASK_OK : MASK_TOO_LARGE;
}

enum mask_error mask_walk_on(struct mask *m, const uint8_t *p, size_t len, bool last)
{
	struct walk *w = m->walk;
	size_t left = m->read_left, done = mask_json_done(m);
	enum mask_error e = MASK_OK;

	w->p = p + w->base;
	w->len = len;
	w->until = left < SIZE_MAX - done ? done + left : SIZE_MAX;
	while (e == MASK_OK && !w->ended) {
		if (!w->begun)
			e = walk_recall(w, last);
		if (!w->begun || e != MASK_OK)
			break;
		e = walk_piece(w, last);
		if (w->begun)
			break;
	}
	done = mask_json_done(m);
	if (w->until < SIZE_MAX)
		m->read_left = w->until > done ? w->until - done : 0;
	return e;
}

enum mask_error mask_json_scan(struct mask *m, const uint8_t *p, size_t off, size_t len,
			       enum schema schema)
{
	enum mask_error e = mask_walk_begin(m, off, schema);

	return e == MASK_OK ? mask_walk_on(m, p, len, true) : e;
}
