/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_WATCH_H
#define AWSMASK_BENCH_WATCH_H
/* What others take meanwhile: a cgroup's processor time, to the microsecond, with all that ended in it. */
#define WATCHED_MAX 4

struct watched {
	char name[32];
	char cgroup[256];
	double cpu, cpu_before; /* seconds */
};

/* "NAME=CGROUP". 0, or -1. */
int watch_parse(struct watched *w, const char *argument);
void watch_begin(struct watched *w);
void watch_end(struct watched *w); /* sets cpu */
/* Seconds of the monotonic clock, the same for all processes. */
double watch_now(void);

#endif
