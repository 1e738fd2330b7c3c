/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ANCHORS_H
#define AWSMASK_ANCHORS_H
/*
 * Where which rule is tried: the anchors of all rules, found by a pair of their bytes, and what the
 * proposer (propose.h) needs to look for them. Private to the catalogue, detect.c and their tests.
 */
#include "edge.h"
#include "follow.h"
#include "joint.h"
#include "propose.h"

#include <string.h>

#define ANCHORS_MAX 4096
#define ANCHOR_PAIR_PLACES 15 /* where in an anchor the pair may lie */
#define JOINTS 2	      /* the catalogue's rules, and those that came later */

struct rule {
	const char *id;
	const char *const *anchors; /* ends with NULL */
	bool fold;		    /* anchors in either case (ASCII) */
	unsigned back;		    /* the start lies up to this far before the anchor ... */
	enum chars back_chars;	    /* ... and everything between is of this class */
	enum edge left, right;	    /* what may stand around the whole match */
	const char *expression;
};

struct anchor_node {
	const char *text;
	uint16_t rule;
	uint16_t guard; /* what looks at the bytes around it ... */
	struct guard_start start;
	uint8_t left; /* of the rule, as back and fold; an edge */
	bool back, folds;
	uint8_t back_chars;
	uint8_t len;
	uint8_t pair_at; /* where in the anchor the pair lies that is proposed */
};

struct anchors {
	unsigned count;
	unsigned joint_count; /* so many of them the proposer and the joints have */
	struct anchor_node nodes[ANCHORS_MAX];
	const struct window *windows; /* of the nodes: only who adds anchors needs them ... */
	struct window *room;	      /* and then they are here, where more can be added; or NULL */
	struct guards guards;
	struct joint joints[JOINTS];
	struct proposer proposer;
};

/* Add a rule's anchors; `f` serves for all rules. 0, or -1 with the reason in `why`. */
__attribute__((warn_unused_result)) int anchors_add(struct anchors *a, struct follow *f,
						    uint16_t rule, const struct rule *r, char *why,
						    size_t why_size);
/* After the last one, and whenever more were added. 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int anchors_ready(struct anchors *a);
void anchors_free(struct anchors *a);

/* What a walk has left: may a match go on there, as far as it can be said? The anchor begins at `at`. */
bool anchor_goes_on(const struct anchors *a, const struct joint_try *t, const uint8_t *text,
		    size_t at, size_t len);

#endif
