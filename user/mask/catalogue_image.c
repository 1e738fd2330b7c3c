/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the anchors of the catalogue's own rules need was found out when this was built, by
 * tools/catalogue_image.c: it takes longer than all that a short-lived process does otherwise.
 */
#include "catalogue.h"

#include <stdio.h>

#include "catalogue_image.h"

_Static_assert(IMAGE_ANCHORS == sizeof(struct anchors), "catalogue_image.h is of another build");
_Static_assert(IMAGE_WINDOW == sizeof(struct window), "catalogue_image.h is of another build");
_Static_assert(IMAGE_RULES == RULE_COUNT, "catalogue_image.h is of another catalogue");

/* Of what can be had again there is nothing in the image: all that is an address. */
static void restore_addresses(struct anchors *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->count; i++) {
		struct anchor_node *node = &a->nodes[i];

		n = i && node->rule == a->nodes[i - 1].rule ? n + 1 : 0;
		node->text = rule_table[node->rule].anchors[n];
	}
	a->guards.cells = image_cells;
	a->windows = (const void *)image_windows;
	a->joints[0].cells = image_joint_cells;
	a->joints[0].maps = image_joint_maps;
	a->joints[0].tries = image_joint_tries;
	proposer_use_best(&a->proposer);
}

static void restore_anchors(struct anchors *a)
{
	const uint64_t *from = image_words;

	for (size_t i = 0; i < sizeof(image_pieces) / sizeof(image_pieces[0]); i++) {
		const struct image_piece *p = &image_pieces[i];

		memcpy((uint8_t *)a + p->at * sizeof(*from), from, p->words * sizeof(*from));
		from += p->words;
	}
	restore_addresses(a);
}

struct catalogue *catalogue_new(char *why, size_t why_size)
{
	struct catalogue *c = catalogue_bare();

	if (!c) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	restore_anchors(&c->anchors);
	/* One rule, to say it now if none can be compiled here. */
	if (catalogue_ready(c, 0, RULE_COUNT, why, why_size) == 0)
		return c;
	catalogue_free(c);
	return NULL;
}
