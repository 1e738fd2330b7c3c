/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"
#include "../mask/buf.h"
#include "cgroup.h"
#include "netns.h"

#include <dirent.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <unistd.h>

#define LIST_MAX ((size_t)64 << 20) /* bytes of each list */

/* Those that carry data or will: what is closing or listening carries none to the origin. */
#define LIVE_STATES                                                                                \
	(1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV | 1u << TCP_CLOSE_WAIT)

struct sweep {
	const struct sweep_options *options;
	struct buf own;	    /* uint64_t, sorted: the cgroups whose sockets stay */
	struct buf cgroups; /* uint64_t, sorted before they are looked up */
	struct buf sockets; /* uint64_t, likewise: inodes */
	struct netns_list nets;
	struct buf found; /* struct inet_diag_req_v2: what to close */
	bool full;	  /* memory is out */
};

/* ---- who there is */

static void add(struct sweep *s, struct buf *list, const void *p, size_t n)
{
	if (buf_append(list, p, n) < 0)
		s->full = true;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort(struct buf *list)
{
	if (buf_len(list))
		qsort(list->data + list->head, buf_len(list) / sizeof(uint64_t), sizeof(uint64_t),
		      compare);
}

static bool has(const struct buf *list, uint64_t n)
{
	return buf_len(list) &&
	       bsearch(&n, buf_bytes(list), buf_len(list) / sizeof(n), sizeof(n), compare) != NULL;
}

static void add_sockets(struct sweep *s, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned long long inode;
	char target[64];
	ssize_t n;

	while (dir && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		if (sscanf(target, "socket:[%llu]", &inode) == 1)
			add(s, &s->sockets, &(uint64_t){inode}, sizeof(uint64_t));
	}
	if (dir)
		closedir(dir);
}

static void add_sockets_of(pid_t pid, void *sweep)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/%d/fd", (int)pid);
	add_sockets(sweep, proc);
}

static int add_cgroup(const char *path, uint64_t id, void *arg)
{
	struct sweep *s = arg;

	if (has(&s->own, id))
		return 0;
	add(s, &s->cgroups, &id, sizeof(id));
	netns_add_cgroup(&s->nets, path);
	cgroup_each_task(path, false, add_sockets_of, s);
	return 0;
}

static int gather_cgroup(struct sweep *s, uint64_t cgroup, struct err *e)
{
	char path[PATH_MAX];

	if (cgroup_path_of(cgroup, path, sizeof(path)) < 0)
		return err_set(e, "the cgroup %llu is gone", (unsigned long long)cgroup);
	if (cgroup_each(path, add_cgroup, s) < 0)
		return err_set(e, "the cgroups below %s cannot be walked", path);
	return 0;
}

/* ---- which connections */

static bool is_masked_destination(const struct config *c, const struct inet_diag_msg *m)
{
	uint8_t addr[16] = {[10] = 0xff, 0xff};

	if (m->idiag_family == AF_INET)
		memcpy(addr + 12, m->id.idiag_dst, 4);
	else
		memcpy(addr, m->id.idiag_dst, 16);
	return !config_excludes(c, addr) && config_is_masked_port(c, ntohs(m->id.idiag_dport));
}

static bool is_theirs(const struct sweep *s, struct nlmsghdr *header, const struct inet_diag_msg *m)
{
	struct nlattr *cgroup = nlmsg_find_attr(header, sizeof(*m), INET_DIAG_CGROUP_ID);

	if (cgroup && has(&s->own, nla_get_u64(cgroup)))
		return false;
	return has(&s->sockets, m->idiag_inode) ||
	       (cgroup && has(&s->cgroups, nla_get_u64(cgroup)));
}

static int on_socket(struct nl_msg *msg, void *arg)
{
	struct sweep *s = arg;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct inet_diag_msg *m = nlmsg_data(header);
	struct inet_diag_req_v2 q = {.sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u};

	if (nlmsg_datalen(header) < (int)sizeof(*m) ||
	    !is_masked_destination(s->options->config, m) || !is_theirs(s, header, m))
		return NL_OK;
	q.sdiag_family = m->idiag_family;
	q.id = m->id;
	add(s, &s->found, &q, sizeof(q));
	return NL_OK;
}

