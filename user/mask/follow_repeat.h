/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_REPEAT_H
#define AWSMASK_FOLLOW_REPEAT_H
/* How often something in an expression may stand, private to follow*.c. */
#include <stdbool.h>

#define REPEAT_ANY (~0u) /* as often as it likes */

/*
 * The quantifier that *at is at; *at moves behind it. Without one it is once. False: it is none that is
 * understood.
 */
bool repeat_read(const char **at, unsigned *least, unsigned *most);

#endif
