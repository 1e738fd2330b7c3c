/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_NEAR_H
#define AWSMASKCTL_NEAR_H
/* Which type somebody meant who wrote its label wrongly. */
#include <stddef.h>

/*
 * The label closest to `word`, in either case, dashes for underscores: one that differs in few
 * letters, or one that has the word in it. NULL: none is close.
 */
const char *near_label(const char *word);

#endif
