/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SCOPE_USE_H
#define AWSMASK_SCOPE_USE_H
/*
 * How many connections each scope has at this moment, and how much memory they hold, over all threads
 * (`limits`). The last quarter of what all may have together is left to scopes that have less than
 * their even share of the rest, so that one scope starves no other.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scope_limits {
	size_t connections, scope_connections; /* of all scopes together, and of one */
	size_t memory, scope_memory;	       /* bytes */
};

struct scope_uses; /* one process's; guards itself */
struct scope_use;  /* one scope's account, for as long as it has a connection */

/* `limits` stay the caller's and outlive it. NULL: memory is out. */
__attribute__((warn_unused_result)) struct scope_uses *
scope_uses_new(const struct scope_limits *limits);
void scope_uses_free(struct scope_uses *u);

/*
 * One more connection of the scope with this number. NULL: it has too many, or all together have, or
 * memory is out. Any thread, as below.
 */
struct scope_use *scope_use_enter(struct scope_uses *u, uint64_t scope);
/* That connection is gone, and what it held. */
void scope_use_leave(struct scope_use *s, size_t held);

/* What the connection held is `now` instead of `before`. false: that is too much. */
bool scope_use_change(struct scope_use *s, size_t before, size_t now);

#endif
