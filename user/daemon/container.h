/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONTAINER_H
#define AWSMASK_CONTAINER_H
/* Which container a process is in, by the path of its cgroup: runtimes name cgroups after them. */
#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_NAME_MAX 64

struct container {
	char name[CONTAINER_NAME_MAX]; /* "docker:0f3a91c27be5", "nspawn:web", "lxc:web" ... */
	size_t len; /* of the path, up to the end of the container's own cgroup */
};

/*
 * The innermost container. false: the path leads through none that is known; *found is untouched
 * then. Ids of 64 hexadecimal digits are cut to 12, as runtimes show them.
 */
bool container_find(const char *path, struct container *found);

#endif
