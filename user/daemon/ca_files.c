/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW(name) name ".new"
#define OLD(name) name ".old"
#define BEFORE(name) name ".before"
#define PEM_MAX 65536

int ca_dir_open(const char *dir, struct err *e)
{
	struct stat st;
	int fd;

	if (mkdir(dir, 0755) ? errno != EEXIST : chmod(dir, 0755) != 0)
		return err_set(e, "%s: cannot be made: %s", dir, strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || flock(fd, LOCK_EX)) {
		err_set(e, "%s: cannot be opened: %s", dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (st.st_mode & 022 || (st.st_uid != geteuid() && st.st_uid != 0)) {
		close(fd);
		return err_set(e,
			       "%s: others may write here (uid %u, mode %04o); make it root's, and "
			       "chmod 755",
			       dir, st.st_uid, st.st_mode & 07777);
	}
	return fd;
}

bool ca_file_exists(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* An open file as a BIO that closes it; NULL and a sentence. */
static BIO *open_bio(int dirfd, const char *dir, const char *name, bool secret, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	BIO *bio;

	if (fd < 0 || fstat(fd, &st)) {
		err_set(e, "%s/%s: cannot be read: %s", dir, name, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > PEM_MAX) {
		err_set(e, "%s/%s: not a file of the certificate authority", dir, name);
		goto fail;
	}
	if (secret && (st.st_mode & 077 || (st.st_uid != geteuid() && st.st_uid != 0))) {
		err_set(e,
			"%s/%s: others may read or write this key (uid %u, mode %04o); run "
			"awsmaskctl ca rotate, or make it root's and chmod 600 if nobody has read "
			"it",
			dir, name, st.st_uid, st.st_mode & 07777);
		goto fail;
	}
	bio = BIO_new_fd(fd, BIO_CLOSE);
	if (bio)
		return bio;
	err_set(e, "%s/%s: memory is out", dir, name);
fail:
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Never ask the terminal for a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

X509 *ca_load_certificate(int dirfd, const char *dir, const char *name, struct err *e)
{
	BIO *bio = open_bio(dirfd, dir, name, false, e);
	X509 *cert;

	if (!bio)
		return NULL;
	cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (!cert)
		err_set(e,
			"%s/%s: not a certificate in PEM; put it back, or run awsmaskctl ca rotate",
			dir, name);
	ERR_clear_error();
	BIO_free(bio);
	return cert;
}

EVP_PKEY *ca_load_key(int dirfd, const char *dir, const char *name, struct err *e)
{
	BIO *bio = open_bio(dirfd, dir, name, true, e);
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (!key)
		err_set(e,
			"%s/%s: not a private key in PEM; put it back, or run awsmaskctl ca rotate",
			dir, name);
	ERR_clear_error();
	BIO_free(bio);
	return key;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What `bio` holds as a new file, safe on the disk. */
static int write_file(int dirfd, const char *name, mode_t mode, BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);
	int fd, rc = -1;

	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_all(fd, bytes, (size_t)len) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0)
		rc = 0;
	close(fd);
	return rc;
}

static int write_pair(int dirfd, X509 *cert, EVP_PKEY *key)
{
	BIO *cert_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_secmem());
	int rc = -1;

	errno = ENOMEM;
	if (cert_pem && key_pem && PEM_write_bio_X509(cert_pem, cert) == 1 &&
	    PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    write_file(dirfd, NEW(CA_KEY_FILE), 0600, key_pem) == 0 &&
	    write_file(dirfd, NEW(CA_CERT_FILE), 0644, cert_pem) == 0 && fsync(dirfd) == 0)
		rc = 0;
	BIO_free(cert_pem);
	BIO_free(key_pem);
	return rc;
}

static int forget(int dirfd, const char *name)
{
	return unlinkat(dirfd, name, 0) == 0 || errno == ENOENT ? 0 : -1;
}

/* Another name for the file, in one step over what had that name; nothing when there is no file. */
static int keep_as(int dirfd, const char *name, const char *step, const char *old)
{
	if (forget(dirfd, step))
		return -1;
	if (linkat(dirfd, name, dirfd, step, 0))
		return errno == ENOENT ? 0 : -1;
	return renameat(dirfd, step, dirfd, old);
}

/* All that a rotation changes, and what each is kept as until it stands; the pair comes first. */
static const struct kept {
	const char *name, *before;
} kept[] = {
	{CA_CERT_FILE, BEFORE(CA_CERT_FILE)},
	{CA_KEY_FILE, BEFORE(CA_KEY_FILE)},
	{CA_CROSS_FILE, BEFORE(CA_CROSS_FILE)},
	{OLD(CA_CERT_FILE), BEFORE(OLD(CA_CERT_FILE))},
	{OLD(CA_KEY_FILE), BEFORE(OLD(CA_KEY_FILE))},
};
enum { KEPT = sizeof(kept) / sizeof(kept[0]), KEPT_PAIR = 2 };

static int failed(const char *dir, struct err *e)
{
	return err_set(e, "%s: the certificate authority cannot be written: %s", dir,
		       strerror(errno));
}

/* The certificate last: as long as it is there, none of them is needed any more. */
int ca_forget_before(int dirfd, const char *dir, struct err *e)
{
	for (size_t i = KEPT; i-- > 0;)
		if (forget(dirfd, kept[i].before))
			return failed(dir, e);
	return 0;
}

int ca_claim_before(int dirfd)
{
	int fd =
		openat(dirfd, BEFORE(CA_CERT_FILE), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -1;
}

int ca_remember(int dirfd, const char *dir, struct err *e)
{
	if (ca_forget_before(dirfd, dir, e))
		return -1;
	for (size_t i = 0; i < KEPT; i++)
		if (keep_as(dirfd, kept[i].name, "ca.step", kept[i].before))
			return failed(dir, e);
	return 0;
}

/* The file as it was, or none where there was none. */
static int put_back(int dirfd, const struct kept *k)
{
	return renameat(dirfd, k->before, dirfd, k->name) == 0 ? 0
	       : errno == ENOENT			       ? forget(dirfd, k->name)
							       : -1;
}

/* As swap_pair(): if this process does not live to give the certificate its key, ca_settle() does. */
static int pair_back(int dirfd)
{
	if (renameat(dirfd, BEFORE(CA_KEY_FILE), dirfd, NEW(CA_KEY_FILE)))
		return errno == ENOENT && put_back(dirfd, &kept[0]) == 0 ? put_back(dirfd, &kept[1])
									 : -1;
	if (fsync(dirfd) || put_back(dirfd, &kept[0]) || fsync(dirfd))
		return -1;
	return renameat(dirfd, NEW(CA_KEY_FILE), dirfd, CA_KEY_FILE);
}

int ca_put_back(int dirfd, const char *dir, struct err *e)
{
	int rc = pair_back(dirfd);

	for (size_t i = KEPT_PAIR; rc == 0 && i < KEPT; i++)
		rc = put_back(dirfd, &kept[i]);
	return rc || fsync(dirfd) ? failed(dir, e) : 0;
}

/*
 * The certificate's rename decides: from then on the pair is the new one, and ca_settle() gives it
 * its key if this process does not live to do so.
 */
static int swap_pair(int dirfd)
{
	if (keep_as(dirfd, CA_CERT_FILE, "ca.pem.step", OLD(CA_CERT_FILE)) ||
	    keep_as(dirfd, CA_KEY_FILE, "ca.key.step", OLD(CA_KEY_FILE)) || fsync(dirfd) ||
	    renameat(dirfd, NEW(CA_CERT_FILE), dirfd, CA_CERT_FILE) || fsync(dirfd) ||
	    renameat(dirfd, NEW(CA_KEY_FILE), dirfd, CA_KEY_FILE) || fsync(dirfd))
		return -1;
	return 0;
}

/* It counts only beside the certificate that it is for, so it may come before that. */
static int write_cross(int dirfd, const struct ca *earlier, X509 *cert)
{
	X509 *cross = earlier ? ca_cross(earlier, cert) : NULL;
	BIO *pem = BIO_new(BIO_s_mem());
	int rc = -1;

	errno = ENOMEM;
	if (pem && (cross || !earlier) && forget(dirfd, CA_CROSS_FILE) == 0 &&
	    (!cross || (PEM_write_bio_X509(pem, cross) == 1 &&
			write_file(dirfd, CA_CROSS_FILE, 0644, pem) == 0)))
		rc = 0;
	BIO_free(pem);
	X509_free(cross);
	return rc;
}

int ca_make(int dirfd, const char *dir, const struct ca_targets *targets, const struct ca *earlier,
	    time_t now, struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = NULL;
	int rc = -1;

	if (!key) {
		err_set(e, "%s: no key could be made: OpenSSL failed", dir);
		goto out;
	}
	cert = ca_certify(key, targets, now, e);
	if (!cert)
		goto out;
	rc = write_pair(dirfd, cert, key) || write_cross(dirfd, earlier, cert) || swap_pair(dirfd)
		     ? failed(dir, e)
		     : 0;
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}

static bool is_pair(int dirfd, const char *dir, const char *cert_name, const char *key_name)
{
	struct err ignored;
	X509 *cert = ca_load_certificate(dirfd, dir, cert_name, &ignored);
	EVP_PKEY *key = ca_load_key(dirfd, dir, key_name, &ignored);
	bool pair = cert && key && X509_check_private_key(cert, key) == 1;

	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(key);
	return pair;
}

/* A rotation was killed before it could know whether it stands: it does, for the pair is a whole one. */
static int settle_before(int dirfd, const char *dir, struct err *e)
{
	int claim = ca_claim_before(dirfd), rc = 0;

	if (claim < 0) /* there is none, or it goes on */
		return 0;
	if (ca_file_exists(dirfd, BEFORE(CA_KEY_FILE)) &&
	    is_pair(dirfd, dir, CA_CERT_FILE, CA_KEY_FILE))
		rc = ca_forget_before(dirfd, dir, e);
	close(claim);
	return rc;
}

int ca_settle(int dirfd, const char *dir, struct err *e)
{
	int rc = 0;

	if (ca_file_exists(dirfd, NEW(CA_KEY_FILE)) &&
	    is_pair(dirfd, dir, CA_CERT_FILE, NEW(CA_KEY_FILE)))
		rc = renameat(dirfd, NEW(CA_KEY_FILE), dirfd, CA_KEY_FILE);
	if (rc || forget(dirfd, NEW(CA_KEY_FILE)) || forget(dirfd, NEW(CA_CERT_FILE)) ||
	    forget(dirfd, "ca.pem.step") || forget(dirfd, "ca.key.step") ||
	    forget(dirfd, "ca.step") || fsync(dirfd))
		return err_set(e, "%s: what an interrupted change left cannot be put right: %s",
			       dir, strerror(errno));
	return settle_before(dirfd, dir, e);
}
