/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MASK_WORLD_H
#define AWSMASK_MASK_WORLD_H
/*
 * A catalogue, a mask and a vault in memory, for the tests of masking, which ask for each thing once more
 * with a memo; and a restorer that is nothing but a search for placeholders, to hold masking against.
 */
#include "../user/mask/jstr.h"
#include "../user/mask/mask.h"
#include "memory_vault.h"
#include "seeded_memo.h"
#include "must.h"

#define WORLD_MEMORY ((size_t)64 << 20)

struct world {
	struct catalogue *catalogue;
	struct mask *mask;
	struct memory_vault vault;
	struct buf out; /* of the last world_...() */
	/* Each request is asked again, with and without this, and all is the same. NULL: it is not asked. */
	struct memo *memo;
	struct mask *plain, *other;
};

static inline void world_init(struct world *w)
{
	char why[256] = "";

	memset(w, 0, sizeof(*w));
	w->catalogue = catalogue_new(why, sizeof(why));
	must(w->catalogue != NULL, why);
	w->mask = mask_new(w->catalogue, WORLD_MEMORY);
	MUST(w->mask != NULL);
	memory_vault_init(&w->vault);
	buf_init(&w->out, WORLD_MEMORY);
	w->memo = seeded_memo(1 << 20, 0x1d8e4e27c47d124f);
	w->plain = mask_new(w->catalogue, WORLD_MEMORY);
	w->other = mask_new(w->catalogue, WORLD_MEMORY);
	MUST(w->memo && w->plain && w->other);
}

/* Another vault, of which nothing is remembered either. */
static inline void world_forget(struct world *w)
{
	mask_reset(w->mask); /* a refused one still holds what its vault knew */
	memory_vault_free(&w->vault);
	memory_vault_init(&w->vault);
	memo_free(w->memo);
	w->memo = seeded_memo(1 << 20, 0x1d8e4e27c47d124f);
	MUST(w->memo != NULL);
}

static inline void world_free(struct world *w)
{
	mask_free(w->plain);
	mask_free(w->other);
	memo_free(w->memo);
	mask_free(w->mask);
	catalogue_free(w->catalogue);
	memory_vault_free(&w->vault);
	buf_free(&w->out);
}

static inline void world_begin(struct world *w)
{
	mask_reset(w->mask);
	mask_know(w->mask, &w->vault.scope);
}

/* After a scan of part 0, and what was learned from it: the phases that follow, to w->out. */
static inline void world_finish(struct world *w, const uint8_t *p, size_t len)
{
	struct vault_entry *entries;
	size_t n, unknown = mask_resolve(w->mask, &w->vault.scope);

	entries = mask_pending(w->mask, &n);
	MUST(n == unknown && !entries == !n);
	if (entries)
		MUST(w->vault.scope.ops->reserve(&w->vault.scope, entries, n) == 0);
	MUST(mask_resolve(w->mask, &w->vault.scope) == 0);
	buf_clear(&w->out);
	MUST(mask_splice(w->mask, 0, p, len, &w->out) == 0);
}

#define WORLD_SAME(a, b, field) MUST(!memcmp(&(a)->field, &(b)->field, sizeof((a)->field)))

/* All that can be seen of both is the same. */
static inline void world_same(const struct mask *m, const struct mask *n)
{
	const struct mask_counts *a = mask_counts(m), *b = mask_counts(n);

	WORLD_SAME(a, b, by_type);
	WORLD_SAME(a, b, by_knowledge);
	WORLD_SAME(a, b, known_by_type);
	WORLD_SAME(a, b, observed);
	WORLD_SAME(a, b, blocked);
	WORLD_SAME(a, b, blocked_type);
	WORLD_SAME(a, b, blocked_by_type);
	WORLD_SAME(a, b, signed_passed);
	for (size_t i = 0;; i++) {
		struct mask_place p, q;
		bool more = mask_place(m, 0, i, &p);

		MUST(mask_place(n, 0, i, &q) == more);
		if (!more)
			break;
		MUST(p.start == q.start && p.end == q.end && p.type == q.type &&
		     p.number == q.number && p.rule == q.rule && p.len == q.len &&
		     !memcmp(p.value, q.value, p.len));
	}
}

enum world_kind { WORLD_TEXT, WORLD_JSON, WORLD_QUERY, WORLD_MULTIPART };

