/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The origin that the benchmark talks to: origin ADDRESS PORT CERT KEY VALUES READY
 *
 * One thread, epoll, TLS. Answers each request with the last string of its body, as a message or, if
 * it asks for that, as an event stream. Counts what it sees of the values in the file (one a line)
 * and says so in the answer's header x-bench-leaks. A header x-bench-gap asks for so many microseconds
 * between the events, with a stamp beside each delta of when it was sent. GET /download/N has N
 * bytes. Creates the file READY once it listens.
 */
#include "gen.h"
#include "leaks.h"
#include "watch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <llhttp.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 65536

struct conn {
	int fd;
	SSL *ssl;
	llhttp_t parser;
	struct buf head, body, plain, out;
	size_t download; /* what is still to be sent of one */
	/* events that wait for their time */
	struct buf events, ends; /* where each of them ends, size_t */
	size_t sent;		 /* of events */
	double due, gap;
	struct conn *next_paced;
};

static struct leaks leaks;
static struct leaks_came came;
static int epoll_fd;
static struct conn *paced; /* connections with events that wait */
static uint8_t pattern[GEN_DOWNLOAD];

static void die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* --- answering --- */

/* By libdeflate, for zlib takes several times as long: what is measured waits for it. */
static void inflate_body(struct conn *c)
{
	static struct libdeflate_decompressor *inflater;
	size_t n = buf_len(&c->body), got = 0;
	uint32_t size;
	uint8_t *to;

	if (!inflater)
		inflater = libdeflate_alloc_decompressor();
	buf_clear(&c->plain);
	memcpy(&size, buf_bytes(&c->body) + n - sizeof(size), sizeof(size)); /* at the end of it */
	to = size < GEN_LARGE ? buf_reserve(&c->plain, size) : NULL;
	if (!inflater || !to ||
	    libdeflate_gzip_decompress(inflater, buf_bytes(&c->body), n, to, size, &got))
		fprintf(stderr, "a gzipped body of %zu bytes does not inflate to %u\n", n, size);
	buf_grew(&c->plain, got);
}

/* The last string of a request: what follows the last `"text":"`. */
static size_t last_string(const struct buf *body, const uint8_t **raw)
{
	static const char key[] = "\"text\":\"";
	const uint8_t *p = buf_bytes(body), *end = p + buf_len(body), *stop;
	size_t at;

	for (at = buf_len(body); at >= sizeof(key); at--) {
		*raw = p + at;
		if (p[at - 1] == '"' && !memcmp(*raw - sizeof(key) + 1, key, sizeof(key) - 1))
			break;
	}
	if (at < sizeof(key))
		return 0;
	for (stop = *raw; stop < end && *stop != '"'; stop++)
		stop += *stop == '\\';
	return (size_t)(stop - *raw);
}

static void put_chunk(void *arg, const char *p, size_t n)
{
	gen_print(arg, "%zx\r\n", n);
	gen_put(arg, p, n);
	gen_puts(arg, "\r\n");
}

static void keep_event(void *arg, const char *p, size_t n)
{
	struct conn *c = arg;
	size_t end;

	put_chunk(&c->events, p, n);
	end = buf_len(&c->events);
	gen_put(&c->ends, &end, sizeof(end));
}

/* The next event, stamped. False: that was the last. */
static bool send_event(struct conn *c)
{
	const size_t *end = (const size_t *)buf_bytes(&c->ends);
	uint8_t *p = c->events.data + c->events.head + c->sent, *stamp;
	size_t n;

	if (!buf_len(&c->ends)) {
		gen_puts(&c->out, "0\r\n\r\n");
		return false;
	}
	n = *end - c->sent;
	stamp = memchr(p, GEN_STAMP, n);
	if (stamp) {
		char digits[GEN_STAMP_SIZE];

		snprintf(digits, sizeof(digits), "%016llx",
			 (unsigned long long)(watch_now() * 1e9));
		memcpy(stamp + 1, digits, GEN_STAMP_SIZE - 2);
	}
	gen_put(&c->out, p, n);
	c->sent = *end;
	buf_drop(&c->ends, sizeof(*end));
	return true;
}

