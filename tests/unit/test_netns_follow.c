/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of other network namespaces: doors that come and go, sockets made elsewhere. */
#include "../../user/daemon/conn.h"
#include "../../user/daemon/netns_follow.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* A thread of a worker, which takes no connection: those that it accepts are closed and counted. */
struct bench {
	struct worker worker;
	struct stats stats;
	struct worker_thread thread;
	struct config *config;
	struct netns_follow *follow;
	int monitor;
	struct sockaddr_in at; /* of the newest door */
};

static void on_lost(void *arg)
{
	(void)arg;
	cr_assert_fail("the monitor is there");
}

static void set_up(struct bench *b)
{
	int pair[2];

	*b = (struct bench){0};
	signal(SIGPIPE, SIG_IGN);
	b->config = config_default();
	b->config->limits.connections = 0;
	b->worker.config = b->config;
	b->worker.stats = &b->stats;
	b->thread.worker = &b->worker;
	cr_assert_eq(uv_loop_init(&b->thread.loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b->monitor = pair[1];
	b->thread.privsep = privsep_new(&b->thread.loop, pair[0], on_lost, b);
	b->thread.origins = origin_pool_new(&b->thread.loop, &b->worker.tls, b->thread.privsep,
					    NULL, &b->worker.gauges);
	b->follow = netns_follow_new(&b->thread);
	cr_assert(b->thread.privsep && b->thread.origins && b->follow);
}

static void tear_down(struct bench *b)
{
	netns_follow_close(b->follow);
	conn_close_all(&b->thread);
	origin_pool_close(b->thread.origins);
	privsep_close(b->thread.privsep);
	uv_run(&b->thread.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&b->thread.loop), 0, "a handle was left open");
	close(b->monitor);
	config_free(b->config);
}

static void go_round(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
}

/* What of this kind the worker asks next; false: nothing. */
static bool asked(struct bench *b, struct priv_request *q, uint32_t kind)
{
	go_round(b);
	while (recv(b->monitor, q, sizeof(*q), MSG_DONTWAIT) == sizeof(*q))
		if (q->kind == kind)
			return true;
	return false;
}

static int listen_on_loopback(struct sockaddr_in *at)
{
	socklen_t size = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	cr_assert_eq(bind(fd, (struct sockaddr *)at, size), 0);
	cr_assert_eq(listen(fd, 16), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)at, &size), 0);
	return fd;
}

/* The answer to its question: a door, which is returned. `missing`: of two that were sent. */
static int hand_over(struct bench *b, uint64_t serial, uint64_t cookie, bool missing)
{
	int fd = listen_on_loopback(&b->at);
	struct priv_reply r = {.kind = PRIV_DOORS, .status = 1, .fd_count = 1, .fds = {fd}};
	struct priv_request q;

	cr_assert(asked(b, &q, PRIV_DOORS));
	r.id = q.id;
	r.u.doors.serial = serial;
	r.u.doors.netns_cookie = cookie;
	r.u.doors.count = missing ? 2 : 1;
	cr_assert_eq(privsep_answer(b->monitor, &r), 0);
	go_round(b);
	return fd;
}

