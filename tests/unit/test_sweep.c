/* SPDX-License-Identifier: Apache-2.0 */
/* Processes with real connections, in cgroups and network namespaces of their own. For root. */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/sweep.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[PATH_MAX - 64], below[PATH_MAX], beside[PATH_MAX];
static uint64_t top_id;

static void make(const char *path)
{
	struct err e;

	cr_assert_eq(cgroup_create(path, &e), 0, "%s", e.text);
}

static void make_cgroups(void)
{
	char mount[PATH_MAX - 128];
	struct err e;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	snprintf(top, sizeof(top), "%s/awsmask-test-sweep-%d", mount, getpid());
	snprintf(below, sizeof(below), "%s/below", top);
	snprintf(beside, sizeof(beside), "%s-beside", top);
	make(top);
	make(below);
	make(beside);
	cr_assert_eq(cgroup_id(top, &top_id, &e), 0, "%s", e.text);
}

static void remove_cgroups(void)
{
	struct err e;

	cgroup_remove(below, &e);
	cgroup_remove(top, &e);
	cgroup_remove(beside, &e);
}

TestSuite(sweep, .init = make_cgroups, .fini = remove_cgroups, .timeout = 60);

struct holder {
	const char *made_in;  /* the cgroup in which the socket is made */
	const char *moved_to; /* and then; NULL: it stays */
	int family;
	bool own_net; /* else in the test's network namespace */
	/* set by start() */
	pid_t pid;
	int told, ask; /* its ends of pipes */
	uint16_t port;
};

static void must(bool ok)
{
	if (!ok)
		_exit(99);
}

static void lo_up(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	must(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0);
	close(fd);
}

/* A connection to oneself; the port that was connected to. */
static int connection(int family, uint16_t *port)
{
	struct sockaddr_storage at = {.ss_family = (sa_family_t)family};
	socklen_t size =
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int server = socket(family, SOCK_STREAM, 0), fd = socket(family, SOCK_STREAM, 0);

	if (family == AF_INET)
		((struct sockaddr_in *)&at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&at)->sin6_addr = in6addr_loopback;
	must(bind(server, (struct sockaddr *)&at, size) == 0 && listen(server, 1) == 0);
	must(getsockname(server, (struct sockaddr *)&at, &size) == 0);
	must(connect(fd, (struct sockaddr *)&at, size) == 0 && accept(server, NULL, NULL) >= 0);
	*port = ntohs(((struct sockaddr_in *)&at)->sin_port); /* at the same place in both */
	return fd;
}

/* Never returns: 0, nobody touched the connection; 1, it was aborted. */
static void hold(const struct holder *h, int tell, int asked)
{
	struct err e;
	uint16_t port;
	char c;
	int fd;

	must(cgroup_enter(h->made_in, 0, &e) == 0);
	if (h->own_net) {
		must(unshare(CLONE_NEWNET) == 0);
		lo_up();
	}
	fd = connection(h->family, &port);
	must(!h->moved_to || cgroup_enter(h->moved_to, 0, &e) == 0);
	must(write(tell, &port, sizeof(port)) == sizeof(port));
	must(read(asked, &c, 1) == 1);
	must(recv(fd, &c, 1, MSG_DONTWAIT) < 0);
	must(errno == EAGAIN || errno == ECONNABORTED);
	_exit(errno == ECONNABORTED);
}

static void start(struct holder *h)
{
	int tell[2], ask[2];

	cr_assert(pipe(tell) == 0 && pipe(ask) == 0);
	h->pid = fork();
	cr_assert_geq(h->pid, 0);
	if (h->pid == 0)
		hold(h, tell[1], ask[0]);
	h->told = tell[0];
	h->ask = ask[1];
	close(tell[1]);
	close(ask[0]);
	cr_assert_eq(read(h->told, &h->port, sizeof(h->port)), (ssize_t)sizeof(h->port),
		     "the holder did not get that far");
}

/* Was its connection closed? */
static bool finish(struct holder *h)
{
	int status;

	cr_assert_eq(write(h->ask, "?", 1), 1);
	cr_assert_eq(waitpid(h->pid, &status, 0), h->pid);
	close(h->told);
	close(h->ask);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "status %x", (unsigned)status);
	return WEXITSTATUS(status) == 1;
}

/* How many were closed, with these ports masked and nothing excluded but `exclude`. */
static uint32_t sweep(uint16_t *ports, size_t n, struct config_net *exclude)
{
	struct config c = {.ports = ports, .port_count = n};
	struct sweep_result r = {0};
	struct err e = {""};

	c.exclude = exclude;
	c.exclude_count = exclude ? 1 : 0;
	cr_assert_eq(sweep_cgroup(&(struct sweep_options){.config = &c}, top_id, &r, &e), 0, "%s",
		     e.text);
	cr_expect_eq(r.left, 0);
	return r.closed;
}

static void expect_closed(struct holder h, bool closed)
{
	start(&h);
	cr_expect_eq(sweep(&h.port, 1, NULL), closed ? 1 : 0);
	cr_expect_eq(finish(&h), closed);
}

Test(sweep, those_of_the_cgroup_and_below_are_closed)
{
	expect_closed((struct holder){.made_in = top, .family = AF_INET}, true);
	expect_closed((struct holder){.made_in = below, .family = AF_INET}, true);
	expect_closed((struct holder){.made_in = below, .family = AF_INET6}, true);
}

