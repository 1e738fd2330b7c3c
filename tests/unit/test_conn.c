/* SPDX-License-Identifier: Apache-2.0 */
/* Where a connection goes, by what its client says first (I1), and how long each step may take. */
#include "conn_rig.h"

/* What arrives first where the client was going. */
static void expect_arrival(struct bench *b, const char *begins)
{
	char got[4096] = "";
	int fd;

	cr_assert(becomes_readable(b, b->listener), "nobody dialled");
	fd = accept(b->listener, NULL, NULL);
	cr_assert_geq(fd, 0);
	cr_assert(becomes_readable(b, fd));
	cr_assert_gt(recv(fd, got, sizeof(got) - 1, 0), 0);
	cr_expect_eq(strncmp(got, begins, strlen(begins)), 0, "%s", got);
	close(fd);
}

static uint64_t patience(const struct bench *b)
{
	const uv_timer_t *deadline = &b->thread.conns->deadline;

	return uv_is_active((const uv_handle_t *)deadline) ? uv_timer_get_due_in(deadline) : 0;
}

Test(conn, one_that_nobody_knows_is_closed)
{
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_TRANSPARENT);
	tell_flow(&b, 0);
	hear_out(&b);
	cr_expect_eq(b.heard_len, 0u);
	cr_expect_eq(b.worker.stats.flows_unknown, 1u);
	tear_down(&b);
}

Test(conn, each_step_has_its_patience)
{
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_TRANSPARENT);
	cr_expect(patience(&b) > 0 && patience(&b) <= 5000, "the monitor");
	tell_flow(&b, 1);
	cr_expect(patience(&b) > 5000 && patience(&b) <= CONN_SNIFF_MS, "the first bytes");
	say(&b, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", 39);
	cr_assert(becomes_readable(&b, b.listener));
	while (b.thread.conns->state != CONN_SPLICE)
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	cr_expect_eq(patience(&b), 0u, "silence is the two ends' own business");
	tear_down(&b);
}