static void answer_stream(struct conn *c, const uint8_t *raw, size_t len, size_t seen)
{
	static const char wants_gap[] = "x-bench-gap";
	const uint8_t *gap =
		memmem(buf_bytes(&c->head), buf_len(&c->head), wants_gap, sizeof(wants_gap) - 1);

	gen_print(&c->out,
		  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		  "Transfer-Encoding: chunked\r\nx-bench-leaks: %zu\r\n\r\n",
		  seen);
	if (!gap) {
		gen_stream(raw, len, false, put_chunk, &c->out);
		gen_puts(&c->out, "0\r\n\r\n");
		return;
	}
	buf_clear(&c->events);
	c->sent = 0;
	gen_stream(raw, len, true, keep_event, c);
	c->gap = atof((const char *)gap + sizeof(wants_gap) - 1) / 1e6;
	c->due = watch_now();
	c->next_paced = paced;
	paced = c;
}

static void answer_message(struct conn *c, const uint8_t *raw, size_t len, size_t seen)
{
	struct buf said = {0};

	gen_answer(&said, raw, len);
	gen_print(&c->out,
		  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		  "x-bench-leaks: %zu\r\n\r\n",
		  buf_len(&said), seen);
	gen_put(&c->out, buf_bytes(&said), buf_len(&said));
	buf_free(&said);
}

