/* SPDX-License-Identifier: Apache-2.0 */
#include "target_addr.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_MS (10 * 60 * 1000)

struct target_addrs {
	pthread_rwlock_t lock;
	size_t count, next; /* next: to be overwritten once all are in use */
	uint8_t addr[TARGET_ADDRS_MAX][16];
};

struct target_addrs *target_addrs_new(void)
{
	struct target_addrs *t = calloc(1, sizeof(*t));

	if (t)
		pthread_rwlock_init(&t->lock, NULL);
	return t;
}

void target_addrs_free(struct target_addrs *t)
{
	if (t)
		pthread_rwlock_destroy(&t->lock);
	free(t);
}

static bool holds(const struct target_addrs *t, const uint8_t *addr)
{
	for (size_t i = 0; i < t->count; i++)
		if (memcmp(t->addr[i], addr, 16) == 0)
			return true;
	return false;
}

bool target_addrs_has(struct target_addrs *t, const uint8_t addr[static 16])
{
	bool has;

	pthread_rwlock_rdlock(&t->lock);
	has = holds(t, addr);
	pthread_rwlock_unlock(&t->lock);
	return has;
}

void target_addrs_add(struct target_addrs *t, const uint8_t addr[static 16])
{
	if (target_addrs_has(t, addr)) /* as nearly always: the readers' lock will do */
		return;
	pthread_rwlock_wrlock(&t->lock);
	if (!holds(t, addr)) {
		memcpy(t->addr[t->next], addr, 16);
		t->next = (t->next + 1) % TARGET_ADDRS_MAX;
		if (t->count < TARGET_ADDRS_MAX)
			t->count++;
	}
	pthread_rwlock_unlock(&t->lock);
}

/* ---- by name */

struct target_lookup {
	uv_timer_t timer;
	uv_getaddrinfo_t request;
	const struct config *config;
	struct target_addrs *addrs;
	size_t at;     /* the target asked for */
	unsigned open; /* the timer, and a request under way */
	bool closing;
};

static void release(struct target_lookup *l)
{
	if (--l->open == 0)
		free(l);
}

static void add_found(struct target_addrs *addrs, const struct addrinfo *found)
{
	for (; found; found = found->ai_next) {
		uint8_t addr[16] = {[10] = 0xff, 0xff};

		if (found->ai_family == AF_INET)
			memcpy(addr + 12, &((struct sockaddr_in *)found->ai_addr)->sin_addr, 4);
		else if (found->ai_family == AF_INET6)
			memcpy(addr, &((struct sockaddr_in6 *)found->ai_addr)->sin6_addr, 16);
		else
			continue;
		target_addrs_add(addrs, addr);
	}
}

static void look_up(struct target_lookup *l);

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct target_lookup *l = request->data;

	if (status == 0)
		add_found(l->addrs, found);
	uv_freeaddrinfo(found);
	l->at++;
	if (!l->closing)
		look_up(l);
	release(l);
}

/* One at a time: a resolver that does not answer holds up one thread of the pool and no more. */
static void look_up(struct target_lookup *l)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

	for (; l->at < l->config->target_count; l->at++) {
		if (uv_getaddrinfo(l->timer.loop, &l->request, on_found, l->config->targets[l->at],
				   NULL, &hints) == 0) {
			l->open++;
			return;
		}
	}
}

static void on_time(uv_timer_t *timer)
{
	struct target_lookup *l = timer->data;

	if (l->open > 1) /* the last round is not over yet */
		return;
	l->at = 0;
	look_up(l);
}

struct target_lookup *target_lookup_new(uv_loop_t *loop, const struct config *config,
					struct target_addrs *addrs)
{
	struct target_lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->config = config;
	l->addrs = addrs;
	l->open = 1;
	uv_timer_init(loop, &l->timer);
	l->timer.data = l->request.data = l;
	uv_timer_start(&l->timer, on_time, 0, LOOKUP_MS);
	return l;
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void target_lookup_close(struct target_lookup *l)
{
	if (!l)
		return;
	l->closing = true;
	uv_close((uv_handle_t *)&l->timer, on_closed);
}
