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

#endif
