/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/origin_private.h"
#include "tls_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

/* An origin in a thread: each accepted connection is one call of `serve`. */
struct bench {
	uv_loop_t loop;
	struct tls tls;
	X509 *leaf;
	struct origin_pool *pool;
	struct own_hellos *hellos;
	struct stats_gauges gauges;
	struct origin_place place;
	int listener;
	pthread_t thread;
	void (*serve)(struct bench *b, int fd);
	_Atomic unsigned accepted;
	uint8_t hello[8192]; /* as it came */
	size_t hello_len;
	bool known, known_torn; /* as ours, then */
	_Atomic bool silent;
	unsigned events;
	struct buf head;
};

static void *serve_all(void *arg)
{
	struct bench *b = arg;
	int fd;

	while ((fd = accept(b->listener, NULL, NULL)) >= 0) {
		b->accepted++;
		b->serve(b, fd);
		close(fd);
	}
	return NULL;
}

static void set_up(struct bench *b, const char *host, void (*serve)(struct bench *b, int fd))
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);

	*b = (struct bench){.serve = serve};
	tempdir_make();
	signal(SIGPIPE, SIG_IGN);
	b->leaf = rig_init(&b->tls, host);
	cr_assert_eq(uv_loop_init(&b->loop), 0);
	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(b->listener, (struct sockaddr *)&at, size), 0);
	cr_assert_eq(listen(b->listener, 16), 0);
	cr_assert_eq(getsockname(b->listener, (struct sockaddr *)&at, &size), 0);
	b->place = (struct origin_place){.host = RIG_HOST,
					 .addr = {[10] = 0xff, 0xff, 127, 0, 0, 1},
					 .port = ntohs(at.sin_port),
					 .tls = true};
	cr_assert_eq(pthread_create(&b->thread, NULL, serve_all, b), 0);
	b->hellos = own_hellos_new();
	cr_assert(b->hellos);
	b->pool = origin_pool_new(&b->loop, &b->tls, NULL, b->hellos, &b->gauges);
	cr_assert(b->pool);
}

static void tear_down(struct bench *b)
{
	origin_pool_close(b->pool);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&b->loop), 0, "a handle was left open");
	shutdown(b->listener, SHUT_RDWR);
	pthread_join(b->thread, NULL);
	close(b->listener);
	own_hellos_free(b->hellos);
	X509_free(b->leaf);
	tls_free(&b->tls);
	tempdir_remove();
}

static void on_event(void *arg)
{
	((struct bench *)arg)->events++;
}

static struct origin *get(struct bench *b, bool fresh)
{
	struct origin *o = origin_get(b->pool, &b->place, fresh, on_event, b);

	cr_assert(o);
	return o;
}

static enum origin_state settle(struct bench *b, struct origin *o)
{
	enum origin_state state;

	while ((state = origin_advance(o)) != ORIGIN_READY && state != ORIGIN_FAILED)
		uv_run(&b->loop, UV_RUN_ONCE);
	return state;
}

/* Until what the origin did has reached our socket; the loop has not seen it yet. Bytes may have been read
 * together with those before them. */
static void wait_for(struct origin *o, short what)
{
	struct pollfd p = {.fd = origin_stream(o)->fd, .events = what};

	if (what == POLLIN && stream_has_part(origin_stream(o)))
		return;
	cr_assert_eq(poll(&p, 1, 10000), 1);
	cr_assert(p.revents & what);
}

static SSL *accept_tls(struct bench *b, int fd)
{
	SSL *ssl = tls_server(&b->tls, b->leaf, NULL);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* One byte is echoed, then the connection waits for its end. */
static void serve_echo(struct bench *b, int fd)
{
	SSL *ssl = accept_tls(b, fd);
	uint8_t byte;

	while (ssl && SSL_read(ssl, &byte, 1) == 1)
		SSL_write(ssl, &byte, 1);
	SSL_free(ssl);
}

/* One round, which is an answer; takes the session tickets in. */
static void echo(struct bench *b, struct origin *o)
{
	struct stream *s = origin_stream(o);
	uint8_t byte = 'x';
	ssize_t n;

	cr_assert_eq(stream_write(s, &byte, 1), 1);
	while ((n = stream_read(s, &byte, 1)) == STREAM_AGAIN) {
		stream_want(s, true, false);
		uv_run(&b->loop, UV_RUN_ONCE);
	}
	cr_assert_eq(n, 1);
}

Test(origin, an_idle_connection_serves_the_next_request)
{
	struct bench b;
	struct origin *o, *again;

	set_up(&b, RIG_HOST, serve_echo);
	o = get(&b, false);
	cr_assert_eq(settle(&b, o), ORIGIN_READY);
	cr_assert_not(origin_was_pooled(o));
	echo(&b, o);
	origin_put(o, true);
	again = get(&b, false);
	cr_assert_eq(again, o);
	cr_assert(origin_was_pooled(again));
	cr_assert_eq(settle(&b, again), ORIGIN_READY);
	echo(&b, again);
	origin_put(again, true);
	cr_assert_eq(b.accepted, 1);
	/* Another port, name or protocol is another place. */
	b.place.tls = false;
	o = get(&b, false);
	cr_assert_not(origin_was_pooled(o));
	origin_put(o, false);
	tear_down(&b);
}

/* Looks at its hello, and answers it then. */
static void serve_known(struct bench *b, int fd)
{
	size_t want = 5;

	while (b->hello_len < want) {
		ssize_t got = recv(fd, b->hello, sizeof(b->hello), MSG_PEEK);

		cr_assert_gt(got, 0);
		b->hello_len = (size_t)got;
		if (got >= 5)
			want = 5u + (size_t)(b->hello[3] << 8 | b->hello[4]);
	}
	b->known = own_hellos_has(b->hellos, b->hello, b->hello_len);
	b->known_torn = own_hellos_has(b->hellos, b->hello, b->hello_len - 1);
	serve_echo(b, fd);
}

Test(origin, our_hello_is_known_until_it_is_answered)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_known);
	o = get(&b, false);
	cr_assert_eq(settle(&b, o), ORIGIN_READY);
	cr_expect(b.known && !b.known_torn);
	cr_expect_not(own_hellos_has(b.hellos, b.hello, b.hello_len));
	origin_put(o, false);
	tear_down(&b);
}

