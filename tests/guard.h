/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H
/* Bytes that end right before a page that must not be touched: reading one too far is a SIGSEGV. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guarded {
	uint8_t *map;
	size_t size;
	uint8_t *p; /* the copy */
};

static inline struct guarded guarded_copy(const void *bytes, size_t n)
{
	size_t page = sysconf(_SC_PAGESIZE), body = (n + page - 1) / page * page;
	struct guarded g = {.size = body + page};

	g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g.map == MAP_FAILED || mprotect(g.map + body, page, PROT_NONE) < 0)
		_exit(99);
	g.p = g.map + body - n;
	if (n)
		memcpy(g.p, bytes, n);
	return g;
}

static inline void guarded_free(struct guarded *g)
{
	munmap(g->map, g->size);
}

#endif