Test(conn, one_too_many_is_refused_in_words)
{
	struct bench b;

	set_up(&b);
	b.config->limits.scope_connections = 0;
	begin(&b, "GET /v1/models HTTP/1.1\r\nHost: " TARGET "\r\n\r\n");
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 529 "), "%s", b.heard);
	cr_expect(strstr(b.heard, "\"type\":\"overloaded_error\""), "%s", b.heard);
	cr_expect(strstr(b.heard, "retry-after: "), "%s", b.heard);
	cr_expect_eq(b.worker.stats.refusals[REFUSAL_CONNECTIONS], 1u);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

Test(conn, one_too_many_that_is_to_be_passed_through_is_closed)
{
	struct bench b;

	set_up(&b);
	b.config->limits.connections = 0;
	begin(&b, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
	hear_out(&b);
	cr_expect_eq(b.heard_len, 0u);
	cr_expect_eq(b.worker.stats.flows_refused, 1u);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

Test(conn, far_too_many_are_closed_at_once)
{
	struct bench b;

	set_up(&b);
	b.config->limits.connections = 0;
	b.worker.open_conns = 10000;
	dial(&b, DOOR_TRANSPARENT);
	hear_out(&b);
	cr_expect_eq(b.worker.stats.flows_refused, 1u);
	cr_expect_null(b.thread.conns);
	b.worker.open_conns = 0;
	tear_down(&b);
}

static void until(struct bench *b, bool (*is_so)(const struct conn *c))
{
	for (int i = 0; i < 10000 && !is_so(b->thread.conns); i++) {
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	cr_assert(is_so(b->thread.conns));
}

static bool is_asked(const struct conn *c)
{
	return c->asked_ms != 0;
}

static bool is_in_body(const struct conn *c)
{
	return is_asked(c) && exchange_facts(c->exchange)->request_bytes == 4;
}

Test(conn, a_request_has_to_come_in_time)
{
	struct bench b;
	uint64_t left;

	set_up(&b);
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
	cr_expect_eq(b.worker.stats.refusals[REFUSAL_TOO_SLOW], 1u);
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

Test(conn, an_idle_one_gives_its_memory_back_and_goes_on)
{
	const char *request =
		"POST / HTTP/1.1\r\nHost: " TARGET "\r\nContent-Type: application/json\r\n"
		"Content-Length: 1\r\n\r\n?";
	struct bench b;

	set_up(&b);
	begin(&b, request);
	for (unsigned n = 1; n <= 3; n++) {
		until(&b, is_idle);
		cr_expect_eq(b.worker.stats.refusals[REFUSAL_NOT_JSON], n);
		conn_deadline(b.thread.conns, 1); /* as if it had come */
		until(&b, is_slim);
		cr_expect_eq(b.thread.conns->held, 0u);
		cr_expect(patience(&b) > 9 * 60 * 1000, "%zu", (size_t)patience(&b));
		say(&b, request, strlen(request));
	}
	until(&b, is_idle);
	cr_expect_eq(b.worker.stats.requests, 4u);
	conn_slim(b.thread.conns);
	shutdown(b.client, SHUT_WR);
	hear_out(&b);
	tear_down(&b);
}

#define LARGE                                                                                      \
	"POST /x HTTP/1.1\r\nHost: " TARGET                                                        \
	"\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n\r\nsee i-0f1e2d3c4b5a69788"

static bool is_at_work(const struct conn *c)
{
	return c->state == CONN_OPEN && c->working;
}

Test(conn, a_large_body_is_scanned_on_another_thread)
{
	struct bench b;

	set_up(&b);
	b.worker.enforce.scan_apart = 16;
	begin(&b, LARGE);
	until(&b, is_at_work);
	cr_expect_eq(b.thread.scanning, b.thread.conns);
	expect_arrival(&b, "POST /x HTTP/1.1\r\n");
	cr_expect_null(b.thread.scanning);
	tear_down(&b);
}

static bool is_waiting(const struct conn *c)
{
	return c->thread->to_scan == c;
}

Test(conn, large_bodies_wait_for_each_other_and_may_go_meanwhile)
{
	struct conn *first;
	struct bench b;
	int client;

	set_up(&b);
	b.worker.enforce.scan_apart = 16;
	begin(&b, LARGE);
	until(&b, is_at_work);
	first = b.thread.scanning;
	client = b.client;
	/* As if it took long: what ends it is not looked at. */
	b.thread.scanning = (struct conn *)&b;
	begin(&b, LARGE);
	until(&b, is_waiting);
	conn_close(b.thread.to_scan, true);
	cr_expect_null(b.thread.to_scan);
	close(b.client);
	b.client = client;
	conn_close(first, true);
	cr_expect_neq(first->handles, 0u, "it stays until its work is over");
	tear_down(&b);
}

Test(conn, time_in_which_the_process_stands_still_is_nobodys_delay)
{
	struct bench b;

	set_up(&b);
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

Test(conn, memory_is_refused_beyond_the_limit)
{
	char piece[64 * 1024];
	struct bench b;
	const char *head =
		"POST /v1/messages HTTP/1.1\r\nHost: " TARGET "\r\nContent-Length: 1000000\r\n\r\n";

	set_up(&b);
	b.config->limits.scope_memory = 300000;
	memset(piece, ' ', sizeof(piece));
	begin(&b, head);
	for (int i = 0; i < 10000 && !b.worker.stats.refusals[REFUSAL_MEMORY]; i++) {
		(void)!send(b.client, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	}
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 529 "), "%s", b.heard);
	cr_expect_eq(b.worker.stats.refusals[REFUSAL_MEMORY], 1u);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

Test(conn, another_host_is_passed_through_byte_for_byte)
{
	struct bench b;

	set_up(&b);
	begin(&b, "GET /a HTTP/1.1\r\nHost: other.example\r\nX-Odd:   1\r\n\r\n");
	expect_arrival(&b, "GET /a HTTP/1.1\r\nHost: other.example\r\nX-Odd:   1\r\n\r\n");
	cr_expect_eq(b.worker.stats.flows_spliced, 1u);
	cr_expect_eq(b.worker.stats.flows_opened, 0u);
	tear_down(&b);
}

Test(conn, a_target_is_opened)
{
	struct bench b;

	set_up(&b);
	begin(&b, "GET /a HTTP/1.1\r\nHost: " TARGET "\r\nX-Odd: 1\r\n\r\n");
	expect_arrival(&b, "GET /a HTTP/1.1\r\nHost: " TARGET "\r\nX-Odd: 1\r\nAccept-Encoding: ");
	cr_expect_eq(b.worker.stats.flows_opened, 1u);
	cr_expect_eq(b.worker.stats.flows_spliced, 0u);
	tear_down(&b);
}

Test(conn, a_model_that_cannot_be_masked_is_refused)
{
	struct bench b;

	set_up(&b);
	begin(&b, "POST /v1 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n");
	expect_403(&b);
	tear_down(&b);
}

Test(conn, other_hosts_are_refused_where_policy_says_so)
{
	struct bench b;

	set_up(&b);
	b.config->deny_other_hosts = true;
	begin(&b, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
	expect_403(&b);
	tear_down(&b);
}

Test(conn, who_hides_at_a_targets_address_is_refused)
{
	struct bench b;

	set_up(&b);
	target_addrs_add(b.worker.target_addrs, b.flow.addr);
	begin(&b, "\x01\x02\x03 no protocol that is known at all");
	expect_403(&b);
	tear_down(&b);
}

Test(conn, an_address_is_no_name)
{
	static const char *const said[] = {
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET http://127.0.0.1:8080/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:80\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct bench b;

		set_up(&b);
		target_addrs_add(b.worker.target_addrs, b.flow.addr);
		begin(&b, said[i]);
		expect_403(&b);
		tear_down(&b);
		set_up(&b);
		begin(&b, said[i]);
		expect_arrival(&b, said[i]);
		tear_down(&b);
	}
}

Test(conn, http2_in_the_clear_is_refused)
{
	struct bench b;

	set_up(&b);
	begin(&b, PREFACE);
	hear_out(&b);
	cr_expect(nobody_dialled(&b));
	cr_expect_eq(b.worker.stats.flows_refused, 1u);
	tear_down(&b);
}

/* A ClientHello for the target, in its record; returns its size. */
static size_t make_hello(uint8_t record[static 4096])
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	int n;

	SSL_set_tlsext_host_name(ssl, TARGET);
	SSL_set_bio(ssl, in, out);
	cr_assert_lt(SSL_connect(ssl), 0);
	n = BIO_read(out, record, 4096);
	cr_assert_gt(n, 64);
	SSL_free(ssl);
	SSL_CTX_free(context);
	return (size_t)n;
}

/* Says it as a client. 1: passed through; 0: the monitor is asked for a certificate. */
static int is_passed_through(struct bench *b, const uint8_t *record, size_t n)
{
	struct priv_request r;

	dial(b, DOOR_TRANSPARENT);
	tell_flow(b, 1);
	say(b, record, n);
	for (int i = 0; i < 10000; i++) {
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
		if (b->thread.conns->state == CONN_SPLICE)
			return 1;
		if (recv(b->monitor, &r, sizeof(r), MSG_DONTWAIT) > 0 && r.kind == PRIV_LEAF)
			return 0;
		poll(NULL, 0, 1);
	}
	return -1;
}

Test(conn, what_we_have_masked_already_is_passed_through)
{
	uint8_t record[4096], digest[OWN_HELLO_SIZE];
	struct bench b;
	size_t n;

	set_up(&b);
	b.thread.leaves = leaf_cache_new(b.thread.privsep, &b.worker.tls, &b.worker.ca_generation);
	cr_assert(b.thread.leaves);
	n = make_hello(record);
	own_hello_digest(record + 5, n - 5, digest);
	own_hellos_add(b.worker.hellos, digest);
	cr_expect_eq(is_passed_through(&b, record, n), 1);
	expect_arrival(&b, "\x16\x03\x01");
	/* Any other is opened: one of a byte's difference, and ours once its handshake is over. */
	close(b.client);
	record[n - 1] ^= 1;
	cr_expect_eq(is_passed_through(&b, record, n), 0);
	record[n - 1] ^= 1;
	own_hellos_drop(b.worker.hellos, digest);
	close(b.client);
	cr_expect_eq(is_passed_through(&b, record, n), 0);
	conn_close_all(&b.thread);
	leaf_cache_free(b.thread.leaves);
	tear_down(&b);
}

Test(conn, a_malformed_hello_gets_an_alert)
{
	/* A whole handshake message, which is no ClientHello. */
	static const uint8_t hello[] = {22, 3, 1, 0, 4, 2, 0, 0, 0};
	static const uint8_t denied[] = {21, 3, 3, 0, 2, 2, 49};
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_TRANSPARENT);
	tell_flow(&b, 1);
	say(&b, hello, sizeof(hello));
	hear_out(&b);
	cr_expect_eq(b.heard_len, sizeof(denied));
	cr_expect_eq(memcmp(b.heard, denied, sizeof(denied)), 0);
	cr_expect(nobody_dialled(&b));
	tear_down(&b);
}

Test(conn, the_explicit_listener_serves_targets_alone)
{
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_EXPLICIT);
	tell_flow(&b, 1);
	say(&b, "GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n", 59);
	expect_403(&b);
	tear_down(&b);
}

Test(conn, a_tunnel_to_a_target_holds_nothing_else)
{
	static const char connect[] = "CONNECT " TARGET ":443 HTTP/1.1\r\nHost: x\r\n\r\n";
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_EXPLICIT);
	tell_flow(&b, 1);
	say(&b, connect, sizeof(connect) - 1);
	cr_assert(becomes_readable(&b, b.client));
	say(&b, connect, sizeof(connect) - 1);
	hear_out(&b);
	cr_expect(strstr(b.heard, "HTTP/1.1 200 Connection Established"), "%s", b.heard);
	cr_expect(strstr(b.heard, "HTTP/1.1 403 "), "%s", b.heard);
	tear_down(&b);
}

Test(conn, a_client_that_leaves_before_it_says_enough_leaves_nothing)
{
	static const char *const said[] = {"", "GET / HT", "\x16\x03\x01"};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct bench b;

		set_up(&b);
		begin(&b, said[i]);
		shutdown(b.client, SHUT_WR);
		hear_out(&b);
		cr_expect(nobody_dialled(&b));
		tear_down(&b);
	}
}

Test(conn, socks_is_refused)
{
	static const char *const greetings[] = {"\x05\x01", "\x04\x01\x01\xbb"};

	for (size_t i = 0; i < 2; i++) {
		struct bench b;

		set_up(&b);
		begin(&b, greetings[i]);
		hear_out(&b);
		cr_expect_eq(b.heard_len, i ? 8u : 2u);
		cr_expect_eq((uint8_t)b.heard[1], i ? 91 : 0xff);
		cr_expect(nobody_dialled(&b));
		cr_expect_eq(b.worker.stats.flows_refused, 1u);
		tear_down(&b);
	}
}

Test(conn, a_request_whose_host_cannot_be_read_is_refused)
{
	static const char *const said[] = {
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"GET ws://" TARGET "/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
		"GET http://other.example/ HTTP/1.1\r\nHost: " TARGET ", x\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct bench b;

		set_up(&b);
		begin(&b, said[i]);
		expect_403(&b);
		tear_down(&b);
	}
}

Test(conn, two_names_in_one_head_are_refused)
{
	struct bench b;

	set_up(&b);
	begin(&b, "GET http://other.example/ HTTP/1.1\r\nHost: " TARGET "\r\n\r\n");
	expect_403(&b);
	tear_down(&b);
}
