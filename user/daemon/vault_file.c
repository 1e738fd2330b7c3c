/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
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
