/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/settle.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096
#define MIB (1024 * 1024)

/* More than the kernel maps at a touch of what stands beside them: half a megabyte, when the file's cache has such folios. */
#define PAGES 1024

/* Constants of the program, with something in the first byte of each page. */
struct page {
	uint8_t first, rest[PAGE - 1];
};
static const struct page constants[PAGES] = {[0 ... PAGES - 1] = {.first = 3}};

/* And what a program may write. */
static struct page variables[PAGES] = {[0 ... PAGES - 1] = {.first = 3}};

static unsigned sum_of(const volatile struct page *pages)
{
	unsigned sum = 0;

	for (size_t i = 0; i < PAGES; i++)
		sum += pages[i].first;
	return sum;
}

/* How many of these pages this process has (Documentation/admin-guide/mm/pagemap.rst: bit 63). */
static size_t mapped(const struct page *pages)
{
	static uint64_t entries[PAGES];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	cr_assert(fd >= 0);
	cr_assert_eq(pread(fd, entries, sizeof(entries),
			   (off_t)((uintptr_t)pages / PAGE * sizeof(*entries))),
		     sizeof(entries));
	close(fd);
	for (size_t i = 0; i < PAGES; i++)
		n += entries[i] >> 63;
	return n;
}

Test(settle, constants_go_and_come_back)
{
	size_t before;

	cr_assert_eq(sum_of(constants), 3 * PAGES);
	before = mapped(constants);
	cr_assert_gt(before, PAGES / 2);
	settle();
	cr_assert_lt(mapped(constants), before / 2);
	cr_assert_eq(sum_of(constants), 3 * PAGES);
}

Test(settle, what_was_written_stays)
{
	for (size_t i = 0; i < PAGES / 2; i++)
		variables[i].first = 7;
	settle();
	cr_assert_eq(sum_of(variables), (7 + 3) * PAGES / 2);
}

/* The sanitizers bring an allocator of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* What is resident of this process, in bytes. */
static size_t resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	size_t kib = 0;

	cr_assert(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Rss: %zu", &kib) == 1)
			break;
	fclose(f);
	cr_assert_gt(kib, 0);
	return kib * 1024;
}

Test(settle, free_memory_goes)
{
	char *block[64], *last;
	size_t before;

	mallopt(M_MMAP_THRESHOLD, 16 * MIB);
	mallopt(M_TRIM_THRESHOLD, 64 * MIB);
	for (size_t i = 0; i < 64; i++) {
		block[i] = malloc(64 * 1024);
		cr_assert(block[i]);
		memset(block[i], 1, 64 * 1024);
	}
	last = malloc(64);
	cr_assert(last);
	strcpy(last, "stays");
	for (size_t i = 0; i < 64; i++)
		free(block[i]);
	before = resident();
	settle();
	cr_assert_leq(resident() + 3 * MIB, before);
	cr_assert_str_eq(last, "stays");
	free(last);
}
#endif
