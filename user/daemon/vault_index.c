/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_index.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64
#define NUMBERS_MIN 64

static inline uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3, keyed: clients choose the values and must not choose the buckets. */
static uint64_t hash_value(const struct vault_index *ix, enum mask_type type, const uint8_t *value,
			   size_t len)
{
	uint64_t v[4] = {ix->seed[0] ^ 0x736f6d6570736575, ix->seed[1] ^ 0x646f72616e646f6d ^ type,
			 ix->seed[0] ^ 0x6c7967656e657261, ix->seed[1] ^ 0x7465646279746573};
	uint64_t word, last = (uint64_t)len << 56;
	size_t i;

	for (i = 0; len - i >= 8; i += 8) {
		memcpy(&word, value + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (unsigned shift = 0; i < len; i++, shift += 8)
		last |= (uint64_t)value[i] << shift;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int vault_index_init(struct vault_index *ix)
{
	memset(ix, 0, sizeof(*ix));
	return RAND_bytes((uint8_t *)ix->seed, sizeof(ix->seed)) == 1 ? 0 : -1;
}

void vault_index_free(struct vault_index *ix)
{
	for (size_t i = 0; i < ix->size; i++)
		vault_values_free(ix->buckets[i]);
	free(ix->buckets);
	for (size_t t = 0; t < TYPE_MAX; t++)
		free(ix->numbers[t].at);
	memset(ix, 0, sizeof(*ix));
}

struct vault_value *vault_value_new(enum mask_type type, uint32_t number, size_t len)
{
	struct vault_value *v;

	if (len > SIZE_MAX / 2)
		return NULL;
	v = malloc(sizeof(*v) + len);
	if (v)
		*v = (struct vault_value){.type = type, .number = number, .len = len};
	return v;
}

void vault_values_free(struct vault_value *list)
{
	while (list) {
		struct vault_value *next = list->next;
		explicit_bzero(list->bytes, list->len);
		free(list);
		list = next;
	}
}

/* Nothing but pointers is in the old table: it need not be wiped. */
static int grow_buckets(struct vault_index *ix, size_t want)
{
	struct vault_value **buckets;
	size_t size = ix->size ? ix->size : BUCKETS_MIN;

	while (size < want)
		size *= 2;
	if (size == ix->size)
		return 0;
	buckets = calloc(size, sizeof(struct vault_value *));
	if (!buckets)
		return -1;
	for (size_t i = 0; i < ix->size; i++) {
		struct vault_value *v = ix->buckets[i], *next;
		for (; v; v = next) {
			next = v->next;
			v->next = buckets[v->hash & (size - 1)];
			buckets[v->hash & (size - 1)] = v;
		}
	}
	free(ix->buckets);
	ix->buckets = buckets;
	ix->size = size;
	return 0;
}

static int grow_numbers(struct vault_numbers *n, uint32_t number)
{
	struct vault_value **at;
	size_t size = n->size ? n->size : NUMBERS_MIN;

	while (size <= number)
		size *= 2;
	if (size == n->size)
		return 0;
	at = realloc(n->at, size * sizeof(struct vault_value *));
	if (!at)
		return -1;
	memset(at + n->size, 0, (size - n->size) * sizeof(struct vault_value *));
	n->at = at;
	n->size = size;
	return 0;
}

int vault_index_room(struct vault_index *ix, const struct vault_value *list)
{
	size_t count = ix->count;

	for (; list; list = list->next) {
		if (grow_numbers(&ix->numbers[list->type], list->number))
			return -1;
		count++;
	}
	return grow_buckets(ix, count);
}

void vault_index_put(struct vault_index *ix, struct vault_value *list)
{
	while (list) {
		struct vault_value *v = list, **bucket;

		list = v->next;
		v->hash = hash_value(ix, v->type, v->bytes, v->len);
		bucket = &ix->buckets[v->hash & (ix->size - 1)];
		v->next = *bucket;
		*bucket = v;
		ix->numbers[v->type].at[v->number] = v;
		ix->count++;
	}
}

const struct vault_value *vault_index_find(const struct vault_index *ix, enum mask_type type,
					   const uint8_t *value, size_t len)
{
	uint64_t hash;
	const struct vault_value *v;

	if (!ix->count)
		return NULL;
	hash = hash_value(ix, type, value, len);
	for (v = ix->buckets[hash & (ix->size - 1)]; v; v = v->next)
		if (v->hash == hash && v->type == type && v->len == len &&
		    !memcmp(v->bytes, value, len))
			return v;
	return NULL;
}

const struct vault_value *vault_index_at(const struct vault_index *ix, enum mask_type type,
					 uint32_t number)
{
	const struct vault_numbers *n = &ix->numbers[type];

	return number < n->size ? n->at[number] : NULL;
}
