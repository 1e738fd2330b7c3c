/* SPDX-License-Identifier: Apache-2.0 */
#include "control_judge.h"

#include "cgroup.h"
#include "process.h"
#include "unix_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define DEPTH_MAX 64 /* cgroups above one another that are looked at */

struct lineage {
	uint64_t ids[DEPTH_MAX]; /* its cgroup and those above it; the root is the last */
	size_t count;
};

/* Root of this host and not of a container: CAP_SYS_ADMIN, and no pid namespace of its own. */
static bool is_host_root(pid_t pid)
{
	uint64_t effective = 0;
	char line[256], path[32];
	int spaces = 0, outer, inner;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "CapEff: %" SCNx64, &effective);
		if (!strncmp(line, "NSpid:", 6))
			spaces = sscanf(line, "NSpid: %d %d", &outer, &inner);
	}
	fclose(f);
	return spaces == 1 && (effective >> CAP_SYS_ADMIN & 1);
}

static int find_ids(pid_t pid, struct lineage *l)
{
	char path[PATH_MAX], mount[PATH_MAX];
	size_t mount_len;
	struct err e;

	if (cgroup_mount(mount, sizeof(mount), &e) < 0 ||
	    cgroup_of(pid, path, sizeof(path), &e) < 0)
		return -1;
	mount_len = strlen(mount);
	if (strncmp(path, mount, mount_len) != 0)
		return -1;
	for (;;) {
		char *slash;

		if (l->count == DEPTH_MAX || cgroup_id(path, &l->ids[l->count++], &e) < 0)
			return -1;
		slash = strrchr(path, '/');
		if (!slash || (size_t)(slash - path) < mount_len)
			return 0;
		*slash = '\0';
	}
}

/* Read while that process lives, so it is its own: a number that another may have by now says nothing. Before 6.5
 * there is no more than it. */
static int find_lineage(int fd, pid_t pid, struct lineage *l, bool *host_root)
{
	socklen_t size = sizeof(int);
	int pidfd = -1, rc = -1;

	l->count = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 && errno != ENOPROTOOPT)
		return -1;
	/* 0 would mean ourselves: it is in no pid namespace of ours. */
	if (pid > 0 && find_ids(pid, l) == 0) {
		*host_root = is_host_root(pid);
		rc = pidfd >= 0 && process_has_ended(pidfd) ? -1 : 0;
	}
	if (pidfd >= 0)
		close(pidfd);
	return rc;
}

static bool is_bound_by(const struct lineage *l, bool host_root, uint64_t enrolled)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->ids[i] == enrolled)
			return !(i + 1 == l->count && host_root);
	return false;
}

static int bound(uint64_t enrolled, struct err *e)
{
	char path[PATH_MAX];

	if (cgroup_path_of(enrolled, path, sizeof(path)) < 0)
		snprintf(path, sizeof(path), "id %" PRIu64, enrolled);
	return err_set(
		e,
		"this process is inside an enrolled cgroup itself (%.200s): what it starts is "
		"masked already, and it may change nothing; use a shell outside of it, or, to "
		"release the host, `awsmaskd --release`",
		path);
}

int control_judge(int fd, const char *path, const uint64_t *enrolled, size_t n, struct err *e)
{
	struct lineage lineage;
	struct ucred who;
	bool host_root = false;

	/* One accepted elsewhere may be somebody's that the worker has called itself, root's daemons among them. */
	if (fd < 0 || !unix_is_bound_to(fd, path) || unix_peer(fd, &who) < 0)
		return err_set(e, "nobody has asked for this on the control socket");
	if (who.uid != 0)
		return err_set(e, "only root may change something; you are uid %u",
			       (unsigned)who.uid);
	if (find_lineage(fd, who.pid, &lineage, &host_root) < 0)
		return err_set(e, "it cannot be seen which cgroup you are in, so you may change "
				  "nothing; use a shell on the host itself");
	for (size_t i = 0; i < n; i++)
		if (is_bound_by(&lineage, host_root, enrolled[i]))
			return bound(enrolled[i], e);
	return 0;
}
