/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_LEAF_H
#define AWSMASK_LEAF_H
/* One thread's cache of the certificates that the monitor made for the targets' names. */
#include "privsep.h"
#include "tls.h"

struct leaf_cache;

/* `generation` counts the authority's changes: leaves of an earlier one are not presented any more. */
__attribute__((warn_unused_result)) struct leaf_cache *
leaf_cache_new(struct privsep *p, const struct tls *t, const _Atomic unsigned *generation);
void leaf_cache_free(struct leaf_cache *c);

/* What a client is shown. */
struct leaf {
	X509 *cert;
	X509 *cross; /* for who trusts the authority before this one; NULL: nobody does */
};

/* The leaf for this name, valid now, borrowed until the next call from the loop; NULL: ask for it. */
const struct leaf *leaf_find(struct leaf_cache *c, uv_loop_t *loop, const char *host);

/* Ask; `done` runs later with the leaf (borrowed), or NULL when the monitor refused. Returns a
 * ticket for privsep_forget(), 0 on failure. */
struct leaf_wait {
	struct leaf_cache *cache;
	void (*done)(void *arg, const struct leaf *leaf);
	void *arg;
	char host[256];
	uv_loop_t *loop;
	unsigned generation; /* set by leaf_request() */
};
uint32_t leaf_request(struct leaf_wait *w);

#endif
