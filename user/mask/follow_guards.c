/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <stdlib.h>
#include <string.h>

int guards_reserve(struct guards *g)
{
	uint16_t *room;

	if (g->room)
		return 0;
	room = calloc(GUARD_CELLS_MAX, sizeof(*room));
	if (!room)
		return -1;
	if (g->cell_count)
		memcpy(room, g->cells, g->cell_count * sizeof(*room));
	g->cells = g->room = room;
	return 0;
}

void guards_free(struct guards *g)
{
	free(g->room);
}

void guard_before(const struct guards *g, unsigned rule, struct guard_start start,
		  struct byte_set out[static GUARD_BEFORE])
{
	const struct guard *guard = &g->rules[rule];
	struct byte_set may[GUARD_BEFORE] = {{{0}}};

	for (unsigned near = 0; near < 256; near++) {
		uint16_t step = guard_step(g, guard, start.step, (uint8_t)near);

		for (unsigned far = 0; far < 256; far++) {
			uint16_t last = start.before < GUARD_BEFORE
						? step
						: guard_step(g, guard, step, (uint8_t)far);

			if (last == GUARD_NEVER)
				continue;
			byte_set_add(&may[0], (uint8_t)near);
			byte_set_add(&may[1], (uint8_t)far);
		}
	}
	for (unsigned i = 0; i < GUARD_BEFORE; i++)
		out[i] = i < start.before ? may[i] : byte_set_all;
}
