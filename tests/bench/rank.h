/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_RANK_H
#define AWSMASK_BENCH_RANK_H
/* The rules by what they cost on texts that are made, of each of them, to cost much (../hostile.h). */
struct catalogue;

void rank_hostile(const struct catalogue *c);

#endif
