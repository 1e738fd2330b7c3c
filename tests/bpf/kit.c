/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include "awsmask.skel.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

void check_failed(const char *file, int line, const char *what)
{
	printf("#   %s:%d: %s\n", file, line, what);
	fflush(stdout);
	_exit(1);
}

void check_equal(long got, long wanted, const char *what, const char *file, int line)
{
	char text[256];

	if (got == wanted)
		return;
	snprintf(text, sizeof(text), "%s is %ld, not %ld", what, got, wanted);
	check_failed(file, line, text);
}

uint64_t netns_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check(!getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size));
	close(fd);
	return cookie;
}

static struct sockaddr_storage address(int family, const char *text, uint16_t port, socklen_t *size)
{
	struct sockaddr_storage a = {.ss_family = (sa_family_t)family};

	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&a;

		in->sin_port = htons(port);
		check(inet_pton(AF_INET, text, &in->sin_addr) == 1);
		*size = sizeof(*in);
	} else {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a;

		in->sin6_port = htons(port);
		check(inet_pton(AF_INET6, text, &in->sin6_addr) == 1);
		*size = sizeof(*in);
	}
	return a;
}

static int bound(int family, int type, const char *addr, uint16_t port)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	socklen_t size;
	struct sockaddr_storage a = address(family, addr, port, &size);

	check(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(!bind(fd, (struct sockaddr *)&a, size));
	return fd;
}

int listener_make(int family, const char *addr, uint16_t port, uint32_t mark)
{
	int fd = bound(family, SOCK_STREAM, addr, port);

	check(!mark || !setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	check(!listen(fd, 64));
	return fd;
}

uint16_t port_of(int fd)
{
	struct sockaddr_in6 a;
	socklen_t size = sizeof(a);

	check(!getsockname(fd, (struct sockaddr *)&a, &size));
	return ntohs(a.sin6_port); /* the same place in sockaddr_in */
}

void listeners_close(struct world *w)
{
	close(w->listener4);
	close(w->listener6);
	w->listener4 = w->listener6 = -1;
}

void listeners_open(struct world *w)
{
	struct err e;

	w->listener4 = listener_make(AF_INET, "127.0.0.1", w->ports.port4, AWSMASK_LISTENER_MARK);
	w->listener6 = listener_make(AF_INET6, "::1", w->ports.port6, AWSMASK_LISTENER_MARK);
	w->ports.port4 = port_of(w->listener4);
	w->ports.port6 = port_of(w->listener6);
	check(!redirect_set_listener(w->r, w->netns, &w->ports, &e));
}

static void net(const char *add4, const char *add6)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip link set lo up && ip addr add %s/32 dev lo && ip addr add %s/128 dev lo nodad",
		 add4, add6);
	check(!system(command));
}

static void sysctl_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check(write(fd, value, strlen(value)) > 0);
	close(fd);
}

static void configure(struct world *w)
{
	static uint16_t ports[] = {MASKED, 80}, proxies[] = {PROXY};
	static struct config_net nets[3] = {
		{.prefixlen = 96 + 8}, {.prefixlen = 96 + 24}, {.prefixlen = 48}};
	struct err e;

	/* With host bits set, as people write them. */
	check(inet_pton(AF_INET6, "::ffff:127.0.0.1", nets[0].addr) == 1);
	check(inet_pton(AF_INET6, "::ffff:203.0.113.77", nets[1].addr) == 1);
	check(inet_pton(AF_INET6, "2001:db8:e::1", nets[2].addr) == 1);
	w->config = (struct config){.ports = ports,
				    .port_count = 2,
				    .proxy_ports = proxies,
				    .proxy_port_count = 1,
				    .exclude = nets,
				    .exclude_count = 3};
	if (redirect_configure(w->r, &w->config, &e))
		check_failed(__FILE__, __LINE__, e.text);
}

uint64_t id_of(const char *cgroup)
{
	struct err e;
	uint64_t id;

	if (cgroup_id(cgroup, &id, &e))
		check_failed(__FILE__, __LINE__, e.text);
	return id;
}

void enroll(struct world *w, const char *cgroup, uint32_t mode, uint32_t flags)
{
	struct policy policy = {mode, flags};
	struct err e;

	if (redirect_enroll(w->r, id_of(cgroup), &policy, &e))
		check_failed(__FILE__, __LINE__, e.text);
}

char *cgroup_below(const struct world *w, const char *name, char path[static 512])
{
	struct err e;

	check(snprintf(path, 512, "%.400s/%s", w->cgroup, name) < 512);
	if (cgroup_create(path, &e))
		check_failed(__FILE__, __LINE__, e.text);
	return path;
}

void world_reopen(struct world *w)
{
	struct err e;

	w->r = redirect_open_at(w->dir, &e);
	if (!w->r)
		check_failed(__FILE__, __LINE__, e.text);
}

int pin_open(const struct world *w, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	fd = bpf_obj_get(path);
	check(fd >= 0);
	return fd;
}

void programs_replace(struct world *w, bool task_read)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = w->dir);
	struct awsmask *skel = awsmask__open_opts(&opts);
	struct bpf_program *program;
	char name[128];
	int link;

	check(skel);
	skel->rodata->have_task_read = task_read;
	bpf_program__set_autoload(skel->progs.awsmask_exec, false);
	bpf_program__set_autoload(skel->progs.awsmask_newtask, false);
	bpf_program__set_autoload(skel->progs.awsmask_exit, false);
	check(!awsmask__load(skel));
	bpf_object__for_each_program(program, skel->obj)
	{
		if (!bpf_program__autoload(program))
			continue;
		snprintf(name, sizeof(name), "link_%s", bpf_program__name(program));
		link = pin_open(w, name);
		check(!bpf_link_update(link, bpf_program__fd(program), NULL));
		close(link);
	}
	awsmask__destroy(skel);
}

