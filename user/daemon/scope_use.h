/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SCOPE_USE_H
#define AWSMASK_SCOPE_USE_H
/* How much memory the connections of each scope hold at this moment, over all threads (limits.memory). */
#include "../mask/vault.h"

#include <stdatomic.h>

struct scope_use {
	struct scope_use *next;
	const struct vault_scope *scope;
	_Atomic size_t bytes;
};

struct scope_uses; /* one process's; guards itself */

__attribute__((warn_unused_result)) struct scope_uses *scope_uses_new(void);
void scope_uses_free(struct scope_uses *u);

/* The account of this scope, made at first; valid until scope_uses_free(). NULL: memory is out. Any thread. */
struct scope_use *scope_use_of(struct scope_uses *u, const struct vault_scope *scope);

/* What was held is `now` instead of `before`; returns what the scope holds with it. Any thread. */
static inline size_t scope_use_change(struct scope_use *s, size_t before, size_t now)
{
	/* Unsigned arithmetic wraps, so one addition serves both directions. */
	return atomic_fetch_add_explicit(&s->bytes, now - before, memory_order_relaxed) + now -
	       before;
}

#endif
