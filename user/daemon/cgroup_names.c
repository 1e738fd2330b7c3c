/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_names.h"
#include "cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024 /* one of two ids that share a slot is looked up anew */

struct cgroup_names {
	pthread_mutex_t lock;
	struct {
		uint64_t id;
		char *path;
	} slots[SLOTS];
};

struct cgroup_names *cgroup_names_new(void)
{
	struct cgroup_names *names = calloc(1, sizeof(*names));

	if (names)
		pthread_mutex_init(&names->lock, NULL);
	return names;
}

void cgroup_names_free(struct cgroup_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(names->slots[i].path);
	pthread_mutex_destroy(&names->lock);
	free(names);
}

/* The walk needs no lock: others need not wait for it. One that is not found has gone for good. */
static char *look_up(struct cgroup_names *names, uint64_t id)
{
	char path[PATH_MAX], *copy;
	size_t slot = id % SLOTS;

	if (cgroup_path_of(id, path, sizeof(path)) < 0)
		snprintf(path, sizeof(path), "id:%" PRIu64, id);
	copy = strdup(path);
	if (!copy)
		return NULL;
	pthread_mutex_lock(&names->lock);
	free(names->slots[slot].path);
	names->slots[slot].id = id;
	names->slots[slot].path = copy;
	pthread_mutex_unlock(&names->lock);
	return strdup(path);
}

char *cgroup_names_known(struct cgroup_names *names, uint64_t id)
{
	char *path = NULL;

	if (!id)
		return strdup("");
	pthread_mutex_lock(&names->lock);
	if (names->slots[id % SLOTS].id == id)
		path = strdup(names->slots[id % SLOTS].path);
	pthread_mutex_unlock(&names->lock);
	return path;
}

char *cgroup_names_path(struct cgroup_names *names, uint64_t id)
{
	char *path = cgroup_names_known(names, id);

	return path ? path : look_up(names, id);
}
