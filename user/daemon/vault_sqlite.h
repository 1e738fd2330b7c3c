/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_SQLITE_H
#define AWSMASK_VAULT_SQLITE_H
/*
 * The vault in one SQLite file (WAL), sealed: values as AES-256-GCM under a key derived from the
 * host key, found by a keyed hash (HMAC-SHA-256), scopes too, so the file alone tells no more
 * than how many values of each type there are and how long they are. In front of it an index in
 * memory, loaded when a scope is first opened, guarded so that any thread may look up.
 */
#include "../mask/vault.h"
#include "err.h"

#define VAULT_KEY_SIZE 32

struct vault;

/*
 * Open or create the file (0600). `key`: VAULT_KEY_SIZE bytes; copied, wiped at close. A file
 * sealed with another key, a newer schema, or a corrupt one is refused with a sentence that says
 * what to do. NULL on error.
 */
__attribute__((warn_unused_result)) struct vault *
vault_open(const char *path, const uint8_t key[static VAULT_KEY_SIZE], struct err *e);
/*
 * What labels mean: `types`, to which those are added that the file has and they have not, of types
 * that were configured once. Before any scope is opened; the types outlive the vault. 0, or -1 and a
 * sentence.
 */
__attribute__((warn_unused_result)) int vault_types(struct vault *v, struct types *types,
						    struct err *e);
void vault_close(struct vault *v);

/*
 * The scope of this name ("uid:1000", "cgroup:...", "host"), opened at first use; the same pointer
 * each time, valid until vault_close(). What other processes have written is known from then on.
 * Any thread; may block. NULL on error (memory, disk, unsealing).
 */
struct vault_scope *vault_scope(struct vault *v, const char *name, struct err *e);

struct vault_stats {
	size_t scopes;	/* open ones */
	size_t entries; /* in those */
	size_t bytes;	/* of the file and its WAL */
};
void vault_stats(struct vault *v, struct vault_stats *s);
#define VAULT_NO_ERROR "nothing has failed"
const char *
vault_last_error(struct vault *v); /* why the last reserve failed; static text, no values */

/*
 * The host key: read, or made at first (0600, in the file's own directory, fsynced). 0 or -1.
 */
int vault_key_load(const char *path, uint8_t key[static VAULT_KEY_SIZE], struct err *e);

#endif
