/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_DB_H
#define AWSMASK_VAULT_DB_H
/*
 * The vault's file as rows of sealed bytes: SQLite, WAL, every commit synced. Not locked: its owner
 * lets one thread in at a time; other processes are kept apart by the file's own locks.
 */
#include "err.h"
#include "vault_seal.h"

#include <stdint.h>

#define VAULT_DAMAGED "the vault's file is damaged; stop awsmaskd and run `awsmaskctl vault repair`"

struct vault_db;

/* Open or create it (0600) and check it through. NULL and a sentence. */
struct vault_db *vault_db_open(const char *path, struct err *e);
void vault_db_close(struct vault_db *db);

/*
 * Everything below returns -1 when it failed (vault_db_why() says why) and changes nothing then,
 * or 0 unless said otherwise.
 */
int vault_db_begin(struct vault_db *db); /* takes the file's write lock */
int vault_db_commit(struct vault_db *db);
void vault_db_rollback(struct vault_db *db);

/* The row that proves the key. 1: *len of at most `size` bytes, 0: a new file has none. */
int vault_db_canary(struct vault_db *db, uint8_t *sealed, size_t size, size_t *len);
int vault_db_set_canary(struct vault_db *db, const uint8_t *sealed, size_t len);

/* The number of the value with this hash. 1: found, 0: none. */
int vault_db_number(struct vault_db *db, const struct vault_place *place,
		    const uint8_t hash[static VAULT_HASH_SIZE], uint32_t *number);
/* The highest number that the place's scope and label may have used; 0 when there is none. */
int vault_db_highest(struct vault_db *db, const struct vault_place *place, uint32_t *number);
/* Numbers up to this one count as used, in every scope: rows may have been lost. */
int vault_db_set_floor(struct vault_db *db, uint32_t number);
int vault_db_insert(struct vault_db *db, const struct vault_place *place,
		    const uint8_t hash[static VAULT_HASH_SIZE], const uint8_t *sealed, size_t len);

struct vault_row {
	int64_t id; /* ascending in order of commit */
	struct vault_place place;
	const uint8_t *sealed; /* valid during the call */
	size_t len;
};
/* Each row of a scope with an id above `after`; the callback's -1 ends it, with that result. */
int vault_db_each(struct vault_db *db, const uint8_t scope[static VAULT_HASH_SIZE], int64_t after,
		  int (*row)(void *arg, const struct vault_row *row), void *arg);

/* Another number once another connection has committed something, and the same until then. */
int vault_db_version(struct vault_db *db, int64_t *version);
/* Each label of which any scope has a row. */
int vault_db_labels(struct vault_db *db, void (*each)(void *arg, const char *label), void *arg);

/* Why the last call failed: static text. */
const char *vault_db_why(const struct vault_db *db);
/* Bytes of the file and its WAL. */
size_t vault_db_bytes(const struct vault_db *db);

#endif
