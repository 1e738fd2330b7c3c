/* SPDX-License-Identifier: Apache-2.0 */
/* Other network namespaces: asked for by the kernel side, served by the monitor, left again. */
#include "kit.h"

#include "../../user/daemon/netns_watch.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static const struct plan to_origin4 = {.family = AF_INET, .dst = ORIGIN4, .port = MASKED};
static const struct plan to_origin6 = {.family = AF_INET6, .dst = ORIGIN6, .port = MASKED};

/* A process that keeps a namespace of its own, in this cgroup. */
struct keeper {
	pid_t pid;
	char path[64];
	uint64_t cookie;
};

static struct keeper keep(const char *cgroup)
{
	struct keeper k = {0};
	struct netns_list list;
	struct err e;
	int ends[2];
	char byte;

	check(!pipe2(ends, O_CLOEXEC));
	fflush(stdout);
	k.pid = fork();
	if (!k.pid) {
		if (cgroup_enter(cgroup, 0, &e))
			check_failed(__FILE__, __LINE__, e.text);
		check(!unshare(CLONE_NEWNET));
		check(write(ends[1], "", 1) == 1);
		pause();
		_exit(0);
	}
	check(read(ends[0], &byte, 1) == 1);
	close(ends[0]);
	close(ends[1]);
	snprintf(k.path, sizeof(k.path), "/proc/%d/ns/net", (int)k.pid);
	netns_list_init(&list);
	netns_add(&list, k.path);
	check_is(netns_count(&list), 1);
	check(!netns_cookie_of(netns_at(&list, 0)->fd, &k.cookie));
	netns_list_free(&list);
	return k;
}

static void keeper_end(const struct keeper *k)
{
	kill(k->pid, SIGKILL);
	check(waitpid(k->pid, NULL, 0) == k->pid);
}

/* What the monitor has of it, without the rest of the monitor. */
struct monitor {
	uv_loop_t loop;
	struct netns_doors *doors;
	struct netns_watch *watch;
	struct inheritance inherited;
};

static void monitor_start(struct monitor *m, struct world *w, bool accepting)
{
	struct err e;

	check(!uv_loop_init(&m->loop));
	m->inherited = (struct inheritance){.all = NULL};
	m->doors = netns_doors_new(w->r, w->ports.port4, &m->inherited, &e);
	check(m->doors);
	m->watch = netns_watch_new(&m->loop, w->r, m->doors, &e);
	check(m->watch);
	if (accepting)
		netns_doors_accepting(m->doors, true);
}

/* As from hand to hand: its sockets stay, the monitor does not. */
static void give(void *arg, const char *name, int fd)
{
	check(!inherit_add(arg, name, fcntl(fd, F_DUPFD_CLOEXEC, 0)));
}

static void monitor_replace(struct monitor *m, struct world *w)
{
	struct inheritance in = {.all = NULL};
	struct err e;

	netns_doors_each(m->doors, give, &in);
	check(!inherit_add(&in, "netns4.77", dup(0)));
	netns_watch_close(m->watch);
	netns_doors_free(m->doors);
	check(!uv_loop_init(&m->loop)); /* the earlier one ended with its monitor */
	m->doors = netns_doors_new(w->r, w->ports.port4, &in, &e);
	check(m->doors);
	check(!inherit_has(&in, "netns4.77"));
	inherit_drop(&in);
	m->watch = netns_watch_new(&m->loop, w->r, m->doors, &e);
	check(m->watch);
	netns_doors_accepting(m->doors, true);
}

static void monitor_end(struct monitor *m)
{
	netns_watch_close(m->watch);
	netns_doors_free(m->doors);
}

