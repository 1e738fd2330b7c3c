/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_TEMPDIR_H
#define AWSMASK_TESTS_TEMPDIR_H
/* A directory of the test's own, gone with it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char tempdir[64];

static inline void tempdir_make(void)
{
	strcpy(tempdir, "/tmp/awsmask-unit.XXXXXX");
	cr_assert(mkdtemp(tempdir) != NULL);
}

static inline int tempdir_drop(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline void tempdir_remove(void)
{
	nftw(tempdir, tempdir_drop, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A path in it; the last 64 results stay valid. */
static inline const char *in_tempdir(const char *name)
{
	static char paths[64][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 64];

	snprintf(path, PATH_MAX, "%s/%s", tempdir, name);
	return path;
}

static inline void put_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL, "%s", path);
	cr_assert_eq(fwrite(bytes, 1, len, f), len);
	cr_assert_eq(fclose(f), 0);
}

static inline mode_t mode_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_mode & 07777;
}

/* A disk of its own at in_tempdir("disk"), in a mount namespace of the test's own. */
static inline void tempdir_small_disk(const char *options)
{
	bool root = geteuid() == 0;

	cr_assert_eq(unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)), 0, "%s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mkdir(in_tempdir("disk"), 0700), 0);
	cr_assert_eq(mount("tmpfs", in_tempdir("disk"), "tmpfs", 0, options), 0, "%s",
		     strerror(errno));
}

#endif
