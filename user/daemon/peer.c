/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"
#include "peer.h"
#include "process.h"

#include <dirent.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES_MAX 256
#define DESCRIPTORS_MAX 4096

struct peer {
	struct nl_sock *sock;
	struct peer_owner owner; /* of the answer being read */
	int found;
};

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct peer *p = arg;
	const struct inet_diag_msg *answer = nlmsg_data(nlmsg_hdr(msg));

	struct nlattr *cgroup;

	if (nlmsg_datalen(nlmsg_hdr(msg)) < (int)sizeof(*answer))
		return NL_OK;
	cgroup = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*answer), INET_DIAG_CGROUP_ID);
	p->owner = (struct peer_owner){.uid = answer->idiag_uid,
				       .inode = answer->idiag_inode,
				       .cgroup = cgroup ? nla_get_u64(cgroup) : 0};
	p->found = 1;
	return NL_OK;
}

struct peer *peer_open(struct err *e)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		goto fail;
	p->sock = nl_socket_alloc();
	if (!p->sock || nl_connect(p->sock, NETLINK_SOCK_DIAG) < 0)
		goto fail;
	/* One question, one message back: an acknowledgement would only be a second one to wait
	 * for. */
	nl_socket_disable_auto_ack(p->sock);
	nl_socket_modify_cb(p->sock, NL_CB_VALID, NL_CB_CUSTOM, on_answer, p);
	return p;
fail:
	peer_close(p);
	err_set(e, "sock_diag is not there: the kernel needs CONFIG_INET_DIAG");
	return NULL;
}

void peer_close(struct peer *p)
{
	if (!p)
		return;
	nl_socket_free(p->sock);
	free(p);
}

static void set_id(struct inet_diag_req_v2 *q, const uint8_t *local, uint16_t local_port,
		   const uint8_t *remote, uint16_t remote_port)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)local);
	size_t skip = v4 ? 12 : 0;

	q->sdiag_family = v4 ? AF_INET : AF_INET6;
	q->sdiag_protocol = IPPROTO_TCP;
	q->idiag_states = ~0u;
	q->id.idiag_sport = htons(local_port);
	q->id.idiag_dport = htons(remote_port);
	memcpy(q->id.idiag_src, local + skip, 16 - skip);
	memcpy(q->id.idiag_dst, remote + skip, 16 - skip);
	q->id.idiag_cookie[0] = q->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

int peer_owner(struct peer *p, const uint8_t local[static 16], uint16_t local_port,
	       const uint8_t remote[static 16], uint16_t remote_port, struct peer_owner *owner)
{
	struct inet_diag_req_v2 question = {0};
	int r;

	set_id(&question, local, local_port, remote, remote_port);
	p->found = 0;
	if (nl_send_simple(p->sock, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, &question,
			   sizeof(question)) < 0)
		return -1;
	r = nl_recvmsgs_default(p->sock);
	if (p->found)
		*owner = p->owner;
	if (r == -NLE_OBJ_NOTFOUND)
		return 0;
	return p->found ? 1 : r < 0 ? -1 : 0;
}

/* Whether a process has such a descriptor; *left is how many more may be looked at. */
static bool holds(long pid, const char *wanted, unsigned *left)
{
	char path[64], target[64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	dir = opendir(path);
	while (dir && !found && *left && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		--*left;
		target[n > 0 ? n : 0] = 0;
		found = !strcmp(target, wanted);
	}
	if (dir)
		closedir(dir);
	return found;
}

pid_t peer_process(const struct peer_owner *owner, char comm[static 16])
{
	char path[PATH_MAX], wanted[32];
	unsigned left = DESCRIPTORS_MAX, processes = PROCESSES_MAX;
	long pid, found = 0;
	size_t len;
	FILE *f;

	if (!owner->cgroup || cgroup_path_of(owner->cgroup, path, sizeof(path)) < 0)
		return 0;
	len = strlen(path);
	if (snprintf(path + len, sizeof(path) - len, "/cgroup.procs") >= (int)(sizeof(path) - len))
		return 0;
	snprintf(wanted, sizeof(wanted), "socket:[%u]", owner->inode);
	f = fopen(path, "re");
	while (f && !found && left && processes-- && fscanf(f, "%ld", &pid) == 1)
		if (pid > 0 && holds(pid, wanted, &left))
			found = pid;
	if (f)
		fclose(f);
	if (found)
		(void)process_name((pid_t)found, comm, 16);
	return (pid_t)found;
}
