/* SPDX-License-Identifier: Apache-2.0 */
#include "settle.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEEP_BLOCK (8 * 1024 * 1024)

/* Of one program or library. What can be written may have been, by the dynamic linker: it stays. */
static int give_back(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = *(const uintptr_t *)arg;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t to = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(page - 1);

		/* It is a favour to others: where it fails nothing is lost. */
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && to > from)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void settle(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(give_back, &page);
}

void settle_keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, KEEP_BLOCK);
	mallopt(M_TRIM_THRESHOLD, 4 * KEEP_BLOCK);
}
