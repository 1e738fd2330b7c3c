/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_WIRE_GUARD_H
#define AWSMASK_TESTS_WIRE_GUARD_H
/* Bytes that end right before a page that may not be touched. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_MAX (128 * 1024)

static inline uint8_t *guard_copy(const void *p, size_t n)
{
	static uint8_t *map;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!map) {
		map = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		cr_assert_neq(map, MAP_FAILED);
		cr_assert_eq(mprotect(map + GUARD_MAX, page, PROT_NONE), 0);
	}
	cr_assert_leq(n, (size_t)GUARD_MAX);
	if (n)
		memcpy(map + GUARD_MAX - n, p, n);
	return map + GUARD_MAX - n;
}

#endif
