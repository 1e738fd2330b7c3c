/* SPDX-License-Identifier: Apache-2.0 */
/* What the nodes of a graph read: sets of bytes, later of classes of bytes. */
#include "follow_parse.h"

#include <string.h>

uint16_t graph_set(struct graph *f, const struct byte_set *set)
{
	uint64_t hash = 0;
	uint16_t *slot;

	for (unsigned w = 0; w < 4; w++)
		hash = (hash ^ set->bits[w]) * 0x9e3779b97f4a7c15u;
	for (hash >>= 32;; hash++) {
		slot = &f->set_slots[hash % SET_SLOTS];
		if (!*slot)
			break;
		if (!memcmp(&f->sets[*slot - 1], set, sizeof(*set)))
			return *slot - 1;
	}
	if (f->sets_count == SETS_MAX)
		return 0;
	f->sets[f->sets_count++] = *set;
	*slot = (uint16_t)f->sets_count;
	return *slot - 1;
}

static struct byte_set as_classes(const struct byte_set *bytes, const uint8_t *first, unsigned n)
{
	struct byte_set out = {0};

	for (unsigned c = 0; c < n; c++)
		if (byte_set_has(bytes, first[c]))
			byte_set_add(&out, (uint8_t)c);
	return out;
}

void graph_classify(struct graph *f, const struct byte_set *classes, unsigned n)
{
	struct behinds *b = &f->behinds;
	uint8_t first[256];

	for (unsigned c = 0; c < n; c++) {
		first[c] = (uint8_t)byte_set_next(&classes[c], 0);
		b->by_class[c] = (struct byte_set){0};
	}
	for (unsigned i = 0; i < f->sets_count; i++)
		f->sets[i] = as_classes(&f->sets[i], first, n);
	for (unsigned i = 0; i < b->places; i++) {
		b->bytes[i] = as_classes(&b->bytes[i], first, n);
		for (unsigned c = byte_set_next(&b->bytes[i], 0); c < n;
		     c = byte_set_next(&b->bytes[i], c + 1))
			byte_set_add(&b->by_class[c], (uint8_t)i);
	}
}
