/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/privsep.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 3000

struct bench {
	uv_loop_t loop;
	struct privsep *privsep;
	int monitor; /* its end */
	unsigned answered, wrong, lost;
	bool keep; /* its loss is not the end of it */
	uint32_t next;
	uint32_t tickets[MANY];
	pthread_t thread;
	int starved; /* an answer of the monitor found no room */
};

static void on_lost(void *arg)
{
	struct bench *b = arg;

	b->lost++;
	if (!b->keep)
		privsep_close(b->privsep);
}

static void set_up(struct bench *b)
{
	int pair[2];

	*b = (struct bench){0};
	cr_assert_eq(uv_loop_init(&b->loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b->monitor = pair[1];
	b->privsep = privsep_new(&b->loop, pair[0], on_lost, b);
	cr_assert(b->privsep);
}

/* As the real one: an answer that finds no room means that the worker is broken. */
static void *monitor(void *arg)
{
	struct bench *b = arg;
	struct priv_request q;
	struct priv_reply r;

	while (recv(b->monitor, &q, sizeof(q), 0) == sizeof(q)) {
		r = (struct priv_reply){.kind = q.kind, .id = q.id, .status = 1};
		r.u.flow.uid = q.u.list.offset;
		if (send(b->monitor, &r, sizeof(r), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(r)) {
			b->starved = errno;
			break;
		}
	}
	shutdown(b->monitor, SHUT_RDWR);
	return NULL;
}

static void on_answer(void *arg, const struct priv_reply *reply)
{
	struct bench *b = arg;

	b->wrong += reply->id != b->tickets[reply->u.flow.uid] || reply->status != 1;
	if (++b->answered == b->next)
		privsep_close(b->privsep);
}

Test(privsep, a_rush_of_questions_is_answered_and_fills_no_socket)
{
	struct bench b;

	set_up(&b);
	b.next = MANY;
	cr_assert_eq(pthread_create(&b.thread, NULL, monitor, &b), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct priv_request q = {.kind = PRIV_LIST, .u.list.offset = i};
		b.tickets[i] = privsep_call(b.privsep, &q, on_answer, &b);
		cr_assert(b.tickets[i]);
	}
	uv_run(&b.loop, UV_RUN_DEFAULT);
	pthread_join(b.thread, NULL);
	close(b.monitor);
	cr_assert_eq(b.starved, 0);
	cr_assert_eq(b.answered, MANY);
	cr_assert_eq(b.wrong, 0);
	cr_assert_eq(b.lost, 0);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

static void never(void *arg, const struct priv_reply *reply)
{
	(void)arg, (void)reply;
	cr_assert_fail("the answer was not wanted any more");
}

Test(privsep, what_is_forgotten_is_not_called_sent_or_not)
{
	struct bench b;

	set_up(&b);
	for (uint32_t i = 0; i < 200; i++) {
		struct priv_request q = {.kind = PRIV_LIST, .u.list.offset = i};
		b.tickets[i] = privsep_call(b.privsep, &q, i % 3 ? never : on_answer, &b);
		b.next += i % 3 == 0;
	}
	for (uint32_t i = 0; i < 200; i++)
		if (i % 3)
			privsep_forget(b.privsep, b.tickets[i]);
	privsep_forget(b.privsep, 0);
	cr_assert_eq(pthread_create(&b.thread, NULL, monitor, &b), 0);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	pthread_join(b.thread, NULL);
	close(b.monitor);
	cr_assert_eq(b.answered, b.next);
	cr_assert_eq(b.wrong, 0);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

Test(privsep, the_loss_of_the_monitor_is_told_once)
{
	struct priv_request q = {.kind = PRIV_LIST};
	struct bench b;

	set_up(&b);
	for (int i = 0; i < 100; i++)
		cr_assert(privsep_call(b.privsep, &q, never, &b));
	close(b.monitor);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	cr_assert_eq(b.lost, 1);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

Test(privsep, a_question_to_a_monitor_that_is_gone_cannot_be_sent)
{
	struct priv_request q = {.kind = PRIV_LIST};
	struct bench b;

	set_up(&b);
	close(b.monitor);
	cr_assert_eq(privsep_call(b.privsep, &q, never, &b), 0);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	cr_assert_eq(b.lost, 1);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

static void keep_status(void *arg, const struct priv_reply *reply)
{
	*(int32_t *)arg = reply->status;
}

/* What it had said is heard, though it left questions unread; who waits for more is told. */
Test(privsep, the_last_words_of_a_monitor_are_heard)
{
	struct priv_request q = {.kind = PRIV_LIST};
	int32_t said[3] = {7, 7, 7};
	uint32_t tickets[3];
	struct bench b;

	set_up(&b);
	for (int i = 0; i < 3; i++)
		tickets[i] = privsep_call(b.privsep, &q, keep_status, &said[i]);
	for (int i = 0; i < 2; i++) {
		struct priv_reply r = {.kind = PRIV_LIST, .id = tickets[i], .status = 1};

		cr_assert_eq(privsep_answer(b.monitor, &r), 0);
	}
	b.keep = true;
	close(b.monitor);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	cr_assert_eq(b.lost, 1);
	cr_expect_eq(said[0], 1);
	cr_expect_eq(said[1], 1);
	cr_expect_eq(said[2], -1);
	cr_expect(privsep_is_lost(b.privsep));
	cr_expect_eq(privsep_call(b.privsep, &q, never, &b), 0);
	privsep_close(b.privsep);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

Test(privsep, an_answer_of_another_size_is_no_answer)
{
	struct priv_request q = {.kind = PRIV_LIST};
	struct bench b;

	set_up(&b);
	cr_assert(privsep_call(b.privsep, &q, never, &b));
	cr_assert_eq(send(b.monitor, "short", 5, 0), 5);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	close(b.monitor);
	cr_assert_eq(b.lost, 1);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

static int pipe_end(int *other)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	*other = ends[1];
	return ends[0];
}

/* Whether nobody holds the reading end any more. */
static bool is_closed(int writing_end)
{
	return write(writing_end, "", 1) < 0 && errno == EPIPE;
}

static void send_two(struct bench *b, uint32_t id, const int fds[static 2])
{
	struct priv_reply r = {.kind = PRIV_DOORS, .id = id, .status = 1, .fd_count = 2};

	memcpy(r.fds, fds, sizeof(r.fds));
	cr_assert_eq(privsep_answer(b->monitor, &r), 0);
	privsep_close_fds(&r);
}

static void keep_reply(void *arg, const struct priv_reply *reply)
{
	*(struct priv_reply *)arg = *reply;
}

Test(privsep, descriptors_travel_beside_an_answer)
{
	struct priv_request q = {.kind = PRIV_DOORS};
	struct priv_reply got = {0};
	int fds[2], ends[2];
	struct bench b;
	char byte;

	signal(SIGPIPE, SIG_IGN);
	set_up(&b);
	cr_assert(privsep_call(b.privsep, &q, keep_reply, &got));
	fds[0] = pipe_end(&ends[0]);
	fds[1] = pipe_end(&ends[1]);
	send_two(&b, q.id, fds);
	uv_run(&b.loop, UV_RUN_ONCE);
	cr_assert_eq(got.fd_count, 2u);
	for (int i = 0; i < 2; i++) { /* in their order */
		cr_assert_eq(write(ends[i], i ? "b" : "a", 1), 1);
		cr_assert_eq(read(got.fds[i], &byte, 1), 1);
		cr_assert_eq(byte, "ab"[i]);
	}
	privsep_close_fds(&got);
	cr_assert(is_closed(ends[0]) && is_closed(ends[1]));
	close(ends[0]);
	close(ends[1]);
	privsep_close(b.privsep);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	close(b.monitor);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

Test(privsep, descriptors_beside_an_answer_that_nobody_wants_are_closed)
{
	struct priv_request q = {.kind = PRIV_DOORS};
	int fds[2], ends[2];
	struct bench b;

	signal(SIGPIPE, SIG_IGN);
	set_up(&b);
	cr_assert(privsep_call(b.privsep, &q, never, &b));
	privsep_forget(b.privsep, q.id);
	fds[0] = pipe_end(&ends[0]);
	fds[1] = pipe_end(&ends[1]);
	send_two(&b, q.id, fds);
	uv_run(&b.loop, UV_RUN_ONCE);
	cr_assert(is_closed(ends[0]) && is_closed(ends[1]));
	close(ends[0]);
	close(ends[1]);
	privsep_close(b.privsep);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	close(b.monitor);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
}

static int open_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Its own copy: whoever asks may be gone before the question is. */
Test(privsep, a_descriptor_goes_with_its_question_and_none_is_left)
{
	int before, fds[2], got;
	struct priv_request q = {.kind = PRIV_LIST};
	uv_loop_t first; /* opens what stays for all others */
	struct bench b;
	char byte = 0;

	cr_assert_eq(uv_loop_init(&first), 0);
	cr_assert_eq(uv_loop_close(&first), 0);
	before = open_files();
	set_up(&b);
	cr_assert_eq(pipe(fds), 0);
	/* More than may be unanswered, so that some wait when the caller's is closed. */
	for (int i = 0; i < 40; i++)
		cr_assert(privsep_call_with(b.privsep, &q, i % 2 ? fds[1] : -1, never, &b));
	close(fds[1]);
	cr_assert_eq(privsep_receive(b.monitor, &q, &got), sizeof(q));
	cr_expect_eq(got, -1);
	cr_assert_eq(privsep_receive(b.monitor, &q, &got), sizeof(q));
	cr_assert_geq(got, 0);
	cr_assert_eq(write(got, "x", 1), 1);
	cr_assert_eq(read(fds[0], &byte, 1), 1);
	close(got);
	close(b.monitor);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&b.loop), 0);
	close(fds[0]);
	cr_expect_eq(open_files(), before);
}

/* What nobody asked for: the monitor must not run out of descriptors by it. */
Test(privsep, of_two_descriptors_one_is_taken_and_the_other_gone)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} beside = {0};
	struct priv_request q = {.kind = PRIV_LIST};
	struct iovec bytes = {&q, sizeof(q)};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = beside.room,
				 .msg_controllen = sizeof(beside.room)};
	int pair[2], both[2], got, before;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = open_files();
	both[0] = both[1] = pair[0];
	beside.header = (struct cmsghdr){CMSG_LEN(sizeof(both)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&beside.header), both, sizeof(both));
	cr_assert_eq(sendmsg(pair[0], &message, 0), sizeof(q));
	cr_assert_eq(privsep_receive(pair[1], &q, &got), sizeof(q));
	cr_expect_eq(open_files(), before + 1);
	cr_expect_geq(got, 0);
	close(got);
	close(pair[0]);
	close(pair[1]);
}
