/* SPDX-License-Identifier: Apache-2.0 */
#include "netns.h"
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX ((size_t)16 << 20) /* bytes */

/* ---- which there are */

void netns_list_init(struct netns_list *l)
{
	*l = (struct netns_list){.full = false};
	buf_init(&l->all, LIST_MAX);
}

void netns_list_free(struct netns_list *l)
{
	for (size_t i = 0; i < netns_count(l); i++)
		close(netns_at(l, i)->fd);
	buf_free(&l->all);
}

size_t netns_count(const struct netns_list *l)
{
	return buf_len(&l->all) / sizeof(struct netns);
}

const struct netns *netns_at(const struct netns_list *l, size_t i)
{
	return (const struct netns *)buf_bytes(&l->all) + i;
}

bool netns_listed(const struct netns_list *l, dev_t dev, ino_t inode)
{
	for (size_t i = 0; i < netns_count(l); i++)
		if (netns_at(l, i)->dev == dev && netns_at(l, i)->inode == inode)
			return true;
	return false;
}

void netns_add(struct netns_list *l, const char *path)
{
	struct stat st;
	struct netns n;

	/* Most are in already, and looking costs less than opening. */
	if (stat(path, &st) < 0 || netns_listed(l, st.st_dev, st.st_ino))
		return;
	n = (struct netns){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (n.fd < 0)
		return;
	/* It may have moved in between: what was opened counts. */
	if (fstat(n.fd, &st) == 0 && !netns_listed(l, st.st_dev, st.st_ino)) {
		n.dev = st.st_dev;
		n.inode = st.st_ino;
		if (buf_append(&l->all, &n, sizeof(n)) == 0)
			return;
		l->full = true;
	}
	close(n.fd);
}

void netns_add_task(pid_t task, void *list)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)task);
	netns_add(list, path);
}

/* Threads, for each may live elsewhere: some runtimes make use of it. */
void netns_add_cgroup(struct netns_list *l, const char *cgroup)
{
	cgroup_each_task(cgroup, true, netns_add_task, l);
}

/* ---- inside */

struct visit {
	int netns, result, error;
	int (*what)(void *arg);
	void *arg;
};

static void *visit(void *arg)
{
	struct visit *v = arg;

	v->result = setns(v->netns, CLONE_NEWNET) < 0 ? -1 : v->what(v->arg);
	v->error = errno;
	return NULL;
}

int netns_do(int netns, int (*what)(void *arg), void *arg)
{
	struct visit v = {.netns = netns, .what = what, .arg = arg};
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, visit, &v);

	if (rc) {
		errno = rc;
		return -1;
	}
	pthread_join(thread, NULL);
	errno = v.error;
	return v.result;
}

/* Any socket knows; this family is there whatever the namespace has. */
static int read_cookie(void *cookie)
{
	socklen_t size = sizeof(uint64_t);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = fd < 0 ? -1 : getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size);

	if (fd >= 0)
		close(fd);
	return rc;
}

int netns_cookie_of(int netns, uint64_t *cookie)
{
	return netns_do(netns, read_cookie, cookie);
}

int netns_own_cookie(uint64_t *cookie, struct err *e)
{
	return read_cookie(cookie) < 0
		       ? err_set(e, "this kernel has no SO_NETNS_COOKIE; Linux 5.14 or later is "
				    "needed")
		       : 0;
}
