/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_LEAKS_H
#define AWSMASK_BENCH_LEAKS_H
/* Counts occurrences of many values in bytes, by their first eight; a few GB/s where there are none. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAKS_MAX 2048
#define LEAKS_BITS 16

struct leaks {
	char values[LEAKS_MAX][64];
	unsigned n;
	uint16_t first[1 << LEAKS_BITS]; /* number of a value + 1 */
	uint16_t next[LEAKS_MAX];
	uint8_t begins[1 << LEAKS_BITS]; /* whether any value's first eight bytes hash to this */
};

static inline unsigned leaks_hash(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
	return (unsigned)(word * 0x9e3779b97f4a7c15 >> (64 - LEAKS_BITS));
}

static inline void leaks_add(struct leaks *l, const char *value)
{
	unsigned h;

	if (l->n == LEAKS_MAX || strlen(value) < 8 || strlen(value) >= sizeof(l->values[0])) {
		fprintf(stderr, "not a value to look for: '%s'\n", value);
		exit(1);
	}
	strcpy(l->values[l->n], value);
	h = leaks_hash((const uint8_t *)value);
	l->next[l->n] = l->first[h];
	l->first[h] = (uint16_t)++l->n;
	l->begins[h] = 1;
}

static inline bool leaks_at(const struct leaks *l, unsigned h, const uint8_t *p, size_t len)
{
	for (unsigned i = l->first[h]; i; i = l->next[i - 1]) {
		const char *value = l->values[i - 1];
		size_t n = strlen(value);

		if (n <= len && !memcmp(p, value, n))
			return true;
	}
	return false;
}

static inline size_t leaks_count(const struct leaks *l, const uint8_t *p, size_t len)
{
	size_t found = 0;

	for (size_t i = 0; i + 8 <= len; i++) {
		unsigned h = leaks_hash(p + i);

		if (l->begins[h] && leaks_at(l, h, p + i, len - i))
			found++;
	}
	return found;
}

/*
 * Bodies that came lately: what was found in one holds for the same bytes again, so that who asks the same over and over
 * is not measured by how long it takes to look for values. Kept is what came twice. All zero: none came.
 */
#define LEAKS_CAME 64

struct leaks_came {
	struct {
		uint64_t key;
		uint8_t *body; /* NULL: it came once */
		size_t len, seen;
	} at[LEAKS_CAME];
	unsigned oldest;
};

/* Of a body's length and some of its bytes: whether it may be one that came before. */
static inline uint64_t leaks_key(const uint8_t *p, size_t len)
{
	uint64_t key = len, word;

	for (size_t i = 0; i + 8 <= len; i += 512) {
		memcpy(&word, p + i, 8);
		key = (key ^ word) * 0x9e3779b97f4a7c15;
		key ^= key >> 32;
	}
	return key;
}

/* As leaks_count(), of which the same bytes are spared the third time. */
static inline size_t leaks_look(const struct leaks *l, struct leaks_came *came, const uint8_t *p,
				size_t len)
{
	uint64_t key = leaks_key(p, len);
	unsigned i = 0;
	size_t seen;

	while (i < LEAKS_CAME && came->at[i].key != key)
		i++;
	if (i < LEAKS_CAME && came->at[i].body && came->at[i].len == len &&
	    !memcmp(came->at[i].body, p, len))
		return came->at[i].seen;
	seen = leaks_count(l, p, len);
	if (i == LEAKS_CAME) {
		i = came->oldest++ % LEAKS_CAME;
		free(came->at[i].body);
		came->at[i].body = NULL;
		came->at[i].key = key;
		return seen;
	}
	free(came->at[i].body);
	came->at[i].body = malloc(len);
	if (came->at[i].body)
		memcpy(came->at[i].body, p, len);
	came->at[i].len = len;
	came->at[i].seen = seen;
	return seen;
}

#endif
