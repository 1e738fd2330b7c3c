/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of connections: who, what they do, and no name that may be a value (I8). */
#include "conn_rig.h"

static void set_up_shown(struct bench *b)
{
	set_up(b);
	b->worker.board = board_open(board_make(), 0);
	cr_assert_not_null(b->worker.board);
}

static void tear_down_shown(struct bench *b)
{
	struct board_worker workers[BOARD_WORKERS];

	conn_close_all(&b->thread);
	board_workers(b->worker.board, workers);
	cr_expect_eq(board_tally(b->worker.board, workers), 0u, "one that is closed is shown");
	tear_down(b);
	board_close(b->worker.board);
}

/* The one flow that there is. */
static bool shown(struct bench *b, struct board_flow *f)
{
	struct board_worker workers[BOARD_WORKERS];
	unsigned at = 0;

	board_workers(b->worker.board, workers);
	return board_read(b->worker.board, workers, &at, f);
}

static struct board_flow one(struct bench *b)
{
	struct board_flow f;

	cr_assert(shown(b, &f));
	return f;
}

static void wait_for(struct bench *b, enum board_doing doing)
{
	struct board_flow f;

	for (int i = 0; i < 10000; i++) {
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
		if (shown(b, &f) && f.motion.doing == (uint32_t)doing)
			return;
	}
	cr_assert_fail("it is never shown as %s", board_word(doing));
}

Test(conn_show, who_it_is_before_it_has_said_anything)
{
	struct bench b;
	struct board_flow f;

	set_up_shown(&b);
	b.flow.uid = 1234;
	b.flow.pid = 4711;
	snprintf(b.flow.comm, sizeof(b.flow.comm), "agent");
	dial(&b, DOOR_TRANSPARENT);
	cr_expect_not(shown(&b, &f), "nobody knows yet whose it is");
	tell_flow(&b, 1);
	f = one(&b);
	cr_expect_eq(f.text.uid, 1234u);
	cr_expect_eq(f.text.pid, 4711u);
	cr_expect_str_eq(f.text.comm, "agent");
	cr_expect_str_eq(f.text.target, "");
	cr_expect_eq(f.text.port, b.flow.port);
	cr_expect_eq(f.motion.doing, (uint32_t)BOARD_SNIFF);
	tear_down_shown(&b);
}

Test(conn_show, a_host_that_is_no_target_has_no_name_and_counts_its_bytes)
{
	static const char said[] =
		"GET / HTTP/1.1\r\nHost: bucket-of-acme.s3.amazonaws.com\r\n\r\n";
	struct bench b;
	struct board_flow f;
	char got[256];
	int fd;

	set_up_shown(&b);
	begin(&b, said);
	wait_for(&b, BOARD_PASS);
	cr_assert(becomes_readable(&b, b.listener));
	fd = accept(b.listener, NULL, NULL);
	cr_assert(becomes_readable(&b, fd));
	cr_expect_eq(recv(fd, got, sizeof(got), 0), (ssize_t)strlen(said));
	f = one(&b);
	cr_expect_str_eq(f.text.target, "other");
	cr_expect_eq(f.motion.spliced_bytes, strlen(said));
	close(fd);
	tear_down_shown(&b);
}

Test(conn_show, a_target_has_its_name_and_its_requests)
{
	static const char said[] =
		"POST /v1/messages HTTP/1.1\r\nHost: " TARGET
		".\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n?";
	struct bench b;
	struct board_flow f;

	set_up_masking(&b);
	b.worker.board = board_open(board_make(), 0);
	begin(&b, said);
	wait_for(&b, BOARD_IDLE);
	f = one(&b);
	cr_expect_str_eq(f.text.target, TARGET);
	cr_expect_eq(f.motion.requests, 1u, "it was refused, and has come to its end");
	cr_expect_eq(f.motion.request_bytes, 1u);
	cr_expect_gt(f.motion.answer_bytes, 0u);
	tear_down_shown(&b);
}

Test(conn_show, observed_ones_are_told_apart)
{
	struct bench b;

	set_up_shown(&b);
	b.flow.mode = POLICY_OBSERVE;
	dial(&b, DOOR_TRANSPARENT);
	tell_flow(&b, 1);
	cr_expect_eq(one(&b).text.observe, 1u);
	tear_down_shown(&b);
}
