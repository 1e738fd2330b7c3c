/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_scan.h"

/*
 * The second scan finds values of its own only where a known one and a rule's span overlap, and what
 * is left of the one is new.
 */
#define ROUNDS 4

/* All that is looked for besides the rules. How many sets. */
static size_t known_sets(const struct mask *m, const struct known *sets[static KNOWN_SETS])
{
	size_t n = 0;

	for (size_t i = 0; i < POLICY_LITERALS; i++)
		if (m->policy->literals[i])
			sets[n++] = m->policy->literals[i];
	if (m->snapshot)
		sets[n++] = m->snapshot;
	if (known_count(&m->local))
		sets[n++] = &m->local;
	return n;
}

static bool wants(const void *arg, enum mask_type type, const uint8_t *value, size_t len)
{
	return mask_wants(arg, type, value, len);
}

/* Whole tokens of text[skip..len) alone: the key before it is another string. */
static enum mask_error find_known(struct mask *m, const uint8_t *text, size_t len, size_t skip,
				  bool counts)
{
	const struct known_filter filter = {wants, m};
	const struct known *sets[KNOWN_SETS];
	size_t n = known_sets(m, sets), n_hits;
	enum mask_error e = mask_find_places(m, sets, n, text + skip, len - skip);
	struct span *hits;

	buf_clear(&m->hits);
	if (e != MASK_OK || !n)
		return e;
	if (known_find(sets, n, &filter, text + skip, len - skip, &m->places, &m->hits))
		return MASK_TOO_LARGE;
	hits = (struct span *)buf_bytes(&m->hits);
	n_hits = buf_len(&m->hits) / sizeof(*hits);
	for (size_t i = 0; i < n_hits; i++) {
		hits[i].start += skip;
		hits[i].end += skip;
	}
	if (!counts)
		return MASK_OK;
	mask_note_blocked(m, hits, n_hits);
	return m->observes ? mask_count_known(m, sets, n, text, len, skip) : MASK_OK;
}

enum mask_error mask_find(struct mask *m, const uint8_t *text, size_t len, size_t skip, bool counts,
			  struct mask_merge *g)
{
	struct mask_bare *bare = mask_bare_at(m, text, len);
	bool is_bare = bare && mask_bare_is(m, bare, text, len, skip);
	enum mask_error e = mask_find_rules(m, text, len, is_bare);
	struct span *found;

	*g = (struct mask_merge){0};
	if (e != MASK_OK || (is_bare && !bare->noted))
		return e;
	e = find_known(m, text, len, skip, counts);
	if (e == MASK_OK && bare && !buf_len(&m->found) && !buf_len(&m->places))
		mask_bare_keep(m, bare, text, len, skip);
	mask_drop_spans(m, text, skip, counts);
	found = (struct span *)buf_bytes(&m->found);
	*g = (struct mask_merge){
		.rules = found,
		.hits = (const struct span *)buf_bytes(&m->hits),
		.n_rules = spans_resolve(found, buf_len(&m->found) / sizeof(struct span)),
		.n_hits = buf_len(&m->hits) / sizeof(struct span),
	};
	return e;
}

/*
 * What the rules leave of a known value; none of them begins before it. False: nothing, or a rule
 * found the very same bytes.
 */
static bool cut_hit(const struct mask_merge *g, struct span *hit)
{
	for (size_t i = 0; i < g->n_rules && g->rules[i].start < hit->end; i++) {
		const struct span *rule = &g->rules[i];

		if (rule->end > hit->end)
			hit->end = rule->start;
		else if (rule->start == hit->start && rule->end == hit->end)
			return false;
	}
	return hit->end > hit->start;
}

static bool next_rule(struct mask_merge *g, struct span *s)
{
	if (!g->n_rules)
		return false;
	*s = *g->rules++;
	g->n_rules--;
	return true;
}

bool mask_merge_next(struct mask_merge *g, size_t done, struct span *s)
{
	struct span hit;

	/* A known value around them has taken the rules' spans in. */
	while (g->n_rules && g->rules->end <= done)
		next_rule(g, &hit);
	for (; g->n_hits; g->hits++, g->n_hits--) {
		hit = *g->hits;
		if (hit.start < done)
			hit.start = done;
		if (hit.end <= hit.start)
			continue;
		if (g->n_rules && g->rules->start < hit.start)
			return next_rule(g, s);
		if (!cut_hit(g, &hit))
			continue;
		g->hits++;
		g->n_hits--;
		*s = hit;
		return true;
	}
	return next_rule(g, s);
}

void mask_know(struct mask *m, struct vault_scope *scope)
{
	mask_unknow(m);
	m->snapshot = scope->ops->known(scope);
	m->scope = scope;
}

size_t mask_known(const struct mask *m)
{
	return m->snapshot ? known_count(m->snapshot) : 0;
}

void mask_unknow(struct mask *m)
{
	if (m->snapshot)
		m->scope->ops->known_done(m->scope, m->snapshot);
	m->snapshot = NULL;
	m->scope = NULL;
	mask_remember(m, NULL);
}

/* What was found and nobody knew, to m->local: all that the vault will know. 0, or -1: memory. */
static int learn_values(struct mask *m)
{
	const struct mask_value *values = (const struct mask_value *)buf_bytes(&m->values);

	for (size_t i = 0; i < buf_len(&m->values) / sizeof(*values); i++) {
		const struct mask_value *v = &values[i];
		const uint8_t *p = buf_bytes(&m->bytes) + v->off;

		if (v->settled || !known_learns(v->type, p, v->len) ||
		    (m->snapshot && known_has(m->snapshot, v->type, p, v->len)))
			continue;
		if (known_add(&m->local, v->type, p, v->len))
			return -1;
	}
	return 0;
}

static enum mask_error scan_again(struct mask *m)
{
	const struct mask_source *sources = (const struct mask_source *)buf_bytes(&m->sources);
	enum mask_error e = MASK_OK;

	buf_clear(&m->spans);
	buf_clear(&m->parts);
	mask_counts_clear(&m->counts);
	for (size_t i = 0; e == MASK_OK && i < buf_len(&m->sources) / sizeof(*sources); i++)
		e = mask_source_scan(m, &sources[i]);
	return e;
}

enum mask_error mask_learn(struct mask *m)
{
	enum mask_error e = MASK_OK;

	for (unsigned round = 0; e == MASK_OK && round < ROUNDS; round++) {
		size_t before = known_count(&m->local);

		if (learn_values(m))
			e = MASK_TOO_LARGE;
		else if (known_count(&m->local) == before)
			break;
		else
			e = scan_again(m);
	}
	mask_unknow(m);
	return e;
}