static int connect_to(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_accepted(struct bench *b, const struct sockaddr_in *at)
{
	uint64_t before = b->worker.stats->flows_accepted;
	int fd = connect_to(at);

	go_round(b);
	close(fd);
	return b->worker.stats->flows_accepted == before + 1;
}

static size_t descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

Test(netns_follow, doors_come_one_after_another)
{
	struct priv_request q;
	struct bench b;
	int first, second;
	struct sockaddr_in at;

	set_up(&b);
	first = hand_over(&b, 3, 700, false);
	at = b.at;
	cr_assert(is_accepted(&b, &at));
	second = hand_over(&b, 9, 701, false);
	cr_assert(is_accepted(&b, &b.at));
	cr_assert(is_accepted(&b, &at));
	cr_assert(asked(&b, &q, PRIV_DOORS));
	cr_expect_eq(q.u.doors.serial, 9u);
	cr_expect_eq(q.u.doors.failed, 0u);
	close(first);
	close(second);
	tear_down(&b);
}

Test(netns_follow, one_that_is_shut_down_is_let_go_and_the_others_stay)
{
	struct bench b;
	int first, second;
	size_t before;

	set_up(&b);
	before = descriptors();
	first = hand_over(&b, 1, 700, false);
	second = hand_over(&b, 2, 701, false);
	cr_assert_eq(descriptors(), before + 4);
	shutdown(first, SHUT_RDWR);
	close(first);
	go_round(&b);
	cr_assert_eq(descriptors(), before + 2, "the worker holds it still");
	cr_assert(is_accepted(&b, &b.at));
	close(second);
	tear_down(&b);
}

Test(netns_follow, one_that_did_not_arrive_whole_is_told)
{
	struct priv_request q;
	struct bench b;
	size_t before;

	set_up(&b);
	before = descriptors();
	close(hand_over(&b, 5, 700, true));
	cr_assert_eq(descriptors(), before);
	cr_assert(asked(&b, &q, PRIV_DOORS));
	cr_expect_eq(q.u.doors.serial, 5u);
	cr_expect_eq(q.u.doors.failed, 1u);
	tear_down(&b);
}

Test(netns_follow, who_drains_lets_all_of_them_go)
{
	struct bench b;
	size_t before;

	set_up(&b);
	before = descriptors();
	close(hand_over(&b, 1, 700, false));
	close(hand_over(&b, 2, 701, false));
	netns_follow_close(b.follow);
	b.follow = NULL;
	go_round(&b);
	cr_assert_eq(descriptors(), before);
	cr_assert_eq(connect_to(&b.at), -1);
	tear_down(&b);
}

/* ---- origins */

static void on_event(void *arg)
{
	++*(unsigned *)arg;
}

static struct origin *dial_from(struct bench *b, uint64_t netns, const struct sockaddr_in *at,
				unsigned *events)
{
	struct origin_place place = {.host = "api.example",
				     .addr = {[10] = 0xff, 0xff, 127, 0, 0, 1},
				     .port = ntohs(at->sin_port),
				     .netns = netns};

	return origin_get(b->thread.origins, &place, false, on_event, events);
}

static struct priv_request asked_for_socket(struct bench *b)
{
	struct priv_request q;

	cr_assert(asked(b, &q, PRIV_SOCKET), "no socket was asked for");
	return q;
}

static void give_socket(struct bench *b, const struct priv_request *q, int fd)
{
	struct priv_reply r = {.kind = PRIV_SOCKET,
			       .id = q->id,
			       .status = fd < 0 ? -1 : 1,
			       .fd_count = fd >= 0,
			       .fds = {fd}};

	cr_assert_eq(privsep_answer(b->monitor, &r), 0);
	privsep_close_fds(&r);
	go_round(b);
}

static int a_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

Test(netns_follow, an_origin_is_connected_by_a_socket_of_the_clients_namespace)
{
	struct sockaddr_in at;
	int listener = listen_on_loopback(&at);
	struct priv_request q;
	struct bench b;
	struct origin *o, *again;
	unsigned events = 0;
	size_t before;

	set_up(&b);
	before = descriptors();
	o = dial_from(&b, 700, &at, &events);
	cr_assert_eq(origin_advance(o), ORIGIN_RESOLVING);
	q = asked_for_socket(&b);
	cr_expect_eq(q.u.socket.netns_cookie, 700u);
	cr_expect_eq(q.u.socket.family, (uint32_t)AF_INET);
	cr_expect_lt(accept(listener, NULL, NULL), 0);
	give_socket(&b, &q, a_socket());
	cr_assert_gt(events, 0u);
	cr_assert_eq(origin_advance(o), ORIGIN_READY);
	/* Idle, it is for those of its namespace alone ... */
	origin_put(o, true);
	again = dial_from(&b, 701, &at, &events);
	cr_assert_not(origin_was_pooled(again));
	origin_put(again, false);
	again = dial_from(&b, 700, &at, &events);
	cr_assert(origin_was_pooled(again));
	origin_put(again, true);
	/* ... and goes with that. */
	origin_pool_leave(b.thread.origins, 701);
	go_round(&b);
	cr_assert_eq(descriptors(), before + 1);
	origin_pool_leave(b.thread.origins, 700);
	go_round(&b);
	cr_assert_eq(descriptors(), before);
	close(listener);
	tear_down(&b);
}

/* Where one was, the next needs no monitor: it may have been killed. */
Test(netns_follow, one_socket_is_kept_for_when_the_monitor_is_gone)
{
	struct sockaddr_in at;
	int listener = listen_on_loopback(&at);
	struct priv_request first, kept;
	struct bench b;
	struct origin *o;
	unsigned events = 0;
	size_t before;

	set_up(&b);
	before = descriptors();
	o = dial_from(&b, 700, &at, &events);
	first = asked_for_socket(&b);
	kept = asked_for_socket(&b);
	cr_expect_eq(kept.u.socket.netns_cookie, 700u);
	give_socket(&b, &first, a_socket());
	give_socket(&b, &kept, a_socket());
	cr_assert_eq(origin_advance(o), ORIGIN_READY);
	origin_put(o, false);
	go_round(&b);
	cr_assert_eq(descriptors(), before + 1);
	o = dial_from(&b, 700, &at, &events);
	cr_assert_eq(origin_advance(o), ORIGIN_READY, "the monitor was waited for");
	origin_put(o, false);
	kept = asked_for_socket(&b);
	give_socket(&b, &kept, a_socket());
	cr_assert_eq(descriptors(), before + 1);
	origin_pool_leave(b.thread.origins, 700);
	cr_assert_eq(descriptors(), before);
	close(listener);
	tear_down(&b);
}

Test(netns_follow, an_origin_without_a_socket_is_unreachable)
{
	struct sockaddr_in at = {.sin_port = htons(9)};
	struct priv_request q;
	struct bench b;
	struct origin *o;
	unsigned events = 0;

	set_up(&b);
	o = dial_from(&b, 700, &at, &events);
	q = asked_for_socket(&b);
	give_socket(&b, &q, -1);
	cr_assert_eq(origin_advance(o), ORIGIN_FAILED);
	cr_assert_eq(origin_failure(o), REFUSAL_ORIGIN_UNREACHABLE);
	origin_put(o, false);
	tear_down(&b);
}

Test(netns_follow, a_socket_that_comes_too_late_is_closed)
{
	struct sockaddr_in at = {.sin_port = htons(9)};
	struct priv_request q;
	struct bench b;
	struct origin *o;
	unsigned events = 0;
	size_t before;

	set_up(&b);
	before = descriptors();
	o = dial_from(&b, 700, &at, &events);
	q = asked_for_socket(&b);
	origin_put(o, false);
	give_socket(&b, &q, a_socket());
	cr_assert_eq(descriptors(), before);
	cr_assert_eq(events, 0u);
	tear_down(&b);
}
