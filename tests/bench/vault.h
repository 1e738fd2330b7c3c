/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_VAULT_H
#define AWSMASK_BENCH_VAULT_H
/* A vault in memory, over the same index as the daemon's; reserving writes nothing to a disk. */
#include "../../user/daemon/vault_index.h"

#include <stdlib.h>

struct bench_vault {
	struct vault_scope scope; /* first */
	struct vault_index index;
	struct type_set types;
	uint32_t last[TYPE_MAX];
	struct known known; /* does not grow while anything is measured */
};

static inline int bench_vault_number(struct vault_scope *s, enum mask_type type,
				     const uint8_t *value, size_t len, uint32_t *number)
{
	struct bench_vault *v = (struct bench_vault *)s;
	const struct vault_value *found = vault_index_find(&v->index, type, value, len);

	if (found)
		*number = found->number;
	return found != NULL;
}

static inline int bench_vault_value(struct vault_scope *s, enum mask_type type, uint32_t number,
				    const uint8_t **value, size_t *len)
{
	struct bench_vault *v = (struct bench_vault *)s;
	const struct vault_value *found = vault_index_at(&v->index, type, number);

	if (found) {
		*value = found->bytes;
		*len = found->len;
	}
	return found != NULL;
}

static inline void bench_vault_types(struct vault_scope *s, struct type_set *types)
{
	*types = ((struct bench_vault *)s)->types;
}

static inline int bench_vault_reserve(struct vault_scope *s, struct vault_entry *entries, size_t n)
{
	struct bench_vault *v = (struct bench_vault *)s;

	for (size_t i = 0; i < n; i++) {
		struct vault_entry *e = &entries[i];
		struct vault_value *fresh;

		if (bench_vault_number(s, e->type, e->value, e->len, &e->number))
			continue;
		e->number = ++v->last[e->type];
		fresh = vault_value_new(e->type, e->number, e->len);
		if (!fresh || vault_index_room(&v->index, fresh) < 0)
			abort();
		memcpy(fresh->bytes, e->value, e->len);
		vault_index_put(&v->index, fresh);
		type_set_add(&v->types, e->type);
		if (known_learns(e->type, e->value, e->len) &&
		    known_add(&v->known, e->type, e->value, e->len) < 0)
			abort();
	}
	return 0;
}

static inline const struct known *bench_vault_known(struct vault_scope *s)
{
	return &((struct bench_vault *)s)->known;
}

static inline void bench_vault_known_done(struct vault_scope *s, const struct known *k)
{
	(void)s, (void)k;
}

static inline void bench_vault_init(struct bench_vault *v)
{
	static const struct vault_ops ops = {
		.number = bench_vault_number,
		.value = bench_vault_value,
		.types = bench_vault_types,
		.reserve = bench_vault_reserve,
		.known = bench_vault_known,
		.known_done = bench_vault_known_done,
	};

	memset(v, 0, sizeof(*v));
	v->scope.ops = &ops;
	v->scope.types = &types_builtin;
	known_init(&v->known, (size_t)64 << 20);
	if (vault_index_init(&v->index) < 0)
		abort();
}

static inline void bench_vault_free(struct bench_vault *v)
{
	known_free(&v->known);
	vault_index_free(&v->index);
}

#endif