Test(sweep, in_other_network_namespaces_too)
{
	expect_closed((struct holder){.made_in = top, .family = AF_INET, .own_net = true}, true);
	expect_closed((struct holder){.made_in = below, .family = AF_INET6, .own_net = true}, true);
}

Test(sweep, a_socket_made_elsewhere_and_brought_along_is_closed)
{
	expect_closed((struct holder){.made_in = beside, .moved_to = below, .family = AF_INET},
		      true);
	expect_closed(
		(struct holder){
			.made_in = beside, .moved_to = top, .family = AF_INET6, .own_net = true},
		true);
}

Test(sweep, those_of_others_are_not)
{
	expect_closed((struct holder){.made_in = beside, .family = AF_INET}, false);
	expect_closed((struct holder){.made_in = beside, .family = AF_INET6, .own_net = true},
		      false);
}

Test(sweep, other_ports_and_excluded_networks_are_not)
{
	struct config_net loopback4 = {{[10] = 0xff, 0xff, 127}, 104};
	struct config_net not_quite = {{[10] = 0xff, 0xff, 126}, 104};
	struct config_net most_of_it = {{[10] = 0xff, 0xff, 127}, 97};
	struct config_net loopback6 = {{[15] = 1}, 128};
	struct holder four = {.made_in = top, .family = AF_INET};
	struct holder six = {.made_in = top, .family = AF_INET6};
	uint16_t other;

	start(&four);
	other = (uint16_t)(four.port ^ 1);
	cr_expect_eq(sweep(&other, 1, NULL), 0);
	cr_expect_eq(sweep(&four.port, 1, &loopback4), 0);
	cr_expect_eq(sweep(&four.port, 1, &most_of_it), 0);
	cr_expect_eq(sweep(&four.port, 1, &not_quite), 1);
	cr_expect(finish(&four));
	start(&six);
	cr_expect_eq(sweep(&six.port, 1, &loopback6), 0);
	cr_expect_not(finish(&six));
}

Test(sweep, several_at_once_are_counted)
{
	struct holder h[5];
	uint16_t ports[5];

	for (size_t i = 0; i < 5; i++) {
		h[i] = (struct holder){
			.made_in = i % 2 ? top : below, .family = AF_INET, .own_net = i == 4};
		start(&h[i]);
		ports[i] = h[i].port;
	}
	cr_expect_eq(sweep(ports, 5, NULL), 5);
	for (size_t i = 0; i < 5; i++)
		cr_expect(finish(&h[i]));
	cr_expect_eq(sweep(ports, 5, NULL), 0);
}

static struct sweep_result sweep_with(const struct sweep_options *o, const pid_t *pids, size_t n)
{
	struct sweep_result r = {0};
	struct err e = {""};
	int rc = pids ? sweep_processes(o, pids, n, &r, &e) : sweep_cgroup(o, top_id, &r, &e);

	cr_assert_eq(rc, 0, "%s", e.text);
	return r;
}

Test(sweep, of_processes_those_that_they_hold)
{
	struct holder h[3];
	uint16_t ports[3];
	struct config c = {.ports = ports, .port_count = 3};
	const struct sweep_options o = {.config = &c};
	pid_t pids[2];

	for (size_t i = 0; i < 3; i++) {
		h[i] = (struct holder){.made_in = beside, .family = AF_INET, .own_net = i == 1};
		start(&h[i]);
		ports[i] = h[i].port;
	}
	pids[0] = h[0].pid;
	pids[1] = h[1].pid;
	cr_expect_eq(sweep_with(&o, pids, 2).closed, 2);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(finish(&h[i]), i < 2);
}

Test(sweep, counting_closes_none)
{
	struct holder h = {.made_in = below, .family = AF_INET};
	struct config c = {.ports = &h.port, .port_count = 1};
	const struct sweep_options o = {.config = &c, .count_only = true};

	start(&h);
	cr_expect_eq(sweep_with(&o, NULL, 0).closed, 1);
	cr_expect_eq(sweep_with(&o, &h.pid, 1).closed, 1);
	cr_expect_not(finish(&h));
}

/* I9: whatever is enrolled around it. */
Test(sweep, the_daemons_own_stay)
{
	struct holder own = {.made_in = below, .family = AF_INET};
	struct holder moved = {.made_in = below, .moved_to = top, .family = AF_INET};
	struct config c = {.ports = &own.port, .port_count = 1};
	struct sweep_options o = {.config = &c};
	struct err e;

	cr_assert_eq(cgroup_id(below, &o.own_cgroup, &e), 0);
	start(&own);
	cr_expect_eq(sweep_with(&o, NULL, 0).closed, 0);
	cr_expect_eq(sweep_with(&o, &own.pid, 1).closed, 0);
	cr_expect_not(finish(&own));
	start(&moved);
	c.ports = &moved.port;
	cr_expect_eq(sweep_with(&o, NULL, 0).closed, 0);
	cr_expect_not(finish(&moved));
}

Test(sweep, a_cgroup_that_is_gone_is_an_error)
{
	struct config c = {.ports = NULL};
	struct sweep_result r;
	struct err e = {""};

	cr_expect_eq(sweep_cgroup(&(struct sweep_options){.config = &c}, UINT64_MAX - 1, &r, &e),
		     -1);
	cr_expect_not_null(strstr(e.text, "gone"));
}
