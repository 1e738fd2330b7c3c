/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors.h"

#include <stdio.h>
#include <stdlib.h>

#define RULE_ANCHORS_MAX 64

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What is found out about what may stand around one of a rule's anchors. */
struct around {
	struct byte_set before[GUARD_BEFORE], behind[FOLLOW];
	struct guard_start start;
};

/* What stands around the pair: the anchor's bytes, what may precede and follow, as far as it reaches. */
static void window_fill(struct window *w, const char *anchor, size_t pair_at, bool fold,
			const struct around *around)
{
	size_t len = strlen(anchor);

	for (size_t k = 0; k < WINDOW_WIDTH; k++) {
		size_t at = pair_at + k - WINDOW_BEFORE; /* huge: before the anchor */

		w->at[k] = byte_set_all;
		if (pair_at + k < WINDOW_BEFORE) {
			w->at[k] = around->before[WINDOW_BEFORE - 1 - pair_at - k];
			continue;
		}
		if (at >= len) {
			if (at < len + FOLLOW)
				w->at[k] = around->behind[at - len];
			continue;
		}
		w->at[k] = (struct byte_set){0};
		byte_set_add(&w->at[k], (uint8_t)anchor[at]);
		if (fold)
			byte_set_fold(&w->at[k]);
	}
}

/* The expression looks at what precedes a match, and the edge asks for something; or there is a run before it. */
static void look_before(const struct rule *r, const struct guards *g, unsigned guard,
			struct around *around)
{
	around->before[0] = around->before[1] = byte_set_all;
	if (!r->back)
		guard_before(g, guard, around->start, around->before);
	for (unsigned c = 0; c < 256; c++)
		if (r->back ? !walk_may_end(r->back_chars, (uint8_t)c)
			    : !edge_may_follow(r->left, (uint8_t)c))
			byte_set_remove(&around->before[0], (uint8_t)c);
}

/* Fill in one for each anchor. */
static void look_around(const struct rule *r, struct follow *f, const struct guards *g,
			unsigned guard, struct around *around)
{
	for (size_t i = 0; r->anchors[i]; i++) {
		const char *anchor = r->anchors[i];

		follow_anchor(f, anchor, strlen(anchor), r->fold, r->back > 0);
		follow_sets(f, around[i].behind);
		around[i].start = follow_guard(f);
	}
	follow_fill(f);
	for (size_t i = 0; r->anchors[i]; i++) {
		around[i].start = follow_start(f, around[i].start);
		look_before(r, g, guard, &around[i]);
	}
}

/*
 * Where the pair lies that proposes a rule, so that it is proposed least: at the same place in all
 * its anchors, for only then do their starts come in the order of the text.
 */
static size_t choose_pair(const struct rule *r, const struct around *around)
{
	size_t shortest = SIZE_MAX, best = 0;
	double costs[ANCHOR_PAIR_PLACES] = {0};

	for (size_t i = 0; r->anchors[i]; i++) {
		size_t len = strlen(r->anchors[i]);

		shortest = len < shortest ? len : shortest;
		for (size_t at = 0; at < ANCHOR_PAIR_PLACES && at + 2 <= len; at++) {
			struct window w;

			window_fill(&w, r->anchors[i], at, r->fold, &around[i]);
			costs[at] += window_cost(&w);
		}
	}
	for (size_t at = 1; at < ANCHOR_PAIR_PLACES && at + 2 <= shortest; at++)
		if (costs[at] < costs[best])
			best = at;
	return best;
}

/* Make room for ANCHORS_MAX windows. 0, or -1: memory is out. */
static int windows_reserve(struct anchors *a)
{
	if (a->room)
		return 0;
	a->room = calloc(ANCHORS_MAX, sizeof(*a->room));
	if (!a->room)
		return -1;
	if (a->count)
		memcpy(a->room, a->windows, a->count * sizeof(*a->room));
	a->windows = a->room;
	return 0;
}

