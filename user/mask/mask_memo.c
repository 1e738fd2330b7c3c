/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a piece, and when that holds. What rules find in its texts, one after another,
 * depends on its bytes alone. What was done with that is done again as long as the policy is the same,
 * and no value that came to be known since can stand there. Else it is read again, but for the rules.
 */
#include "mask_scan.h"

/* To look for so many values one by one is as dear as to read the piece. */
#define VALUES_LEAST 4
#define BYTES_PER_VALUE 16
#define WORDS_LEAST 64
#define TEXT_PER_WORD 128 /* bytes; some two of its tokens are noted */

/* A span, smaller. */
struct kept_span {
	uint32_t start, end;
	uint16_t type, rule;
};

void mask_remember(struct mask *m, struct memo *memo)
{
	m->memo = memo;
	m->record.asks = false;
}

void mask_pieces(struct mask *m)
{
	struct mask_record *r = &m->record;

	r->policy = m->memo && m->scope ? memo_policy(m->memo, m->policy) : 0;
	r->asks = r->policy != 0;
	/* A piece that was begun with another one has its key. */
	r->on &= r->asks && r->memo == m->memo;
	r->memo = m->memo;
}

/* ---- recalling */

static bool may_have_any(const struct known_tokens *t, const struct known *k, size_t from)
{
	for (size_t i = from; i < known_count(k); i++)
		if (known_tokens_may_have(t, k, i))
			return true;
	return false;
}

/* Would the same be done now? */
static bool is_current(struct mask *m, const struct memo_piece *piece)
{
	size_t known = mask_known(m), before = piece->known;
	size_t fresh = known_count(&m->local) + (known > before ? known - before : 0);

	if (piece->policy != m->record.policy)
		return false;
	if (fresh > VALUES_LEAST + piece->bytes.len / BYTES_PER_VALUE)
		return false;
	if (known > before && may_have_any(&piece->tokens, m->snapshot, before))
		return false;
	if (may_have_any(&piece->tokens, &m->local, 0))
		return false;
	if (known > before)
		memo_knows(m->memo, known);
	return true;
}

static size_t effect_size(const struct mask_effect *e)
{
	return sizeof(*e) + (e->len + 7) / 8 * 8;
}

/* Of the span that was kept last. */
static struct mask_value *last_value(const struct mask *m)
{
	const uint8_t *end = buf_bytes(&m->spans) + buf_len(&m->spans);
	struct mask_span span;

	memcpy(&span, end - sizeof(span), sizeof(span));
	return (struct mask_value *)buf_bytes(&m->values) + span.value;
}

/*
 * What the vault says of a value holds for ever: so it is asked once, when the piece comes again. Of a
 * snapshot that is older than what it said then, this says nothing.
 */
static void settle(struct mask *m, struct mask_effect *e, const uint8_t *p)
{
	uint32_t known = (uint32_t)mask_known(m);
	struct mask_value *v = last_value(m);
	enum mask_type type = (enum mask_type)e->type;

	if (e->number && e->known <= known) {
		v->number = e->number;
		v->settled = true;
		return;
	}
	if (!v->settled)
		v->settled = !known_learns(type, p, e->len) ||
			     (m->snapshot && known_has(m->snapshot, type, p, e->len));
	if (!v->settled)
		return;
	if (!v->number && m->scope->ops->number(m->scope, type, p, e->len, &v->number) != 1)
		return;
	e->number = v->number;
	e->known = known;
}

static enum mask_error do_again(struct mask *m, size_t len, size_t off)
{
	uint8_t *p = memo_effects(m->memo);
	enum mask_error error = MASK_OK;

	for (const uint8_t *end = p + len; error == MASK_OK && p < end;) {
		struct mask_effect *kept = (struct mask_effect *)(void *)p, e = *kept;

		e.start += (int64_t)off;
		if (e.kind == EFFECT_SPAN)
			error = mask_do_span(m, &e, p + sizeof(e));
		else
			mask_note(m, (enum effect_kind)e.kind, (enum mask_type)e.type);
		if (e.kind == EFFECT_SPAN && error == MASK_OK)
			settle(m, kept, p + sizeof(e));
		p += effect_size(&e);
	}
	return error;
}

