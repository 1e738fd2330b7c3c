/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_ready.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#define PARTS_MAX 8

struct part {
	struct catalogue *catalogue;
	unsigned number, of;
	int rc;
	char why[256];
};

static void *part_run(void *data)
{
	struct part *p = data;

	p->rc = catalogue_ready(p->catalogue, p->number, p->of, p->why, sizeof(p->why));
	return NULL;
}

static unsigned processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < PARTS_MAX ? (unsigned)n : PARTS_MAX;
}

static int all_parts(struct catalogue *c, struct err *e)
{
	struct part parts[PARTS_MAX];
	pthread_t threads[PARTS_MAX];
	bool started[PARTS_MAX];
	unsigned n = processors();
	int rc = 0;

	for (unsigned i = 0; i < n; i++) {
		parts[i] = (struct part){.catalogue = c, .number = i, .of = n};
		started[i] = i && pthread_create(&threads[i], NULL, part_run, &parts[i]) == 0;
	}
	/* The first part is this thread's, and what there is no other one for. */
	for (unsigned i = 0; i < n; i++)
		if (!started[i])
			part_run(&parts[i]);
	for (unsigned i = 0; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
		if (rc == 0 && parts[i].rc < 0)
			rc = err_set(e, "the catalogue does not compile: %s", parts[i].why);
	}
	return rc;
}

int rules_ready(struct catalogue *c, struct err *e)
{
	int rc;

	/* In one arena: what compiling took from that of a thread that has ended would never be given back. */
	mallopt(M_ARENA_MAX, 1);
	rc = all_parts(c, e);
	mallopt(M_ARENA_MAX, 0); /* as many as there are threads, as before */
	return rc;
}
