/* SPDX-License-Identifier: Apache-2.0 */
#include "own_cgroup.h"
#include "cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int own_cgroup_enter(struct own_cgroup *c, struct err *e)
{
	size_t room = sizeof(c->path) - sizeof("/awsmaskd");

	if (cgroup_of(0, c->former, sizeof(c->former), e) < 0)
		return -1;
	if (getenv("INVOCATION_ID") && strstr(c->former, "awsmaskd.service")) {
		snprintf(c->path, sizeof(c->path), "%s", c->former);
		c->former[0] = 0;
		return 0;
	}
	if (cgroup_mount(c->path, room, e) < 0)
		return -1;
	strcat(c->path, "/awsmaskd");
	if (cgroup_create(c->path, e) < 0 || cgroup_enter(c->path, 0, e) < 0) {
		c->former[0] = 0;
		return -1;
	}
	return 0;
}

void own_cgroup_leave(const struct own_cgroup *c)
{
	struct err e;

	if (c->former[0] && cgroup_enter(c->former, 0, &e) == 0)
		(void)cgroup_remove(c->path, &e);
}