/* It is to be read. What holds for values that this request revealed and nobody may ever know is not kept. */
static void record_begin(struct mask *m, size_t off)
{
	struct mask_record *r = &m->record;
	struct buf begun = r->state;

	r->state = r->begun;
	r->begun = begun;
	r->on = !known_count(&m->local);
	r->from = off;
	r->scanned = 0;
	buf_clear(&r->rules);
	buf_clear(&r->effects);
	buf_clear(&r->words);
}

/* Done again, and the state is that behind it. */
static enum mask_error recall(struct mask *m, const struct memo_piece *piece, size_t off)
{
	struct buf *state = &m->record.state;

	buf_clear(state);
	if (buf_append(state, piece->state.p, piece->state.len))
		return MASK_TOO_LARGE;
	return do_again(m, piece->effects.len, off);
}

enum mask_error mask_piece_recall(struct mask *m, struct memo_bytes ahead, bool more, size_t off,
				  size_t *len)
{
	struct mask_record *r = &m->record;
	struct memo_piece piece;
	bool there;

	*len = 0;
	r->on = false;
	buf_clear(&r->given);
	r->key = (struct memo_key){.owner = m->scope,
				   .state = {buf_bytes(&r->state), buf_len(&r->state)},
				   .ahead = ahead,
				   .more = more,
				   .cut = more && ahead.len < MEMO_HEAD};
	if (!r->asks || r->key.cut)
		return MASK_OK;
	there = memo_recall(m->memo, &r->key, &piece);
	if (there && is_current(m, &piece)) {
		*len = piece.bytes.len;
		return recall(m, &piece, off);
	}
	if (r->key.cut)
		return MASK_OK;
	record_begin(m, off);
	if (there && buf_append(&r->given, piece.rules.p, piece.rules.len))
		return MASK_TOO_LARGE;
	return MASK_OK;
}

/* ---- remembering */

static uint64_t *words(const struct mask_record *r, size_t *n)
{
	*n = buf_len(&r->words) / sizeof(uint64_t);
	return (uint64_t *)(void *)buf_bytes(&r->words);
}

/* As many words as so many bytes of text should have, a power of two. */
static size_t words_for(size_t len)
{
	size_t n = 1;

	while (n < len / TEXT_PER_WORD)
		n *= 2;
	return n;
}

/* Twice as many words: what was in one may belong to either. 0, or -1: memory. */
static int words_double(struct mask_record *r)
{
	size_t n;
	uint64_t *w;

	if (!buf_reserve(&r->words, buf_len(&r->words)))
		return -1;
	buf_grew(&r->words, buf_len(&r->words));
	w = words(r, &n);
	for (size_t i = n / 2; i-- > 0;)
		w[2 * i] = w[2 * i + 1] = w[i];
	return 0;
}

static void words_halve(struct mask_record *r)
{
	size_t n;
	uint64_t *w = words(r, &n);

	for (size_t i = 0; i < n / 2; i++)
		w[i] = w[2 * i] | w[2 * i + 1];
	buf_truncate(&r->words, n / 2 * sizeof(*w));
}

/* Room for the tokens of so much text more. 0, or -1: memory. */
static int words_begin(struct mask_record *r, size_t len)
{
	size_t n, want = words_for(len);

	if (!buf_len(&r->words)) {
		size_t size = (want < WORDS_LEAST ? WORDS_LEAST : want) * sizeof(uint64_t);
		uint8_t *p = buf_reserve(&r->words, size);

		if (!p)
			return -1;
		memset(p, 0, size);
		buf_grew(&r->words, size);
	}
	for (words(r, &n); n < want; n *= 2)
		if (words_double(r))
			return -1;
	r->scanned += len;
	return 0;
}

