/* SPDX-License-Identifier: Apache-2.0 */
/* What a text holds, from the memo if it is there. */
#include "mask_scan.h"

/* To look for so many values one by one is as dear as to read the text. */
#define VALUES_LEAST 4
#define BYTES_PER_VALUE 16

static void forget_key(struct mask *m)
{
	m->key = (struct memo_key){0};
	m->recalled = NULL;
}

void mask_remember(struct mask *m, struct memo *memo)
{
	m->memo = memo;
	forget_key(m);
}

/* The edition of the lists that are looked for; 0: there are none. */
static uint64_t lists(const struct mask *m)
{
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		if (m->policy->literals[i])
			return m->policy->edition;
	return 0;
}

static bool has_nameless_lists(const struct mask *m)
{
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		if (m->policy->literals[i] && !m->policy->edition)
			return true;
	return false;
}

static bool may_have_any(const struct known_tokens *t, const struct known *k, size_t from)
{
	for (size_t i = from; i < known_count(k); i++)
		if (known_tokens_may_have(t, k, i))
			return true;
	return false;
}

/* Are the recalled places still all where a known value may stand? */
static bool is_current(const struct mask *m)
{
	const struct known_tokens tokens = memo_tokens(m->recalled);
	size_t known = m->snapshot ? known_count(m->snapshot) : 0, before = memo_known(m->recalled);
	size_t fresh = known_count(&m->local) + (known > before ? known - before : 0);

	if (lists(m) && lists(m) != memo_lists(m->recalled))
		return false;
	if (fresh > VALUES_LEAST + m->key.len / BYTES_PER_VALUE)
		return false;
	if (known > before && may_have_any(&tokens, m->snapshot, before))
		return false;
	if (may_have_any(&tokens, &m->local, 0))
		return false;
	if (known > before)
		memo_knows(m->recalled, known);
	return true;
}

void mask_recall(struct mask *m, const uint8_t *p, size_t len, size_t skip, bool escaped)
{
	m->recalled = NULL;
	m->key = (struct memo_key){.text = p, .len = len, .skip = skip, .escaped = escaped};
	if (!m->memo || !m->scope || !memo_fits(m->memo, len) || has_nameless_lists(m))
		return;
	m->key.owner = m->scope;
	m->recalled = memo_recall(m->memo, &m->key);
}

bool mask_recalls_nothing(struct mask *m)
{
	size_t places;

	if (!m->recalled || memo_rule_count(m->recalled))
		return false;
	(void)memo_places(m->recalled, &places);
	if (places || !is_current(m))
		return false;
	forget_key(m);
	return true;
}

/* Why detect_all() failed, which it does not say: a buffer that had room left was not the reason. */
static enum mask_error detect_error(const struct mask *m)
{
	bool full = m->found.cap + sizeof(struct span) > m->found.max;

	return full ? MASK_TOO_LARGE : MASK_MATCH_LIMIT;
}

enum mask_error mask_find_rules(struct mask *m, const uint8_t *text, size_t len, size_t skip)
{
	buf_clear(&m->found);
	if (!m->key.text)
		mask_recall(m, text, len, skip, false);
	if (!m->recalled)
		return detect_all(m->detector, text, len, &m->found) ? detect_error(m) : MASK_OK;
	for (size_t i = 0; i < memo_rule_count(m->recalled); i++) {
		struct span s = memo_rule(m->recalled, i);

		if (buf_append(&m->found, &s, sizeof(s)))
			return MASK_TOO_LARGE;
	}
	return MASK_OK;
}

static int recall_places(struct mask *m)
{
	size_t n;
	const uint32_t *places = memo_places(m->recalled, &n);

	return buf_append(&m->places, places, n * sizeof(*places));
}

static void keep_found(struct mask *m, const struct known_tokens *tokens)
{
	const struct memo_found found = {
		.rules = (const struct span *)buf_bytes(&m->found),
		.n_rules = buf_len(&m->found) / sizeof(struct span),
		.places = (const uint32_t *)buf_bytes(&m->places),
		.n_places = buf_len(&m->places) / sizeof(uint32_t),
		.tokens = *tokens,
		.lists = lists(m),
		.known = m->snapshot ? known_count(m->snapshot) : 0,
	};

	memo_keep(m->memo, &m->key, &found);
}

/* Read the text, and remember it if there is memory for that. */
static int read_places(struct mask *m, const struct known *const *sets, size_t n,
		       const uint8_t *text, size_t len)
{
	struct known_tokens tokens = {.n = memo_token_words(m->key.len)};
	size_t size = tokens.n * sizeof(*tokens.words);

	buf_clear(&m->tokens);
	tokens.words = m->key.owner ? (uint64_t *)(void *)buf_reserve(&m->tokens, size) : NULL;
	if (!tokens.words)
		return known_places(sets, n, text, len, NULL, &m->places);
	memset(tokens.words, 0, size);
	if (known_places(sets, n, text, len, &tokens, &m->places))
		return -1;
	keep_found(m, &tokens);
	return 0;
}

enum mask_error mask_find_places(struct mask *m, const struct known *const *sets, size_t n,
				 const uint8_t *text, size_t len, size_t skip)
{
	int rc;

	buf_clear(&m->places);
	if (m->recalled && is_current(m))
		rc = recall_places(m);
	else
		rc = read_places(m, sets, n, text + skip, len - skip);
	forget_key(m);
	return rc ? MASK_TOO_LARGE : MASK_OK;
}
