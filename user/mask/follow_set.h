/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_SET_H
#define AWSMASK_FOLLOW_SET_H
/* What in an expression stands for one byte of several, private to follow*.c. */
#include "byte_set.h"

/* \d, \w, \s and what they are not. False: it is none of them. */
bool set_of_class(char c, struct byte_set *out);

/* The byte that the escape stands for whose backslash *at is behind, or -1; *at moves on. */
__attribute__((warn_unused_result)) int set_escaped(const char **at);

/* The class whose bracket *at is at; *at moves behind it. 0, or -1: it is not understood. */
__attribute__((warn_unused_result)) int set_read_class(const char **at, bool fold,
						       struct byte_set *out);

#endif
