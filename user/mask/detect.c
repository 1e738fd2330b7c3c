/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"
#include "placeholder.h"
#include "places.h"
#include "tried.h"
#include "walls.h"

#include <stdlib.h>

/* Far above what the catalogue's expressions need, and soon over for one that explodes. */
#define MATCH_LIMIT 1000000
#define JIT_STACK_MIN 32768
#define JIT_STACK_MAX 1048576

/* How far a rule has come in this text. */
struct progress {
	uint64_t text; /* which text this is about; else it says nothing */
	size_t next;   /* starts before this have been tried or lie in its last match */
	struct walk walk;
	struct walls walls;
};

struct detector {
	const struct catalogue *catalogue;
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint64_t text; /* how many there were, this one included */
	struct detect_work work;
	uint64_t effort_end; /* of all that it does */
	struct walls_seen walls;
	struct tried_all tried;
	struct progress progress[RULES_MAX];
	struct places places;
};

struct detector *detector_new(const struct catalogue *c)
{
	struct detector *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->catalogue = c;
	d->match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	d->context = pcre2_match_context_create(NULL);
	d->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (tried_init(&d->tried) < 0 || !d->match || !d->context || !d->stack) {
		detector_free(d);
		return NULL;
	}
	d->effort_end = UINT64_MAX;
	pcre2_set_match_limit(d->context, MATCH_LIMIT);
	pcre2_jit_stack_assign(d->context, NULL, d->stack);
	pcre2_set_callout(d->context, walls_callout, &d->walls);
	return d;
}

void detector_free(struct detector *d)
{
	if (!d)
		return;
	pcre2_match_data_free(d->match);
	pcre2_match_context_free(d->context);
	pcre2_jit_stack_free(d->stack);
	tried_free(&d->tried);
	places_wipe(&d->places);
	free(d);
}

const struct detect_work *detector_work(const struct detector *d)
{
	return &d->work;
}

static uint64_t effort(const struct detector *d)
{
	return d->work.anchors + d->work.matches * EFFORT_TRY;
}

void detector_allow(struct detector *d, uint64_t more)
{
	d->effort_end = effort(d) + more;
}

static int add_span(struct buf *spans, const uint8_t *text, size_t len, size_t start, size_t end,
		    enum mask_type type, uint16_t rule)
{
	struct span s = {.start = start, .end = end, .type = type, .rule = rule};

	/* A digit behind it would become part of the placeholder's number. */
	while (s.end < len && text[s.end] >= '0' && text[s.end] <= '9')
		s.end++;
	return buf_append(spans, &s, sizeof(s));
}

/* Append what the groups of the last match caught. */
static int add_groups(struct detector *d, const struct compiled *rule, enum rule_id id,
		      const uint8_t *text, size_t len, struct buf *spans)
{
	const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(d->match);
	unsigned i;

	for (i = 0; i < rule->group_count; i++) {
		const struct group *g = &rule->groups[i];
		PCRE2_SIZE start, end;

		start = ovector[2 * g->number];
		end = ovector[2 * g->number + 1];
		if (start != PCRE2_UNSET && start < end &&
		    add_span(spans, text, len, start, end, g->type, (uint16_t)id) < 0)
			return -1;
	}
	return 0;
}

/* There are many rules and most texts are short: what is not looked at needs no clearing. */
static struct progress *progress_of(struct detector *d, enum rule_id id)
{
	struct progress *p = &d->progress[id];

	if (p->text != d->text)
		*p = (struct progress){.text = d->text};
	return p;
}

/* As pcre2_jit_match() says it. */
static int match(struct detector *d, enum rule_id id, const struct compiled *rule,
		 const uint8_t *text, size_t len, size_t start)
{
	PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(d->match);
	struct tried *tried = tried_at(&d->tried, id, text, len, start);
	struct walls *walls = &progress_of(d, id)->walls;
	int rc;

	if (tried && tried_recall(&d->tried, tried, rule, text, start, ovector, &rc))
		return rc;
	d->walls.of = id < RULE_COUNT ? walls : NULL;
	rc = pcre2_jit_match(rule->code, text, len, start, 0, d->match, d->context);
	walls_tried(walls, rc >= 0);
	d->work.walked = d->walls.walked;
	if (tried && (rc >= 0 || rc == PCRE2_ERROR_NOMATCH))
		tried_note(&d->tried, tried, rule, text, start, ovector, rc);
	return rc;
}

/* Confirming: does the rule's expression match here, within its edges? */
static int confirm(struct detector *d, enum rule_id id, const uint8_t *text, size_t len,
		   size_t start, struct buf *spans)
{
	const struct compiled *rule;
	struct progress *progress = progress_of(d, id);
	size_t end;
	int rc;

	if (start < progress->next)
		return 0;
	progress->next = start + 1;
	if (!edge_left(rule_of(d->catalogue, id)->left, text, start))
		return 0;
	d->work.matches++;
	rule = rule_ready(d->catalogue, id);
	if (!rule)
		return -1;
	rc = match(d, id, rule, text, len, start);
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0)
		return -1;
	end = pcre2_get_ovector_pointer(d->match)[1];
	if (end <= start || !edge_right(rule_of(d->catalogue, id)->right, text, len, end))
		return 0;
	progress->next = end;
	return add_groups(d, rule, id, text, len, spans);
}

