/* SPDX-License-Identifier: Apache-2.0 */
/* What policy makes of what was found. */
#include "mask_scan.h"

void mask_follow(struct mask *m, const struct mask_policy *p)
{
	m->policy = p;
	/* The default, which stands between two requests, observes nothing. */
	m->observes = p != &policy_default && policy_has(p, m->types, ACTION_OBSERVE);
}

bool mask_wants(const struct mask *m, enum mask_type type, const uint8_t *value, size_t len)
{
	enum action action = policy_action(m->policy, type, value, len);

	return action == ACTION_MASK || action == ACTION_BLOCK;
}

static bool is_observed(const void *arg, enum mask_type type, const uint8_t *value, size_t len)
{
	const struct mask *m = arg;

	return policy_action(m->policy, type, value, len) == ACTION_OBSERVE;
}

void mask_note(struct mask *m, enum effect_kind kind, enum mask_type type)
{
	const struct mask_effect e = {.kind = (uint8_t)kind, .type = (uint16_t)type};

	mask_remember_effect(m, &e, NULL);
	switch (kind) {
	case EFFECT_OBSERVED:
		mask_counts_note(&m->counts, type);
		m->counts.observed[type]++;
		break;
	case EFFECT_BLOCKED:
		if (!m->counts.blocked++)
			m->counts.blocked_type = type;
		mask_counts_note(&m->counts, type);
		m->counts.blocked_by_type[type]++;
		break;
	case EFFECT_SIGNED:
		m->counts.signed_passed++;
		break;
	case EFFECT_SPAN: /* mask_do_span() */
		break;
	}
}

void mask_note_blocked(struct mask *m, const struct span *hits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m->policy->actions[hits[i].type] == ACTION_BLOCK)
			mask_note(m, EFFECT_BLOCKED, hits[i].type);
}

static bool same_bytes(const struct span *a, const struct span *b)
{
	return a && a->start == b->start && a->end == b->end;
}

/*
 * Of the same bytes the first type names them: the next one is neither counted nor blocked. A
 * blocked span counts also where a masked one hides it.
 */
void mask_drop_spans(struct mask *m, const uint8_t *text, size_t skip, bool counts)
{
	struct span *spans = (struct span *)buf_bytes(&m->found), observed, *seen = NULL;
	size_t n = buf_len(&m->found) / sizeof(*spans), kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct span s = spans[i];
		enum action action =
			policy_action(m->policy, s.type, text + s.start, s.end - s.start);
		bool counted = counts && s.end > skip;

		if (action == ACTION_OBSERVE && counted && !same_bytes(seen, &s)) {
			mask_note(m, EFFECT_OBSERVED, s.type);
			observed = s;
			seen = &observed;
		}
		if (action != ACTION_MASK && action != ACTION_BLOCK)
			continue;
		if (action == ACTION_BLOCK && counted &&
		    !same_bytes(kept ? &spans[kept - 1] : NULL, &s))
			mask_note(m, EFFECT_BLOCKED, s.type);
		spans[kept++] = s;
	}
	buf_truncate(&m->found, kept * sizeof(*spans));
}

/* Whether a rule finds the very same bytes, which are counted there. *at goes on through the list. */
static bool rule_finds(const struct mask *m, const struct span *s, size_t *at)
{
	const struct span *spans = (const struct span *)buf_bytes(&m->found);
	size_t n = buf_len(&m->found) / sizeof(*spans);

	while (*at < n && spans[*at].start < s->start)
		(*at)++;
	for (size_t i = *at; i < n && spans[i].start == s->start; i++)
		if (same_bytes(&spans[i], s))
			return true;
	return false;
}

enum mask_error mask_count_known(struct mask *m, const struct known *const *sets, size_t n,
				 const uint8_t *text, size_t len, size_t skip)
{
	const struct known_filter filter = {is_observed, m};
	const struct span *seen;
	size_t at = 0;

	buf_clear(&m->seen);
	if (known_find(sets, n, &filter, text + skip, len - skip, &m->places, &m->seen))
		return MASK_TOO_LARGE;
	seen = (const struct span *)buf_bytes(&m->seen);
	for (size_t i = 0; i < buf_len(&m->seen) / sizeof(*seen); i++) {
		struct span s = {seen[i].start + skip, seen[i].end + skip, .type = seen[i].type};

		if (!rule_finds(m, &s, &at))
			mask_note(m, EFFECT_OBSERVED, s.type);
	}
	return MASK_OK;
}
