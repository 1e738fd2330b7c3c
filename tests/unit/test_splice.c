/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/splice.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK (3 * 1024 * 1024)

/* client <-> [near: far] <-> origin, two socket pairs joined by a splicer on one loop. */
struct bench {
	uv_loop_t loop;
	int client, origin;
	struct stream near, far;
	struct splicer *splicer;
	uint64_t moved;
	int outcome;
	unsigned closed;
};

static void on_event(void *arg)
{
	struct bench *b = arg;

	if (b->outcome == 0)
		b->outcome = splicer_pump(b->splicer, &b->moved);
	if (b->outcome) {
		stream_want(&b->near, false, false);
		stream_want(&b->far, false, false);
	}
}

static void set_up(struct bench *b)
{
	int left[2], right[2];

	*b = (struct bench){0};
	cr_assert(uv_loop_init(&b->loop) == 0);
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, left) == 0);
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, right) == 0);
	b->client = left[0];
	b->origin = right[0];
	cr_assert(stream_open(&b->near, &b->loop, left[1], on_event, b) == 0);
	cr_assert(stream_open(&b->far, &b->loop, right[1], on_event, b) == 0);
}

static void start(struct bench *b)
{
	b->splicer = splicer_new(&b->near, &b->far, NULL, NULL, NULL);
	cr_assert(b->splicer);
	on_event(b);
}

static void on_closed(void *arg)
{
	((struct bench *)arg)->closed++;
}

static void tear_down(struct bench *b)
{
	splicer_free(b->splicer);
	stream_close(&b->near, false, on_closed, b);
	stream_close(&b->far, false, on_closed, b);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	cr_assert(b->closed == 2);
	cr_assert(uv_loop_close(&b->loop) == 0);
	close(b->client);
	close(b->origin);
}

static void turn(struct bench *b)
{
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

Test(splice, first_bytes_go_first_and_both_ways_work)
{
	struct bench b;
	char got[64] = {0};

	set_up(&b);
	cr_assert(stream_unread(&b.near, (const uint8_t *)"hello ", 6) == 0);
	cr_assert(write(b.client, "world", 5) == 5);
	start(&b);
	turn(&b);
	cr_assert(read(b.origin, got, sizeof(got)) == 11);
	cr_assert_str_eq(got, "hello world");
	cr_assert(write(b.origin, "back", 4) == 4);
	turn(&b);
	cr_assert(read(b.client, got, sizeof(got)) == 4);
	cr_assert(memcmp(got, "back", 4) == 0);
	cr_assert(b.moved == 15);
	tear_down(&b);
}

Test(splice, half_close_is_passed_on_and_the_end_is_seen)
{
	struct bench b;
	char got[8];

	set_up(&b);
	start(&b);
	shutdown(b.client, SHUT_WR);
	turn(&b);
	cr_assert(read(b.origin, got, sizeof(got)) == 0, "the origin sees the end");
	cr_assert(b.outcome == 0, "the other direction lives on");
	cr_assert(write(b.origin, "late", 4) == 4);
	turn(&b);
	cr_assert(read(b.client, got, sizeof(got)) == 4);
	shutdown(b.origin, SHUT_WR);
	turn(&b);
	cr_assert(b.outcome == 1);
	tear_down(&b);
}

/* More than sockets and pipes hold: back-pressure must neither lose a byte nor spin. */
Test(splice, bulk_against_a_slow_reader, .timeout = 20)
{
	struct bench b;
	uint8_t *sent = malloc(BULK), *got = malloc(BULK);
	size_t in = 0, out = 0;

	for (size_t i = 0; i < BULK; i++)
		sent[i] = (uint8_t)(i * 2654435761u >> 13);
	set_up(&b);
	start(&b);
	while (out < BULK) {
		ssize_t n = in < BULK ? write(b.client, sent + in, BULK - in) : 0;
		if (n > 0)
			in += (size_t)n;
		turn(&b);
		n = read(b.origin, got + out, 1000 + out % 5000);
		if (n > 0)
			out += (size_t)n;
		cr_assert(b.outcome == 0);
	}
	cr_assert(memcmp(sent, got, BULK) == 0);
	cr_assert(b.moved == BULK);
	tear_down(&b);
	free(sent);
	free(got);
}

Test(splice, nothing_is_armed_for_reading_while_the_other_side_is_full)
{
	struct bench b;
	char block[65536] = {0};
	bool blocked = false;

	set_up(&b);
	start(&b);
	for (int i = 0; i < 200; i++) {
		blocked = write(b.client, block, sizeof(block)) < 0 && errno == EAGAIN;
		turn(&b);
	}
	cr_assert(blocked);
	cr_assert((b.near.armed & UV_READABLE) == 0, "a level-triggered loop would spin");
	cr_assert(b.far.armed & UV_WRITABLE);
	tear_down(&b);
}
