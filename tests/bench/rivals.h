/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_RIVALS_H
#define AWSMASK_BENCH_RIVALS_H
/*
 * What detect() is measured against: all of the catalogue's expressions in as few PCRE2
 * alternations as PCRE2 can hold, JIT compiled, and in one Hyperscan database. Both find about the same; neither resolves overlaps.
 */
#include "../../user/mask/buf.h"

struct rivals;

/* Append a rule's expression, with what may stand around it. */
void rivals_expression(int id, struct buf *out);

struct rivals *rivals_new(void); /* aborts when the expressions do not compile */
void rivals_free(struct rivals *r);

/* How many matches; -1: the match limit was hit. */
long rivals_pcre2(struct rivals *r, const uint8_t *text, size_t len);
unsigned rivals_alternations(const struct rivals *r);
/* The same, -1: it is not there. */
long rivals_hyperscan(struct rivals *r, const uint8_t *text, size_t len);
/* What to say about Hyperscan: its version, and how many expressions it took; or why it is not there. */
const char *rivals_hyperscan_say(const struct rivals *r);

#endif
