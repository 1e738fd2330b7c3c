/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PROPOSE_TEXT_H
#define AWSMASK_PROPOSE_TEXT_H
/*
 * What agents send, as far as it is known beforehand: how often which bytes stand in it, and which of them
 * behind which. So the proposer knows what is rare.
 */
#include "byte_set.h"

#define TEXT_KINDS 32 /* of bytes */

/* How many of ten thousand bytes are of the set, about. */
uint32_t bytes_weight(const struct byte_set *s);
/* The same, out of one; never 0. */
double bytes_share(const struct byte_set *s);

struct text_model {
	float kind[TEXT_KINDS];		    /* how often a byte of this kind stands in a text */
	float next[TEXT_KINDS][TEXT_KINDS]; /* and behind it one of another kind */
	float of_kind[128];		    /* how often one of its kind is this byte */
	uint8_t kind_of[128];
};

/* Of each kind of bytes, how many are of a set. */
struct text_shares {
	float of[TEXT_KINDS];
};

void text_init(struct text_model *m);
struct text_shares text_shares(const struct text_model *m, const struct byte_set *s);

/* How often bytes of such sets stand side by side. */
double text_often(const struct text_model *m, unsigned places, const struct text_shares *sets);

#endif
