/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_file.h"
#include "state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new file's name is safe on the disk, and root has made it for whoever owns the directory. */
static int settle_file(int fd, const char *path)
{
	char copy[PATH_MAX];
	struct stat st;
	int dir, rc = -1;

	strcpy(copy, path);
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	if (fstat(dir, &st) == 0 && (geteuid() != 0 || fchown(fd, st.st_uid, st.st_gid) == 0))
		rc = fsync(dir);
	close(dir);
	return rc;
}

int vault_file_make(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		int rc = settle_file(fd, path);
		if (rc)
			err_set(e, "%s: the vault cannot be made: %s", path, strerror(errno));
		close(fd);
		return rc;
	}
	if (errno != EEXIST)
		return err_set(e, "%s: the vault cannot be made: %s", path, strerror(errno));
	if (lstat(path, &st))
		return err_set(e, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: the vault is not a regular file; name another path", path);
	if (st.st_mode & 077)
		return err_set(e,
			       "%s: others may read or write the vault (mode %04o); run chmod 600",
			       path, st.st_mode & 07777);
	return 0;
}

/*
 * The earlier file's changes must not stand beside the new one, which would be taken to have them. As long as it has
 * its own name as well, whoever is interrupted here leaves the rest to the next one.
 */
static int take_place(const char *made, const char *path)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	char name[PATH_MAX + 8];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		if (unlink(name) < 0 && errno != ENOENT)
			return -1;
	}
	return state_dir_sync(path) || rename(made, path) || state_dir_sync(path) ? -1 : 0;
}

int vault_file_settle(const char *path, struct err *e)
{
	char made[PATH_MAX + 16], dir[PATH_MAX + 16];
	int fd, rc;

	if (snprintf(made, sizeof(made), "%s" VAULT_FILE_REPAIRED, path) >= (int)sizeof(made))
		return err_set(e, "%s: the path is too long", path);
	if (access(made, F_OK) < 0) /* if something else is amiss, who opens the vault says what */
		return 0;
	strcpy(dir, path);
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Who starts at the same moment must not take the new file's changes for the earlier one's. */
	rc = fd < 0 ? -1 : flock(fd, LOCK_EX);
	if (rc == 0 && access(made, F_OK) == 0)
		rc = take_place(made, path);
	if (rc)
		err_set(e, "%s was repaired, but %s cannot take its place: %s", path, made,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}
