/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MEMORY_VAULT_H
#define AWSMASK_MEMORY_VAULT_H
/*
 * A vault in memory, for tests: one scope, looked up linearly, with a log of what was asked of it.
 *
 *	struct memory_vault v;
 *	memory_vault_init(&v);
 *	memory_vault_put(&v, TYPE_LITERAL, 7, "value");       // as if reserved in an earlier life
 *	mask_resolve(m, &v.scope);
 *	v.refuse = true;                                       // the next reserve() fails
 *	memory_vault_free(&v);
 */
#include "../user/mask/vault.h"

#include <stdlib.h>
#include <string.h>

enum memory_call { MEMORY_NUMBER, MEMORY_VALUE, MEMORY_TYPES, MEMORY_RESERVE };

struct memory_log {
	enum memory_call call;
	enum mask_type type;
	uint32_t number; /* asked for, or found; 0: unknown */
	size_t n;	 /* MEMORY_RESERVE: entries */
	int result;
};

struct memory_entry {
	enum mask_type type;
	uint32_t number;
	uint8_t *value; /* its own allocation, so that it never moves */
	size_t len;
};

struct memory_vault {
	struct vault_scope scope; /* first */
	struct memory_entry *entries;
	size_t n;
	uint32_t last[TYPE_MAX];
	struct memory_log *log;
	size_t log_n;
	unsigned snapshots; /* known() not yet given back */
	size_t fresh;	    /* numbers given out by reserve() */
	bool refuse;	    /* reserve() keeps nothing and returns -1 */
	bool unlogged;	    /* for fuzzers: the log would only grow */
};

static inline void *memory_grow(void *p, size_t n, size_t size)
{
	/* Doubling at powers of two: the counter alone says when. */
	if (n & (n - 1))
		return p;
	p = realloc(p, (n ? n * 2 : 1) * size);
	if (!p)
		abort();
	return p;
}

static inline void memory_vault_log(struct memory_vault *v, struct memory_log l)
{
	if (v->unlogged)
		return;
	v->log = memory_grow(v->log, v->log_n, sizeof(*v->log));
	v->log[v->log_n++] = l;
}

static inline size_t memory_vault_calls(const struct memory_vault *v, enum memory_call call)
{
	size_t calls = 0;

	for (size_t i = 0; i < v->log_n; i++)
		calls += v->log[i].call == call;
	return calls;
}

static inline struct memory_entry *memory_vault_find(struct memory_vault *v, enum mask_type type,
						     const void *value, size_t len)
{
	for (size_t i = 0; i < v->n; i++) {
		struct memory_entry *e = &v->entries[i];

		if (e->type == type && e->len == len && (!len || !memcmp(e->value, value, len)))
			return e;
	}
	return NULL;
}

static inline void memory_vault_put_bytes(struct memory_vault *v, enum mask_type type,
					  uint32_t number, const void *value, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, value, len);
	v->entries = memory_grow(v->entries, v->n, sizeof(*v->entries));
	v->entries[v->n++] = (struct memory_entry){type, number, copy, len};
	if (v->last[type] < number)
		v->last[type] = number;
}

static inline void memory_vault_put(struct memory_vault *v, enum mask_type type, uint32_t number,
				    const char *value)
{
	memory_vault_put_bytes(v, type, number, value, strlen(value));
}

static inline int memory_vault_number(struct vault_scope *s, enum mask_type type,
				      const uint8_t *value, size_t len, uint32_t *number)
{
	struct memory_vault *v = (struct memory_vault *)s;
	struct memory_entry *e = memory_vault_find(v, type, value, len);

	memory_vault_log(v,
			 (struct memory_log){MEMORY_NUMBER, type, e ? e->number : 0, 0, e ? 1 : 0});
	if (e)
		*number = e->number;
	return e ? 1 : 0;
}

static inline int memory_vault_value(struct vault_scope *s, enum mask_type type, uint32_t number,
				     const uint8_t **value, size_t *len)
{
	struct memory_vault *v = (struct memory_vault *)s;
	int found = 0;

	for (size_t i = 0; i < v->n && !found; i++) {
		if (v->entries[i].type != type || v->entries[i].number != number)
			continue;
		*value = v->entries[i].value;
		*len = v->entries[i].len;
		found = 1;
	}
	memory_vault_log(v, (struct memory_log){MEMORY_VALUE, type, number, 0, found});
	return found;
}

static inline void memory_vault_types(struct vault_scope *s, struct type_set *types)
{
	struct memory_vault *v = (struct memory_vault *)s;

	memset(types, 0, sizeof(*types));
	for (size_t i = 0; i < v->n; i++)
		type_set_add(types, v->entries[i].type);
	memory_vault_log(v, (struct memory_log){.call = MEMORY_TYPES});
}

static inline int memory_vault_reserve(struct vault_scope *s, struct vault_entry *entries, size_t n)
{
	struct memory_vault *v = (struct memory_vault *)s;

	memory_vault_log(v,
			 (struct memory_log){.call = MEMORY_RESERVE, .n = n, .result = -v->refuse});
	if (v->refuse)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct vault_entry *want = &entries[i];
		struct memory_entry *e = memory_vault_find(v, want->type, want->value, want->len);

		if (!e) {
			memory_vault_put_bytes(v, want->type, v->last[want->type] + 1, want->value,
					       want->len);
			e = &v->entries[v->n - 1];
			v->fresh++;
		}
		want->number = e->number;
	}
	return 0;
}

/* Made anew each time: an entry that comes later is not in it. */
static inline const struct known *memory_vault_known(struct vault_scope *s)
{
	struct memory_vault *v = (struct memory_vault *)s;
	struct known *k = malloc(sizeof(*k));

	if (!k)
		abort();
	known_init(k, SIZE_MAX / 2);
	for (size_t i = 0; i < v->n; i++) {
		const struct memory_entry *e = &v->entries[i];

		if (known_learns(e->type, e->value, e->len) &&
		    known_add(k, e->type, e->value, e->len))
			abort();
	}
	v->snapshots++;
	return k;
}

static inline void memory_vault_known_done(struct vault_scope *s, const struct known *k)
{
	struct memory_vault *v = (struct memory_vault *)s;

	known_free((struct known *)k);
	free((struct known *)k);
	v->snapshots--;
}

static inline void memory_vault_init(struct memory_vault *v)
{
	static const struct vault_ops ops = {
		.number = memory_vault_number,
		.value = memory_vault_value,
		.types = memory_vault_types,
		.reserve = memory_vault_reserve,
		.known = memory_vault_known,
		.known_done = memory_vault_known_done,
	};

	memset(v, 0, sizeof(*v));
	v->scope.ops = &ops;
	v->scope.types = &types_builtin;
}

static inline void memory_vault_free(struct memory_vault *v)
{
	if (v->snapshots)
		abort();
	for (size_t i = 0; i < v->n; i++)
		free(v->entries[i].value);
	free(v->entries);
	free(v->log);
	memset(v, 0, sizeof(*v));
}

#endif
