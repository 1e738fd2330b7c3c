/* SPDX-License-Identifier: Apache-2.0 */
/* What may be told of a request: counts, placeholders, and where it went. */
#include "exchange_parts.h"

void facts_begin(struct exchange *x, const struct http_head *h)
{
	uint64_t requests = x->facts.requests + 1;
	size_t n;

	memset(&x->facts, 0, offsetof(struct exchange_facts, masked));
	mask_counts_clear(&x->facts.masked);
	x->facts.requests = requests;
	x->facts.refusal = x->facts.unmaskable = NOT_REFUSED;
	x->request.path = NULL;
	if (!h)
		return;
	n = h->method_len < sizeof(x->facts.method) ? h->method_len : sizeof(x->facts.method) - 1;
	memcpy(x->facts.method, h->method, n);
}

/* Nothing of it is anybody's but the API's. */
static bool path_is_api(const uint8_t *path, size_t len)
{
	static const char *const paths[] = {"/v1/messages", "/v1/messages/count_tokens",
					    "/v1/messages/batches"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (len == strlen(paths[i]) && memcmp(path, paths[i], len) == 0)
			return true;
	return false;
}

/* Whether a target may hold what was found and stays in it. */
static bool target_is_left(const struct exchange *x)
{
	const struct mask_counts *c = &x->facts.masked;
	size_t left = x->config.observe && mask_found(x->mask, PART_TARGET);

	for (unsigned t = mask_counts_next(c, 0); t < TYPE_MAX; t = mask_counts_next(c, t + 1))
		left += c->observed[t];
	return left > 0;
}

static void facts_path(struct exchange *x, const uint8_t *target, size_t len)
{
	const uint8_t *query = memchr(target, '?', len);
	size_t n = query ? (size_t)(query - target) : len;

	if (target_is_left(x) && !path_is_api(target, n))
		return;
	if (n >= sizeof(x->facts.path))
		n = sizeof(x->facts.path) - 1;
	memcpy(x->facts.path, target, n);
	x->facts.path[n] = 0;
}

void facts_sent(struct exchange *x)
{
	size_t prefix = request_is_proxied(x) ? x->request.prefix_len : 0;
	size_t skip = http_head(x->client)->method_len + 1 + prefix;
	const uint8_t *line = buf_bytes(&x->to_origin);
	const uint8_t *end = memchr(line, '\r', buf_len(&x->to_origin));
	size_t len = end ? (size_t)(end - line) : 0, version = sizeof(" HTTP/1.1") - 1;

	x->facts.used_count =
		x->config.observe ? 0 : mask_used(x->mask, x->facts.used, EXCHANGE_USED_MAX);
	if (len > skip + version)
		facts_path(x, line + skip, len - skip - version);
}

void facts_refused(struct exchange *x)
{
	const char *path = x->request.path;
	const char *query = path ? memchr(path, '?', x->request.path_len) : NULL;
	size_t n = query ? (size_t)(query - path) : x->request.path_len;

	/* Any other one was perhaps not even scanned. */
	if (path && path_is_api((const uint8_t *)path, n))
		memcpy(x->facts.path, path, n);
}

size_t exchange_memory(const struct exchange *x)
{
	const struct buf *all[] = {&x->request.body, &x->request.plain, &x->answer.plain,
				   &x->answer.whole, &x->answer.piece,	&x->to_client,
				   &x->to_origin,    &x->outgoing.made};
	size_t sum = mask_memory(x->mask);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sum += all[i]->cap;
	return sum;
}
