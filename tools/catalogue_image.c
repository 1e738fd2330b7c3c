/* SPDX-License-Identifier: Apache-2.0 */
/* Print catalogue_image.h: what user/mask/anchors.c finds out about the catalogue's rules, once and for all. */
#include "../user/mask/catalogue.h"

#include <inttypes.h>
#include <stdio.h>

#define WORDS (sizeof(struct anchors) / sizeof(uint64_t))
#define GAP 8 /* so many words of zeroes end a piece */

_Static_assert(sizeof(struct anchors) % sizeof(uint64_t) == 0, "words");
_Static_assert(sizeof(struct window) % sizeof(uint64_t) == 0, "words");

static void remove_addresses(struct anchors *a)
{
	for (unsigned i = 0; i < a->count; i++)
		a->nodes[i].text = NULL;
	a->guards.cells = a->guards.room = NULL;
	a->windows = a->room = NULL;
	a->joints[0].cells = NULL;
	a->joints[0].maps = NULL;
	a->joints[0].tries = NULL;
	a->joints[0].owned = false;
	a->proposer.kernel = NULL;
	a->proposer.pick = NULL;
}

/* The end of the piece that begins at `from`: behind its last word that is not 0. */
static size_t piece_end(const uint64_t *words, size_t from)
{
	size_t end = from;

	for (size_t at = from; at < WORDS && at - end <= GAP; at++)
		if (words[at])
			end = at + 1;
	return end;
}

static void print_pieces(const uint64_t *words)
{
	puts("static const struct image_piece {\n\tuint32_t at, words;\n} image_pieces[] = {");
	for (size_t at = 0, end; at < WORDS; at = end) {
		end = at + 1;
		if (!words[at])
			continue;
		end = piece_end(words, at);
		printf("{%zu, %zu},\n", at, end - at);
	}
	puts("};");
}

static void print_words(const uint64_t *words)
{
	puts("static const uint64_t image_words[] = {");
	for (size_t at = 0, end; at < WORDS; at = end) {
		end = words[at] ? piece_end(words, at) : at + 1;
		for (size_t i = at; words[at] && i < end; i++)
			printf("0x%" PRIx64 ",%c", words[i], i % 8 ? ' ' : '\n');
	}
	puts("};");
}

static void print_cells(const struct guards *g)
{
	puts("static const uint16_t image_cells[] = {");
	for (uint32_t i = 0; i < g->cell_count; i++)
		printf("%u,%c", g->cells[i], i % 32 ? ' ' : '\n');
	puts("};");
}

static void print_joint(const struct joint *j)
{
	puts("static const _Alignas(8) uint32_t image_joint_cells[] = {");
	for (uint32_t i = 0; i < j->cell_count; i++)
		printf("%" PRIu32 ",%c", j->cells[i], i % 16 ? ' ' : '\n');
	puts("};\nstatic const uint8_t image_joint_maps[] = {");
	for (uint32_t i = 0; i < j->map_count * 256; i++)
		printf("%u,%c", j->maps[i], i % 32 ? ' ' : '\n');
	puts("};\nstatic const struct joint_try image_joint_tries[] = {");
	for (uint32_t i = 0; i < j->try_count; i++) {
		const struct joint_try *t = &j->tries[i];

		printf("{%u,%u,%u,%u,%u},%c", t->node, t->step, t->behind, t->known, t->last,
		       i % 8 ? ' ' : '\n');
	}
	puts("};");
}

static void print_windows(const struct anchors *a)
{
	const uint64_t *words = (const uint64_t *)a->windows;
	size_t n = a->count * sizeof(*a->windows) / sizeof(*words);

	puts("static const uint64_t image_windows[] = {");
	for (size_t i = 0; i < n; i++)
		printf("0x%" PRIx64 ",%c", words[i], i % 8 ? ' ' : '\n');
	puts("};");
}

/* As the catalogue has it, but for what it may free. */
static void print_anchors(struct anchors *a)
{
	uint16_t *room = a->guards.room;
	struct window *windows = a->room;
	struct joint joint = a->joints[0];

	print_cells(&a->guards);
	print_windows(a);
	print_joint(&joint);
	remove_addresses(a);
	print_pieces((const uint64_t *)a);
	print_words((const uint64_t *)a);
	a->guards.room = room;
	a->room = windows;
	a->joints[0] = joint;
}

int main(void)
{
	char why[300];
	struct catalogue *c = catalogue_first(RULE_COUNT, why, sizeof(why));

	if (!c) {
		fprintf(stderr, "the catalogue does not compile: %s\n", why);
		return 1;
	}
	puts("/* Made by tools/catalogue_image.c: do not edit. */");
	printf("#define IMAGE_ANCHORS %zu\n#define IMAGE_WINDOW %zu\n#define IMAGE_RULES %d\n",
	       sizeof(c->anchors), sizeof(struct window), RULE_COUNT);
	print_anchors(&c->anchors);
	catalogue_free(c);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
