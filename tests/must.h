/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MUST_H
#define AWSMASK_MUST_H
/* What must hold, in fuzzers and in what they share with the unit tests: else it is said, and the process ends there. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

#define MUST(what) must(what, #what)

#endif
