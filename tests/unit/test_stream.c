/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/stream.h"
#include "tls_rig.h"

#include <sys/socket.h>

#define BULK (600 * 1024)

/* near: a stream under test; far: its peer, plain or an SSL of its own. */
struct bench {
	uv_loop_t loop;
	struct stream near;
	int far;
	struct tls tls;
	X509 *leaf;
	SSL *peer;
	struct tls_session session;
	unsigned events, closed;
};

static void on_event(void *arg)
{
	((struct bench *)arg)->events++;
}

static void on_closed(void *arg)
{
	((struct bench *)arg)->closed++;
}

static void set_up(struct bench *b)
{
	int pair[2];

	*b = (struct bench){0};
	tempdir_make();
	cr_assert_eq(uv_loop_init(&b->loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	b->far = pair[1];
	cr_assert_eq(stream_open(&b->near, &b->loop, pair[0], on_event, b), 0);
}

static void tear_down(struct bench *b)
{
	stream_close(&b->near, false, on_closed, b);
	stream_close(&b->near, true, on_closed, b); /* a second time changes nothing */
	uv_run(&b->loop, UV_RUN_DEFAULT);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->near.fd, -1);
	cr_assert_eq(uv_loop_close(&b->loop), 0);
	SSL_free(b->peer);
	if (b->far >= 0)
		close(b->far);
	X509_free(b->leaf);
	SSL_SESSION_free(b->session.session);
	tls_free(&b->tls);
	tempdir_remove();
}

/* Nobody runs the loop here: each look is as after an event. */
static int shake_near(struct bench *b)
{
	stream_doubt(&b->near);
	return stream_handshake(&b->near);
}

static ssize_t read_near(struct bench *b, uint8_t *p, size_t n)
{
	stream_doubt(&b->near);
	return stream_read(&b->near, p, n);
}

/* The stream is the server, the peer a client; they shake hands. */
static void set_up_tls(struct bench *b)
{
	int near = STREAM_AGAIN, far = -1;

	set_up(b);
	b->leaf = rig_init(&b->tls, RIG_HOST);
	strcpy(b->session.host, RIG_HOST);
	cr_assert_eq(stream_tls(&b->near, tls_server(&b->tls, b->leaf, NULL), true), 0);
	b->peer = tls_client(&b->tls, RIG_HOST, &b->session);
	SSL_set_fd(b->peer, b->far);
	for (int i = 0; i < 20 && (near != 1 || far != 1); i++) {
		far = SSL_connect(b->peer);
		near = shake_near(b);
	}
	cr_assert_eq(near, 1);
	cr_assert_eq(far, 1);
}

/* How often the loop wakes the owner, who does nothing, within some turns. */
static unsigned woken(struct bench *b)
{
	b->events = 0;
	for (int i = 0; i < 20; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	return b->events;
}

Test(stream, what_was_put_back_is_read_first_in_order_then_the_socket)
{
	struct bench b;
	uint8_t got[32];

	set_up(&b);
	cr_assert_eq(stream_unread(&b.near, (const uint8_t *)"cd", 2), 0);
	cr_assert_eq(stream_unread(&b.near, (const uint8_t *)"ab", 2), 0);
	cr_assert_eq(send(b.far, "ef", 2, 0), 2);
	cr_assert_eq(stream_read(&b.near, got, 3), 3);
	cr_assert_eq(memcmp(got, "abc", 3), 0);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), 1);
	cr_assert_eq(got[0], 'd');
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), 2);
	cr_assert_eq(memcmp(got, "ef", 2), 0);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), STREAM_AGAIN);
	shutdown(b.far, SHUT_WR);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), STREAM_END);
	tear_down(&b);
}

static void last_words(struct bench *b, const char *words)
{
	uint8_t got[32], piece[4096] = {0};
	ssize_t n = 0;

	for (int i = 0; i < 200 && n >= 0; i++)
		n = stream_write(&b->near, piece, sizeof(piece));
	cr_assert_eq(n, STREAM_BROKEN);
	cr_assert_eq(stream_write(&b->near, piece, 1), STREAM_BROKEN, "sticky");
	n = stream_read(&b->near, got, sizeof(got));
	cr_assert_eq(n, (ssize_t)strlen(words), "the answer is lost: %zd", n);
	cr_assert_eq(memcmp(got, words, (size_t)n), 0);
	cr_assert(stream_read(&b->near, got, sizeof(got)) <= 0);
}

Test(stream, a_peer_that_takes_no_more_is_still_heard)
{
	struct bench b;

	set_up(&b);
	cr_assert_eq(send(b.far, "413", 3, 0), 3);
	close(b.far);
	b.far = -1;
	last_words(&b, "413");
	tear_down(&b);
}

