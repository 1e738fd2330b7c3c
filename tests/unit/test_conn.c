/* SPDX-License-Identifier: Apache-2.0 */
/* Where a connection goes, by what its client says first (I1), and how long each step may take. */
#include "conn_rig.h"

Test(conn, one_that_nobody_knows_is_closed)
{
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_TRANSPARENT);
	tell_flow(&b, 0);
	hear_out(&b);
	cr_expect_eq(b.heard_len, 0u);
	cr_expect_eq(b.worker.stats->flows_unknown, 1u);
	tear_down(&b);
}

Test(conn, each_step_has_its_patience)
{
	struct bench b;

	set_up(&b);
	dial(&b, DOOR_TRANSPARENT);
	cr_expect(patience(&b) > 5000 && patience(&b) <= 10000, "the monitor");
	tell_flow(&b, 1);
	cr_expect(patience(&b) > 10000 && patience(&b) <= CONN_SNIFF_MS, "the first bytes");
	say(&b, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", 39);
	cr_assert(becomes_readable(&b, b.listener));
	while (b.thread.conns->state != CONN_SPLICE)
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	cr_expect_eq(patience(&b), 0u, "silence is the two ends' own business");
	tear_down(&b);
}

Test(conn, a_deadline_that_moves_is_met_where_it_is)
{
	struct bench b;
	struct conn *c;

	set_up(&b);
	dial(&b, DOOR_TRANSPARENT);
	c = b.thread.conns;
	conn_deadline(c, 1);
	conn_deadline(c, 60000);
	while (uv_timer_get_due_in(&c->deadline) <= 1)
		uv_run(&b.thread.loop, UV_RUN_NOWAIT);
	cr_expect(b.thread.conns == c && c->state == CONN_FLOW, "it was too soon");
	cr_expect(uv_timer_get_due_in(&c->deadline) > 50000);
	conn_deadline(c, 1);
	hear_out(&b);
	cr_expect_eq(b.heard_len, 0u);
	tear_down(&b);
}

Test(conn, another_host_is_passed_through_byte_for_byte)
{
	struct bench b;

	set_up(&b);
	begin(&b, "GET /a HTTP/1.1\r\nHost: other.example\r\nX-Odd:   1\r\n\r\n");
	expect_arrival(&b, "GET /a HTTP/1.1\r\nHost: other.example\r\nX-Odd:   1\r\n\r\n");
	cr_expect_eq(b.worker.stats->flows_spliced, 1u);
	cr_expect_eq(b.worker.stats->flows_opened, 0u);
	tear_down(&b);
}

Test(conn, a_target_is_opened)
{
	struct bench b;

	set_up_masking(&b);
	begin(&b, "GET /a HTTP/1.1\r\nHost: " TARGET "\r\nX-Odd: 1\r\n\r\n");
	expect_arrival(&b, "GET /a HTTP/1.1\r\nHost: " TARGET "\r\nX-Odd: 1\r\nAccept-Encoding: ");
	cr_expect_eq(b.worker.stats->flows_opened, 1u);
	cr_expect_eq(b.worker.stats->flows_spliced, 0u);
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
	cr_expect_eq(b.worker.stats->flows_refused, 1u);
	tear_down(&b);
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
		cr_expect_eq(b.worker.stats->flows_refused, 1u);
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
