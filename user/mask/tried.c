/* SPDX-License-Identifier: Apache-2.0 */
#include "tried.h"

#include <stdlib.h>
#include <string.h>

/* Of what PCRE2 counts, and KiB: what needs more is not remembered. */
#define STEPS_MAX 4000
#define HEAP_MAX 512
#define CREDIT_MAX 64
#define CREDIT_KNOWN 2	/* so much costs one that comes to be known ... */
#define CREDIT_TRIES 64 /* ... and so many tries of any kind bring 1 */
#define NOTHING UINT8_MAX
/* Texts in which so many tries come within so many bytes of each other are worth it. */
#define CLOSE_MANY 16
#define CLOSE 64
#define ODD 0x9e3779b97f4a7c15u

int tried_init(struct tried_all *all)
{
	all->match = pcre2_match_data_create(1, NULL);
	all->limits = pcre2_match_context_create(NULL);
	if (!all->match || !all->limits)
		return -1;
	pcre2_set_match_limit(all->limits, STEPS_MAX);
	pcre2_set_heap_limit(all->limits, HEAP_MAX);
	all->credit = CREDIT_MAX;
	return 0;
}

void tried_free(struct tried_all *all)
{
	pcre2_match_data_free(all->match);
	pcre2_match_context_free(all->limits);
	if (all->list)
		explicit_bzero(all->list, TRIED_MAX * sizeof(*all->list));
	free(all->list);
}

static uint64_t hash_of(unsigned rule, const uint8_t *bytes)
{
	uint64_t hash = rule * ODD, word;

	for (unsigned i = 0; i < TRIED_BEFORE + TRIED_BEHIND; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		hash += (word ^ word >> 32) * (ODD + 2 * i);
	}
	return hash * ODD;
}

struct tried *tried_at(struct tried_all *all, unsigned rule, const uint8_t *text, size_t len,
		       size_t start)
{
	size_t gap = start - all->last;
	struct tried *t;
	uint64_t hash;

	all->last = start;
	all->close = gap < CLOSE ? all->close + 1 : 0;
	if (all->close < CLOSE_MANY)
		return NULL;
	if (start < TRIED_BEFORE || len - start < TRIED_BEHIND)
		return NULL;
	if (!all->list)
		all->list = calloc(TRIED_MAX, sizeof(*all->list));
	if (!all->list)
		return NULL;
	hash = hash_of(rule, text + start - TRIED_BEFORE);
	t = &all->list[hash >> 32 & (TRIED_MAX - 1)];
	if (t->hash != hash || t->rule != rule) {
		t->hash = hash;
		t->rule = (uint16_t)rule;
		t->state = TRIED_NEVER;
	}
	return t;
}

bool tried_recall(struct tried_all *all, const struct tried *t, const struct compiled *rule,
		  const uint8_t *text, size_t start, PCRE2_SIZE *ovector, int *rc)
{
	if (t->state != TRIED_KNOWN ||
	    memcmp(t->bytes, text + start - TRIED_BEFORE, sizeof(t->bytes)) != 0)
		return false;
	if (all->credit < CREDIT_MAX)
		all->credit++;
	*rc = t->rc;
	for (unsigned i = 0; t->rc >= 0 && i <= rule->group_count; i++) {
		size_t at = i ? 2 * (size_t)rule->groups[i - 1].number : 0;

		ovector[at] = t->from[i] == NOTHING ? PCRE2_UNSET : start + t->from[i];
		ovector[at + 1] = t->from[i] == NOTHING ? PCRE2_UNSET : start + t->to[i];
	}
	return true;
}

/* Does it come out the same where nothing but these bytes is there? */
static bool reads_no_more(struct tried_all *all, const struct compiled *rule, const uint8_t *text,
			  size_t start, int rc)
{
	uint32_t before = 0;
	int alone;

	pcre2_pattern_info(rule->code, PCRE2_INFO_MAXLOOKBEHIND, &before);
	/* PCRE2 says how far one look-behind reads, not what one inside another does. */
	if (2 * (size_t)before > TRIED_BEFORE || (rc >= 0 && rule->group_count > TRIED_GROUPS))
		return false;
	alone = pcre2_match(rule->code, text + start - TRIED_BEFORE, TRIED_BEFORE + TRIED_BEHIND,
			    TRIED_BEFORE, PCRE2_PARTIAL_HARD | PCRE2_NO_JIT, all->match,
			    all->limits);
	return rc < 0 ? alone == PCRE2_ERROR_NOMATCH : alone >= 0;
}

/* A group in a look-behind catches what precedes the start. */
static bool are_behind(const struct compiled *rule, size_t start, const PCRE2_SIZE *ovector)
{
	for (unsigned i = 0; i <= rule->group_count; i++)
		if (ovector[i ? 2 * rule->groups[i - 1].number : 0] < start) /* not PCRE2_UNSET */
			return false;
	return true;
}

static void put_group(struct tried *t, unsigned i, size_t start, const PCRE2_SIZE *at)
{
	bool caught = at[0] != PCRE2_UNSET;

	t->from[i] = caught ? (uint8_t)(at[0] - start) : NOTHING;
	t->to[i] = caught ? (uint8_t)(at[1] - start) : NOTHING;
}

void tried_note(struct tried_all *all, struct tried *t, const struct compiled *rule,
		const uint8_t *text, size_t start, const PCRE2_SIZE *ovector, int rc)
{
	if (++all->tries % CREDIT_TRIES == 0 && all->credit < CREDIT_MAX)
		all->credit++;
	if (t->state == TRIED_NEVER) {
		t->state = TRIED_ONCE;
		return;
	}
	if (t->state != TRIED_ONCE || all->credit < CREDIT_KNOWN)
		return;
	all->credit -= CREDIT_KNOWN;
	t->state = TRIED_FAR;
	if (!reads_no_more(all, rule, text, start, rc) ||
	    (rc >= 0 && !are_behind(rule, start, ovector)))
		return;
	t->state = TRIED_KNOWN;
	t->rc = rc < 0 ? PCRE2_ERROR_NOMATCH : 1;
	memcpy(t->bytes, text + start - TRIED_BEFORE, sizeof(t->bytes));
	for (unsigned i = 0; rc >= 0 && i <= rule->group_count; i++)
		put_group(t, i, start, ovector + (i ? 2 * rule->groups[i - 1].number : 0));
}
