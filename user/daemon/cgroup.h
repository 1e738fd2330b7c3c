/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CGROUP_H
#define AWSMASK_CGROUP_H
/* Where cgroup v2 is mounted, and which cgroup a person means. */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* The cgroup2 mount point, from /proc/self/mountinfo (hybrid hosts too). 0 or -1. */
int cgroup_mount(char *path, size_t size, struct err *e);
/* The same from another file of that form. */
int cgroup_mount_from(const char *mountinfo, char *path, size_t size, struct err *e);
/*
 * The absolute path of the cgroup named: a path below the mount, an absolute path, or a systemd
 * unit or slice name (looked for by its directory name; ambiguous is an error). 0 or -1 with what
 * to write instead.
 */
int cgroup_resolve(const char *name, char *path, size_t size, struct err *e);
/* The cgroup's id: the inode of its directory, which is what bpf sees. 0 or -1. */
int cgroup_id(const char *path, uint64_t *id, struct err *e);
/* Its path again, or -1 when it is gone. Walks the tree. */
int cgroup_path_of(uint64_t id, char *path, size_t size);
/* How many levels below the root it lies (the root: 0), or -1 when it is gone. */
int cgroup_depth(uint64_t id);
/* Whether this path, both without links and dots, is that of `above` or of something below it. */
static inline bool cgroup_is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return !strncmp(path, above, n) && (!path[n] || path[n] == '/');
}
/* Whether `id` is `ancestor` or lies below it; false also when either is gone. */
bool cgroup_contains(uint64_t ancestor, uint64_t id);
/*
 * Call `step` for the cgroup and for each one below it, until it returns anything but 0, which is
 * returned then; -1 also when the cgroup itself is gone, or not all could be looked at.
 */
int cgroup_each(const char *path, int (*step)(const char *path, uint64_t id, void *arg), void *arg);
/* Call `each` for every process, or thread, in this very cgroup: not for those of the ones below. */
void cgroup_each_task(const char *path, bool threads, void (*each)(pid_t pid, void *arg),
		      void *arg);

int cgroup_create(const char *path, struct err *e);
/* Kill what is in it, and remove what was made below. 0 or -1. */
int cgroup_empty(const char *path, struct err *e);
/* Removes it; processes in it must be gone. 0 or -1. */
int cgroup_remove(const char *path, struct err *e);
/* Put the process `pid` (0: the caller) there. 0 or -1. */
int cgroup_enter(const char *path, pid_t pid, struct err *e);
/* The cgroup2 path (absolute, below the mount) of a process. 0 or -1. */
int cgroup_of(pid_t pid, char *path, size_t size, struct err *e);

#endif