struct world_request {
	enum world_kind kind;
	const void *p;
	size_t len;
	enum schema schema;
	const char *boundary;
	bool allow_binary;
};

static inline enum mask_error world_scan(struct mask *m, const struct world_request *r)
{
	switch (r->kind) {
	case WORLD_TEXT:
		return mask_scan_text(m, 0, r->p, r->len);
	case WORLD_JSON:
		return mask_scan_json(m, 0, r->p, r->len, r->schema);
	case WORLD_QUERY:
		return mask_scan_query(m, 0, r->p, r->len);
	case WORLD_MULTIPART:
		break;
	}
	return mask_scan_multipart(m, 0, r->p, r->len, r->boundary, r->allow_binary);
}

static inline enum mask_error world_ask(struct world *w, struct mask *m, struct memo *memo,
					const struct world_request *r)
{
	enum mask_error e;

	mask_reset(m);
	mask_know(m, &w->vault.scope);
	mask_remember(m, memo);
	e = world_scan(m, r);
	if (e == MASK_OK)
		e = mask_learn(m);
	mask_resolve(m, &w->vault.scope);
	return e;
}

static inline void world_check(struct world *w, const struct world_request *r)
{
	bool unlogged = w->vault.unlogged;
	enum mask_error e;

	w->vault.unlogged = true;
	e = world_ask(w, w->plain, NULL, r);
	for (unsigned i = 0; i < 2; i++) {
		MUST(world_ask(w, w->other, w->memo, r) == e);
		if (e == MASK_OK)
			world_same(w->plain, w->other);
	}
	mask_reset(w->plain);
	mask_reset(w->other);
	w->vault.unlogged = unlogged;
}

static inline enum mask_error world_run(struct world *w, const struct world_request *r)
{
	enum mask_error e;

	world_begin(w);
	e = world_scan(w->mask, r);
	if (e == MASK_OK)
		e = mask_learn(w->mask);
	if (e == MASK_OK)
		world_finish(w, r->p, r->len);
	if (w->memo)
		world_check(w, r);
	return e;
}

static inline enum mask_error world_text(struct world *w, const void *p, size_t len)
{
	const struct world_request r = {.kind = WORLD_TEXT, .p = p, .len = len};

	return world_run(w, &r);
}

static inline enum mask_error world_json(struct world *w, const void *p, size_t len,
					 enum schema schema)
{
	const struct world_request r = {.kind = WORLD_JSON, .p = p, .len = len, .schema = schema};

	return world_run(w, &r);
}

static inline enum mask_error world_query(struct world *w, const void *p, size_t len)
{
	const struct world_request r = {.kind = WORLD_QUERY, .p = p, .len = len};

	return world_run(w, &r);
}

static inline enum mask_error world_multipart(struct world *w, const void *p, size_t len,
					      const char *boundary, bool allow_binary)
{
	const struct world_request r = {.kind = WORLD_MULTIPART,
					.p = p,
					.len = len,
					.boundary = boundary,
					.allow_binary = allow_binary};

	return world_run(w, &r);
}

/* Every placeholder of the vault becomes its value. */
static inline void world_restore(struct world *w, const uint8_t *p, size_t len, struct buf *out)
{
	struct placeholder ph;
	size_t done = 0, from = 0, value_len;
	const uint8_t *value;

	while (placeholder_find(w->vault.scope.types, p, len, from, true, &ph)) {
		from = ph.end;
		if (!memory_vault_value(&w->vault.scope, ph.type, ph.number, &value, &value_len))
			continue;
		MUST(buf_append(out, p + done, ph.start - done) == 0);
		MUST(buf_append(out, value, value_len) == 0);
		done = ph.end;
	}
	if (done < len)
		MUST(buf_append(out, p + done, len - done) == 0);
}

/* Bytes of the JSON string's unit (character or escape) at p. */
static inline size_t world_unit(const uint8_t *p, size_t len)
{
	bool pair = len >= 12 && p[6] == '\\' && p[7] == 'u' && (p[8] | 0x20) == 'd' &&
		    strchr("cdefCDEF", p[9]) && (p[2] | 0x20) == 'd' && strchr("89abAB", p[3]);

	if (*p != '\\')
		return 1;
	if (p[1] != 'u')
		return 2;
	return pair ? 12 : 6;
}

