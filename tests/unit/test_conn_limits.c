/* SPDX-License-Identifier: Apache-2.0 */
/* What connections may cost: their number, their memory, the loop's time, and how long they take. */
#include "conn_rig.h"

#include "../../user/daemon/memos.h"

Test(conn_limits, one_too_many_is_refused_in_words)
{
	struct bench b;

	set_up_masking(&b);
	b.config->limits.scope_connections = 0;
	begin(&b, "GET /v1/models HTTP/1.1\r\nHost: " TARGET "\r\n\r\n");
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 529 "), "%s", b.heard);
	cr_expect(strstr(b.heard, "\"type\":\"overloaded_error\""), "%s", b.heard);
	cr_expect(strstr(b.heard, "retry-after: "), "%s", b.heard);
	cr_expect_eq(b.worker.stats->refusals[REFUSAL_CONNECTIONS], 1u);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

Test(conn_limits, one_too_many_that_is_to_be_passed_through_is_closed)
{
	struct bench b;

	set_up_masking(&b);
	b.config->limits.connections = 0;
	begin(&b, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
	hear_out(&b);
	cr_expect_eq(b.heard_len, 0u);
	cr_expect_eq(b.worker.stats->flows_refused, 1u);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

Test(conn_limits, far_too_many_are_closed_at_once)
{
	struct bench b;

	set_up_masking(&b);
	b.config->limits.connections = 0;
	b.worker.open_conns = 10000;
	dial(&b, DOOR_TRANSPARENT);
	hear_out(&b);
	cr_expect_eq(b.worker.stats->flows_refused, 1u);
	cr_expect_null(b.thread.conns);
	b.worker.open_conns = 0;
	tear_down(&b);
}

static bool is_asked(const struct conn *c)
{
	return c->asked_ms != 0;
}

static bool is_in_body(const struct conn *c)
{
	return is_asked(c) && exchange_facts(c->exchange)->request_bytes == 4;
}

Test(conn_limits, a_request_has_to_come_in_time)
{
	struct bench b;
	uint64_t left;

	set_up_masking(&b);
	/* The first one is refused, and the connection stays. */
	begin(&b, "POST / HTTP/1.1\r\nHost: " TARGET "\r\nContent-Type: application/json\r\n"
		  "Content-Length: 1\r\n\r\n?POST /v1/mess");
	until(&b, is_asked);
	left = patience(&b);
	cr_expect(left > 25000 && left <= 30000, "its head: %zu", (size_t)left);
	say(&b, "ages HTTP/1.1\r\nHost: " TARGET "\r\nContent-Length: 10000\r\n\r\n0123", 69);
	until(&b, is_in_body);
	left = patience(&b);
	cr_expect(left > 50000 && left <= 60000, "its body: %zu", (size_t)left);
	/* As if it had begun a minute ago: the next byte wins no time. */
	b.thread.conns->asked_ms -= 60000;
	say(&b, "4", 1);
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 408 "), "%s", b.heard);
	cr_expect_eq(b.worker.stats->refusals[REFUSAL_TOO_SLOW], 1u);
	tear_down(&b);
}

static bool is_slim(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->exchange;
}

static bool is_idle(const struct conn *c)
{
	return c->idle;
}

Test(conn_limits, an_idle_one_gives_its_memory_back_and_goes_on)
{
	const char *request =
		"POST / HTTP/1.1\r\nHost: " TARGET "\r\nContent-Type: application/json\r\n"
		"Content-Length: 1\r\n\r\n?";
	struct bench b;

	set_up_masking(&b);
	begin(&b, request);
	for (unsigned n = 1; n <= 3; n++) {
		until(&b, is_idle);
		cr_expect_eq(b.worker.stats->refusals[REFUSAL_NOT_JSON], n);
		conn_deadline(b.thread.conns, 1); /* as if it had come */
		until(&b, is_slim);
		cr_expect_eq(b.thread.conns->held, 0u);
		cr_expect(patience(&b) > 9 * 60 * 1000, "%zu", (size_t)patience(&b));
		say(&b, request, strlen(request));
	}
	until(&b, is_idle);
	cr_expect_eq(b.worker.stats->requests, 4u);
	conn_rest(b.thread.conns);
	shutdown(b.client, SHUT_WR);
	hear_out(&b);
	tear_down(&b);
}

#define MIDDLING                                                                                   \
	"POST /x HTTP/1.1\r\nHost: " TARGET                                                        \
	"\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n\r\nsee i-0f1e2d3c4b5a69788"
#define LARGE                                                                                      \
	"POST /x HTTP/1.1\r\nHost: " TARGET                                                        \
	"\r\nContent-Type: text/plain\r\nContent-Length: 600000\r\n\r\n"
#define LARGE_JSON                                                                                 \
	"POST /x HTTP/1.1\r\nHost: " TARGET                                                        \
	"\r\nContent-Type: application/json\r\nContent-Length: 600000\r\n\r\n"

/* Nothing is remembered, and on other threads than the loop's scans begin when they may. */
struct hold {
	struct memo_source source; /* first */
	uv_thread_t loop;
	uv_sem_t go;
};

static struct memo *hold_take(struct memo_source *source, const void *owner)
{
	struct hold *h = (struct hold *)source;
	uv_thread_t here = uv_thread_self();

	(void)owner;
	if (!uv_thread_equal(&here, &h->loop))
		uv_sem_wait(&h->go);
	return NULL;
}

static void hold_scans(struct hold *h, struct bench *b)
{
	*h = (struct hold){.source.take = hold_take, .loop = uv_thread_self()};
	cr_assert_eq(uv_sem_init(&h->go, 0), 0);
	b->worker.enforce.scan_apart = 16;
	b->worker.enforce.memos = &h->source;
}

static bool is_at_work(const struct conn *c)
{
	return c->state == CONN_OPEN && c->working;
}

static bool waits(const struct conn *c)
{
	return c->thread->to_scan == c;
}

static bool waits_apart(const struct conn *c)
{
	return c->thread->to_scan_apart == c;
}

static void begin_large(struct bench *b, bool (*is_there)(const struct conn *))
{
	static char body[600000];
	size_t sent = 0;

	memset(body, ' ', sizeof(body));
	begin(b, LARGE);
	for (int i = 0; i < 10000 && sent < sizeof(body); i++) {
		ssize_t n = send(b->client, body + sent, sizeof(body) - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
	}
	until(b, is_there);
}

Test(conn_limits, a_body_of_some_size_is_scanned_when_others_had_their_turn)
{
	struct bench b;

	set_up_masking(&b);
	b.worker.enforce.scan_apart = 16;
	begin(&b, MIDDLING);
	until(&b, waits);
	cr_expect_eq(exchange_want(b.thread.conns->exchange), WANT_SCAN);
	expect_arrival(&b, "POST /x HTTP/1.1\r\n");
	cr_expect_null(b.thread.to_scan);
	tear_down(&b);
}

Test(conn_limits, who_waits_for_a_turn_may_go)
{
	struct bench b;

	set_up_masking(&b);
	b.worker.enforce.scan_apart = 16;
	begin(&b, MIDDLING);
	until(&b, waits);
	conn_close(b.thread.to_scan, true);
	cr_expect_null(b.thread.to_scan);
	for (int i = 0; i < 3; i++)
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	tear_down(&b);
}

Test(conn_limits, a_large_body_is_scanned_on_another_thread)
{
	struct hold hold;
	struct bench b;

	set_up_masking(&b);
	hold_scans(&hold, &b);
	begin_large(&b, is_at_work);
	cr_expect_eq(b.thread.scanning, b.thread.conns);
	uv_sem_post(&hold.go);
	expect_arrival(&b, "POST /x HTTP/1.1\r\n");
	cr_expect_null(b.thread.scanning);
	tear_down(&b);
	uv_sem_destroy(&hold.go);
}

Test(conn_limits, large_bodies_wait_for_each_other_and_may_go_meanwhile)
{
	struct conn *first;
	struct hold hold;
	struct bench b;
	int client;

	set_up_masking(&b);
	hold_scans(&hold, &b);
	begin_large(&b, is_at_work);
	first = b.thread.scanning;
	client = b.client;
	begin_large(&b, waits_apart);
	conn_close(b.thread.to_scan_apart, true);
	cr_expect_null(b.thread.to_scan_apart);
	close(b.client);
	b.client = client;
	conn_close(first, true);
	cr_expect_neq(first->handles, 0u, "it stays until its work is over");
	uv_sem_post(&hold.go);
	tear_down(&b);
	uv_sem_destroy(&hold.go);
}

Test(conn_limits, who_waits_and_is_refused_may_rest)
{
	struct conn *second;
	struct hold hold;
	struct bench b;
	int client;

	set_up_masking(&b);
	hold_scans(&hold, &b);
	begin_large(&b, is_at_work);
	client = b.client;
	begin_large(&b, waits_apart);
	second = b.thread.conns;
	exchange_refuse(second->exchange, REFUSAL_MEMORY);
	conn_rest(second);
	cr_expect_null(second->exchange);
	cr_expect_null(b.thread.to_scan_apart);
	uv_sem_post(&hold.go);
	for (int i = 0; i < 10000 && b.thread.scanning; i++) {
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	cr_expect_null(b.thread.scanning);
	close(client);
	tear_down(&b);
	uv_sem_destroy(&hold.go);
}

Test(conn_limits, time_in_which_the_process_stands_still_is_nobodys_delay)
{
	struct bench b;

	set_up_masking(&b);
	begin(&b, "POST");
	b.thread.conns->due_ms = uv_now(&b.thread.loop); /* and it fires much later */
	uv_timer_start(&b.thread.conns->deadline, b.thread.conns->deadline.timer_cb, 1100, 0);
	b.thread.conns->wait_ms = 9999;
	for (int i = 0; i < 2000 && b.thread.conns && patience(&b) <= 1100; i++) {
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	cr_assert_not_null(b.thread.conns);
	cr_expect(patience(&b) > 9000, "%zu", (size_t)patience(&b));
	tear_down(&b);
}

Test(conn_limits, memory_is_refused_beyond_the_limit)
{
	char piece[64 * 1024];
	struct bench b;
	const char *head =
		"POST /v1/messages HTTP/1.1\r\nHost: " TARGET "\r\nContent-Length: 1000000\r\n\r\n";

	set_up_masking(&b);
	b.config->limits.scope_memory = 300000;
	memset(piece, ' ', sizeof(piece));
	begin(&b, head);
	for (int i = 0; i < 10000 && !b.worker.stats->refusals[REFUSAL_MEMORY]; i++) {
		(void)!send(b.client, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	}
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 529 "), "%s", b.heard);
	cr_expect_eq(b.worker.stats->refusals[REFUSAL_MEMORY], 1u);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

static bool all_is_scanned(const struct conn *c)
{
	return c && c->thread->worker->stats->texts_remembered >= 90;
}

/* Much more than is read at a time; each text is a piece, and what came of it is remembered. */
Test(conn_limits, a_body_is_scanned_while_it_comes)
{
	char text[1100];
	struct memos *memos;
	struct bench b;

	set_up_masking(&b);
	memos = memos_new(1 << 20, 1, &b.stats, &b.worker.gauges);
	cr_assert_not_null(memos);
	b.worker.enforce.memos = memos_source(memos);
	b.worker.enforce.scan_apart = 4096;
	begin(&b, "POST /v1/messages HTTP/1.1\r\nHost: " TARGET
		  "\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n[");
	until(&b, is_asked);
	for (unsigned i = 0; i < 100; i++) {
		int n = snprintf(text, sizeof(text), "\"%01060u is said of it\",", i);

		say(&b, text, (size_t)n);
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	}
	until(&b, all_is_scanned);
	cr_expect_eq(exchange_want(b.thread.conns->exchange), WANT_CLIENT);
	cr_expect_null(b.thread.to_scan);
	tear_down(&b);
	memos_free(memos);
}