void mask_remember_effect(struct mask *m, const struct mask_effect *e, const uint8_t *value)
{
	static const uint8_t zeroes[8];
	struct mask_record *r = &m->record;
	struct mask_effect kept = *e;

	if (!r->on)
		return;
	kept.start -= (int64_t)r->from;
	if (buf_append(&r->effects, &kept, sizeof(kept)) ||
	    buf_append(&r->effects, value, e->len) ||
	    buf_append(&r->effects, zeroes, effect_size(e) - sizeof(*e) - e->len))
		r->on = false;
}

void mask_piece_keep(struct mask *m, struct memo_bytes bytes, bool last)
{
	struct mask_record *r = &m->record;
	struct memo_piece piece = {.bytes = bytes,
				   .last = last,
				   .state = {buf_bytes(&r->state), buf_len(&r->state)},
				   .rules = {buf_bytes(&r->rules), buf_len(&r->rules)},
				   .effects = {buf_bytes(&r->effects), buf_len(&r->effects)},
				   .policy = r->policy,
				   .known = mask_known(m)};

	if (!r->on)
		return;
	r->on = false;
	for (size_t want = words_for(r->scanned); buf_len(&r->words) / sizeof(uint64_t) > want;)
		words_halve(r);
	piece.tokens.words = words(r, &piece.tokens.n);
	memo_keep(m->memo, &r->key, &piece);
}

/* ---- a text of it */

/* Why detect_all() failed, which it does not say: a buffer that had room left was not the reason. */
static enum mask_error detect_error(const struct mask *m)
{
	bool full = m->found.cap + sizeof(struct span) > m->found.max;

	return full ? MASK_TOO_LARGE : MASK_MATCH_LIMIT;
}

/* What was found in the text the last time. */
static enum mask_error given_rules(struct mask *m)
{
	struct buf *given = &m->record.given;
	uint32_t n;

	memcpy(&n, buf_bytes(given), sizeof(n));
	buf_drop(given, sizeof(n));
	for (; n; n--) {
		struct kept_span k;
		struct span s;

		memcpy(&k, buf_bytes(given), sizeof(k));
		buf_drop(given, sizeof(k));
		s = (struct span){k.start, k.end, (enum mask_type)k.type, k.rule};
		if (buf_append(&m->found, &s, sizeof(s)))
			return MASK_TOO_LARGE;
	}
	return MASK_OK;
}

static void remember_rules(struct mask *m)
{
	struct mask_record *r = &m->record;
	const struct span *spans = (const struct span *)buf_bytes(&m->found);
	uint32_t n = (uint32_t)(buf_len(&m->found) / sizeof(*spans));

	if (!r->on)
		return;
	r->on = !buf_append(&r->rules, &n, sizeof(n));
	for (uint32_t i = 0; r->on && i < n; i++) {
		const struct kept_span k = {(uint32_t)spans[i].start, (uint32_t)spans[i].end,
					    (uint16_t)spans[i].type, spans[i].rule};

		r->on = !buf_append(&r->rules, &k, sizeof(k));
	}
}

enum mask_error mask_find_rules(struct mask *m, const uint8_t *text, size_t len, bool none)
{
	enum mask_error e = MASK_OK;

	buf_clear(&m->found);
	if (buf_len(&m->record.given))
		e = given_rules(m);
	else if (!none && detect_all(m->detector, text, len, &m->found))
		e = detect_error(m);
	remember_rules(m);
	return e;
}

enum mask_error mask_find_places(struct mask *m, const struct known *const *sets, size_t n,
				 const uint8_t *text, size_t len)
{
	struct mask_record *r = &m->record;
	struct known_tokens tokens = {0};
	int rc;

	buf_clear(&m->places);
	if (r->on && words_begin(r, len))
		r->on = false;
	tokens.words = words(r, &tokens.n);
	rc = known_places(sets, n, text, len, r->on ? &tokens : NULL, &m->places);
	r->noted = tokens.noted;
	return rc ? MASK_TOO_LARGE : MASK_OK;
}
