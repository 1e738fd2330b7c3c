/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of the benchmark:
 *
 *	load values                  the identifiers that may be in a request, one a line
 *	load WAY SHAPE ADDRESS PORT CONNECTIONS REQUESTS SECONDS RUN [NAME=CGROUP]...
 *
 * The second asks over so many connections, one thread each, so often (at most for so long; with
 * "*TIMES" behind REQUESTS those again as often, with a "*" alone until then), and prints one line of JSON: requests,
 * latencies, and the processor time that the named cgroups took meanwhile. The origin tells how many
 * identifiers it saw: by the way "awsmaskd" there must be none, and each answer must say, byte for
 * byte, what the request's last string was. Of any other way both are counted. RUN makes requests
 * differ from those of other runs: the same RUN and SHAPE make the same requests.
 */
#include "client.h"
#include "watch.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS_MAX 256

#define FEW 8192 /* bytes between two identifiers */
#define SPEC(bytes, gap, streams)                                                                  \
	.spec = {.seed = SEED, .size = (bytes), .every = (gap), .stream = (streams)}
#define SAYS(bytes, gap, words, streams)                                                           \
	.spec = {.seed = SEED, .size = (bytes), .every = (gap), .stream = (streams), .say = (words)}

static const struct shape shapes[] = {
	{"16K", SPEC(16 << 10, FEW, false)},
	{"16K-stream", SPEC(16 << 10, FEW, true)},
	{"16K-connect", SPEC(16 << 10, FEW, false), .reconnect = true},
	{"16K-fresh", SPEC(16 << 10, FEW, false), .fresh = true},
	{"16K-again", SPEC(16 << 10, FEW, false), .again = true},
	{"256K", SPEC(256 << 10, FEW, true)},
	{"256K-again", SPEC(256 << 10, FEW, true), .again = true},
	{"256K-none", SPEC(256 << 10, 0, true)},
	{"256K-many", SPEC(256 << 10, 192, true)},
	{"256K-gzip", SPEC(256 << 10, FEW, true), .gzip = true},
	{"256K-gzip-none", SPEC(256 << 10, 0, true), .gzip = true},
	{"16K-turn", SAYS(11 << 10, FEW, 192, false), .conversation = true},
	{"16K-turn-stream", SAYS(11 << 10, FEW, 192, true), .conversation = true},
	{"256K-turn", SAYS(240 << 10, FEW, 2048, true), .conversation = true},
	{"256K-turn-gzip", SAYS(240 << 10, FEW, 2048, true), .conversation = true, .gzip = true},
	{"2M-turn", SAYS(2 << 20, FEW, 2048, true), .conversation = true},
	{"256K-hostile", .spec = {.seed = SEED,
				  .size = 256 << 10,
				  .every = 65536,
				  .texture = GEN_DASHES,
				  .stream = true}},
	{"256K-words",
	 .spec = {.seed = SEED, .size = 256 << 10, .every = 65536, .texture = GEN_KEYS, .say = 256},
	 .again = true},
	{"2M", SPEC(2 << 20, FEW, true)},
	{"2M-again", SPEC(2 << 20, FEW, true), .again = true},
	{"events", SAYS(256 << 10, FEW, 2400, true), .gap_us = 2000},
	{"events-turn", SAYS(240 << 10, FEW, 2400, true), .gap_us = 2000, .conversation = true},
	{"events-200", SAYS(16 << 10, FEW, 1200, true), .gap_us = 40000},
	{"download", .download = 100 << 20},
	{"introduction",
	 .spec = {.seed = SEED, .size = 16 << 10, .every = FEW, .texture = GEN_INTRODUCTION}},
};
#define SHAPES (sizeof(shapes) / sizeof(*shapes))

static struct client_run run;

/* All clients' numbers into the first one. */
static void gather(struct client *all, unsigned n)
{
	struct client *sum = &all[0];

	for (unsigned i = 1; i < n; i++) {
		struct client *c = &all[i];

		series_move(&sum->latency, &c->latency);
		series_move(&sum->first_event, &c->first_event);
		series_move(&sum->delay, &c->delay);
		sum->bytes += c->bytes;
		sum->seen += c->seen;
		sum->wrong_echoes += c->wrong_echoes;
		sum->trouble = sum->trouble ? sum->trouble : c->trouble;
	}
}

static const char *trouble_of(const char *way, const struct client *sum)
{
	bool hidden = !strncmp(way, "awsmaskd", 8), plain = !strcmp(way, "direct");

	if (sum->trouble)
		return sum->trouble;
	if (!sum->latency.n)
		return "not one request was answered";
	if (hidden && sum->seen)
		return "identifiers reached the origin";
	if ((hidden || plain) && sum->wrong_echoes)
		return "the echo is not what was sent";
	if (plain && !sum->seen && run.shape->spec.every)
		return "the origin did not see identifiers that were sent to it in the clear";
	return NULL;
}

