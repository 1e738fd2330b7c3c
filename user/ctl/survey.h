/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_SURVEY_H
#define AWSMASKCTL_SURVEY_H
/* What runs: some processes counted, and the names that they go by. */
#include <jansson.h>
#include <sys/types.h>

struct survey;

/* NULL: memory is out. */
struct survey *survey_new(void);
void survey_free(struct survey *s);

/* One that has ended meanwhile is left out. */
void survey_add(struct survey *s, pid_t pid);
/* The processes that were added. */
const pid_t *survey_pids(const struct survey *s, size_t *n);
/*
 * Set in `facts`: "processes", how many; "programs", how many of each name (as `ps -o comm`);
 * "namespaces", in how many network namespaces they live. 0, or -1: memory is out.
 */
__attribute__((warn_unused_result)) int survey_tell(const struct survey *s, json_t *facts);

#endif
