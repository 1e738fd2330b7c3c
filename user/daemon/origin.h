/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ORIGIN_H
#define AWSMASK_ORIGIN_H
/*
 * Connections to origins: made (resolved, connected, tunnelled through a proxy's CONNECT, TLS),
 * pooled while idle, resumed. All of one thread.
 */
#include "own_hello.h"
#include "privsep.h"
#include "stats.h"
#include "stream.h"
#include "tls.h"

#include "../wire/exchange.h"

struct origin_place {
	char host[256];	  /* the name that its certificate must bear */
	char dial[256];	  /* the name to resolve when addr is unset; "": host */
	uint8_t addr[16]; /* v4 as v4-mapped; all zero: resolve */
	uint16_t port;
	uint64_t netns; /* cookie of the network namespace to connect from; 0: our own */
	bool tls;
	const struct buf *connect_head; /* a CONNECT request to send to addr first; NULL: none. The
					   caller's, outlives the origin */
};

enum origin_state {
	ORIGIN_RESOLVING, /* or its socket is being made in another network namespace */
	ORIGIN_CONNECTING,
	ORIGIN_TUNNELLING, /* CONNECT sent, its answer awaited */
	ORIGIN_HANDSHAKE,
	ORIGIN_READY,
	ORIGIN_FAILED, /* origin_failure() says why */
};

/* A timer that is later: the process stood still, and what was waited for may be there. */
#define STOOD_STILL_MS 1000

struct origin;
struct origin_pool;

__attribute__((warn_unused_result)) struct origin_pool *
origin_pool_new(uv_loop_t *loop, const struct tls *t, struct privsep *privsep,
		struct own_hellos *hellos, struct stats_gauges *gauges);
/* Closes what is idle; busy ones are their owners'. Freed once the last of its connections is
 * closed. */
void origin_pool_close(struct origin_pool *p);
/* Close what is idle of that network namespace, or in reserve there. */
void origin_pool_leave(struct origin_pool *p, uint64_t netns);
/*
 * Have the monitor, who will soon be gone, make one more socket there. It keeps the namespace alive until it is taken,
 * or origin_pool_leave().
 */
void origin_pool_reserve(struct origin_pool *p, uint64_t netns, int family);
/* Whether it is still to answer to that. */
bool origin_pool_asks(const struct origin_pool *p);

/*
 * An idle connection to that place, or a new one being made. `on_event` runs from the loop at each
 * step. `fresh`: never a pooled one. NULL: memory or descriptors are out.
 */
struct origin *origin_get(struct origin_pool *p, const struct origin_place *place, bool fresh,
			  void (*on_event)(void *arg), void *arg);
/* Go as far as possible; returns where it stands now. */
enum origin_state origin_advance(struct origin *o);
enum refusal origin_failure(const struct origin *o);
/* It came out of the pool, so it may have been closed by the origin meanwhile: worth one retry. */
bool origin_was_pooled(const struct origin *o);
/* A tunnel that is READY without TLS: start TLS with `host` in it now (state HANDSHAKE). 0 or -1.
 */
int origin_start_tls(struct origin *o, const char *host);
/* What the proxy answered to CONNECT, also when it refused (then the state is FAILED). */
const struct buf *origin_tunnel_answer(const struct origin *o);

/* Only while READY (writing and reading), want also before. */
struct stream *origin_stream(struct origin *o);

/* Back into the pool, or closed. o is gone for the caller either way. */
void origin_put(struct origin *o, bool reusable);

#endif
