/* SPDX-License-Identifier: Apache-2.0 */
#include "state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int directory_of(const char *file, char dir[static PATH_MAX], struct err *e)
{
	size_t len = strlen(file);

	if (len >= PATH_MAX)
		return err_set(e, "a path is too long; write a shorter one than %.100s...", file);
	while (len && file[len - 1] != '/')
		len--;
	if (!len)
		return err_set(e, "%s: write the whole path, from / on", file);
	memcpy(dir, file, len);
	dir[len > 1 ? len - 1 : len] = 0; /* "/" stays */
	return 0;
}

int state_dir_make(const char *file, gid_t group, mode_t mode, struct err *e)
{
	char dir[PATH_MAX];

	if (directory_of(file, dir, e) < 0)
		return -1;
	if (mkdir(dir, 0700) == 0) {
		if (chown(dir, 0, group) < 0 || chmod(dir, mode) < 0)
			return err_set(e, "%s cannot be given its owner: %s", dir, strerror(errno));
	} else if (errno != EEXIST) {
		return err_set(e, "%s cannot be made: %s; make its parent directory", dir,
			       strerror(errno));
	}
	return 0;
}

int state_dir_check(const char *file, uid_t uid, gid_t gid, struct err *e)
{
	char dir[PATH_MAX];
	struct stat st;

	if (directory_of(file, dir, e) < 0)
		return -1;
	if (stat(dir, &st) < 0)
		return err_set(e, "%s: %s", dir, strerror(errno));
	if ((st.st_gid == gid && (st.st_mode & 030) == 030) || st.st_uid == uid)
		return 0;
	return err_set(e, "the worker cannot write into %s; do: chgrp %u %s && chmod 1771 %s", dir,
		       gid, dir, dir);
}

int state_dir_sync(const char *file)
{
	char copy[PATH_MAX];
	int fd, rc;

	snprintf(copy, sizeof(copy), "%s", file);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}