Test(stream, the_same_through_tls)
{
	struct bench b;

	set_up_tls(&b);
	cr_assert_eq(SSL_write(b.peer, "413", 3), 3);
	close(b.far);
	b.far = -1;
	last_words(&b, "413");
	tear_down(&b);
}

Test(stream, tls_passes_bulk_both_ways_with_partial_writes)
{
	static uint8_t bulk[BULK], got[BULK];
	size_t out = 0, in = 0;
	struct buf b_out;
	struct bench b;
	int n, flushed = 0;

	set_up_tls(&b);
	for (size_t i = 0; i < BULK; i++)
		bulk[i] = (uint8_t)(i * 31 >> 3);
	buf_init(&b_out, BULK);
	cr_assert_eq(buf_append(&b_out, bulk, BULK), 0);
	cr_assert_eq(stream_flush(&b.near, &b_out), STREAM_AGAIN, "a socket has an end");
	while (flushed != 1 || in < BULK) {
		n = SSL_read(b.peer, got + in, (int)(BULK - in));
		in += n > 0 ? (size_t)n : 0;
		flushed = stream_flush(&b.near, &b_out);
		cr_assert(flushed == 1 || flushed == STREAM_AGAIN);
	}
	cr_assert_eq(memcmp(got, bulk, BULK), 0);
	for (in = 0; in < BULK;) {
		n = SSL_write(b.peer, bulk + out, (int)(BULK - out));
		out += n > 0 ? (size_t)n : 0;
		ssize_t r = read_near(&b, got + in, BULK - in);
		cr_assert(r > 0 || r == STREAM_AGAIN);
		in += r > 0 ? (size_t)r : 0;
	}
	cr_assert_eq(memcmp(got, bulk, BULK), 0);
	buf_free(&b_out);
	tear_down(&b);
}

/* How much of bulk the peer reads, until there is no more or that much has come; *end: why. */
static size_t peer_reads(struct bench *b, const uint8_t *bulk, size_t most, int *end)
{
	static uint8_t got[BULK];
	size_t in = 0;
	int r = 1;

	while (r > 0 && in < most) {
		r = SSL_read(b->peer, got + in, (int)(most - in));
		in += r > 0 ? (size_t)r : 0;
	}
	*end = SSL_get_error(b->peer, r);
	cr_assert_eq(memcmp(got, bulk, in), 0);
	return in;
}

/* What was made and found no room goes first, whatever TLS itself has to say then. */
Test(stream, nothing_overtakes_records_that_found_no_room)
{
	static uint8_t bulk[BULK];
	size_t in, went;
	struct buf b_out;
	struct bench b;
	int end;

	set_up_tls(&b);
	for (size_t i = 0; i < BULK; i++)
		bulk[i] = (uint8_t)(i * 37 >> 4);
	buf_init(&b_out, BULK);
	cr_assert_eq(buf_append(&b_out, bulk, BULK), 0);
	do {
		went = BULK - buf_len(&b_out);
		cr_assert_eq(stream_flush(&b.near, &b_out), STREAM_AGAIN);
	} while (went < BULK - buf_len(&b_out));
	cr_assert(b.near.unsent_plain > 0);
	in = peer_reads(&b, bulk, 65536, &end);
	cr_assert_eq(in, 65536u);
	stream_close(&b.near, false, on_closed, &b); /* it says goodbye */
	in += peer_reads(&b, bulk + in, BULK - in, &end);
	cr_assert_eq(end, SSL_ERROR_ZERO_RETURN, "%d", end);
	cr_assert(in > went, "%zu of %zu", in, went);
	buf_free(&b_out);
	tear_down(&b);
}

Test(stream, much_is_read_at_once_and_no_record_is_torn)
{
	static uint8_t bulk[100000], got[100000];
	struct bench b;
	size_t sent = 0, in = 0;

	set_up_tls(&b);
	for (size_t i = 0; i < sizeof(bulk); i++)
		bulk[i] = (uint8_t)(i * 41 >> 3);
	while (sent < sizeof(bulk)) {
		size_t some = sizeof(bulk) - sent < 9000 ? sizeof(bulk) - sent : 9000;

		cr_assert_eq(SSL_write(b.peer, bulk + sent, (int)some), (int)some);
		sent += some;
	}
	SSL_shutdown(b.peer);
	stream_doubt(&b.near);
	while (in < sizeof(got)) {
		ssize_t n = stream_read_much(&b.near, got + in, 40000);

		cr_assert(n > 16384 || in + (size_t)n == sizeof(got), "%zd", n);
		in += (size_t)n;
	}
	cr_assert_eq(memcmp(got, bulk, sizeof(bulk)), 0);
	cr_assert_eq(stream_read_much(&b.near, got, sizeof(got)), STREAM_END);
	tear_down(&b);
}

