/* SPDX-License-Identifier: Apache-2.0 */
#include "own_cgroup.h"
#include "cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whose last but one directory is our slice: up to there. */
static void shorten_to_slice(char *path)
{
	static const char slice[] = "/awsmask.slice";
	char *last = strrchr(path, '/');
	size_t above = last ? (size_t)(last - path) : 0;

	if (above >= sizeof(slice) - 1 &&
	    memcmp(last - (sizeof(slice) - 1), slice, sizeof(slice) - 1) == 0)
		*last = 0;
}

static int path_of_ours(char *path, size_t size, struct err *e)
{
	static const char name[] = "/awsmaskd";

	if (cgroup_mount(path, size - sizeof(name), e) < 0)
		return -1;
	strcat(path, name);
	return 0;
}

void own_cgroup_remove(void)
{
	char path[4096];
	struct err e;

	if (path_of_ours(path, sizeof(path), &e) == 0)
		(void)cgroup_remove(path, &e);
}

int own_cgroup_enter(struct own_cgroup *c, struct err *e)
{
	if (cgroup_of(0, c->former, sizeof(c->former), e) < 0)
		return -1;
	if (getenv("INVOCATION_ID") && strstr(c->former, "awsmaskd.service")) {
		snprintf(c->path, sizeof(c->path), "%s", c->former);
		shorten_to_slice(c->path);
		c->former[0] = 0;
		return 0;
	}
	if (path_of_ours(c->path, sizeof(c->path), e) < 0)
		return -1;
	if (cgroup_create(c->path, e) < 0 || cgroup_enter(c->path, 0, e) < 0) {
		c->former[0] = 0;
		return -1;
	}
	return 0;
}

int own_cgroup_check(const struct own_cgroup *c, pid_t pid, struct err *e)
{
	char path[4096];

	if (cgroup_of(pid, path, sizeof(path), e) < 0)
		return -1;
	if (cgroup_is_below(path, c->path))
		return 0;
	return err_set(e,
		       "workers would run in %s and be redirected to themselves, for it is not in "
		       "%s: awsmaskd.service and awsmask-worker.service belong into awsmask.slice",
		       path, c->path);
}

void own_cgroup_leave(const struct own_cgroup *c)
{
	struct err e;

	if (c->former[0] && cgroup_enter(c->former, 0, &e) == 0)
		(void)cgroup_remove(c->path, &e);
}
