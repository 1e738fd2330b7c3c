/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of the benchmark:
 *
 *	load values                  the identifiers that may be in a request, one a line
 *	load shapes                  the names of the shapes of traffic
 *	load WAY SHAPE ADDRESS PORT SECONDS CONNECTIONS RUN [NAME=PID]...
 *
 * The last one asks over so many keep-alive connections, one thread each, for so long, and prints one
 * line of JSON: requests, latencies, and the CPU seconds that the named processes took meanwhile. Each
 * answer must say, byte for byte, what the request's last string was. The origin tells how many
 * identifiers it saw: by the way "awsmaskd" there must be none, by any other some (or they were not
 * looked for). RUN makes fresh values differ from those of earlier runs.
 */
#include "gen.h"

#include <arpa/inet.h>
#include <llhttp.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define SEED 20310505
#define HOST "api.anthropic.com"
#define CONNECTIONS_MAX 64
#define WATCHED_MAX 4
#define TIMEOUT_S 20

struct shape {
	const char *name;
	struct gen_spec spec;
	bool gzip;
	bool fresh;	/* each request has a value that nobody has seen */
	bool reconnect; /* each request has a connection of its own */
};

static const struct shape shapes[] = {
	{"16K", {SEED, 16 << 10, 1024, GEN_LINES, false}, .gzip = false},
	{"16K-stream", {SEED, 16 << 10, 1024, GEN_LINES, true}, .gzip = false},
	{"16K-connect", {SEED, 16 << 10, 1024, GEN_LINES, false}, .reconnect = true},
	{"16K-fresh", {SEED, 16 << 10, 1024, GEN_LINES, false}, .fresh = true},
	{"256K-none", {SEED, 256 << 10, 0, GEN_LINES, true}, .gzip = false},
	{"256K", {SEED, 256 << 10, 1024, GEN_LINES, true}, .gzip = false},
	{"256K-gzip", {SEED, 256 << 10, 1024, GEN_LINES, true}, .gzip = true},
	{"256K-hostile", {SEED, 256 << 10, 65536, GEN_DASHES, true}, .gzip = false},
	{"2M", {SEED, 2 << 20, 1024, GEN_LINES, true}, .gzip = false},
};
#define SHAPES (sizeof(shapes) / sizeof(*shapes))

static struct run {
	const struct shape *shape;
	struct sockaddr_in address;
	double seconds;
	unsigned connections, number;
	SSL_CTX *tls;
	struct gen_pool pool;
	pthread_barrier_t start;
} run;

