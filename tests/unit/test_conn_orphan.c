/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose monitor is gone, from a worker that drains to the next. */
#include "conn_rig.h"

#define REQUEST                                                                                    \
	"POST / HTTP/1.1\r\nConnection: close\r\nHost: " TARGET                                    \
	"\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n?"

/* Its monitor is gone now, which the worker may know. */
static void kill_monitor(struct bench *b)
{
	b->monitor_dies = true;
	close(b->monitor);
	b->monitor = -1;
}

static void set_up_pair(struct bench *b, int fds[static ORPHANS_ENDS])
{
	set_up_masking(b);
	b->thread.leaves =
		leaf_cache_new(b->thread.privsep, &b->worker.tls, &b->worker.ca_generation);
	cr_assert(b->thread.leaves);
	cr_assert_eq(orphans_make(fds), 0);
	b->worker.orphans_in = fds[ORPHANS_IN];
}

/* Its client stays, and where it was going. */
static void tear_down_first(struct bench *b, int fds[static ORPHANS_ENDS])
{
	leaf_cache_free(b->thread.leaves);
	b->client = -1;
	tear_down(b);
	close(fds[ORPHANS_IN]);
}

static void until_gone(struct bench *b)
{
	for (int i = 0; i < 10000 && b->thread.conns; i++) {
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	cr_assert_null(b->thread.conns);
}

/* Another worker takes it, whose monitor is there; `asks`: it is asked whose connection it is. */
static void answered_by_another(int client, int out, bool asks)
{
	struct orphan o;
	struct bench b;
	size_t said;
	int fd;

	set_up_masking(&b);
	b.client = client;
	/* Its client has heard nothing yet, not even an end. */
	cr_assert_eq(recv(client, b.heard, 1, MSG_DONTWAIT), -1);
	cr_assert_eq(errno, EAGAIN);
	fd = orphan_take(out, &o, &said);
	cr_assert_geq(fd, 0);
	conn_adopt(&b.thread, fd, &o, said);
	if (asks)
		tell_flow(&b, 1);
	say(&b, REQUEST, strlen(REQUEST));
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 400 "), "%s", b.heard);
	cr_expect_eq(orphan_take(out, &o, &said), -1);
	cr_expect_eq(errno, EAGAIN);
	tear_down(&b);
}

static void not_known_yet(bool noticed)
{
	int fds[ORPHANS_ENDS], client;
	struct bench b;

	set_up_pair(&b, fds);
	if (!noticed)
		kill_monitor(&b);
	dial(&b, DOOR_TRANSPARENT);
	client = b.client;
	if (noticed)
		kill_monitor(&b);
	until_gone(&b);
	tear_down_first(&b, fds);
	answered_by_another(client, fds[ORPHANS_OUT], true);
	close(fds[ORPHANS_OUT]);
}

Test(conn_orphan, who_waits_to_be_known_is_left_to_the_next_worker)
{
	not_known_yet(true);
}

Test(conn_orphan, so_is_who_is_accepted_before_the_loss_is_noticed)
{
	not_known_yet(false);
}

/* With its ClientHello, it waits for a certificate. */
static void begin_tls(struct bench *b, size_t *size, uint8_t record[static 4096])
{
	*size = make_hello(record);
	dial(b, DOOR_TRANSPARENT);
	tell_flow(b, 1);
	say(b, record, *size);
	cr_assert(becomes_readable(b, b->monitor));
	cr_assert_eq(b->thread.conns->state, CONN_PREPARE);
}

Test(conn_orphan, who_waits_for_a_certificate_is_left_with_what_it_has_said)
{
	int fds[ORPHANS_ENDS], fd;
	uint8_t record[4096];
	struct flow_record flow;
	struct orphan o;
	struct bench b;
	size_t size, said;

	set_up_pair(&b, fds);
	b.flow.uid = 1234;
	flow = b.flow;
	begin_tls(&b, &size, record);
	kill_monitor(&b);
	until_gone(&b);
	fd = orphan_take(fds[ORPHANS_OUT], &o, &said);
	cr_assert_geq(fd, 0);
	cr_expect_eq(said, size);
	cr_expect_eq(memcmp(o.said, record, size), 0);
	cr_expect(o.known);
	cr_expect_eq(memcmp(&o.flow, &flow, sizeof(flow)), 0);
	close(fd);
	close(fds[ORPHANS_OUT]);
	tear_down_first(&b, fds);
}

/* As in the worker that has just been read above, but the other way round. */
Test(conn_orphan, what_a_client_has_said_is_read_by_who_takes_it)
{
	uint8_t record[4096];
	struct orphan o = {.door = DOOR_TRANSPARENT, .known = true};
	int fds[ORPHANS_ENDS], pair[2];
	struct bench b;
	struct priv_request r;
	size_t n = make_hello(record);

	set_up_pair(&b, fds);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	b.client = pair[1];
	o.flow = b.flow;
	memcpy(o.said, record, n);
	conn_adopt(&b.thread, pair[0], &o, n);
	cr_assert(becomes_readable(&b, b.monitor));
	cr_assert_eq(recv(b.monitor, &r, sizeof(r), 0), (ssize_t)sizeof(r));
	cr_expect_eq(r.kind, PRIV_LEAF);
	cr_expect_str_eq(r.u.leaf.host, TARGET);
	conn_close_all(&b.thread);
	until_gone(&b);
	close(fds[ORPHANS_OUT]);
	tear_down_first(&b, fds);
}

Test(conn_orphan, where_nobody_will_take_it_a_client_that_has_spoken_is_told)
{
	static const uint8_t denied[] = {21, 3, 3, 0, 2, 2, 49};
	int fds[ORPHANS_ENDS];
	uint8_t record[4096];
	struct bench b;
	size_t size;

	signal(SIGPIPE, SIG_IGN);
	set_up_pair(&b, fds);
	begin_tls(&b, &size, record);
	close(fds[ORPHANS_OUT]);
	kill_monitor(&b);
	hear_out(&b);
	cr_expect_eq(b.heard_len, sizeof(denied));
	cr_expect_eq(memcmp(b.heard, denied, sizeof(denied)), 0);
	cr_expect_eq(b.worker.stats->flows_refused, 1u);
	close(b.client);
	until_gone(&b);
	tear_down_first(&b, fds);
}

Test(conn_orphan, in_a_tunnel_that_stands_it_is_told_as_well)
{
	static const char connect[] = "CONNECT " TARGET ":443 HTTP/1.1\r\nHost: x\r\n\r\n";
	int fds[ORPHANS_ENDS];
	uint8_t record[4096];
	struct bench b;
	size_t size = make_hello(record);

	set_up_pair(&b, fds);
	dial(&b, DOOR_EXPLICIT);
	tell_flow(&b, 1);
	say(&b, connect, sizeof(connect) - 1);
	cr_assert(becomes_readable(&b, b.client));
	say(&b, record, size);
	cr_assert(becomes_readable(&b, b.monitor));
	kill_monitor(&b);
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 200 Connection Established"), "%s", b.heard);
	cr_expect_eq(b.heard[b.heard_len - 1], 49);
	close(b.client);
	until_gone(&b);
	close(fds[ORPHANS_OUT]);
	tear_down_first(&b, fds);
}

Test(conn_orphan, what_is_none_is_not_taken)
{
	int fds[ORPHANS_ENDS];
	struct orphan o = {.door = DOOR_TRANSPARENT};
	size_t said;

	cr_assert_eq(orphans_make(fds), 0);
	cr_expect_eq(orphan_take(fds[ORPHANS_OUT], &o, &said), -1);
	cr_expect_eq(errno, EAGAIN);
	cr_assert_eq(send(fds[ORPHANS_IN], "short", 5, 0), 5);
	cr_assert_eq(send(fds[ORPHANS_IN], &o, sizeof(o), 0),
		     (ssize_t)sizeof(o)); /* and no descriptor */
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(orphan_take(fds[ORPHANS_OUT], &o, &said), -1);
		cr_expect_eq(errno, EBADMSG);
	}
	cr_expect_not(orphan_leave(fds[ORPHANS_IN], fds[ORPHANS_IN], &o, ORPHAN_SAID_MAX + 1));
	cr_expect(orphan_leave(fds[ORPHANS_IN], fds[ORPHANS_IN], &o, ORPHAN_SAID_MAX));
	close(fds[ORPHANS_IN]);
	close(fds[ORPHANS_OUT]);
}