/* Nor is it when nobody answers. */
static void serve_silence(struct bench *b, int fd)
{
	size_t got = 0;

	while (got < 64)
		got += (size_t)recv(fd, b->hello + got, sizeof(b->hello) - got, 0);
	b->hello_len = got;
	b->known = own_hellos_has(b->hellos, b->hello, got);
	b->silent = true;
	while (recv(fd, b->hello + got, 1, 0) == 1)
		;
}

/* Of one that has been greeted and says nothing. */
static struct origin *get_silence(struct bench *b)
{
	struct origin *o;

	set_up(b, RIG_HOST, serve_silence);
	o = get(b, false);
	while (!b->silent) {
		origin_advance(o);
		uv_run(&b->loop, UV_RUN_NOWAIT);
	}
	return o;
}

Test(origin, the_hello_of_one_that_is_given_up_is_forgotten)
{
	struct bench b;
	struct origin *o;

	o = get_silence(&b);
	cr_expect(b.known);
	origin_put(o, false);
	cr_expect_not(own_hellos_has(b.hellos, b.hello, b.hello_len));
	tear_down(&b);
}

/* As a loop finds its timers that has not run for a while. */
static void let_pass(struct bench *b, struct origin *o, uint64_t late_ms)
{
	uv_update_time(&b->loop);
	o->due_ms = uv_now(&b->loop) - late_ms;
	uv_timer_start(&o->timer, o->timer.timer_cb, 0, 0);
}

Test(origin, who_stood_still_does_not_blame_the_origin)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_echo);
	o = get(&b, false);
	let_pass(&b, o, STOOD_STILL_MS + 20000);
	cr_assert_eq(settle(&b, o), ORIGIN_READY);
	echo(&b, o);
	origin_put(o, false);
	tear_down(&b);
}

Test(origin, one_that_says_nothing_is_unreachable_after_a_while)
{
	struct bench b;
	struct origin *o;

	o = get_silence(&b);
	let_pass(&b, o, STOOD_STILL_MS / 10);
	uv_run(&b.loop, UV_RUN_NOWAIT);
	cr_assert_eq(origin_advance(o), ORIGIN_FAILED);
	cr_expect_eq(origin_failure(o), REFUSAL_ORIGIN_UNREACHABLE);
	origin_put(o, false);
	tear_down(&b);
}

static void serve_and_close(struct bench *b, int fd)
{
	SSL *ssl = accept_tls(b, fd);
	uint8_t byte;

	if (ssl && SSL_read(ssl, &byte, 1) == 1)
		SSL_write(ssl, &byte, 1);
	SSL_free(ssl);
	shutdown(fd, SHUT_RDWR);
}

Test(origin, one_that_the_origin_has_closed_meanwhile_is_not_given_out)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_and_close);
	for (unsigned i = 1; i <= 3; i++) {
		o = get(&b, false);
		cr_assert_not(origin_was_pooled(o));
		cr_assert_eq(settle(&b, o), ORIGIN_READY);
		/* Sessions outlive connections that end without a word. */
		cr_assert_eq(SSL_session_reused(origin_stream(o)->ssl), i > 1);
		echo(&b, o);
		origin_put(o, true);
		wait_for(o, POLLRDHUP);
	}
	tear_down(&b);
}

static void serve_too_much(struct bench *b, int fd)
{
	SSL *ssl = accept_tls(b, fd);
	uint8_t byte;

	if (ssl && SSL_read(ssl, &byte, 1) == 1) {
		SSL_write(ssl, &byte, 1);
		SSL_write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 42);
	}
	while (ssl && SSL_read(ssl, &byte, 1) == 1)
		;
	SSL_free(ssl);
}