/* Try a rule whose pair stands at `at`, if its anchor goes on. */
static inline int try_rule(struct detector *d, const struct joint_try *t, const uint8_t *text,
			   size_t len, size_t at, struct buf *spans)
{
	const struct anchors *a = &d->catalogue->anchors;
	const struct anchor_node *node = &a->nodes[t->node];
	size_t anchor = at - node->pair_at, start = anchor;
	struct progress *progress;

	if (at < node->pair_at)
		return 0;
	d->work.anchors++;
	progress = progress_of(d, node->rule);
	if (node->back) {
		const struct rule *rule = rule_of(d->catalogue, node->rule);

		/* first: of many anchors in one run all but one are over here */
		start = walk_back(rule->back_chars, text, anchor, &progress->walk);
		if (start == NO_START || anchor - start > rule->back)
			return 0;
	} else if (!edge_left(node->left, text, start)) {
		return 0;
	}
	if (start < progress->next || !anchor_goes_on(a, t, text, anchor, len))
		return 0;
	return confirm(d, node->rule, text, len, start, spans);
}

/* All that a walk has left. */
static inline int try_place(struct detector *d, const struct place *place, const uint8_t *text,
			    size_t len, struct buf *spans)
{
	const struct joint_try *t = d->places.tries + place->row;
	size_t at = d->places.from + place->at;

	do {
		if (try_rule(d, t, text, len, at, spans) < 0)
			return -1;
	} while (!t++->last);
	return 0;
}

/* Try the rules at all of their anchors. */
static int try_anchors(struct detector *d, const uint8_t *text, size_t len, struct buf *spans)
{
	struct places *p = &d->places;
	size_t n;

	places_begin(p, &d->catalogue->anchors, text, len);
	while ((n = places_next(p))) {
		for (size_t i = 0; i < n; i++)
			if (try_place(d, &p->list[i], text, len, spans) < 0)
				return -1;
		if (effort(d) > d->effort_end)
			return -1;
	}
	return 0;
}

/* An own rule without an anchor: wherever a match can begin. */
static int try_everywhere(struct detector *d, unsigned own, const uint8_t *text, size_t len,
			  struct buf *spans)
{
	const struct own *o = &d->catalogue->own[own];

	for (size_t at = 0; at < len; at++)
		if (own_may_begin(o, text[at]) &&
		    confirm(d, (enum rule_id)(RULE_COUNT + own), text, len, at, spans) < 0)
			return -1;
	return 0;
}

static int find_literals(const struct types *types, const uint8_t *text, size_t len,
			 struct buf *spans)
{
	struct placeholder p;
	size_t from;

	for (from = 0; placeholder_find(types, text, len, from, true, &p) == 1; from = p.end)
		if (add_span(spans, text, len, p.start, p.end, TYPE_LITERAL, RULE_LITERAL) < 0)
			return -1;
	return 0;
}

/* By start; there the longer first; of the same span the type that is first in the table, and of
 * that the first rule. */
static int span_compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (x->type != y->type)
		return (int)x->type - (int)y->type;
	return (int)x->rule - (int)y->rule;
}

/* The first stays whole, of the next stays what reaches beyond. */
size_t spans_resolve(struct span *spans, size_t n)
{
	size_t i, kept = 0, end = 0;

	for (i = 0; i < n; i++) {
		struct span s = spans[i];

		if (s.end <= end)
			continue;
		if (s.start < end)
			s.start = end;
		end = s.end;
		spans[kept++] = s;
	}
	return kept;
}

static int find_all(struct detector *d, const uint8_t *text, size_t len, struct buf *spans)
{
	d->text++;
	if (find_literals(d->catalogue->types, text, len, spans) < 0)
		return -1;
	for (unsigned own = 0; own < d->catalogue->own_count; own++)
		if (!d->catalogue->own[own].anchored &&
		    try_everywhere(d, own, text, len, spans) < 0)
			return -1;
	return try_anchors(d, text, len, spans);
}

static struct span *spans_behind(const struct buf *spans, size_t before, size_t *n)
{
	*n = (buf_len(spans) - before) / sizeof(struct span);
	return (struct span *)(void *)(spans->data + spans->head + before);
}

int detect_all(struct detector *d, const uint8_t *text, size_t len, struct buf *spans)
{
	size_t before = buf_len(spans), n;

	if (find_all(d, text, len, spans) < 0) {
		buf_truncate(spans, before);
		return -1;
	}
	if (buf_len(spans) > before) {
		struct span *found = spans_behind(spans, before, &n);

		qsort(found, n, sizeof(*found), span_compare);
	}
	return 0;
}

int detect(struct detector *d, const uint8_t *text, size_t len, struct buf *spans)
{
	size_t before = buf_len(spans), n;

	if (detect_all(d, text, len, spans) < 0)
		return -1;
	if (buf_len(spans) > before) {
		struct span *found = spans_behind(spans, before, &n);

		buf_truncate(spans, before + spans_resolve(found, n) * sizeof(*found));
	}
	return 0;
}
