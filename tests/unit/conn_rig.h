/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_CONN_RIG_H
#define AWSMASK_TESTS_CONN_RIG_H
/* Client connections of a worker, whose monitor, clients and origin are the test. */
#include "../../user/daemon/conn_private.h"
#include "tempdir.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#define TARGET "api.anthropic.com"
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* A thread of a worker on the test's own loop; its monitor, clients and origin are the test. */
struct bench {
	struct worker worker;
	struct worker_thread thread;
	struct config *config;
	struct stats stats;
	int monitor, listener, client;
	bool monitor_dies;
	struct flow_record flow; /* where clients were going: the listener */
	char heard[4096];
	size_t heard_len;
};

static inline void on_lost(void *arg)
{
	const struct bench *b = arg;

	cr_assert(b->monitor_dies, "the monitor is there");
}

static inline int listen_on_loopback(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, size), 0);
	cr_assert_eq(listen(fd, 16), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static inline void set_up(struct bench *b)
{
	static const uint8_t here[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	const uint8_t key[VAULT_KEY_SIZE] = {3};
	struct worker *w = &b->worker;
	int pair[2];
	struct err e;

	*b = (struct bench){.client = -1};
	signal(SIGPIPE, SIG_IGN);
	tempdir_make();
	b->config = config_default();
	cr_assert_eq(uv_loop_init(&b->thread.loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b->monitor = pair[1];
	w->config = b->config;
	w->stats = &b->stats;
	w->uses = scope_uses_new(&b->config->limits);
	w->hellos = own_hellos_new();
	w->target_addrs = target_addrs_new();
	w->report = report_new("", 1, &types_builtin);
	w->vault = vault_open(in_tempdir("vault.db"), key, &e);
	cr_assert(w->report && w->uses && w->target_addrs && w->vault, "%s", e.text);
	w->enforce = (struct exchange_config){
		.body_max = 1 << 20, .head_max = HTTP_HEAD_MAX, .out_max = 1 << 20};
	b->thread.worker = w;
	conn_loop_open(&b->thread);
	b->thread.privsep = privsep_new(&b->thread.loop, pair[0], on_lost, b);
	b->thread.origins =
		origin_pool_new(&b->thread.loop, &w->tls, b->thread.privsep, w->hellos, &w->gauges);
	cr_assert(b->thread.privsep && b->thread.origins);
	b->listener = listen_on_loopback(&b->flow.port);
	memcpy(b->flow.addr, here, sizeof(here));
}

/* What comes to a target is looked through as well; that takes its time to prepare. */
static inline void set_up_masking(struct bench *b)
{
	char why[256];

	set_up(b);
	b->worker.catalogue = catalogue_new(why, sizeof(why));
	cr_assert(b->worker.catalogue, "%s", why);
	b->worker.enforce.catalogue = b->worker.catalogue;
}

static inline void tear_down(struct bench *b)
{
	conn_close_all(&b->thread);
	conn_loop_close(&b->thread);
	origin_pool_close(b->thread.origins);
	privsep_close(b->thread.privsep);
	uv_run(&b->thread.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&b->thread.loop), 0, "a handle was left open");
	cr_assert_eq(b->worker.open_conns, 0u);
	close(b->monitor);
	close(b->listener);
	close(b->client);
	scope_uses_free(b->worker.uses);
	own_hellos_free(b->worker.hellos);
	target_addrs_free(b->worker.target_addrs);
	report_free(b->worker.report);
	vault_close(b->worker.vault);
	catalogue_free(b->worker.catalogue);
	config_free(b->config);
	tempdir_remove();
}

/* The loop goes round until the descriptor can be read. */
static inline bool becomes_readable(struct bench *b, int fd)
{
	for (int i = 0; i < 10000; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
		if (poll(&p, 1, 1) == 1)
			return true;
	}
	return false;
}

static inline void dial(struct bench *b, enum conn_door door)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	b->client = pair[1];
	uv_update_time(
		&b->thread.loop); /* what came before took its time, which is not this one's */
	conn_accept(&b->thread, pair[0], door, 0);
}

/* What the monitor says of the newest connection. */
static inline void tell_flow(struct bench *b, int status)
{
	struct priv_request r;
	struct priv_reply reply = {.status = status};

	cr_assert(becomes_readable(b, b->monitor));
	cr_assert_eq(recv(b->monitor, &r, sizeof(r), 0), (ssize_t)sizeof(r));
	reply.kind = r.kind;
	reply.id = r.id;
	if (r.kind == PRIV_FLOW_TAKE)
		reply.u.flow = b->flow;
	cr_assert_eq(send(b->monitor, &reply, sizeof(reply), 0), (ssize_t)sizeof(reply));
	for (int i = 0; i < 10000 && b->thread.conns && b->thread.conns->state == CONN_FLOW; i++)
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
}

static inline void say(struct bench *b, const void *p, size_t n)
{
	cr_assert_eq(send(b->client, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* All that the client hears until its connection ends. */
static inline void hear_out(struct bench *b)
{
	ssize_t n;

	do {
		cr_assert(becomes_readable(b, b->client), "it was neither answered nor closed");
		n = recv(b->client, b->heard + b->heard_len, sizeof(b->heard) - 1 - b->heard_len,
			 0);
		b->heard_len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
}

/* One connection, transparent and known, whose client says this. */
static inline void begin(struct bench *b, const char *said)
{
	dial(b, DOOR_TRANSPARENT);
	tell_flow(b, 1);
	say(b, said, strlen(said));
}

static inline bool nobody_dialled(struct bench *b)
{
	return accept(b->listener, NULL, NULL) < 0;
}

static inline void expect_403(struct bench *b)
{
	hear_out(b);
	cr_expect(strstr(b->heard, "HTTP/1.1 403 "), "%s", b->heard);
	cr_expect(strstr(b->heard, "\"type\":\"permission_error\""), "%s", b->heard);
	cr_expect(nobody_dialled(b));
	cr_expect_eq(b->worker.stats->flows_refused, 1u);
	cr_expect_eq(b->worker.stats->flows_spliced, 0u);
}

/* What arrives first where the client was going. */
static inline void expect_arrival(struct bench *b, const char *begins)
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

/* A ClientHello for the target, in its record; returns its size. */
static inline size_t make_hello(uint8_t record[static 4096])
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

static inline uint64_t patience(const struct bench *b)
{
	const struct conn *c = b->thread.conns;
	uint64_t now = uv_now(&b->thread.loop);

	return uv_is_active((const uv_handle_t *)&c->deadline) && c->due_ms > now ? c->due_ms - now
										  : 0;
}

/* Go on until this is so of the one connection that there is. */
static inline void until(struct bench *b, bool (*is_so)(const struct conn *c))
{
	for (int i = 0; i < 10000 && !is_so(b->thread.conns); i++) {
		uv_run(&b->thread.loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	cr_assert(is_so(b->thread.conns));
}

#endif
