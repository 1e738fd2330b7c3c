/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_PRIVATE_H
#define AWSMASK_VAULT_PRIVATE_H
/* What the parts of the vault share: vault_sqlite.c (scopes, reserving), vault_batch.c (reading). */
#include "vault_db.h"
#include "vault_index.h"
#include "vault_known.h"
#include "vault_sqlite.h"

#include <pthread.h>

/*
 * Locks, in this order: `writer` lets one thread at the file and keeps indexes from changing;
 * `names` guards the list of scopes; a scope's `lock` its index against readers. Lookups take only
 * the last one, and nothing that could block stands inside it.
 */
struct scope {
	struct vault_scope scope;
	struct vault *vault;
	struct scope *next;
	pthread_rwlock_t lock;
	struct vault_index index;
	struct type_set types;
	struct vault_known *known; /* NULL: nothing yet */
	int64_t last_id;	   /* rows up to this one are in the index; under `writer` */
	int64_t version;	   /* of the file, when they were read; under `writer` */
	uint8_t hash[VAULT_HASH_SIZE];
	char name[];
};

struct vault {
	struct vault_db *db;
	struct vault_keys keys;
	pthread_mutex_t writer;
	pthread_rwlock_t names;
	struct scope *scopes;
	const struct types *types;
	_Atomic(const char *) why;
};

/* Rows on their way from the file into an index. */
struct batch {
	struct scope *scope;
	struct vault_value *list;  /* in the order of the rows */
	struct vault_value **tail; /* of the list */
	struct vault_known *known; /* what the scope will know with them */
	int64_t last_id, version;
	const char *why; /* set when a row was bad */
};

/* Read what the file has and the index has not, this process's new rows and others'. 0, or -1. */
int batch_read(struct batch *b, struct scope *s, const char **why);
/* Let it into the index. Cannot fail: batch_read() made the room. */
void batch_publish(struct batch *b);
void batch_drop(struct batch *b);

#endif