Test(stream, a_hello_that_was_read_before_is_seen_by_tls_at_every_split)
{
	uint8_t hello[4096];
	struct bench b;

	for (size_t cut = 1; cut < 300; cut += 23) {
		set_up(&b);
		b.leaf = rig_init(&b.tls, RIG_HOST);
		strcpy(b.session.host, RIG_HOST);
		b.peer = tls_client(&b.tls, RIG_HOST, &b.session);
		SSL_set_fd(b.peer, b.far);
		SSL_connect(b.peer);
		ssize_t n = stream_read(&b.near, hello, cut);
		cr_assert_eq(n, (ssize_t)cut);
		cr_assert_eq(stream_unread(&b.near, hello, cut), 0);
		cr_assert_eq(stream_tls(&b.near, tls_server(&b.tls, b.leaf, NULL), true), 0);
		int near = STREAM_AGAIN, far = -1;
		for (int i = 0; i < 20 && (near != 1 || far != 1); i++) {
			near = shake_near(&b);
			far = SSL_connect(b.peer);
		}
		cr_assert_eq(near, 1);
		cr_assert_eq(far, 1);
		tear_down(&b);
	}
}

Test(stream, the_end_in_order_is_told_from_a_cut)
{
	uint8_t got[8];
	struct bench b;

	set_up_tls(&b);
	SSL_shutdown(b.peer);
	cr_assert_eq(read_near(&b, got, sizeof(got)), STREAM_END);
	tear_down(&b);
	set_up_tls(&b);
	shutdown(b.far, SHUT_WR); /* as who cuts an answer would */
	cr_assert_eq(read_near(&b, got, sizeof(got)), STREAM_BROKEN);
	cr_assert_eq(read_near(&b, got, sizeof(got)), STREAM_BROKEN, "sticky");
	tear_down(&b);
}

Test(stream, part_of_a_record_is_no_silence)
{
	static const uint8_t record[5 + 32] = {0x17, 3, 3, 0, 32};
	uint8_t got[8];

	for (size_t n = 1; n < sizeof(record); n++) {
		struct bench b;

		set_up_tls(&b);
		cr_assert_eq(SSL_write(b.peer, "413", 3), 3);
		cr_assert_eq(read_near(&b, got, sizeof(got)), 3);
		cr_assert_eq(read_near(&b, got, sizeof(got)), STREAM_AGAIN);
		cr_assert_not(stream_has_part(&b.near));
		cr_assert_eq(send(b.far, record, n, 0), (ssize_t)n);
		cr_assert_eq(read_near(&b, got, sizeof(got)), STREAM_AGAIN);
		cr_assert(stream_has_part(&b.near), "its first %zu bytes", n);
		tear_down(&b);
	}
}

Test(stream, records_that_came_with_others_are_no_silence)
{
	uint8_t got[8];
	struct bench b;

	set_up_tls(&b);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(SSL_write(b.peer, "413" + i, 1), 1);
	cr_assert_eq(read_near(&b, got, sizeof(got)), 1);
	/* Nobody would tell of them: the socket is empty. */
	cr_assert_eq(recv(b.near.fd, got + 1, 1, MSG_PEEK), -1);
	for (int i = 1; i < 3; i++) {
		cr_assert(stream_has_part(&b.near));
		cr_assert_not(stream_is_dry(&b.near));
		cr_assert_eq(stream_read(&b.near, got + i, 1), 1);
	}
	cr_assert_eq(memcmp(got, "413", 3), 0);
	cr_assert_not(stream_has_part(&b.near));
	cr_assert(stream_is_dry(&b.near));
	cr_assert_null(b.near.ahead, "room is kept for nothing");
	tear_down(&b);
}

Test(stream, garbage_in_a_handshake_breaks_it)
{
	struct bench b;

	set_up(&b);
	b.leaf = rig_init(&b.tls, RIG_HOST);
	cr_assert_eq(stream_tls(&b.near, tls_server(&b.tls, b.leaf, NULL), true), 0);
	cr_assert_eq(stream_handshake(&b.near), STREAM_AGAIN);
	cr_assert_eq(send(b.far, "\x16\x03\x01\x00\x05helloGET / HTTP/1.1\r\n\r\n", 28, 0), 28);
	cr_assert_eq(shake_near(&b), STREAM_BROKEN);
	cr_assert_eq(stream_handshake(&b.near), STREAM_BROKEN);
	stream_want(&b.near, false, false);
	tear_down(&b);
}

