/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking with a memo, held against masking without one: a conversation that the input's bytes grow
 * and change leaves both alike. The first two bytes say how much can be remembered.
 */
#include "../mask_twins.h"

#define TURNS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct twins t;
	struct twin_choices c = {data, size};
	size_t memory;
	unsigned turns = 0;

	if (!t.plain.catalogue)
		twins_init(&t);
	memory = (size_t)twin_choice(&c) << (twin_choice(&c) % 13);
	twins_begin(&t, memory);
	while (c.n && turns < TURNS) {
		twins_change(&t, &c);
		if (twin_choice(&c) % 4)
			continue;
		twins_turn(&t);
		turns++;
	}
	twins_turn(&t);
	return 0;
}