static int list_sockets(struct nl_sock *sock, int family)
{
	struct inet_diag_req_v2 q = {.sdiag_family = (uint8_t)family,
				     .sdiag_protocol = IPPROTO_TCP,
				     .idiag_states = LIVE_STATES};

	if (nl_send_simple(sock, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &q, sizeof(q)) <
	    0)
		return -1;
	return nl_recvmsgs_default(sock) < 0 ? -1 : 0;
}

static void close_found(struct sweep *s, struct nl_sock *sock, struct sweep_result *r)
{
	const struct inet_diag_req_v2 *q = (const void *)buf_bytes(&s->found);
	size_t n = buf_len(&s->found) / sizeof(*q);
	int rc;

	if (s->options->count_only) {
		r->closed += (uint32_t)n;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct inet_diag_req_v2 one = q[i];

		rc = nl_send_simple(sock, SOCK_DESTROY, NLM_F_REQUEST, &one, sizeof(one));
		if (rc >= 0)
			rc = nl_wait_for_ack(sock);
		if (rc >= 0)
			r->closed++;
		else if (rc != -NLE_OBJ_NOTFOUND) /* it has ended by itself */
			r->left++;
	}
}

/* ---- in each network namespace */

/* The socket stays there. */
static int open_there(void *sock)
{
	return nl_connect(sock, NETLINK_SOCK_DIAG);
}

static int sweep_net(struct sweep *s, int net, struct sweep_result *r)
{
	struct nl_sock *sock = nl_socket_alloc();
	int rc = -1;

	if (!sock || netns_do(net, open_there, sock) < 0)
		goto out;
	buf_clear(&s->found);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_socket, s);
	if (list_sockets(sock, AF_INET) < 0 || list_sockets(sock, AF_INET6) < 0)
		goto out;
	close_found(s, sock, r);
	rc = 0;
out:
	nl_socket_free(sock);
	return rc;
}

static int add_own(const char *path, uint64_t id, void *arg)
{
	struct sweep *s = arg;

	(void)path;
	add(s, &s->own, &id, sizeof(id));
	return 0;
}

static void begin(struct sweep *s)
{
	char path[PATH_MAX];

	buf_init(&s->own, LIST_MAX);
	buf_init(&s->cgroups, LIST_MAX);
	buf_init(&s->sockets, LIST_MAX);
	netns_list_init(&s->nets);
	buf_init(&s->found, LIST_MAX);
	netns_add(&s->nets, "/proc/self/ns/net");
	/* One that is gone has no sockets. */
	if (s->options->own_cgroup &&
	    cgroup_path_of(s->options->own_cgroup, path, sizeof(path)) == 0)
		(void)cgroup_each(path, add_own, s);
	sort(&s->own);
}

/* `rc`: of the gathering. */
static int finish(struct sweep *s, int rc, struct sweep_result *r, struct err *e)
{
	struct sweep_result sum = {0};

	sort(&s->cgroups);
	sort(&s->sockets);
	for (size_t i = 0; i < netns_count(&s->nets) && rc == 0; i++)
		if (sweep_net(s, netns_at(&s->nets, i)->fd, &sum) < 0)
			rc = err_set(e, "the connections in a network namespace cannot be listed "
					"or not be closed (does the kernel have "
					"CONFIG_INET_DIAG_DESTROY?)");
	if (rc == 0 && (s->full || s->nets.full))
		rc = err_set(e, "there are more connections than memory to list them");
	if (rc == 0)
		*r = sum;
	buf_free(&s->own);
	buf_free(&s->cgroups);
	buf_free(&s->sockets);
	netns_list_free(&s->nets);
	buf_free(&s->found);
	return rc;
}

int sweep_cgroup(const struct sweep_options *o, uint64_t cgroup_id, struct sweep_result *r,
		 struct err *e)
{
	struct sweep s = {.options = o};

	begin(&s);
	return finish(&s, gather_cgroup(&s, cgroup_id, e), r, e);
}

int sweep_processes(const struct sweep_options *o, const pid_t *pids, size_t n,
		    struct sweep_result *r, struct err *e)
{
	struct sweep s = {.options = o};

	begin(&s);
	for (size_t i = 0; i < n; i++) {
		netns_add_task(pids[i], &s.nets);
		add_sockets_of(pids[i], &s);
	}
	return finish(&s, 0, r, e);
}