Test(stream, a_client_of_http2_alone_is_told_so)
{
	uint8_t alert[64];
	struct bench b;
	ssize_t n;

	set_up(&b);
	b.leaf = rig_init(&b.tls, RIG_HOST);
	cr_assert_eq(stream_tls(&b.near, tls_server(&b.tls, b.leaf, NULL), true), 0);
	b.peer = tls_client(&b.tls, RIG_HOST, &b.session);
	cr_assert_eq(SSL_set_alpn_protos(b.peer, (const unsigned char *)"\x02h2", 3), 0);
	SSL_set_fd(b.peer, b.far);
	SSL_connect(b.peer);
	cr_assert_eq(stream_handshake(&b.near), STREAM_BROKEN);
	stream_close(&b.near, false, on_closed, &b);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	n = recv(b.far, alert, sizeof(alert), 0);
	cr_assert(n >= 7 && alert[0] == 21 && alert[6] == 120, "%zd bytes", n);
	tear_down(&b);
}

Test(stream, nobody_is_woken_for_what_was_not_wanted)
{
	struct bench b;

	set_up(&b);
	cr_assert_eq(send(b.far, "x", 1, 0), 1);
	cr_assert_eq(woken(&b), 0);
	stream_want(&b.near, true, false);
	cr_assert(woken(&b) > 0);
	stream_want(&b.near, false, false);
	cr_assert_eq(woken(&b), 0);
	close(b.far); /* a hang-up is no event either */
	b.far = -1;
	cr_assert_eq(woken(&b), 0);
	stream_want(&b.near, true, false);
	cr_assert(woken(&b) > 0);
	tear_down(&b);
}

Test(stream, tls_that_was_read_to_its_end_is_not_asked_before_an_event)
{
	uint8_t got[64];
	struct bench b;

	set_up_tls(&b);
	cr_assert_eq(SSL_write(b.peer, "one", 3), 3);
	cr_assert_eq(read_near(&b, got, sizeof(got)), 3);
	cr_assert_eq(SSL_write(b.peer, "two", 3), 3);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), STREAM_AGAIN);
	stream_want(&b.near, false, true); /* an event of the other kind will do */
	cr_assert(woken(&b) > 0);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), 3);
	cr_assert_eq(SSL_write(b.peer, "end", 3), 3);
	stream_want(&b.near, false, false);
	cr_assert_eq(woken(&b), 0);
	stream_want(&b.near, true, false);
	cr_assert(woken(&b) > 0);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), 3);
	tear_down(&b);
}

/* Records that came at once were read at once: the socket tells of them no more. */
Test(stream, all_records_that_came_together_are_read)
{
	uint8_t got[64];
	struct bench b;

	set_up_tls(&b);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(SSL_write(b.peer, "word", 4), 4);
	SSL_shutdown(b.peer);
	stream_want(&b.near, true, false);
	cr_assert(woken(&b) > 0);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(stream_read(&b.near, got, sizeof(got)), 4);
	cr_assert_eq(stream_read(&b.near, got, sizeof(got)), STREAM_END);
	tear_down(&b);
}

static void connect_once(struct bench *b, bool in_order)
{
	uint8_t got[64];
	ssize_t n;

	set_up_tls(b);
	cr_assert_eq(stream_write(&b->near, (const uint8_t *)"hi", 2), 2);
	n = SSL_read(b->peer, got, sizeof(got)); /* takes the tickets in */
	cr_assert_eq(n, 2);
	if (in_order)
		SSL_shutdown(b->peer);
}

/* Also after an end without a word: the other way is all that is ever seen of many origins. */
static void resume_after(bool in_order)
{
	struct bench b;
	int pair[2];
	SSL *server, *client;

	connect_once(&b, in_order);
	cr_assert(b.session.session, "no ticket came");
	cr_assert_not(SSL_session_reused(b.peer));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	server = tls_server(&b.tls, b.leaf, NULL);
	client = tls_client(&b.tls, RIG_HOST, &b.session);
	SSL_set_fd(server, pair[0]);
	SSL_set_fd(client, pair[1]);
	for (int i = 0; i < 10; i++)
		SSL_connect(client), SSL_accept(server);
	cr_assert(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	cr_assert(SSL_session_reused(server));
	cr_assert(SSL_session_reused(client));
	SSL_shutdown(client);
	SSL_free(server);
	SSL_free(client);
	close(pair[0]);
	close(pair[1]);
	tear_down(&b);
}

Test(stream, sessions_are_resumed)
{
	resume_after(true);
	resume_after(false);
}

Test(stream, a_slot_that_was_given_to_another_host_takes_no_session)
{
	struct bench b;
	uint8_t got[8];

	set_up_tls(&b);
	SSL_SESSION_free(b.session.session);
	b.session = (struct tls_session){.host = "other.example"};
	cr_assert_eq(stream_write(&b.near, (const uint8_t *)"hi", 2), 2);
	cr_assert_eq(SSL_read(b.peer, got, sizeof(got)), 2);
	cr_assert_null(b.session.session);
	tear_down(&b);
}
