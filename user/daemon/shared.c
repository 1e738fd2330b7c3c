/* SPDX-License-Identifier: Apache-2.0 */
#include "shared.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

uint64_t shared_mix(uint64_t hash, const char *text)
{
	do /* FNV-1a, the NUL included */
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

int shared_make(const char *name, size_t size, uint64_t layout)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    pwrite(fd, &layout, sizeof(layout), 0) != sizeof(layout) ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool shared_is_ours(int fd, size_t size, uint64_t layout)
{
	uint64_t theirs = 0;
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == (off_t)size &&
	       (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS &&
	       pread(fd, &theirs, sizeof(theirs), 0) == sizeof(theirs) && theirs == layout;
}

void *shared_map(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	return at;
}
