/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CLOCK_H
#define AWSMASK_CLOCK_H
#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds, now: a loop's uv_now() is when its turn began. */
uint64_t clock_ms(void);

#endif