static void tell_series(const char *name, struct series *s)
{
	if (s->n)
		printf(", \"%s\": {\"p50\": %.4f, \"p99\": %.4f}", name,
		       series_quantile(s, 0.5) * 1e3, series_quantile(s, 0.99) * 1e3);
}

static int tell(const char *way, struct client *sum, unsigned connections, double seconds,
		const struct watched *watched, unsigned n)
{
	const char *trouble = trouble_of(way, sum);

	printf("{\"way\": \"%s\", \"shape\": \"%s\", \"connections\": %u", way, run.shape->name,
	       connections);
	if (trouble) {
		printf(", \"fail\": \"%s\"}\n", trouble);
		return 1;
	}
	printf(", \"requests\": %zu, \"rps\": %.2f, \"mbps\": %.2f, \"seen\": %zu, "
	       "\"wrong_echoes\": %zu",
	       sum->latency.n, (double)sum->latency.n / seconds, (double)sum->bytes / seconds / 1e6,
	       sum->seen, sum->wrong_echoes);
	tell_series("latency_ms", &sum->latency);
	tell_series("first_event_ms", &sum->first_event);
	tell_series("delay_ms", &sum->delay);
	for (unsigned i = 0; i < n; i++)
		printf("%s\"%s\": %.4f", i ? ", " : ", \"cpu_ms\": {", watched[i].name,
		       watched[i].cpu / (double)sum->latency.n * 1e3);
	printf("%s}\n", n ? "}" : "");
	return 0;
}

static int measure(const char *way, unsigned connections, struct watched *watched, unsigned n)
{
	struct client *all = calloc(connections, sizeof(*all));
	double begin;
	int rc;

	if (!all || pthread_barrier_init(&run.ready, NULL, connections + 1) ||
	    pthread_barrier_init(&run.start, NULL, connections + 1))
		abort();
	for (unsigned i = 0; i < connections; i++) {
		all[i].index = i;
		all[i].run = &run;
		if (pthread_create(&all[i].thread, NULL, client_thread, &all[i]))
			abort();
	}
	pthread_barrier_wait(&run.ready);
	for (unsigned i = 0; i < n; i++)
		watch_begin(&watched[i]);
	begin = watch_now();
	pthread_barrier_wait(&run.start);
	for (unsigned i = 0; i < connections; i++)
		pthread_join(all[i].thread, NULL);
	begin = watch_now() - begin;
	for (unsigned i = 0; i < n; i++)
		watch_end(&watched[i]);
	gather(all, connections);
	rc = tell(way, &all[0], connections, begin, watched, n);
	for (unsigned i = 0; i < connections; i++)
		client_free(&all[i]);
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
	fprintf(stderr, "usage: load values | WAY SHAPE ADDRESS PORT CONNECTIONS REQUESTS "
			"SECONDS RUN [NAME=CGROUP]...\n");
	return 2;
}

static int list_values(void)
{
	for (unsigned i = 0; i < GEN_POOL; i++)
		printf("%s\n%s\n", run.pool.values[i], run.pool.names[i]);
	puts(GEN_FRESH);
	return 0;
}

static bool read_arguments(int argc, char **argv, struct watched *watched)
{
	const char *star;

	for (size_t i = 0; i < SHAPES; i++)
		if (!strcmp(argv[2], shapes[i].name))
			run.shape = &shapes[i];
	run.address.sin_family = AF_INET;
	run.address.sin_port = htons((uint16_t)atoi(argv[4]));
	run.requests = (unsigned)atoi(argv[6]);
	star = strchr(argv[6], '*');
	run.times = star ? (unsigned)atoi(star + 1) : 1;
	run.most_s = atof(argv[7]);
	run.number = strtoull(argv[8], NULL, 10);
	for (int i = 9; i < argc; i++)
		if (watch_parse(&watched[i - 9], argv[i]) < 0)
			return false;
	return run.shape && inet_pton(AF_INET, argv[3], &run.address.sin_addr) == 1 &&
	       run.most_s > 0 && run.requests > 0 && atoi(argv[5]) > 0 &&
	       atoi(argv[5]) <= CONNECTIONS_MAX;
}

int main(int argc, char **argv)
{
	struct watched watched[WATCHED_MAX];
	int rc;

	signal(SIGPIPE, SIG_IGN);
	gen_pool(&run.pool, SEED);
	gen_download(run.download);
	if (argc == 2 && !strcmp(argv[1], "values"))
		return list_values();
	if (argc < 9 || argc > 9 + WATCHED_MAX || !read_arguments(argc, argv, watched))
		return usage();
	open_tls();
	rc = measure(argv[1], (unsigned)atoi(argv[5]), watched, (unsigned)argc - 9);
	SSL_CTX_free(run.tls);
	return rc;
}
