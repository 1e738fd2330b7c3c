/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_TEMPDIR_H
#define AWSMASK_TESTS_TEMPDIR_H
/* A directory of the test's own, gone with it. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

#endif
