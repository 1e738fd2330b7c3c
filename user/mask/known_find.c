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

/* The longest value that p begins with and after which the token ends. */
static const struct known_value *longest_at(const struct known *k, const uint8_t *p, size_t len)
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
		const struct known_value *v = known_value_at(k, ends[n].hash, p, ends[n].len);

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
static const struct known_value *account_at(const struct known *k, const uint8_t *p, size_t len)
{
	if (len < ACCOUNT_LEN || !is_account(p, ACCOUNT_LEN) ||
	    (len > ACCOUNT_LEN && known_classes[p[ACCOUNT_LEN]] & ALNUM))
		return NULL;
	return known_value_at(k, hash_on(k->seed, p, ACCOUNT_LEN), p, ACCOUNT_LEN);
}

/* `joined`: only an account may begin here. */
static const struct known_value *find_at(const struct known *const *sets, size_t n_sets,
					 const uint8_t *text, size_t len, bool joined)
{
	const struct known_value *best = NULL, *v;

	for (size_t i = 0; i < n_sets; i++) {
		const struct known *k = sets[i];

		v = joined ? NULL : longest_at(k, text, len);
		if (!v && is_digit(*text))
			v = account_at(k, text, len);
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

/*
 * The next places where the first bytes of a value might stand. Without a branch on what the text
 * is like: the next byte cannot be guessed.
 */
static void propose(const struct known *const *sets, size_t n_sets, const uint8_t *text, size_t len,
		    struct proposals *g)
{
	const struct known *one = sets[0], *two = sets[n_sets - 1];
	const uint64_t *bits = (const uint64_t *)buf_bytes(&one->bits);
	const uint64_t *more = (const uint64_t *)buf_bytes(&two->bits);
	size_t last = len - KNOWN_MIN, at = g->cursor, n = 0;
	size_t end = last - at < BLOCK ? last + 1 : at + BLOCK;
	unsigned shift = one->shift, more_shift = two->shift;
	uint64_t first = g->first;

	for (; n_sets == 1 && at < end; at++) {
		first = first_next(first, text[at + KNOWN_MIN - 1]);
		g->at[n] = at;
		n += first_occurs(bits, first_hash(first, shift));
	}
	for (; at < end; at++) {
		first = first_next(first, text[at + KNOWN_MIN - 1]);
		g->at[n] = at;
		n += first_occurs(bits, first_hash(first, shift)) |
		     first_occurs(more, first_hash(first, more_shift));
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

static const struct known_value *confirm(const struct known *const *sets, size_t n_sets,
					 const uint8_t *text, size_t len, size_t at)
{
	bool begins = !at || !(known_classes[text[at - 1]] & ALNUM) || escape_ends(text, at);
	bool joined = begins && !run_begins(text, at);

	return begins ? find_at(sets, n_sets, text + at, len - at, joined) : NULL;
}

int known_find(const struct known *const *sets, size_t n_sets, const uint8_t *text, size_t len,
	       struct buf *spans)
{
	const struct known *used[KNOWN_SETS];
	struct proposals g;
	size_t n = 0, done = 0;

	for (size_t i = 0; i < n_sets; i++)
		if (known_count(sets[i]))
			used[n++] = sets[i];
	if (!n || len < KNOWN_MIN)
		return 0;
	g.cursor = g.first = 0;
	for (size_t i = 0; i < KNOWN_MIN - 1; i++)
		g.first = first_next(g.first, text[i]);
	while (g.cursor + KNOWN_MIN <= len) {
		propose(used, n, text, len, &g);
		for (size_t i = 0; i < g.n; i++) {
			const struct known_value *v;
			struct span s;

			if (g.at[i] < done)
				continue;
			v = confirm(used, n, text, len, g.at[i]);
			if (!v)
				continue;
			done = g.at[i] + v->len;
			s = (struct span){
				.start = g.at[i], .end = done, .type = v->type, .rule = RULE_KNOWN};
			if (buf_append(spans, &s, sizeof(s)))
				return -1;
		}
	}
	return 0;
}
