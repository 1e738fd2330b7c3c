/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose place another has taken: who asked is answered, who does not ask is let go. */
#include "conn_rig.h"

/* It is refused, and the connection stays. */
#define REQUEST                                                                                    \
	"POST / HTTP/1.1\r\nHost: " TARGET                                                         \
	"\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n?"

#define REST_MS 2000

static bool is_idle(const struct conn *c)
{
	return c->state == CONN_OPEN && c->idle;
}

static bool is_rested(const struct conn *c)
{
	return c->state == CONN_OPEN && c->rested;
}

static bool is_open(const struct conn *c)
{
	return c->state == CONN_OPEN;
}

/* Its time has come, without anybody having waited for it. */
static void expire(struct bench *b)
{
	conn_deadline(b->thread.conns, 1);
}

static void answered_once(struct bench *b)
{
	begin(b, REQUEST);
	until(b, is_idle);
}

Test(conn_drain, who_has_not_asked_for_a_while_is_let_go_at_once)
{
	struct bench b;

	set_up_masking(&b);
	answered_once(&b);
	expire(&b);
	until(&b, is_rested);
	conn_drain_all(&b.thread);
	cr_expect_eq(b.thread.conns->state, CONN_LINGER);
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 400 "), "%s", b.heard);
	cr_expect_null(strstr(b.heard, "close"));
	tear_down(&b);
}

Test(conn_drain, a_request_that_came_before_the_goodbye_is_answered)
{
	struct bench b;

	set_up_masking(&b);
	answered_once(&b);
	expire(&b);
	until(&b, is_rested);
	say(&b, REQUEST, strlen(REQUEST));
	conn_drain_all(&b.thread);
	hear_out(&b);
	cr_expect_eq(b.worker.stats->refusals[REFUSAL_NOT_JSON], 2u);
	tear_down(&b);
}

Test(conn_drain, who_has_just_been_answered_has_time_for_one_more_request)
{
	struct bench b;

	set_up_masking(&b);
	answered_once(&b);
	conn_drain_all(&b.thread);
	cr_expect_eq(b.thread.conns->state, CONN_OPEN);
	cr_expect(patience(&b) <= REST_MS, "%zu", (size_t)patience(&b));
	say(&b, REQUEST, 10);
	say(&b, REQUEST + 10, strlen(REQUEST) - 10);
	hear_out(&b);
	cr_expect_eq(b.worker.stats->refusals[REFUSAL_NOT_JSON], 2u);
	cr_expect(strstr(b.heard, "\r\nConnection: close\r\n"), "%s", b.heard);
	tear_down(&b);
}

Test(conn_drain, and_is_let_go_when_it_sends_none)
{
	struct bench b;

	set_up_masking(&b);
	answered_once(&b);
	conn_drain_all(&b.thread);
	expire(&b);
	hear_out(&b);
	cr_expect_eq(b.worker.stats->requests, 1u);
	tear_down(&b);
}

Test(conn_drain, who_has_just_connected_has_as_much_time)
{
	struct bench b;

	set_up_masking(&b);
	answered_once(&b);
	expire(&b);
	until(&b, is_rested);
	b.thread.conns->rested = false; /* as after the handshake */
	conn_drain_all(&b.thread);
	cr_expect_eq(b.thread.conns->state, CONN_OPEN);
	cr_expect(patience(&b) <= REST_MS, "%zu", (size_t)patience(&b));
	expire(&b);
	hear_out(&b);
	tear_down(&b);
}

Test(conn_drain, a_request_that_is_under_way_is_answered)
{
	struct bench b;

	set_up_masking(&b);
	begin(&b, REQUEST);
	until(&b, is_open);
	conn_drain_all(&b.thread);
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 400 "), "%s", b.heard);
	tear_down(&b);
}

Test(conn_drain, who_is_passed_through_goes_on_until_it_is_silent)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n";
	struct bench b;
	char got[64];
	int origin;

	set_up(&b);
	begin(&b, request);
	cr_assert(becomes_readable(&b, b.listener), "nobody dialled");
	origin = accept(b.listener, NULL, NULL);
	cr_assert(becomes_readable(&b, origin));
	cr_assert_gt(recv(origin, got, sizeof(got), 0), 0);
	conn_drain_all(&b.thread);
	cr_assert_eq(send(origin, "HTTP/1.1 200 OK\r\n", 17, 0), 17);
	cr_assert(becomes_readable(&b, b.client));
	conn_cut_silent(&b.thread);
	cr_expect_eq(b.thread.conns->state, CONN_SPLICE, "something came since");
	conn_cut_silent(&b.thread);
	cr_expect_eq(b.thread.conns->state, CONN_CLOSED);
	close(origin);
	tear_down(&b);
}

/* A question of the worker's, answered with this socket, which goes there. */
static void make_socket(struct bench *b, int fd)
{
	struct priv_request r;
	struct priv_reply reply = {.kind = PRIV_SOCKET, .status = 1, .fd_count = 1};

	cr_assert(becomes_readable(b, b->monitor));
	cr_assert_eq(recv(b->monitor, &r, sizeof(r), 0), (ssize_t)sizeof(r));
	cr_assert_eq(r.kind, PRIV_SOCKET);
	cr_assert_eq(r.u.socket.netns_cookie, b->flow.netns_cookie);
	reply.id = r.id;
	cr_assert_eq(r.u.socket.family, (uint32_t)AF_INET);
	reply.fds[0] = fd;
	cr_assert_eq(privsep_answer(b->monitor, &reply), 0);
	privsep_close_fds(&reply);
}

/* In a container, whose sockets the monitor makes: it goes, and then the request comes. */
Test(conn_drain, who_is_elsewhere_is_served_once_more_without_the_monitor)
{
	static const char request[] = "GET /v1/models HTTP/1.1\r\nHost: " TARGET "\r\n\r\n";
	struct bench b;

	set_up_masking(&b);
	b.flow.netns_cookie = 77;
	b.flow.family = AF_INET;
	answered_once(&b);
	conn_drain_all(&b.thread);
	cr_expect(conn_any_asks(&b.thread), "the monitor is to wait");
	make_socket(&b, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	for (int i = 0; i < 1000 && conn_any_asks(&b.thread); i++)
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	cr_expect_not(conn_any_asks(&b.thread));
	b.monitor_dies = true;
	close(b.monitor);
	b.monitor = -1;
	say(&b, request, strlen(request));
	expect_arrival(&b, "GET /v1/models ");
	tear_down(&b);
}

/* What was kept in reserve would keep the container's network alive for as long as others drain. */
Test(conn_drain, the_last_one_from_elsewhere_takes_its_reserve_along)
{
	int pair[2];
	struct bench b;
	char byte;

	set_up_masking(&b);
	b.flow.netns_cookie = 77;
	b.flow.family = AF_INET;
	answered_once(&b);
	conn_drain_all(&b.thread);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	make_socket(&b, pair[0]);
	for (int i = 0; i < 1000 && conn_any_asks(&b.thread); i++)
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	cr_assert_not(conn_any_asks(&b.thread));
	cr_expect_eq(recv(pair[1], &byte, 1, 0), -1, "it is kept");
	conn_close(b.thread.conns, true);
	cr_expect_eq(recv(pair[1], &byte, 1, 0), 0, "it is closed");
	close(pair[1]);
	tear_down(&b);
}