/* How many raw bytes of p say exactly this value. */
static inline size_t world_value_raw(const uint8_t *p, size_t len, const uint8_t *value,
				     size_t value_len)
{
	struct buf text, marks;
	size_t at = 0;
	bool same;

	buf_init(&text, WORLD_MEMORY);
	buf_init(&marks, WORLD_MEMORY);
	while (at < len && buf_len(&text) < value_len) {
		size_t unit = world_unit(p + at, len - at);

		MUST(jstr_decode(p + at, unit, &text, &marks) == 0);
		at += unit;
	}
	same = buf_len(&text) == value_len && value_len &&
	       !memcmp(buf_bytes(&text), value, value_len);
	must(same, "a placeholder stands where its value stood");
	buf_free(&text);
	buf_free(&marks);
	return at;
}

/*
 * That the raw JSON string y is x with some values replaced and every other byte in its place (I3).
 */
static inline void world_same_outside(struct world *w, const uint8_t *x, size_t x_len,
				      const uint8_t *y, size_t y_len)
{
	struct placeholder ph = {0};
	bool more = true;
	size_t i = 0, j = 0, unit, len;
	const uint8_t *value;

	if (x_len == y_len && !memcmp(x, y, x_len))
		return;
	while (j < y_len) {
		if (more && (j == 0 || ph.start < j))
			more = placeholder_find(w->vault.scope.types, y, y_len, j, true, &ph) == 1;
		if (more && ph.start == j) {
			MUST(memory_vault_value(&w->vault.scope, ph.type, ph.number, &value,
						&len) == 1);
			i += world_value_raw(x + i, x_len - i, value, len);
			j = ph.end;
			continue;
		}
		unit = world_unit(y + j, y_len - j);
		MUST(unit <= x_len - i && !memcmp(x + i, y + j, unit));
		i += unit;
		j += unit;
	}
	MUST(i == x_len);
}

/* `strict`: no string of the document may pass verbatim, so each must restore to itself. */
static inline void world_same_string(struct world *w, const uint8_t *x, size_t x_len,
				     const uint8_t *y, size_t y_len, bool strict)
{
	struct buf a, b, restored, marks;

	world_same_outside(w, x, x_len, y, y_len);
	buf_init(&a, WORLD_MEMORY);
	buf_init(&b, WORLD_MEMORY);
	buf_init(&restored, WORLD_MEMORY);
	buf_init(&marks, WORLD_MEMORY);
	MUST(jstr_decode(x, x_len, &a, &marks) == 0);
	MUST(jstr_decode(y, y_len, &b, &marks) == 0);
	if (strict || x_len != y_len || memcmp(x, y, x_len)) {
		world_restore(w, buf_bytes(&b), buf_len(&b), &restored);
		MUST(buf_len(&a) == buf_len(&restored) &&
		     (!buf_len(&a) || !memcmp(buf_bytes(&a), buf_bytes(&restored), buf_len(&a))));
	}
	buf_free(&a);
	buf_free(&b);
	buf_free(&restored);
	buf_free(&marks);
}

/*
 * That y is x masked: token by token the same once restored, byte by byte outside the values, but for
 * the quotes around what stands for a number.
 */
static inline void world_same_json(struct world *w, const uint8_t *x, size_t x_len,
				   const uint8_t *y, size_t y_len, bool strict)
{
	struct jstr a = {0}, b = {0};
	struct jstr_token s, t;
	size_t i = 0, j = 0;

	do {
		MUST(jstr_next(&a, x, x_len, true, &s) == 1);
		MUST(jstr_next(&b, y, y_len, true, &t) == 1);
		bool quoted = s.kind == JSTR_SCALAR && t.kind == JSTR_STRING;

		MUST((s.kind == t.kind || quoted) && s.depth == t.depth);
		if (t.kind != JSTR_KEY && t.kind != JSTR_STRING)
			continue;
		MUST(s.off - i + quoted == t.off - j && !memcmp(x + i, y + j, s.off - i));
		world_same_string(w, x + s.off, s.len, y + t.off, t.len, strict);
		i = s.off + s.len;
		j = t.off + t.len + quoted;
	} while (s.kind != JSTR_END);
	MUST(x_len - i == y_len - j && !memcmp(x + i, y + j, x_len - i));
}

static inline bool out_has(const struct world *w, const char *text)
{
	const uint8_t *p = buf_bytes(&w->out);

	return p && memmem(p, buf_len(&w->out), text, strlen(text));
}

#endif
