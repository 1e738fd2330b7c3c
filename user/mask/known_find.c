/* SPDX-License-Identifier: Apache-2.0 */
#include "edge.h"
#include "known_table.h"

#define ACCOUNT_LEN 12
#define BLOCK 256
/* A longer row of dashes is a line that was drawn; nor may many looks at one cost much. */
#define JOINERS_MAX 64

struct candidate {
	uint64_t hash;
	size_t len;
};

/* The first type by which these bytes are looked for. */
static const struct known_value *wanted(const struct known *k, const struct known_filter *f,
					const struct known_value *v)
{
	while (v && f && !f->wants(f->arg, v->type, buf_bytes(&k->bytes) + v->off, v->len))
		v = v->next ? &value_list(k)[v->next - 1] : NULL;
	return v;
}

/* The longest value that p begins with and after which the token ends. */
static const struct known_value *longest_at(const struct known *k, const struct known_filter *f,
					    const uint8_t *p, size_t len)
{
	struct candidate ends[KNOWN_STOPS];
	size_t n = 0, at = 0;
	const struct known_stop *slot;
	uint64_t h = k->seed;

	for (size_t stops = 0; stops < KNOWN_STOPS && at < len; stops++) {
		size_t stop = next_stop(p, at, len);

		if (stop > k->longest)
			break;
		h = hash_on(h, p + at, stop - at);
		at = stop;
		slot = known_slot(k, h, p, at, false);
		if (!slot->hash)
			break;
		/* A stop inside a run stands before the joiners at its end. */
		if (at == len || !goes_on(p[at]) || goes_on(p[at - 1]))
			ends[n++] = (struct candidate){h, at};
		if (!slot->longer)
			break;
	}
	while (n--) {
		const struct known_value *v =
			wanted(k, f, known_value_at(k, ends[n].hash, p, ends[n].len));

		if (v)
			return v;
	}
	return NULL;
}

static bool is_account(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_digit(p[n]))
		n++;
	return n == len && len == ACCOUNT_LEN;
}

/* Twelve digits, whatever joins them to what follows. */
static const struct known_value *account_at(const struct known *k, const struct known_filter *f,
					    const uint8_t *p, size_t len)
{
	if (len < ACCOUNT_LEN || !is_account(p, ACCOUNT_LEN) ||
	    (len > ACCOUNT_LEN && known_classes[p[ACCOUNT_LEN]] & ALNUM))
		return NULL;
	return wanted(k, f, known_value_at(k, hash_on(k->seed, p, ACCOUNT_LEN), p, ACCOUNT_LEN));
}

/* What is looked for. */
struct search {
	const struct known *sets[KNOWN_SETS];
	size_t n;
	const struct known_filter *filter;
};

/* `joined`: only an account may begin here. */
static const struct known_value *find_at(const struct search *s, const uint8_t *text, size_t len,
					 bool joined)
{
	const struct known_value *best = NULL, *v;

	for (size_t i = 0; i < s->n; i++) {
		const struct known *k = s->sets[i];

		v = joined ? NULL : longest_at(k, s->filter, text, len);
		if (!v && is_digit(*text))
			v = account_at(k, s->filter, text, len);
		if (v && (!best || v->len > best->len))
			best = v;
	}
	return best;
}

struct proposals {
	size_t cursor; /* where to go on */
	uint64_t first;
	size_t n;
	size_t at[BLOCK];
};

/* Might a value of any set begin with these bytes? */
static inline size_t any_begins(const struct search *s, uint64_t first)
{
	size_t hit = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct known *k = s->sets[i];

		hit |= first_occurs((const uint64_t *)buf_bytes(&k->bits),
				    first_hash(first, k->first_mask, k->shift));
	}
	return hit;
}

/*
 * The next places where the first bytes of a value might stand. Without a branch on what the text
 * is like: the next byte cannot be guessed.
 */
static void propose(const struct search *s, const uint8_t *text, size_t len, struct proposals *g)
{
	const struct known *one = s->sets[0];
	const uint64_t *bits = (const uint64_t *)buf_bytes(&one->bits);
	size_t at = g->cursor, end = len - at < BLOCK ? len : at + BLOCK, n = 0;
	/* Up to here all of a value's first bytes are there. */
	size_t whole = len < KNOWN_MIN ? 0 : len - KNOWN_MIN + 1;
	uint64_t first = g->first, mask = one->first_mask;
	unsigned shift = one->shift;

	whole = whole < end ? whole : end;
	for (; s->n == 1 && at < whole; at++) {
		first = first_next(first, text[at + KNOWN_MIN - 1]);
		g->at[n] = at;
		n += first_occurs(bits, first_hash(first, mask, shift));
	}
	for (; at < whole; at++) {
		first = first_next(first, text[at + KNOWN_MIN - 1]);
		g->at[n] = at;
		n += any_begins(s, first);
	}
	for (; at < end; at++) {
		first = first_next(first, 0);
		g->at[n] = at;
		n += any_begins(s, first);
	}
	g->cursor = end;
	g->first = first;
	g->n = n;
}

/* Does nothing but a few dashes and underscores stand before `at` in its run? */
static bool run_begins(const uint8_t *text, size_t at)
{
	size_t least = at > JOINERS_MAX ? at - JOINERS_MAX : 0;

	while (at > least && (known_classes[text[at - 1]] & JOINER))
		at--;
	return !at || !goes_on(text[at - 1]) || escape_ends(text, at);
}

static const struct known_value *confirm(const struct search *s, const uint8_t *text, size_t len,
					 size_t at)
{
	bool begins = !at || !(known_classes[text[at - 1]] & ALNUM) || escape_ends(text, at);
	bool joined = begins && !run_begins(text, at);

	return begins ? find_at(s, text + at, len - at, joined) : NULL;
}

static int find_all(const struct search *s, const uint8_t *text, size_t len, struct buf *spans)
{
	struct proposals g;
	size_t done = 0;

	g.cursor = g.first = 0;
	for (size_t i = 0; i < KNOWN_MIN - 1; i++)
		g.first = first_next(g.first, i < len ? text[i] : 0);
	while (g.cursor < len) {
		propose(s, text, len, &g);
		for (size_t i = 0; i < g.n; i++) {
			const struct known_value *v;
			struct span found;

			if (g.at[i] < done)
				continue;
			v = confirm(s, text, len, g.at[i]);
			if (!v)
				continue;
			done = g.at[i] + v->len;
			found = (struct span){
				.start = g.at[i], .end = done, .type = v->type, .rule = RULE_KNOWN};
			if (buf_append(spans, &found, sizeof(found)))
				return -1;
		}
	}
	return 0;
}

int known_find(const struct known *const *sets, size_t n_sets, const struct known_filter *filter,
	       const uint8_t *text, size_t len, struct buf *spans)
{
	struct search s = {.filter = filter};

	for (size_t i = 0; i < n_sets; i++)
		if (known_count(sets[i]))
			s.sets[s.n++] = sets[i];
	return s.n ? find_all(&s, text, len, spans) : 0;
}
