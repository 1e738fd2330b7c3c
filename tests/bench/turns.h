/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_TURNS_H
#define AWSMASK_BENCH_TURNS_H
/*
 * Requests as they follow one another in a conversation, masked by one who remembers: what the next
 * turn costs, and the same body again, and a history that was changed.
 */
#include "engines.h"

#include <stdio.h>

/* Print a table, and append it to the JSON as a member. */
void bench_turns(struct bench *b, unsigned rounds, FILE *json);

#endif