static void answer_download(struct conn *c)
{
	static const char path[] = "/download/";
	const uint8_t *p = memmem(buf_bytes(&c->head), buf_len(&c->head), path, sizeof(path) - 1);

	c->download = p ? strtoull((const char *)p + sizeof(path) - 1, NULL, 10) : 0;
	gen_print(&c->out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", c->download);
}

static int answer(llhttp_t *parser)
{
	static const char wants_stream[] = "\"stream\":true";
	struct conn *c = parser->data;
	const struct buf *body = &c->body;
	const uint8_t *raw = NULL;
	size_t len, seen;

	gen_put(&c->head, "", 1);
	if (parser->method == HTTP_GET) {
		answer_download(c);
		return 0;
	}
	if (buf_len(body) > 18 && buf_bytes(body)[0] == 0x1f && buf_bytes(body)[1] == 0x8b) {
		inflate_body(c);
		body = &c->plain;
	}
	len = last_string(body, &raw);
	seen = leaks_look(&leaks, &came, buf_bytes(body), buf_len(body)) +
	       leaks_count(&leaks, buf_bytes(&c->head), buf_len(&c->head));
	if (memmem(buf_bytes(body), buf_len(body) < 256 ? buf_len(body) : 256, wants_stream,
		   sizeof(wants_stream) - 1))
		answer_stream(c, raw, len, seen);
	else
		answer_message(c, raw, len, seen);
	return 0;
}

static int begin(llhttp_t *parser)
{
	struct conn *c = parser->data;

	buf_clear(&c->head);
	buf_clear(&c->body);
	return 0;
}

static int keep_head(llhttp_t *parser, const char *p, size_t n)
{
	gen_put(&((struct conn *)parser->data)->head, p, n);
	return 0;
}

static int keep_body(llhttp_t *parser, const char *p, size_t n)
{
	gen_put(&((struct conn *)parser->data)->body, p, n);
	return 0;
}

/* --- connections --- */

static const llhttp_settings_t settings = {
	.on_message_begin = begin,
	.on_url = keep_head,
	.on_header_field = keep_head,
	.on_header_value = keep_head,
	.on_body = keep_body,
	.on_message_complete = answer,
};

static void conn_close(struct conn *c)
{
	struct buf *const bufs[] = {&c->head, &c->body, &c->plain, &c->out, &c->events, &c->ends};
	struct conn **at = &paced;

	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_free(bufs[i]);
	while (*at && *at != c)
		at = &(*at)->next_paced;
	if (*at)
		*at = c->next_paced;
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

/* 1: there was something to do, 0: it waits (for *interest), -1: it is over. */
static int conn_result(struct conn *c, int rc, uint32_t *interest)
{
	if (rc > 0)
		return 1;
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*interest |= EPOLLOUT;
		return 0;
	default:
		ERR_clear_error();
		return -1;
	}
}

static bool has_more(struct conn *c)
{
	if (!buf_len(&c->out) && c->download) {
		gen_put(&c->out, pattern, c->download < GEN_DOWNLOAD ? c->download : GEN_DOWNLOAD);
		c->download -= buf_len(&c->out);
	}
	return buf_len(&c->out) > 0;
}

static int conn_write(struct conn *c, uint32_t *interest)
{
	int rc = 1;

	while (rc > 0 && has_more(c)) {
		size_t n = buf_len(&c->out) < READ_SIZE ? buf_len(&c->out) : READ_SIZE;
		int wrote = SSL_write(c->ssl, buf_bytes(&c->out), (int)n);

		rc = conn_result(c, wrote, interest);
		if (rc > 0)
			buf_drop(&c->out, (size_t)wrote);
	}
	if (!buf_len(&c->out))
		buf_clear(&c->out);
	return rc;
}

static int conn_read(struct conn *c, uint32_t *interest)
{
	static uint8_t bytes[READ_SIZE];
	int n, rc;

	do {
		n = SSL_read(c->ssl, bytes, sizeof(bytes));
		rc = conn_result(c, n, interest);
		if (rc > 0 &&
		    llhttp_execute(&c->parser, (const char *)bytes, (size_t)n) != HPE_OK) {
			fprintf(stderr, "not HTTP: %s\n", llhttp_get_error_reason(&c->parser));
			return -1;
		}
	} while (rc > 0);
	return rc;
}

static void conn_ready(struct conn *c)
{
	uint32_t interest = EPOLLIN;
	struct epoll_event event = {.data.ptr = c};

	if (conn_read(c, &interest) < 0 || conn_write(c, &interest) < 0) {
		conn_close(c);
		return;
	}
	event.events = interest;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
		die("epoll_ctl");
}

/* Send the events whose time has come. */
static void pace(void)
{
	struct conn *c, *next, *all = paced;
	double now = watch_now();

	paced = NULL;
	for (c = all; c; c = next) {
		bool more = true;

		next = c->next_paced;
		if (c->due <= now) {
			more = send_event(c);
			c->due += c->gap;
		}
		if (more) {
			c->next_paced = paced;
			paced = c;
		}
		if (buf_len(&c->out))
			conn_ready(c);
	}
}

static void conn_new(int listener, SSL_CTX *tls)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	if (fd < 0 || !c) {
		free(c);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->fd = fd;
	c->ssl = SSL_new(tls);
	if (!c->ssl || !SSL_set_fd(c->ssl, fd) ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("a connection");
	SSL_set_accept_state(c->ssl);
	buf_init(&c->plain, GEN_LARGE);
	llhttp_init(&c->parser, HTTP_REQUEST, &settings);
	c->parser.data = c;
}

static SSL_CTX *open_tls(const char *cert, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (!tls || SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		die(cert);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

static int open_listener(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(fd, 512) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die(address);
	return fd;
}

static void read_values(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[128];

	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		leaks_add(&leaks, line);
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	SSL_CTX *tls;
	int listener, ready, n;

	if (argc != 7) {
		fprintf(stderr, "usage: origin ADDRESS PORT CERT KEY VALUES READY\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	gen_download(pattern);
	read_values(argv[5]);
	tls = open_tls(argv[3], argv[4]);
	listener = open_listener(argv[1], argv[2]);
	ready = open(argv[6], O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (ready < 0)
		die(argv[6]);
	close(ready);
	while ((n = epoll_wait(epoll_fd, events, 64, paced ? 1 : -1)) >= 0) {
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				conn_ready(events[i].data.ptr);
			else
				conn_new(listener, tls);
		}
		pace();
	}
	die("epoll_wait");
}