static void names(const char *name, char dir[static 128], char cgroup[static 512])
{
	char mount[256];
	struct err e;

	if (cgroup_mount(mount, sizeof(mount), &e))
		check_failed(__FILE__, __LINE__, e.text);
	snprintf(dir, 128, "/sys/fs/bpf/%s", name);
	snprintf(cgroup, 512, "%s/%s", mount, name);
}

void world_make(struct world *w, const char *name)
{
	static const uint16_t ports[] = {MASKED, PROXY, UNMASKED};
	struct err e;

	names(name, w->dir, w->cgroup);
	check(!unshare(CLONE_NEWNET));
	net(ORIGIN4, ORIGIN6);
	net(EXCLUDED4, EXCLUDED6);
	/* 4: data in the SYN without a cookie, so that fast open really happens */
	sysctl_write("/proc/sys/net/ipv4/tcp_fastopen", "5");
	w->netns = netns_cookie();
	for (int i = 0; i < 3; i++)
		w->origin[i] = listener_make(AF_INET6, "::", ports[i], 0);
	w->datagrams[0] = bound(AF_INET6, SOCK_DGRAM, "::", MASKED);
	w->datagrams[1] = bound(AF_INET6, SOCK_DGRAM, "::", UNMASKED);
	if (cgroup_create(w->cgroup, &e))
		check_failed(__FILE__, __LINE__, e.text);
	w->cgroup_id = id_of(w->cgroup);
	world_reopen(w);
	configure(w);
	listeners_open(w);
	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
}

static void cgroup_clear(const char *path)
{
	char procs[600], child[600];
	struct dirent *entry;
	DIR *d = opendir(path);
	FILE *f;
	int pid;

	if (!d)
		return;
	while ((entry = readdir(d))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		cgroup_clear(child);
	}
	closedir(d);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	f = fopen(procs, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f)
		fclose(f);
	/* Those killed leave in their own time. */
	for (int i = 0; i < 200 && rmdir(path) && errno == EBUSY; i++)
		poll(NULL, 0, 10);
}

void world_remove(const char *name)
{
	char dir[128], cgroup[512];
	struct err e;

	names(name, dir, cgroup);
	if (redirect_remove_at(dir, &e))
		printf("#   %s\n", e.text);
	cgroup_clear(cgroup);
}

enum place landed(const struct world *w, int *fd)
{
	struct pollfd p[5] = {{w->listener4, POLLIN, 0},
			      {w->listener6, POLLIN, 0},
			      {w->origin[0], POLLIN, 0},
			      {w->origin[1], POLLIN, 0},
			      {w->origin[2], POLLIN, 0}};
	int accepted;

	/* A connection stands in the queue as soon as connect() is back; nothing comes later. */
	if (poll(p, 5, 100) <= 0)
		return NOWHERE;
	for (int i = 0; i < 5; i++) {
		if (!(p[i].revents & POLLIN))
			continue;
		accepted = accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC);
		check(accepted >= 0);
		if (fd)
			*fd = accepted;
		else
			close(accepted);
		return i == 0 ? LISTENER4 : i == 1 ? LISTENER6 : ORIGIN;
	}
	return NOWHERE;
}

bool datagram_came(const struct world *w, int which)
{
	struct pollfd p = {w->datagrams[which], POLLIN, 0};
	char byte;

	if (poll(&p, 1, 50) <= 0)
		return false;
	check(recv(w->datagrams[which], &byte, 1, 0) >= 0);
	return true;
}

int flow_take(struct world *w, const struct flow_key *key, struct flow_record *record)
{
	int found = redirect_flow_find(w->r, key, record);

	if (found == 1)
		redirect_flow_drop(w->r, key, record);
	return found;
}

struct flow_key key_of(const struct world *w, int accepted)
{
	struct flow_key key = {.netns_cookie = w->netns};
	struct sockaddr_storage a;
	socklen_t size = sizeof(a);

	check(!getpeername(accepted, (struct sockaddr *)&a, &size));
	if (a.ss_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&a;

		key.addr[10] = key.addr[11] = 0xff;
		memcpy(key.addr + 12, &in->sin_addr, 4);
		key.port = ntohs(in->sin_port);
	} else {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a;

		memcpy(key.addr, &in->sin6_addr, 16);
		key.port = ntohs(in->sin6_port);
	}
	return key;
}

int flow_count(const struct world *w)
{
	struct flow_key key, next;
	char path[160];
	int fd, n = 0, rc;

	snprintf(path, sizeof(path), "%s/flows", w->dir);
	fd = bpf_obj_get(path);
	check(fd >= 0);
	for (rc = bpf_map_get_next_key(fd, NULL, &next); !rc; n++) {
		key = next;
		rc = bpf_map_get_next_key(fd, &key, &next);
	}
	close(fd);
	return n;
}

void flows_clear(int fd)
{
	struct flow_key key, next;
	int rc = bpf_map_get_next_key(fd, NULL, &next);

	while (!rc) {
		key = next;
		rc = bpf_map_get_next_key(fd, &key, &next);
		check(!bpf_map_delete_elem(fd, &key));
	}
}

long seconds_up(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

uint64_t count_of(struct world *w, enum reason reason)
{
	uint64_t counts[REASON_COUNT];

	check(!redirect_counters(w->r, counts));
	return counts[reason];
}

const char *address_text(const struct sockaddr_storage *a, char text[static 64])
{
	char addr[INET6_ADDRSTRLEN];
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, addr, sizeof(addr));
	else
		inet_ntop(AF_INET6, &six->sin6_addr, addr, sizeof(addr));
	snprintf(text, 64, "%s %u", addr, ntohs(six->sin6_port));
	return text;
}
