/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_JOIN_H
#define AWSMASK_FOLLOW_JOIN_H
/* Steps of a guard that say the same become one, and so do classes of bytes; private to follow*.c. */
#include "follow.h"

#define JOIN_STEPS_MAX 8192

/* The guard has so many steps. Returns how many are left; `renamed` says of each which one it became. */
unsigned guard_join(struct guard *guard, uint16_t *cells, unsigned steps,
		    uint16_t renamed[static JOIN_STEPS_MAX]);

#endif
