/* SPDX-License-Identifier: Apache-2.0 */
#include "edge.h"
#include "known_table.h"

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
	return n == len && len == KNOWN_ACCOUNT;
}

/* Twelve digits, whatever joins them to what follows. */
static const struct known_value *account_at(const struct known *k, const struct known_filter *f,
					    const uint8_t *p, size_t len)
{
	if (len < KNOWN_ACCOUNT || !is_account(p, KNOWN_ACCOUNT) ||
	    (len > KNOWN_ACCOUNT && known_classes[p[KNOWN_ACCOUNT]] & ALNUM))
		return NULL;
	return wanted(k, f,
		      known_value_at(k, hash_on(k->seed, p, KNOWN_ACCOUNT), p, KNOWN_ACCOUNT));
}

/* `joined`: only an account may begin here. */
static const struct known_value *find_at(const struct known_search *s, const uint8_t *text,
					 size_t len, bool joined)
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

/* Does nothing but a few dashes and underscores stand before `at` in its run? */
static bool run_begins(const uint8_t *text, size_t at)
{
	size_t least = at > KNOWN_JOINERS ? at - KNOWN_JOINERS : 0;

	while (at > least && (known_classes[text[at - 1]] & JOINER))
		at--;
	return !at || !goes_on(text[at - 1]) || escape_ends(text, at);
}

const struct known_value *known_at(const struct known_search *s, const uint8_t *text, size_t len,
				   size_t at)
{
	bool begins = !at || !(known_classes[text[at - 1]] & ALNUM) || escape_ends(text, at);
	bool joined = begins && !run_begins(text, at);

	return begins ? find_at(s, text + at, len - at, joined) : NULL;
}

int known_find(const struct known *const *sets, size_t n_sets, const struct known_filter *filter,
	       const uint8_t *text, size_t len, const struct buf *places, struct buf *spans)
{
	const uint32_t *at = (const uint32_t *)buf_bytes(places);
	struct known_search s;
	size_t done = 0;

	known_search_begin(&s, sets, n_sets, filter);
	for (size_t i = 0; i < buf_len(places) / sizeof(*at); i++) {
		const struct known_value *v;
		struct span found;

		if (at[i] < done)
			continue;
		v = known_at(&s, text, len, at[i]);
		if (!v)
			continue;
		done = at[i] + v->len;
		found = (struct span){
			.start = at[i], .end = done, .type = v->type, .rule = RULE_KNOWN};
		if (buf_append(spans, &found, sizeof(found)))
			return -1;
	}
	return 0;
}
