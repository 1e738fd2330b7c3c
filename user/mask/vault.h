/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_H
#define AWSMASK_VAULT_H
/*
 * The vault as the pure code sees it: an injected interface, bound to one scope. Looking up never
 * blocks and never touches a disk; reserving does and is called by whoever may block, between the
 * two phases of masking (I7). Values are byte strings; they stay where they are for as long as the
 * scope is open.
 */
#include "known.h"
#include "placeholder.h"

struct vault_entry {
	enum mask_type type;
	uint32_t number;      /* out */
	const uint8_t *value; /* the caller's; read only during the call */
	size_t len;
};

struct vault_scope; /* one scope's vault, open; an implementation embeds this struct at its start */

struct vault_ops {
	/* The number of a value. 1: *number is set, 0: unknown. Any thread. */
	int (*number)(struct vault_scope *s, enum mask_type type, const uint8_t *value, size_t len,
		      uint32_t *number);
	/* The value of a placeholder. 1: *value and *len are set, 0: this scope has none such. Any
	 * thread. */
	int (*value)(struct vault_scope *s, enum mask_type type, uint32_t number,
		     const uint8_t **value, size_t *len);
	/* The types of which this scope holds any value. Any thread. */
	void (*types)(struct vault_scope *s, struct type_set *types);
	/*
	 * Give every entry its number, new values a fresh one; all durable when it returns 0. -1:
	 * nothing was kept (disk full, sealed wrongly, ...), the request must be refused. Blocks.
	 * Entries may repeat a value. Any thread.
	 */
	int (*reserve)(struct vault_scope *s, struct vault_entry *entries, size_t n);
	/*
	 * What is known in this scope as of now: every value of it that is learned (known.h), in
	 * the order in which they were reserved. It does not change, and stays until it is given
	 * back with known_done(). NULL: nothing. Any thread; never waits for a reserve().
	 */
	const struct known *(*known)(struct vault_scope *s);
	void (*known_done)(struct vault_scope *s, const struct known *k); /* not NULL */
};

struct vault_scope {
	const struct vault_ops *ops;
	const struct types *types; /* whose labels its placeholders have */
};

#endif
