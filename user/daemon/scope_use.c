/* SPDX-License-Identifier: Apache-2.0 */
#include "scope_use.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct scope_use {
	struct scope_use *next;
	struct scope_uses *all;
	uint64_t scope;
	size_t connections; /* under the lock */
	_Atomic size_t bytes;
};

struct scope_uses {
	const struct scope_limits *limits;
	pthread_mutex_t lock;
	struct scope_use *first;
	size_t connections; /* under the lock */
	_Atomic size_t scopes, bytes;
};

struct scope_uses *scope_uses_new(const struct scope_limits *limits)
{
	struct scope_uses *u = calloc(1, sizeof(*u));

	if (u) {
		u->limits = limits;
		pthread_mutex_init(&u->lock, NULL);
	}
	return u;
}

void scope_uses_free(struct scope_uses *u)
{
	if (!u)
		return;
	while (u->first) {
		struct scope_use *s = u->first;
		u->first = s->next;
		free(s);
	}
	pthread_mutex_destroy(&u->lock);
	free(u);
}

static bool too_much(size_t own, size_t own_limit, size_t all, size_t limit, size_t scopes)
{
	size_t common = limit - limit / 4;

	if (own > own_limit || all > limit)
		return true;
	return scopes > 1 && all > common && own > common / scopes;
}

/* Under the lock. */
static struct scope_use *find(struct scope_uses *u, uint64_t scope)
{
	struct scope_use *s;

	for (s = u->first; s && s->scope != scope; s = s->next)
		;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->scope = scope;
	s->all = u;
	s->next = u->first;
	u->first = s;
	u->scopes++;
	return s;
}

/* Under the lock: gone with its last connection. */
static void drop_empty(struct scope_use *s)
{
	struct scope_use **at = &s->all->first;

	if (s->connections)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->all->scopes--;
	free(s);
}

struct scope_use *scope_use_enter(struct scope_uses *u, uint64_t scope)
{
	const struct scope_limits *l = u->limits;
	struct scope_use *s;

	pthread_mutex_lock(&u->lock);
	s = find(u, scope);
	if (s && too_much(s->connections + 1, l->scope_connections, u->connections + 1,
			  l->connections, u->scopes)) {
		drop_empty(s);
		s = NULL;
	}
	if (s) {
		s->connections++;
		u->connections++;
	}
	pthread_mutex_unlock(&u->lock);
	return s;
}

void scope_use_leave(struct scope_use *s, size_t held)
{
	struct scope_uses *u = s->all;

	(void)scope_use_change(s, held, 0);
	pthread_mutex_lock(&u->lock);
	s->connections--;
	u->connections--;
	drop_empty(s);
	pthread_mutex_unlock(&u->lock);
}

/* Unsigned arithmetic wraps, so one addition serves both directions. */
static size_t change(_Atomic size_t *bytes, size_t before, size_t now)
{
	return atomic_fetch_add_explicit(bytes, now - before, memory_order_relaxed) + now - before;
}

bool scope_use_change(struct scope_use *s, size_t before, size_t now)
{
	struct scope_uses *u = s->all;
	size_t own = change(&s->bytes, before, now), all = change(&u->bytes, before, now);

	return !too_much(own, u->limits->scope_memory, all, u->limits->memory, u->scopes);
}