Test(origin, bytes_that_nobody_asked_for_answer_no_later_request)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_too_much);
	o = get(&b, false);
	cr_assert_eq(settle(&b, o), ORIGIN_READY);
	echo(&b, o);
	wait_for(o, POLLIN);
	origin_put(o, true);
	o = get(&b, false);
	cr_assert_not(origin_was_pooled(o));
	origin_put(o, false);
	tear_down(&b);
}

Test(origin, a_certificate_of_another_name_is_not_trusted)
{
	struct bench b;
	struct origin *o;

	set_up(&b, "elsewhere.example", serve_echo);
	o = get(&b, false);
	cr_assert_eq(settle(&b, o), ORIGIN_FAILED);
	cr_assert_eq(origin_failure(o), REFUSAL_ORIGIN_UNTRUSTED);
	origin_put(o, true); /* whatever its owner believes */
	o = get(&b, false);
	cr_assert_not(origin_was_pooled(o));
	origin_put(o, false);
	tear_down(&b);
}

Test(origin, a_closed_port_and_an_unknown_name_are_unreachable)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_echo);
	b.place.port = 1;
	o = get(&b, false);
	cr_assert_eq(settle(&b, o), ORIGIN_FAILED);
	cr_assert_eq(origin_failure(o), REFUSAL_ORIGIN_UNREACHABLE);
	origin_put(o, false);
	memset(b.place.addr, 0, 16);
	strcpy(b.place.dial, "256.256.256.256");
	o = get(&b, false);
	cr_assert_eq(settle(&b, o), ORIGIN_FAILED);
	origin_put(o, false);
	/* Given up while it is being looked up, and while it is being connected. */
	strcpy(b.place.dial, "localhost");
	origin_put(get(&b, false), false);
	b.place.addr[10] = b.place.addr[11] = 0xff;
	b.place.addr[12] = 127;
	b.place.addr[15] = 1;
	origin_put(get(&b, false), false);
	tear_down(&b);
}

/* ---- tunnels */

static void read_head(int fd)
{
	char head[4096];
	size_t n = 0;

	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)
		if (recv(fd, head + n++, 1, 0) != 1)
			return;
}

#define REFUSAL407                                                                                 \
	"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 13\r\n\r\nwho are you?\n"

static void serve_407(struct bench *b, int fd)
{
	(void)b;
	read_head(fd);
	for (const char *p = REFUSAL407; *p; p++)
		send(fd, p, 1, 0);
	read_head(fd);
}

static void serve_chat(struct bench *b, int fd)
{
	(void)b;
	read_head(fd);
	send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 43, 0);
	read_head(fd);
}

static struct origin *dig(struct bench *b)
{
	buf_init(&b->head, 1000);
	cr_assert_eq(buf_puts(&b->head, "CONNECT model.example:443 HTTP/1.1\r\n\r\n"), 0);
	b->place.connect_head = &b->head;
	b->place.tls = false;
	return get(b, true);
}

Test(origin, a_proxy_that_refuses_is_quoted_with_its_body)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_407);
	o = dig(&b);
	cr_assert_eq(settle(&b, o), ORIGIN_FAILED);
	cr_assert_eq(buf_len(origin_tunnel_answer(o)), strlen(REFUSAL407));
	cr_assert_eq(memcmp(buf_bytes(origin_tunnel_answer(o)), REFUSAL407, strlen(REFUSAL407)), 0);
	origin_put(o, false);
	buf_free(&b.head);
	tear_down(&b);
}

/* RFC 9110 section 9.3.6: what follows the head of a 2xx is the tunnel's, whatever its length says. */
Test(origin, a_tunnel_is_silent_until_somebody_reads_it)
{
	struct bench b;
	struct origin *o;
	uint8_t got[8];

	set_up(&b, RIG_HOST, serve_chat);
	o = dig(&b);
	cr_assert_eq(settle(&b, o), ORIGIN_READY);
	b.events = 0;
	for (int i = 0; i < 20; i++)
		uv_run(&b.loop, UV_RUN_NOWAIT);
	cr_assert_eq(b.events, 0);
	cr_assert_eq(stream_read(origin_stream(o), got, sizeof(got)), 5);
	cr_assert_eq(memcmp(got, "hello", 5), 0);
	origin_put(o, true); /* never pooled */
	buf_free(&b.head);
	b.place.connect_head = NULL;
	o = get(&b, false);
	cr_assert_not(origin_was_pooled(o));
	origin_put(o, false);
	tear_down(&b);
}

Test(origin, tls_in_a_tunnel_that_has_ended_fails)
{
	struct bench b;
	struct origin *o;

	set_up(&b, RIG_HOST, serve_chat);
	o = dig(&b);
	cr_assert_eq(settle(&b, o), ORIGIN_READY);
	cr_assert_eq(origin_start_tls(o, RIG_HOST), 0);
	cr_assert_eq(settle(&b, o), ORIGIN_FAILED);
	cr_assert_eq(origin_failure(o), REFUSAL_ORIGIN_UNREACHABLE);
	origin_put(o, false);
	buf_free(&b.head);
	tear_down(&b);
}
