/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_H
#define AWSMASK_FOLLOW_H
/*
 * Which bytes can stand behind an anchor, as the expression has it: behind `i-` two hexadecimal
 * digits, behind `user` what may lead on to a name, but no `s` and no word. It may say too much and
 * never too little: what it does not understand can be anything, and assertions it leaves out.
 */
#include "byte_set.h"

#include <stddef.h>

#define FOLLOW 4 /* so many bytes behind the anchor */

struct follow;

/* NULL: memory. An expression that it cannot read makes one that says "anything". */
__attribute__((warn_unused_result)) struct follow *follow_new(const char *expression);
void follow_free(struct follow *f);

/*
 * The sets for the bytes behind the anchor. `within`: the anchor stands somewhere in the match,
 * else at its start. A set is full where the match may have ended.
 */
void follow_after(const struct follow *f, const char *anchor, size_t len, bool fold, bool within,
		  struct byte_set out[static FOLLOW]);

#endif
