/* SPDX-License-Identifier: Apache-2.0 */
#include "control_peer.h"

#include "cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int control_peer_identify(struct control_peer *peer, int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return -1;
	*peer = (struct control_peer){.pid = who.pid, .uid = who.uid, .pidfd = -1};
	size = sizeof(peer->pidfd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &peer->pidfd, &size) < 0)
		peer->pidfd = -1;
	return 0;
}

void control_peer_forget(struct control_peer *peer)
{
	if (peer->pidfd >= 0)
		close(peer->pidfd);
	peer->pidfd = -1;
}

/* A number that another process may have by now says nothing. */
static bool has_ended(const struct control_peer *peer)
{
	struct pollfd p = {.fd = peer->pidfd, .events = POLLIN};

	return peer->pidfd >= 0 && poll(&p, 1, 0) != 0;
}

static bool is_host_root(const struct control_peer *peer)
{
	uint64_t effective = 0;
	char line[256], path[32];
	int spaces = 0, pid, inner;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)peer->pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "CapEff: %" SCNx64, &effective);
		if (!strncmp(line, "NSpid:", 6))
			spaces = sscanf(line, "NSpid: %d %d", &pid, &inner);
	}
	fclose(f);
	return peer->uid == 0 && spaces == 1 && (effective >> CAP_SYS_ADMIN & 1);
}

static int find_ids(pid_t pid, struct control_lineage *l)
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

		if (l->count == CONTROL_DEPTH_MAX || cgroup_id(path, &l->ids[l->count++], &e) < 0)
			return -1;
		slash = strrchr(path, '/');
		if (!slash || (size_t)(slash - path) < mount_len)
			return 0;
		*slash = '\0';
	}
}

int control_peer_lineage(const struct control_peer *peer, struct control_lineage *l)
{
	l->count = 0;
	/* 0 would mean ourselves. */
	if (peer->pid <= 0 || find_ids(peer->pid, l) < 0)
		return -1;
	l->host_root = is_host_root(peer);
	/* Last: what was read until now was that process's. */
	return has_ended(peer) ? -1 : 0;
}