struct client {
	pthread_t thread;
	unsigned index;
	struct gen_request request;
	struct buf packed, head; /* the gzipped body; the request's head */
	int fd;
	SSL *ssl;
	/* the answer */
	llhttp_t parser;
	struct buf body, said, field;
	bool done, reading_leaks;
	size_t leaks;
	/* what came of it all */
	double *latency;
	size_t n, room, bytes, seen;
	uint32_t sent;
	const char *trouble;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- requests --- */

static void pack(struct client *c)
{
	size_t len = buf_len(&c->request.body), most = compressBound(len) + 64;
	z_stream z = {.next_in = c->request.body.data, .avail_in = (uInt)len};

	buf_init(&c->packed, GEN_LARGE);
	z.next_out = buf_reserve(&c->packed, most);
	z.avail_out = (uInt)most;
	if (!z.next_out || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	buf_grew(&c->packed, most - z.avail_out);
	deflateEnd(&z);
}

static const struct buf *wire_body(const struct client *c)
{
	return run.shape->gzip ? &c->packed : &c->request.body;
}

static void prepare(struct client *c)
{
	struct gen_spec spec = run.shape->spec;

	spec.seed += c->index;
	gen_request(&c->request, &spec, &run.pool);
	if (run.shape->gzip)
		pack(c);
	gen_print(&c->head,
		  "POST /v1/messages?beta=true HTTP/1.1\r\nhost: " HOST "\r\n"
		  "content-type: application/json\r\nanthropic-version: 2023-06-01\r\n"
		  "x-api-key: none\r\nuser-agent: bench\r\n%scontent-length: %zu\r\n\r\n",
		  run.shape->gzip ? "content-encoding: gzip\r\n" : "", buf_len(wire_body(c)));
}

/* --- answers --- */

static int on_field(llhttp_t *parser, const char *p, size_t n)
{
	gen_put(&((struct client *)parser->data)->field, p, n);
	return 0;
}

static int on_field_end(llhttp_t *parser)
{
	static const char name[] = "x-bench-leaks";
	struct client *c = parser->data;

	c->reading_leaks = buf_len(&c->field) == sizeof(name) - 1 &&
			   !strncasecmp((const char *)buf_bytes(&c->field), name, sizeof(name) - 1);
	buf_clear(&c->field);
	return 0;
}

static int on_value(llhttp_t *parser, const char *p, size_t n)
{
	struct client *c = parser->data;

	for (size_t i = 0; c->reading_leaks && i < n; i++)
		c->leaks = (c->leaks == SIZE_MAX ? 0 : c->leaks) * 10 + (size_t)(p[i] - '0');
	return 0;
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
	gen_put(&((struct client *)parser->data)->body, p, n);
	return 0;
}

static int on_complete(llhttp_t *parser)
{
	((struct client *)parser->data)->done = true;
	return 0;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_field,
	.on_header_field_complete = on_field_end,
	.on_header_value = on_value,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* What is wrong with the answer; NULL: nothing. */
static const char *check_answer(struct client *c)
{
	const uint8_t *echo = buf_bytes(&c->request.body) + c->request.echo_off;

	if (c->parser.status_code != 200) {
		fprintf(stderr, "answered %u: %.*s\n", c->parser.status_code,
			(int)(buf_len(&c->body) < 400 ? buf_len(&c->body) : 400),
			(const char *)buf_bytes(&c->body));
		return "the answer's status is not 200";
	}
	buf_clear(&c->said);
	gen_said(&c->said, buf_bytes(&c->body), buf_len(&c->body));
	if (buf_len(&c->said) != c->request.echo_len ||
	    memcmp(buf_bytes(&c->said), echo, c->request.echo_len) != 0)
		return "the echo is not what was sent";
	return c->leaks == SIZE_MAX ? "the origin does not say what it saw" : NULL;
}

static const char *read_answer(struct client *c)
{
	char bytes[16384];

	buf_clear(&c->body);
	c->done = false;
	c->leaks = SIZE_MAX;
	llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
	c->parser.data = c;
	while (!c->done) {
		int n = SSL_read(c->ssl, bytes, sizeof(bytes));

		if (n <= 0)
			return "the connection was closed, or silent, within an answer";
		if (llhttp_execute(&c->parser, bytes, (size_t)n) != HPE_OK)
			return "the answer is not HTTP";
	}
	return check_answer(c);
}

/* --- connections --- */

static void hang_up(struct client *c)
{
	if (!c->ssl)
		return;
	SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	close(c->fd);
	c->ssl = NULL;
}

static const char *dial(struct client *c)
{
	struct timeval timeout = {TIMEOUT_S, 0};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->ssl = SSL_new(run.tls);
	if (!c->ssl)
		abort();
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_tlsext_host_name(c->ssl, HOST);
	SSL_set1_host(c->ssl, HOST);
	if (connect(c->fd, (struct sockaddr *)&run.address, sizeof(run.address)) < 0)
		return "the connection was refused";
	return SSL_connect(c->ssl) == 1 ? NULL : "the TLS handshake failed";
}

static const char *send_all(struct client *c, const struct buf *b)
{
	int n = (int)buf_len(b);

	return SSL_write(c->ssl, buf_bytes(b), n) == n ? NULL : "the request could not be sent";
}

static const char *ask(struct client *c)
{
	const char *trouble = c->ssl ? NULL : dial(c);

	if (run.shape->fresh)
		gen_freshen(&c->request, run.number * CONNECTIONS_MAX + c->index, c->sent);
	c->sent++;
	if (!trouble)
		trouble = send_all(c, &c->head);
	if (!trouble)
		trouble = send_all(c, wire_body(c));
	if (!trouble)
		trouble = read_answer(c);
	if (run.shape->reconnect)
		hang_up(c);
	return trouble;
}

static void keep(struct client *c, double latency)
{
	if (c->n == c->room) {
		c->room = c->room ? c->room * 2 : 1024;
		c->latency = realloc(c->latency, c->room * sizeof(*c->latency));
		if (!c->latency)
			abort();
	}
	c->latency[c->n++] = latency;
	c->bytes += buf_len(&c->request.body);
	c->seen += c->leaks;
}

/* Twice for nothing, so that the connection is there and its values are known; then in earnest. */
static void *client_run(void *arg)
{
	struct client *c = arg;
	double begin, end;

	prepare(c);
	for (int i = 0; i < 2 && !c->trouble; i++)
		c->trouble = ask(c);
	pthread_barrier_wait(&run.start);
	end = now() + run.seconds;
	while (!c->trouble && (begin = now()) < end) {
		c->trouble = ask(c);
		if (!c->trouble)
			keep(c, now() - begin);
	}
	hang_up(c);
	return NULL;
}

/* --- the sum --- */

struct watched {
	char name[32];
	int pid;
	double before, after;
};

/* User and system seconds of all threads: proc(5), /proc/pid/stat. */
static double cpu_seconds(int pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], line[1024], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	p = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			 &kernel) != 2) {
		fprintf(stderr, "no CPU time in %s\n", path);
		exit(1);
	}
	fclose(f);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* All clients' latencies in the first one's array, sorted. */
static void gather(struct client *all)
{
	struct client *sum = &all[0];

	for (unsigned i = 1; i < run.connections; i++) {
		struct client *c = &all[i];

		sum->latency = realloc(sum->latency, (sum->n + c->n + 1) * sizeof(*c->latency));
		if (!sum->latency)
			abort();
		if (c->n)
			memcpy(sum->latency + sum->n, c->latency, c->n * sizeof(*c->latency));
		sum->n += c->n;
		sum->bytes += c->bytes;
		sum->seen += c->seen;
		sum->trouble = sum->trouble ? sum->trouble : c->trouble;
	}
	if (sum->n)
		qsort(sum->latency, sum->n, sizeof(*sum->latency), compare);
}

static int tell(const char *way, const struct client *sum, double seconds,
		const struct watched *watched, unsigned n)
{
	bool hidden = !strcmp(way, "awsmaskd");
	const char *trouble = sum->trouble;

	if (!trouble && !sum->n)
		trouble = "not one request was answered";
	if (!trouble && hidden && sum->seen)
		trouble = "identifiers reached the origin";
	if (!trouble && !hidden && !sum->seen && run.shape->spec.every)
		trouble = "the origin did not see identifiers that were sent to it in the clear";
	printf("{\"way\": \"%s\", \"shape\": \"%s\"", way, run.shape->name);
	if (trouble) {
		printf(", \"fail\": \"%s\"}\n", trouble);
		return 1;
	}
	printf(", \"requests\": %zu, \"rps\": %.2f, \"mbps\": %.2f, \"p50\": %.3f, \"p99\": %.3f, "
	       "\"seen\": %zu, \"cpu\": {",
	       sum->n, (double)sum->n / seconds, (double)sum->bytes / seconds / 1e6,
	       sum->latency[sum->n / 2] * 1e3, sum->latency[sum->n * 99 / 100] * 1e3, sum->seen);
	for (unsigned i = 0; i < n; i++)
		printf("%s\"%s\": %.2f", i ? ", " : "", watched[i].name,
		       watched[i].after - watched[i].before);
	printf("}}\n");
	return 0;
}

static int measure(const char *way, struct watched *watched, unsigned n)
{
	struct client *all = calloc(run.connections, sizeof(*all));
	double begin;
	int rc;

	if (!all || pthread_barrier_init(&run.start, NULL, run.connections + 1))
		abort();
	for (unsigned i = 0; i < run.connections; i++) {
		all[i].index = i;
		if (pthread_create(&all[i].thread, NULL, client_run, &all[i]))
			abort();
	}
	pthread_barrier_wait(&run.start);
	begin = now();
	for (unsigned i = 0; i < n; i++)
		watched[i].before = cpu_seconds(watched[i].pid);
	for (unsigned i = 0; i < run.connections; i++)
		pthread_join(all[i].thread, NULL);
	begin = now() - begin;
	for (unsigned i = 0; i < n; i++)
		watched[i].after = cpu_seconds(watched[i].pid);
	gather(all);
	rc = tell(way, all, begin, watched, n);
	free(all);
	return rc;
}

static void open_tls(void)
{
	run.tls = SSL_CTX_new(TLS_client_method());
	if (!run.tls || SSL_CTX_set_default_verify_paths(run.tls) != 1)
		abort();
	SSL_CTX_set_verify(run.tls, SSL_VERIFY_PEER, NULL);
}

static int usage(void)
{
	fprintf(stderr, "usage: load values | shapes | WAY SHAPE ADDRESS PORT SECONDS CONNECTIONS "
			"RUN [NAME=PID]...\n");
	return 2;
}

static int list(const char *what)
{
	if (!strcmp(what, "shapes")) {
		for (size_t i = 0; i < SHAPES; i++)
			puts(shapes[i].name);
		return 0;
	}
	if (strcmp(what, "values") != 0)
		return usage();
	for (unsigned i = 0; i < GEN_POOL; i++)
		puts(run.pool.values[i]);
	puts(GEN_FRESH);
	return 0;
}

static bool read_arguments(int argc, char **argv, struct watched *watched)
{
	for (size_t i = 0; i < SHAPES; i++)
		if (!strcmp(argv[2], shapes[i].name))
			run.shape = &shapes[i];
	run.address.sin_family = AF_INET;
	run.address.sin_port = htons((uint16_t)atoi(argv[4]));
	run.seconds = atof(argv[5]);
	run.connections = (unsigned)atoi(argv[6]);
	run.number = (unsigned)atoi(argv[7]);
	for (int i = 8; i < argc; i++)
		if (sscanf(argv[i], "%31[a-z]=%d", watched[i - 8].name, &watched[i - 8].pid) != 2)
			return false;
	return run.shape && inet_pton(AF_INET, argv[3], &run.address.sin_addr) == 1 &&
	       run.seconds > 0 && run.connections > 0 && run.connections <= CONNECTIONS_MAX;
}

int main(int argc, char **argv)
{
	struct watched watched[WATCHED_MAX];

	signal(SIGPIPE, SIG_IGN);
	gen_pool(&run.pool, SEED);
	if (argc == 2)
		return list(argv[1]);
	if (argc < 8 || argc > 8 + WATCHED_MAX || !read_arguments(argc, argv, watched))
		return usage();
	open_tls();
	return measure(argv[1], watched, (unsigned)argc - 8);
}
