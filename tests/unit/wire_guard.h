/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_WIRE_GUARD_H
#define AWSMASK_TESTS_WIRE_GUARD_H
/* Guarded copies of which one is needed at a time: each call gives the last one back. */
#include "../guard.h"

#include <criterion/criterion.h>

static inline const uint8_t *guard_copy(const void *p, size_t n)
{
	static struct guarded last;

	if (last.map)
		guarded_free(&last);
	last = guarded_copy(p, n);
	return last.p;
}

#endif