/* The loop goes round until we listen there, or not any more. */
static struct netns_door *until(struct monitor *m, uint64_t cookie, bool there)
{
	for (int i = 0; i < 5000; i++) {
		if ((netns_doors_find(m->doors, cookie) != NULL) == there)
			return netns_doors_find(m->doors, cookie);
		uv_run(&m->loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	check_failed(__FILE__, __LINE__, "nothing was done about a network namespace");
}

static int connect_from(struct world *w, const struct keeper *k, struct plan plan)
{
	plan.netns = k->path;
	return client_run(w->cgroup, &plan).error;
}

/* It came in by this descriptor, and the flow says so. */
static void arrived(struct world *w, const struct keeper *k, struct plan plan, int fd)
{
	struct flow_record record;
	struct flow_key key;
	struct client c;
	int accepted;

	plan.netns = k->path;
	plan.uid = 4711;
	c = client_start(w->cgroup, &plan);
	check_is(count_of(w, REASON_NO_ROOM), 0);
	check_is(c.out.error, 0);
	accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	check(accepted >= 0);
	key = key_of(w, accepted);
	key.netns_cookie = k->cookie;
	check_is(flow_take(w, &key, &record), 1);
	check_is(record.netns_cookie, k->cookie);
	check_is(record.uid, 4711);
	check_is(record.port, MASKED);
	close(accepted);
	client_end(&c);
}

static void refused_then_served(struct world *w, struct monitor *m, const struct keeper *k)
{
	struct netns_door *door;

	check_is(connect_from(w, k, to_origin4), ECONNREFUSED);
	door = until(m, k->cookie, true);
	arrived(w, k, to_origin4, door->fd4);
	arrived(w, k, to_origin6, door->fd6);
	check_is(landed(w, NULL), NOWHERE);
}

static int count_wanted(void *n, void *data, size_t size)
{
	const struct netns_wanted *q = data;

	check_is(size, sizeof(*q));
	check(q->netns_cookie && q->cgroup_id && q->task);
	++*(int *)n;
	return 0;
}

static void served_when_wanted(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct monitor m;

	monitor_start(&m, w, true);
	netns_doors_remove(m.doors, until(&m, k.cookie, true)); /* as if it came only now */
	refused_then_served(w, &m, &k);
	check_is(count_of(w, REASON_NO_LISTENER), 1);
	monitor_end(&m);
	keeper_end(&k);
}

/* Whatever socket it is: nothing has to be refused first. */
static void served_when_a_socket_is_made(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct plan datagram = {.how = HOW_CONNECT, .family = AF_INET, .type = SOCK_DGRAM};
	struct monitor m;

	datagram.dst = ORIGIN4;
	datagram.port = UNMASKED;
	monitor_start(&m, w, true);
	netns_doors_remove(m.doors, until(&m, k.cookie, true));
	(void)connect_from(w, &k, datagram); /* it has no route there */
	arrived(w, &k, to_origin4, until(&m, k.cookie, true)->fd4);
	check_is(count_of(w, REASON_NO_LISTENER), 0);
	monitor_end(&m);
	keeper_end(&k);
}

/* Who is not enrolled has nothing to ask for. */
static void others_do_not_ask(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct ring_buffer *ring;
	struct err e;
	int n = 0;

	ring = ring_buffer__new(redirect_wanted_map(w->r), count_wanted, &n, NULL);
	check(ring && !redirect_unenroll(w->r, w->cgroup_id, &e));
	(void)connect_from(w, &k, to_origin4);
	check(ring_buffer__consume(ring) >= 0);
	check_is(n, 0);
	ring_buffer__free(ring);
	keeper_end(&k);
}

/* No process but the one that connects lives there. */
static void served_by_task(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct monitor m;
	struct plan plan = to_origin4;
	struct client c;
	char inside[512];
	struct err e;

	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	enroll(w, cgroup_below(w, "inside", inside), POLICY_ENFORCE, 0);
	monitor_start(&m, w, true);
	check(!netns_doors_find(m.doors, k.cookie));
	plan.netns = k.path;
	c = client_start(inside, &plan);
	check_is(c.out.error, ECONNREFUSED);
	until(&m, k.cookie, true);
	client_end(&c);
	monitor_end(&m);
	keeper_end(&k);
}

static void served_when_enrolled(struct world *w)
{
	struct keeper k;
	struct monitor m;
	struct err e;

	monitor_start(&m, w, true);
	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	k = keep(w->cgroup);
	netns_watch_cover(m.watch, w->cgroup_id);
	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	arrived(w, &k, to_origin4, netns_doors_find(m.doors, k.cookie)->fd4);
	check_is(count_of(w, REASON_NO_LISTENER), 0);
	monitor_end(&m);
	keeper_end(&k);
}

static void served_from_the_start(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct monitor m;

	monitor_start(&m, w, false);
	check(netns_doors_find(m.doors, k.cookie));
	/* Nobody accepts yet. */
	check_is(connect_from(w, &k, to_origin4), ECONNREFUSED);
	netns_doors_accepting(m.doors, true);
	arrived(w, &k, to_origin4, netns_doors_find(m.doors, k.cookie)->fd4);
	netns_doors_accepting(m.doors, false);
	check_is(connect_from(w, &k, to_origin4), ECONNREFUSED);
	monitor_end(&m);
	keeper_end(&k);
}

/* Somebody has the port already; our listener is another, and the kernel side knows. */
static void port_taken(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct netns_door *door;
	struct netns_list list;
	struct monitor m;
	int here, taken;

	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_list_init(&list);
	netns_add(&list, k.path);
	check(!setns(netns_at(&list, 0)->fd, CLONE_NEWNET));
	check(!system("ip link set lo up"));
	taken = listener_make(AF_INET, "127.0.0.1", w->ports.port4, 0);
	check(!setns(here, CLONE_NEWNET));
	monitor_start(&m, w, true);
	door = netns_doors_find(m.doors, k.cookie);
	check(door && door->ports.port4 != w->ports.port4);
	arrived(w, &k, to_origin4, door->fd4);
	close(taken);
	close(here);
	netns_list_free(&list);
	monitor_end(&m);
	keeper_end(&k);
}

/* Whoever holds its sockets sees that it is over; another namespace's are none the worse. */
static void left(struct world *w)
{
	struct keeper k = keep(w->cgroup), stays = keep(w->cgroup);
	struct netns_door *door;
	struct pollfd p = {.events = POLLIN};
	struct monitor m;

	monitor_start(&m, w, true);
	door = until(&m, k.cookie, true);
	p.fd = fcntl(door->fd4, F_DUPFD_CLOEXEC, 0);
	keeper_end(&k);
	netns_watch_look_soon(m.watch);
	until(&m, k.cookie, false);
	check_is(poll(&p, 1, 0), 1);
	check_is(accept4(p.fd, NULL, NULL, SOCK_CLOEXEC), -1);
	check_is(errno, EINVAL);
	close(p.fd);
	arrived(w, &stays, to_origin4, netns_doors_find(m.doors, stays.cookie)->fd4);
	monitor_end(&m);
	keeper_end(&stays);
}

/* Who waits in a queue is accepted by the next monitor's worker. */
static void inherited(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	struct netns_door *door;
	struct plan plan = to_origin4;
	struct monitor m;
	struct client c;
	uint16_t port;
	int fd;

	monitor_start(&m, w, true);
	door = netns_doors_find(m.doors, k.cookie);
	port = door->ports.port4;
	plan.netns = k.path;
	c = client_start(w->cgroup, &plan);
	check_is(c.out.error, 0);
	monitor_replace(&m, w);
	door = netns_doors_find(m.doors, k.cookie);
	check(door);
	check_is(door->ports.port4, port);
	fd = accept4(door->fd4, NULL, NULL, SOCK_CLOEXEC);
	check(fd >= 0);
	close(fd);
	client_end(&c);
	arrived(w, &k, to_origin4, door->fd4);
	arrived(w, &k, to_origin6, door->fd6);
	/* And it is left as one of its own. */
	keeper_end(&k);
	netns_watch_look_soon(m.watch);
	until(&m, k.cookie, false);
	monitor_end(&m);
}

/* Those that an earlier daemon served, and nobody lives in any more. */
static void stale_ones_forgotten(struct world *w)
{
	const struct listener l = {.port4 = 1};
	struct monitor m;
	struct err e;

	for (uint64_t cookie = 1000000; cookie < 1000000 + AWSMASK_MAX_LISTENERS - 2; cookie++)
		check(!redirect_set_listener(w->r, cookie, &l, &e));
	monitor_start(&m, w, true);
	for (uint64_t cookie = 2000000; cookie < 2000000 + AWSMASK_MAX_LISTENERS - 1; cookie++)
		check(!redirect_set_listener(w->r, cookie, &l, &e));
	/* Our own namespace's stays. */
	check_is(client_run(w->cgroup, &to_origin4).error, 0);
	check_is(landed(w, NULL), LISTENER4);
	monitor_end(&m);
}

static void asked_once_a_second(struct world *w)
{
	struct keeper k = keep(w->cgroup), other = keep(w->cgroup);
	struct ring_buffer *ring;
	int n = 0;

	ring = ring_buffer__new(redirect_wanted_map(w->r), count_wanted, &n, NULL);
	check(ring);
	for (int i = 0; i < 20; i++)
		check_is(connect_from(w, &k, i % 2 ? to_origin4 : to_origin6), ECONNREFUSED);
	check(ring_buffer__consume(ring) >= 0);
	check(n >= 1 && n < 20);
	n = 0;
	check_is(connect_from(w, &other, to_origin4), ECONNREFUSED);
	check(ring_buffer__consume(ring) >= 0);
	check_is(n, 1);
	ring_buffer__free(ring);
	keeper_end(&k);
	keeper_end(&other);
}

/* What a worker's thread asks, and what it gets. */
static void request(struct monitor *m, int channel, unsigned thread, uint64_t serial, bool failed)
{
	struct priv_request r = {
		.kind = PRIV_DOORS, .id = 77, .u.doors = {.serial = serial, .failed = failed}};

	netns_doors_ask(m->doors, channel, thread, 2, &r);
}

static bool reply_on(int fd, struct priv_reply *reply)
{
	return recv(fd, reply, sizeof(*reply), MSG_DONTWAIT) == sizeof(*reply);
}

static void handed_over(struct world *w)
{
	struct keeper k[3];
	struct priv_reply reply;
	struct monitor m;
	int a[2], b[2];

	check(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, a));
	check(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b));
	monitor_start(&m, w, true);
	request(&m, a[0], 0, 0, false);
	request(&m, b[0], 1, 0, false);
	check(!reply_on(a[1], &reply) && !reply_on(b[1], &reply));
	for (int i = 0; i < 3; i++) {
		k[i] = keep(w->cgroup);
		netns_watch_cover(m.watch, w->cgroup_id);
	}
	/* In turn: 1 and 3 are thread 1's, 2 is thread 0's. */
	check(reply_on(a[1], &reply));
	check_is(reply.u.doors.netns_cookie, k[1].cookie);
	check_is(reply.id, 77);
	check_is(reply.u.doors.count, 2);
	check(reply_on(b[1], &reply));
	check_is(reply.u.doors.netns_cookie, k[0].cookie);
	check(!reply_on(b[1], &reply)); /* one at a time */
	request(&m, b[0], 1, reply.u.doors.serial, false);
	check(reply_on(b[1], &reply));
	check_is(reply.u.doors.netns_cookie, k[2].cookie);
	/* Who cannot take it says so, and nobody is sent there any more. */
	check_is(connect_from(w, &k[2], to_origin4), 0);
	request(&m, b[0], 1, reply.u.doors.serial, true);
	check(!netns_doors_find(m.doors, k[2].cookie));
	check_is(connect_from(w, &k[2], to_origin4), ECONNREFUSED);
	/* The next worker begins anew; the former is told nothing any more. */
	netns_doors_forget(m.doors, b[0]);
	request(&m, a[0], 1, 0, false);
	check(reply_on(a[1], &reply));
	check_is(reply.u.doors.netns_cookie, k[0].cookie);
	check(!reply_on(b[1], &reply));
	for (int i = 0; i < 3; i++)
		keeper_end(&k[i]);
	monitor_end(&m);
}

