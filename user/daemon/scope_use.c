/* SPDX-License-Identifier: Apache-2.0 */
#include "scope_use.h"

#include <pthread.h>
#include <stdlib.h>

struct scope_uses {
	pthread_mutex_t lock;
	struct scope_use *first;
};

struct scope_uses *scope_uses_new(void)
{
	struct scope_uses *u = calloc(1, sizeof(*u));

	if (u)
		pthread_mutex_init(&u->lock, NULL);
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

struct scope_use *scope_use_of(struct scope_uses *u, const struct vault_scope *scope)
{
	struct scope_use *s;

	pthread_mutex_lock(&u->lock);
	for (s = u->first; s && s->scope != scope; s = s->next)
		;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (s) {
			s->scope = scope;
			s->next = u->first;
			u->first = s;
		}
	}
	pthread_mutex_unlock(&u->lock);
	return s;
}
