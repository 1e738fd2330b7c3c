/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_INDEX_H
#define AWSMASK_VAULT_INDEX_H
/*
 * One scope's values in memory: by (type, value) and by (type, number). Values never move and are
 * wiped when the index is freed. Not locked: its owner does that.
 */
#include "../mask/vault.h"

struct vault_value {
	struct vault_value *next; /* in a bucket, or in a list on its way there */
	uint64_t hash;
	enum mask_type type;
	uint32_t number;
	size_t len;
	uint8_t bytes[];
};

struct vault_numbers {
	struct vault_value **at; /* by number */
	size_t size;
};

struct vault_index {
	struct vault_value **buckets;
	size_t size; /* a power of two, or 0 */
	size_t count;
	uint64_t seed[2];
	struct vault_numbers numbers[TYPE_MAX];
};

/* 0, or -1: no randomness for the hash. */
int vault_index_init(struct vault_index *ix);
void vault_index_free(struct vault_index *ix);

/* Its bytes are to be filled in. NULL: memory is out. */
struct vault_value *vault_value_new(enum mask_type type, uint32_t number, size_t len);
/* Wipes and frees a whole list. */
void vault_values_free(struct vault_value *list);

/* Room for all of this list, so that putting it in cannot fail. 0, or -1: memory is out. */
int vault_index_room(struct vault_index *ix, const struct vault_value *list);
/* Put the list in; there is room; the values are owned from now on. */
void vault_index_put(struct vault_index *ix, struct vault_value *list);

/* NULL: none such. */
const struct vault_value *vault_index_find(const struct vault_index *ix, enum mask_type type,
					   const uint8_t *value, size_t len);
const struct vault_value *vault_index_at(const struct vault_index *ix, enum mask_type type,
					 uint32_t number);

#endif
