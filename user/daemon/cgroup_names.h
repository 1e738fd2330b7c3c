/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CGROUP_NAMES_H
#define AWSMASK_CGROUP_NAMES_H
/* Paths of cgroups by their ids, remembered: a cgroup that has gone keeps its name, and looking one up
 * walks the tree. Ids are never used twice. */
#include <stdint.h>

struct cgroup_names;

/* NULL: memory is out. */
struct cgroup_names *cgroup_names_new(void);
void cgroup_names_free(struct cgroup_names *names);

/*
 * The path, "id:N" when it had gone before anybody asked, "" for id 0.
 * The caller's to free; NULL: memory is out. Any thread, but none that must not wait.
 */
char *cgroup_names_path(struct cgroup_names *names, uint64_t id);
/* The same without waiting, or NULL when it is to be looked up. */
char *cgroup_names_known(struct cgroup_names *names, uint64_t id);

#endif
