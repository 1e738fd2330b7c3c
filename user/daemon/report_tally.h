/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REPORT_TALLY_H
#define AWSMASK_REPORT_TALLY_H
/* What was counted and is not in the report's file yet: sums in groups, as many as are bearable. Not
 * locked. */
#include "../mask/mask.h"
#include "report_db.h"

#define TALLY_GROUPS_MAX 256

/* One request that has come to its end. */
struct report_request {
	int64_t day;
	const char *cgroup, *target; /* printable; copied; "": none */
	bool observe;
	bool passed_on;			  /* it went to the origin */
	const char *refused, *unmaskable; /* why, a word that is static; NULL: it was not */
	const struct mask_counts *counts;
};

/* What became of a connection. */
struct report_connection {
	int64_t day;
	const char *cgroup, *target; /* printable; copied; "": none, or none that may be told */
	bool observe;
	enum report_outcome outcome;
	const char *why; /* static; "": nothing to be said */
};

struct tally_outcome {
	struct tally_outcome *next;
	enum report_outcome outcome;
	const char *why; /* static, so there are only so many */
	uint64_t count;
};

/* Sums of one day, cgroup, target and mode; [0] is of requests as a whole, [1 + type] of a type. */
struct tally_group {
	struct tally_group *next;
	int64_t day;
	char *cgroup, *target;
	bool observe;
	struct report_sums sums[1 + TYPE_MAX];
	struct tally_outcome *outcomes;
};

struct tally {
	struct tally_group *groups;
	size_t group_count;
	uint64_t requests; /* in the groups */
	uint64_t lost;	   /* requests and connections for which there was no room, ever */
};

void tally_count(struct tally *t, const struct report_request *q);
void tally_count_connection(struct tally *t, const struct report_connection *q);
/* All groups, the caller's from now on: to be given back, or freed. */
struct tally_group *tally_take(struct tally *t);
void tally_put_back(struct tally *t, struct tally_group *taken);
void tally_groups_free(struct tally_group *groups);
/* Into the file, inside begin and commit. 0 or -1. */
int tally_write(const struct tally_group *groups, const struct types *types, struct report_db *db);

#endif
