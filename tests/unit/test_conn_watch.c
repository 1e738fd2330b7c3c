/* SPDX-License-Identifier: Apache-2.0 */
/* Plain HTTP to another host passes through, and each of its requests is looked at (I1). */
#include "conn_rig.h"

#define OTHER "Host: other.example\r\n\r\n"
#define FIRST "GET /a HTTP/1.1\r\n" OTHER
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static int far_end(struct bench *b)
{
	int fd;

	cr_assert(becomes_readable(b, b->listener), "nobody dialled");
	fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

/* Exactly these bytes come next. */
static void arrives(struct bench *b, int fd, const char *wanted)
{
	size_t got = 0, n = strlen(wanted);
	char bytes[4096];

	while (got < n) {
		cr_assert(becomes_readable(b, fd), "only %zu bytes of '%s'", got, wanted);
		ssize_t r = recv(fd, bytes + got, n - got, 0);
		cr_assert_gt(r, 0, "it ended after %zu bytes of '%s'", got, wanted);
		got += (size_t)r;
	}
	cr_assert_eq(memcmp(bytes, wanted, n), 0, "%.*s", (int)n, bytes);
}

static void answers(int fd, const char *words)
{
	cr_assert_eq(send(fd, words, strlen(words), MSG_NOSIGNAL), (ssize_t)strlen(words));
}

/* No more comes: the origin's side has been closed, and nothing of the refused request came. */
static void expect_421(struct bench *b, int fd)
{
	char byte;

	cr_assert(becomes_readable(b, fd));
	cr_assert_eq(recv(fd, &byte, 1, 0), 0, "a byte of it came through");
	close(fd);
	hear_out(b);
	cr_expect(strstr(b->heard, "HTTP/1.1 421 "), "%s", b->heard);
	cr_expect(strstr(b->heard, "\"type\":\"error\""), "%s", b->heard);
	cr_expect_eq(b->worker.stats->flows_refused, 1u);
}

Test(conn_watch, later_requests_to_other_hosts_pass_byte_for_byte)
{
	static const char later[] =
		"POST http://third.example/b?c HTTP/1.1\r\nHost: third.example\r\nX-Odd:   1\r\n"
		"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nT: t\r\n\r\n" FIRST FIRST;
	struct bench b;
	int fd;

	set_up(&b);
	begin(&b, FIRST);
	fd = far_end(&b);
	arrives(&b, fd, FIRST);
	answers(fd, ANSWER);
	arrives(&b, b.client, ANSWER);
	for (size_t i = 0; i < sizeof(later) - 1; i++) {
		say(&b, later + i, 1);
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	}
	arrives(&b, fd, later);
	answers(fd, "whatever it says");
	arrives(&b, b.client, "whatever it says");
	cr_expect_eq(b.worker.stats->flows_refused, 0u);
	close(fd);
	tear_down(&b);
}

Test(conn_watch, a_later_request_that_is_not_for_here_is_refused_behind_the_answers_due)
{
	static const char *const later[] = {
		"POST /v1/messages HTTP/1.1\r\nHost: " TARGET "\r\n\r\n",
		"POST http://" TARGET "/v1/messages HTTP/1.1\r\nHost: other.example\r\n\r\n",
		"POST http://other.example/ HTTP/1.1\r\nHost: " TARGET ":80\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n",
		"CONNECT " TARGET ":443 HTTP/1.1\r\nHost: " TARGET ":443\r\n\r\n",
		"CONNECT other.example:443 HTTP/1.1\r\nHost: other.example\r\n\r\n",
		"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" OTHER,
		"GET  / HTTP/1.1\r\n" OTHER,
		"GET / HTTP/1.1\r\nHost: other.example\n\r\n\r\n",
		PREFACE,
	};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		struct bench b;
		int fd;

		set_up(&b);
		begin(&b, FIRST);
		fd = far_end(&b);
		arrives(&b, fd, FIRST);
		say(&b, later[i], strlen(later[i]));
		answers(fd, ANSWER);
		expect_421(&b, fd);
		cr_expect_eq(strncmp(b.heard, ANSWER, strlen(ANSWER)), 0, "%s", b.heard);
		tear_down(&b);
	}
}

#define WISH "GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" OTHER

Test(conn_watch, another_protocol_begins_when_it_was_granted)
{
	static const char granted[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
	struct bench b;
	int fd;

	set_up(&b);
	begin(&b, WISH "\x81\x02hi POST / HTTP/1.1\r\n\r\n");
	fd = far_end(&b);
	arrives(&b, fd, WISH);
	for (size_t i = 0; i < sizeof(granted) - 1; i++) {
		cr_assert_eq(send(fd, granted + i, 1, MSG_NOSIGNAL), 1);
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	}
	arrives(&b, b.client, granted);
	arrives(&b, fd, "\x81\x02hi POST / HTTP/1.1\r\n\r\n");
	say(&b, "more", 4);
	arrives(&b, fd, "more");
	close(fd);
	tear_down(&b);
}

Test(conn_watch, another_protocol_that_was_not_granted_changes_nothing)
{
	struct bench b;
	int fd;

	set_up(&b);
	begin(&b, WISH FIRST "GET / HTTP/1.1\r\nHost: " TARGET "\r\n\r\n");
	fd = far_end(&b);
	arrives(&b, fd, WISH);
	answers(fd, ANSWER);
	arrives(&b, b.client, ANSWER);
	arrives(&b, fd, FIRST);
	answers(fd, ANSWER);
	expect_421(&b, fd);
	tear_down(&b);
}
