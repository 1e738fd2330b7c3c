/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For /etc/ld.so.preload of a test's place: a disk that fails, and a clock that was set. What is wrong is read from
 * the file TROUBLE, which is mapped when a program starts, so that a worker behind its sandbox obeys it, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define DISK "/var/lib/awsmask/"

struct trouble {
	int32_t writing,
		reading; /* errno of what is done to files below DISK; 0: nothing is wrong */
	int64_t clock;	 /* s that CLOCK_REALTIME is ahead */
};

static const struct trouble none;
static const volatile struct trouble *trouble = &none;

__attribute__((constructor)) static void begin(void)
{
	int fd = open(TROUBLE, O_RDONLY | O_CLOEXEC);
	void *at = MAP_FAILED;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		trouble = at;
}

/* Whether this call is to fail; errno is set. */
static int fails(int error, int fd)
{
	char link[64], path[4096];
	ssize_t n;

	if (!error)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	if (n < (ssize_t)strlen(DISK) || memcmp(path, DISK, strlen(DISK)) != 0)
		return 0;
	errno = error;
	return 1;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails(trouble->writing, fd) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return pwrite(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	return fails(trouble->writing, fd) ? -1 : syscall(SYS_write, fd, p, n);
}

int fsync(int fd)
{
	return fails(trouble->writing, fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails(trouble->writing, fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size)
{
	return fails(trouble->writing, fd) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return fails(trouble->reading, fd) ? -1 : syscall(SYS_pread64, fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
	return pread(fd, p, n, at);
}

ssize_t read(int fd, void *p, size_t n)
{
	return fails(trouble->reading, fd) ? -1 : syscall(SYS_read, fd, p, n);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, at);

	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		at->tv_sec += trouble->clock;
	return rc;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*at = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *to)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (to)
		*to = now.tv_sec;
	return now.tv_sec;
}
