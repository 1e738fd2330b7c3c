/* SPDX-License-Identifier: Apache-2.0 */
#include "walls.h"

enum { WALL_BEGINS, WALL_ENDS, WALL_HOLDS, WALL_KINDS };

/* The last run led to nothing. */
static void remember(struct wall *w)
{
	if (w->ended <= w->begun)
		return;
	w->from = w->begun;
	w->to = w->ended;
	w->ended = 0;
}

int walls_callout(pcre2_callout_block *block, void *seen)
{
	struct walls_seen *s = seen;
	unsigned number = block->callout_number - 1;
	struct wall *w;

	if (!s->of || number >= WALLS_MAX * WALL_KINDS)
		return 0;
	w = &s->of->list[number / WALL_KINDS];
	switch (number % WALL_KINDS) {
	case WALL_BEGINS:
		remember(w);
		if (block->current_position >= w->from && block->current_position < w->to)
			return 1;
		w->begun = block->current_position;
		break;
	case WALL_ENDS:
		w->ended = block->current_position;
		s->walked += w->ended - w->begun;
		break;
	case WALL_HOLDS:
		w->ended = 0;
		break;
	}
	return 0;
}

void walls_tried(struct walls *w, bool matched)
{
	for (unsigned i = 0; i < WALLS_MAX; i++) {
		if (!matched)
			remember(&w->list[i]);
		w->list[i].ended = 0;
	}
}
