/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_NETNS_H
#define AWSMASK_NETNS_H
/*
 * Network namespaces: which ones the processes of a cgroup live in, and doing something inside of
 * one. Needs CAP_SYS_ADMIN to enter, CAP_SYS_PTRACE to look at other users' processes.
 */
#include "../mask/buf.h"
#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

struct netns {
	dev_t dev;
	ino_t inode; /* what `lsns -t net` and readlink(1) show */
	int fd;
};

struct netns_list {
	struct buf all; /* struct netns */
	bool full;	/* memory is out: some are missing */
};

void netns_list_init(struct netns_list *l);
void netns_list_free(struct netns_list *l); /* and close what is in it */
size_t netns_count(const struct netns_list *l);
const struct netns *netns_at(const struct netns_list *l, size_t i);
/* Whether it is in. */
bool netns_listed(const struct netns_list *l, dev_t dev, ino_t inode);
/* The one that `path` leads to, such as /proc/self/ns/net, unless it is in. A path that is gone, with its process, is nothing. */
void netns_add(struct netns_list *l, const char *path);
/* The one that this thread, or process, lives in; to be called for each of several. */
void netns_add_task(pid_t task, void *list);
/* All that threads of this cgroup live in; not of those below. */
void netns_add_cgroup(struct netns_list *l, const char *cgroup);

/*
 * Run it inside the namespace, in a thread of its own, which need not come back. What it returns,
 * or -1 and errno when that cannot be entered.
 */
int netns_do(int netns, int (*what)(void *arg), void *arg);
/* The cookie by which the kernel side knows it. 0 or -1. */
int netns_cookie_of(int netns, uint64_t *cookie);
/* Of the namespace that we are in. 0, or -1 and a sentence. */
int netns_own_cookie(uint64_t *cookie, struct err *e);

#endif