static void sockets_made_there(struct world *w)
{
	struct keeper k = keep(w->cgroup);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	struct monitor m;
	int fd;

	monitor_start(&m, w, true);
	fd = netns_doors_socket(m.doors, k.cookie, AF_INET6);
	check(fd >= 0);
	check(!getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size));
	check_is(cookie, k.cookie);
	close(fd);
	check_is(netns_doors_socket(m.doors, w->netns, AF_INET), -1);
	check_is(netns_doors_socket(m.doors, k.cookie + 1000, AF_INET), -1);
	monitor_end(&m);
	keeper_end(&k);
}

const struct test_case netns_cases[] = {
	{"netns: the daemon is asked once a second", asked_once_a_second},
	{"netns: served when one is wanted", served_when_wanted},
	{"netns: served when a socket is made", served_when_a_socket_is_made},
	{"netns: others do not ask", others_do_not_ask},
	{"netns: served for the one who connects", served_by_task},
	{"netns: served when it is enrolled", served_when_enrolled},
	{"netns: served from the start, once somebody accepts", served_from_the_start},
	{"netns: the port is taken", port_taken},
	{"netns: left when nobody lives there", left},
	{"netns: inherited from an earlier monitor", inherited},
	{"netns: stale ones are forgotten", stale_ones_forgotten},
	{"netns: handed over to the worker's threads", handed_over},
	{"netns: sockets made there", sockets_made_there},
	{NULL, NULL},
};
