/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_KNOWN_H
#define AWSMASK_VAULT_KNOWN_H
/*
 * What is known in a scope, as snapshots: each is made whole before anybody sees it and never
 * changes after, so that whoever holds one reads it without a lock. The last to drop it frees it.
 */
#include "vault_index.h"

struct vault_known;

/*
 * A snapshot of what `old` (may be NULL) has and then the list, in its order; `old` itself, once
 * more, when the list brings nothing that is learned. Dropped by the caller. 0, or -1: memory.
 */
__attribute__((warn_unused_result)) int
vault_known_with(struct vault_known *old, const struct vault_value *list, struct vault_known **out);
/* NULL is nothing known. */
const struct known *vault_known_take(struct vault_known *vk);
void vault_known_drop(struct vault_known *vk);
/* What vault_known_take() gave. */
void vault_known_done(const struct known *k);

#endif