static int add_anchor(struct anchors *a, const struct anchor_node *node, bool fold,
		      const struct around *around)
{
	if (a->count == ANCHORS_MAX)
		return -1;
	a->nodes[a->count] = *node;
	window_fill(&a->room[a->count], node->text, node->pair_at, fold, around);
	a->count++;
	return 0;
}

static int check_anchors(const struct rule *r, char *why, size_t why_size)
{
	for (size_t i = 0; r->anchors[i]; i++) {
		size_t len = strlen(r->anchors[i]);

		if (i == RULE_ANCHORS_MAX) {
			snprintf(why, why_size, "rule %s: more than %d anchors", r->id,
				 RULE_ANCHORS_MAX);
			return -1;
		}
		if (len < 2 || len > UINT8_MAX) {
			snprintf(why, why_size, "rule %s: anchor '%s' is not 2 to 255 bytes long",
				 r->id, r->anchors[i]);
			return -1;
		}
		/* else an escape might reach into the anchor, and the walk not see its end */
		if (r->back && (is_letter(r->anchors[i][0]) || is_digit(r->anchors[i][0]))) {
			snprintf(why, why_size,
				 "rule %s: walks back, so anchor '%s' must not begin with a letter "
				 "or digit",
				 r->id, r->anchors[i]);
			return -1;
		}
	}
	return 0;
}

int anchors_add(struct anchors *a, struct follow *f, uint16_t rule, const struct rule *r, char *why,
		size_t why_size)
{
	struct around around[RULE_ANCHORS_MAX];
	struct anchor_node node = {.rule = rule,
				   .left = (uint8_t)r->left,
				   .back = r->back > 0,
				   .back_chars = (uint8_t)r->back_chars,
				   .folds = r->fold};
	int rc = 0;

	if (check_anchors(r, why, why_size) < 0)
		return -1;
	if (guards_reserve(&a->guards) < 0 || windows_reserve(a) < 0) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	node.guard = (uint16_t)follow_read(f, r->expression, &a->guards);
	look_around(r, f, &a->guards, node.guard, around);
	node.pair_at = (uint8_t)choose_pair(r, around);
	for (size_t i = 0; rc == 0 && r->anchors[i]; i++) {
		node.text = r->anchors[i];
		node.len = (uint8_t)strlen(node.text);
		node.start = around[i].start;
		rc = add_anchor(a, &node, r->fold, &around[i]);
	}
	if (rc)
		snprintf(why, why_size, "rule %s: more than %d anchors in all", r->id, ANCHORS_MAX);
	return rc;
}

int anchors_ready(struct anchors *a)
{
	struct joint *j = &a->joints[a->joint_count > 0];
	unsigned from = a->joint_count ? a->joints[0].nodes : 0;

	if (a->room || !a->count) /* else none was added */
		proposer_add(&a->proposer, a->room, a->joint_count, a->count);
	a->joint_count = a->count;
	return joint_make(j, a, from, a->count);
}

void anchors_free(struct anchors *a)
{
	guards_free(&a->guards);
	free(a->room);
	for (unsigned i = 0; i < JOINTS; i++)
		joint_free(&a->joints[i]);
}

static bool stands(const struct anchor_node *node, const uint8_t *p)
{
	for (size_t i = 0; i < node->len; i++) {
		uint8_t diff = p[i] ^ (uint8_t)node->text[i];

		if (diff != 0 &&
		    (!node->folds || diff != 0x20 || (uint8_t)((p[i] | 0x20) - 'a') >= 26))
			return false;
	}
	return true;
}

bool anchor_goes_on(const struct anchors *a, const struct joint_try *t, const uint8_t *text,
		    size_t at, size_t len)
{
	const struct anchor_node *node = &a->nodes[t->node];

	if (t->known)
		return guard_goes_on(&a->guards, node->guard, t->step, text,
				     at + node->len + t->behind, at + node->len + GUARD_BYTES, len);
	return len - at >= node->len && stands(node, text + at) &&
	       guard_lets(&a->guards, node->guard, node->start, text, at, at + node->len, len);
}
