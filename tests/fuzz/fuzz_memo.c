/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking with a memo, held against masking without one: conversations of two people that the input's
 * bytes grow and change, and now and then break, leave both alike. The first two bytes say how much can
 * be remembered.
 */
#include "../mask_twins.h"
#include "fuzz.h"

#define TURNS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct twins t;
	struct twin_choices c = {data, size};
	size_t memory;
	unsigned turns = 0;

	if (!t.plain[0].catalogue)
		twins_init(&t);
	memory = (size_t)twin_choice(&c) << (twin_choice(&c) % 13);
	twins_begin(&t, memory);
	while (c.n && turns < TURNS) {
		uint8_t choice;

		twins_change(&t, &c);
		choice = twin_choice(&c);
		if (choice % 4)
			continue;
		twins_turn(&t);
		turns++;
		if (choice / 4 % 4 == 1) {
			size_t at = (size_t)twin_choice(&c) << 8 | twin_choice(&c);

			twins_break(&t, at % buf_len(&t.body),
				    (enum twin_break)(choice / 16 % TWIN_BREAKS), twin_choice(&c));
		}
	}
	twins_turn(&t);
	return 0;
}
