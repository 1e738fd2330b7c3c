/* SPDX-License-Identifier: Apache-2.0 */
#include "state_dir.h"
#include "vault_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Exactly VAULT_KEY_SIZE bytes and not one more. */
static bool read_key(int fd, uint8_t key[static VAULT_KEY_SIZE])
{
	uint8_t more;
	size_t len = 0;
	ssize_t n = 0;

	while (len < VAULT_KEY_SIZE) {
		n = read(fd, key + len, VAULT_KEY_SIZE - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	return read(fd, &more, 1) == 0;
}

static int check_key_file(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set(e, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: the vault's key is not a regular file; name another path",
			       path);
	if (st.st_mode & 077)
		return err_set(e,
			       "%s: others may read or write the vault's key (mode %04o); run "
			       "chmod 600, and think of it as known to them",
			       path, st.st_mode & 07777);
	if (st.st_size != VAULT_KEY_SIZE)
		return err_set(e,
			       "%s: the vault's key has %lld bytes instead of %d; put the right "
			       "file back",
			       path, (long long)st.st_size, VAULT_KEY_SIZE);
	return 0;
}

static int write_key(int fd, const uint8_t key[static VAULT_KEY_SIZE])
{
	ssize_t n = write(fd, key, VAULT_KEY_SIZE);

	if (n >= 0 && n != VAULT_KEY_SIZE)
		errno = ENOSPC;
	return n == VAULT_KEY_SIZE && fsync(fd) == 0 ? 0 : -1;
}

/* The name appears once the bytes are safe, and never over another process's key. */
static int link_key(const char *temporary, const char *path)
{
	if (link(temporary, path) && errno != EEXIST)
		return -1;
	return state_dir_sync(path);
}

static int make_key(const char *path, struct err *e)
{
	uint8_t key[VAULT_KEY_SIZE];
	char temporary[PATH_MAX];
	int fd, rc = -1;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
		return err_set(e, "the key's path is too long; write a shorter one");
	if (RAND_bytes(key, sizeof(key)) != 1)
		return err_set(e, "%s: no randomness to make a key from", path);
	fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd >= 0) {
		rc = write_key(fd, key) || link_key(temporary, path) ? -1 : 0;
		if (rc)
			err_set(e, "%s: the vault's key cannot be made: %s", path, strerror(errno));
		unlink(temporary);
		close(fd);
	} else {
		err_set(e, "%s: the vault's key cannot be made: %s", path, strerror(errno));
	}
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

int vault_key_load(const char *path, uint8_t key[static VAULT_KEY_SIZE], struct err *e)
{
	uint8_t bytes[VAULT_KEY_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc = -1;

	if (fd < 0 && errno == ENOENT) {
		if (make_key(path, e))
			return -1;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (fd < 0)
		return err_set(e, "%s: the vault's key cannot be opened: %s", path,
			       strerror(errno));
	if (check_key_file(fd, path, e) == 0) {
		if (read_key(fd, bytes)) {
			memcpy(key, bytes, sizeof(bytes));
			rc = 0;
		} else {
			err_set(e, "%s: the vault's key cannot be read", path);
		}
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	close(fd);
	return rc;
}
