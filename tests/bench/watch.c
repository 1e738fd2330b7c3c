/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double watch_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int watch_parse(struct watched *w, const char *argument)
{
	*w = (struct watched){0};
	return sscanf(argument, "%31[a-z]=%255s", w->name, w->cgroup) == 2 ? 0 : -1;
}

static FILE *open_in(const char *dir, const char *name)
{
	char path[320];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static double cpu_of(const char *cgroup)
{
	unsigned long long microseconds = 0;
	FILE *f = open_in(cgroup, "cpu.stat");

	if (fscanf(f, "usage_usec %llu", &microseconds) != 1) {
		fprintf(stderr, "no processor time in %s/cpu.stat\n", cgroup);
		exit(1);
	}
	fclose(f);
	return (double)microseconds / 1e6;
}

void watch_begin(struct watched *w)
{
	w->cpu_before = cpu_of(w->cgroup);
}

void watch_end(struct watched *w)
{
	w->cpu = cpu_of(w->cgroup) - w->cpu_before;
}
