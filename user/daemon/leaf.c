/* SPDX-License-Identifier: Apache-2.0 */
#include "leaf.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define LEAF_SLOTS 16
#define LEAF_FRESH_MS (12 * 60 * 60 * 1000ull) /* a small part of its validity */

struct slot {
	char host[256];
	struct leaf leaf;
	uint64_t made_ms;
	unsigned generation;
};

struct leaf_cache {
	struct privsep *privsep;
	const struct tls *tls;
	const _Atomic unsigned *generation;
	struct slot slots[LEAF_SLOTS];
};

struct leaf_cache *leaf_cache_new(struct privsep *p, const struct tls *t,
				  const _Atomic unsigned *generation)
{
	struct leaf_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->privsep = p;
	c->tls = t;
	c->generation = generation;
	return c;
}

static void leaf_drop(struct leaf *leaf)
{
	X509_free(leaf->cert);
	X509_free(leaf->cross);
	*leaf = (struct leaf){0};
}

void leaf_cache_free(struct leaf_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < LEAF_SLOTS; i++)
		leaf_drop(&c->slots[i].leaf);
	free(c);
}

/*
 * The host's clock may have been set, or have gone on while the host slept, which the loop's does not know: what
 * clients compare with is looked at.
 */
static bool leaf_is_valid(const X509 *leaf)
{
	return X509_cmp_current_time(X509_get0_notBefore(leaf)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0;
}

const struct leaf *leaf_find(struct leaf_cache *c, uv_loop_t *loop, const char *host)
{
	for (size_t i = 0; i < LEAF_SLOTS; i++) {
		struct slot *s = &c->slots[i];
		if (s->leaf.cert && s->generation == *c->generation && strcmp(s->host, host) == 0 &&
		    uv_now(loop) - s->made_ms < LEAF_FRESH_MS && leaf_is_valid(s->leaf.cert))
			return &s->leaf;
	}
	return NULL;
}

static const struct leaf *leaf_store(struct leaf_cache *c, const struct leaf_wait *w,
				     struct leaf leaf)
{
	struct slot *s = &c->slots[0];

	for (size_t i = 0; i < LEAF_SLOTS; i++) {
		struct slot *other = &c->slots[i];
		if (!other->leaf.cert || strcmp(other->host, w->host) == 0) {
			s = other;
			break;
		}
		if (other->made_ms < s->made_ms)
			s = other;
	}
	leaf_drop(&s->leaf);
	s->leaf = leaf;
	s->made_ms = uv_now(w->loop);
	s->generation = w->generation;
	snprintf(s->host, sizeof(s->host), "%s", w->host);
	return &s->leaf;
}

/* The leaf, and nothing or the one certificate behind it. 0 or -1. */
static int leaf_parse(const unsigned char *der, size_t len, struct leaf *leaf)
{
	const unsigned char *end = der + len;

	*leaf = (struct leaf){.cert = d2i_X509(NULL, &der, (long)len)};
	if (leaf->cert && der < end)
		leaf->cross = d2i_X509(NULL, &der, end - der);
	if (leaf->cert && der == end)
		return 0;
	leaf_drop(leaf);
	return -1;
}

static void on_leaf(void *arg, const struct priv_reply *reply)
{
	struct leaf_wait *w = arg;
	const struct leaf *kept = NULL;
	struct leaf leaf;

	if (reply->status == 1 && reply->u.leaf.len <= PRIV_LEAF_MAX &&
	    leaf_parse(reply->u.leaf.der, reply->u.leaf.len, &leaf) == 0)
		kept = leaf_store(w->cache, w, leaf);
	if (!kept && !privsep_is_lost(w->cache->privsep))
		log_event(LOG_ERR, "leaf-refused", log_name("host", w->host),
			  log_word("why",
				   reply->status == 1 ? "malformed certificate" : reply->error));
	w->done(w->arg, kept);
}

uint32_t leaf_request(struct leaf_wait *w)
{
	struct priv_request r = {.kind = PRIV_LEAF};

	/* The authority may change before the answer is here: it is of the one that is asked now. */
	w->generation = *w->cache->generation;
	snprintf(r.u.leaf.host, sizeof(r.u.leaf.host), "%s", w->host);
	memcpy(r.u.leaf.spki, w->cache->tls->spki, w->cache->tls->spki_len);
	r.u.leaf.spki_len = (uint32_t)w->cache->tls->spki_len;
	return privsep_call(w->cache->privsep, &r, on_leaf, w);
}
