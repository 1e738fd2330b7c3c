/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_CLIENT_H
#define AWSMASK_BENCH_CLIENT_H
/*
 * One client of the benchmark: a TLS connection, and a deck of requests made before it begins. No
 * two requests of a run are the same, but what a conversation repeats.
 */
#include "gen.h"

#include <llhttp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>

#define TARGET_HOST "api.anthropic.com"
#define OTHER_HOST "other.example"
#define SEED 20310505
#define TURNS 8 /* that a conversation goes on for; then it is another one's turn */
#define AGAIN 2 /* requests of a client that asks the same */

struct shape {
	const char *name;
	struct gen_spec spec;
	bool gzip;
	bool fresh;	   /* each request has a value that nobody has seen */
	bool reconnect;	   /* each request has a connection of its own */
	bool conversation; /* each request is the one before and a turn, TURNS times */
	bool again;	   /* AGAIN requests, and none but these */
	unsigned gap_us;   /* between the events of the answer, which are stamped */
	size_t download;   /* bytes to get from OTHER_HOST instead */
};

struct client_run {
	const struct shape *shape;
	struct sockaddr_in address;
	SSL_CTX *tls;
	struct gen_pool pool;
	uint8_t download[GEN_DOWNLOAD];
	uint64_t number;   /* of this run: others have other requests */
	double most_s;	   /* no request begins later than that */
	unsigned requests; /* of each client, and before them what its conversations begin with */
	unsigned times;	   /* that it asks them; 0: until most_s are over */
	pthread_barrier_t ready, start;
};

/* A growing array of numbers. */
struct series {
	double *at;
	size_t n, room;
};
void series_add(struct series *s, double value);
/* Sorts it. NAN when it is empty. */
double series_quantile(struct series *s, double quantile);
/* Move all of `from` to the end of `to`. */
void series_move(struct series *to, struct series *from);

/* One request, ready to be sent. */
struct card {
	struct buf head, wire, echo;
	size_t size; /* of the body, unpacked */
};

struct client {
	struct client_run *run;
	pthread_t thread;
	unsigned index;
	struct card *deck; /* of so many cards, the first ones asked before it all begins */
	unsigned cards, first_cards, from; /* `from`: what is measured begins with it */
	int fd;
	SSL *ssl;
	/* the answer */
	llhttp_t parser;
	struct buf body, said, field;
	bool done, reading_leaks;
	size_t leaks, stamps_at, got;
	double asked, first;
	/* what came of it all, seconds */
	struct series latency, first_event, delay;
	size_t bytes, seen, wrong_echoes;
	const char *trouble;
};

/*
 * A thread: makes the deck and connects, asks the first cards for nothing, waits for `ready` and `start`, asks.
 * `trouble` is set when anything went wrong that is not the echo's content.
 */
void *client_thread(void *client);
void client_free(struct client *c);

#endif
