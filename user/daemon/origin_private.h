/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ORIGIN_PRIVATE_H
#define AWSMASK_ORIGIN_PRIVATE_H
/* What the two halves share: origin.c (making one), origin_pool.c (keeping them). */
#include "origin.h"

struct origin_pool {
	uv_loop_t *loop;
	const struct tls *tls;
	struct privsep *privsep; /* makes sockets in other network namespaces */
	struct own_hellos *hellos;
	struct stats_gauges *gauges; /* the process's */
	struct origin *idle;	     /* newest first */
	size_t idle_count, open_count;
	struct origin_spare *spares; /* origin_spare.c */
	size_t spare_count;
	struct tls_sessions sessions;
	bool closing;
};

struct origin {
	struct origin *next; /* in idle */
	struct origin_pool *pool;
	struct origin_place place;
	struct stream stream;
	uv_timer_t timer;
	uint64_t due_ms;     /* of what is being done */
	uint64_t idle_until; /* ms; 0: it is in use */
	uv_getaddrinfo_t lookup;
	uint32_t ticket; /* of the question for a socket; 0: none */
	enum origin_state state;
	enum refusal failure;
	bool has_stream, looking_up, pooled, closing;
	bool hello_sent; /* and it is among ours */
	uint8_t hello[OWN_HELLO_SIZE];
	struct buf request; /* what is left of connect_head */
	struct buf answer;  /* to CONNECT */
	struct http_parser *parser;
	void (*on_event)(void *arg);
	void *arg;
};

struct origin *origin_new(struct origin_pool *p, const struct origin_place *place);
/* Close it and everything that it is still doing. */
void origin_destroy(struct origin *o);
/* Tell its owner; for streams: the argument is the origin. */
void origin_notify(void *arg);
/* Its last connection is gone: free it, if it is being closed. */
void origin_pool_release(struct origin_pool *p);
/* A socket in reserve there, or -1. The caller's. */
int origin_spare_take(struct origin_pool *p, uint64_t netns, int family);
/* There was a connection there: have one more ready for the next, for the monitor may be killed meanwhile. */
void origin_spare_keep(struct origin_pool *p, uint64_t netns, int family);
/* Those of that network namespace; 0: all. */
void origin_spares_drop(struct origin_pool *p, uint64_t netns);
bool origin_address_known(const struct origin_place *place);

#endif
