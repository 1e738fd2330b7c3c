/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_internal.h"
#include "path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct store {
	const char *command; /* whose presence tells which family this is, */
	const char *mark;    /* with this beside it, where another family's has the same name */
	const char *argument;
	const char *anchor; /* our certificate's place */
	const char *bundle; /* what the command makes of all of them */
	const char *links;  /* a directory in which it leaves links to our certificate */
};

static const struct store stores[] = {
	{"/usr/sbin/update-ca-certificates", "/etc/pki/trust/anchors", NULL,
	 "/etc/pki/trust/anchors/awsmask.pem", "/var/lib/ca-certificates/ca-bundle.pem", NULL},
	{"/usr/sbin/update-ca-certificates", NULL, NULL,
	 "/usr/local/share/ca-certificates/awsmask.crt", "/etc/ssl/certs/ca-certificates.crt",
	 "/etc/ssl/certs"},
	{"/usr/bin/update-ca-trust", NULL, "extract",
	 "/etc/pki/ca-trust/source/anchors/awsmask.pem",
	 "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", NULL},
};

static int join(char path[static PATH_MAX], const char *root, const char *rest, const char *end,
		struct err *e)
{
	return path_put(path, root, rest, end) ? err_set(e, "%s: this path is too long", root) : 0;
}

static const struct store *find_store(const char *root, struct err *e)
{
	char path[PATH_MAX], mark[PATH_MAX];

	for (size_t i = 0; i < sizeof(stores) / sizeof(*stores); i++) {
		const char *beside = stores[i].mark ? stores[i].mark : "";

		if (join(path, root, stores[i].command, "", e) || join(mark, root, beside, "/", e))
			return NULL;
		if (access(path, X_OK) == 0 && access(mark, F_OK) == 0)
			return &stores[i];
	}
	err_set(e, "no system trust store was found: neither update-ca-certificates nor "
		   "update-ca-trust is here; install ca-certificates");
	return NULL;
}

static int spawn_command(const char *path, const char *argument, pid_t *pid)
{
	char *const args[] = {(char *)path, (char *)argument, NULL};
	char *const env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C",
			     NULL};
	posix_spawn_file_actions_t actions;
	int rc;

	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
						      O_WRONLY, 0);
	if (!rc)
		rc = posix_spawn(pid, path, &actions, NULL, args, env);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int run_update(const char *root, const struct store *st, struct err *e)
{
	char path[PATH_MAX];
	int rc, status;
	pid_t pid;

	if (join(path, root, st->command, "", e))
		return -1;
	rc = spawn_command(path, st->argument, &pid);
	if (rc)
		return err_set(e, "%s: cannot be run: %s", path, strerror(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, "%s: its end was missed: %s", path, strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(e, "%s: failed (status %d); run it by hand to see why", path,
			       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

static bool names_us(const char *target, const char *anchor)
{
	return !strcmp(target, anchor) || !strcmp(target, "awsmask.pem");
}

/*
 * update-ca-certificates neither hashes a certificate anew whose link is there already, nor drops
 * the links of one that is gone; `--fresh` would leave the host without any certificate meanwhile.
 */
static int drop_links(const char *root, const struct store *st, struct err *e)
{
	char path[PATH_MAX], anchor[PATH_MAX], target[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	ssize_t n;
	int rc = 0;

	if (!st->links)
		return 0;
	if (join(path, root, st->links, "", e) || join(anchor, root, st->anchor, "", e))
		return -1;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, "%s: %s", path, strerror(errno));
	while (rc == 0 && (d = readdir(dir))) {
		n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue; /* not a link */
		target[n] = 0;
		if (names_us(target, anchor) && unlinkat(dirfd(dir), d->d_name, 0))
			rc = err_set(e, "%s/%s: cannot be removed: %s", path, d->d_name,
				     strerror(errno));
	}
	closedir(dir);
	return rc;
}

/* The certificate under its final name in one step; a half written one would break the command. */
static int write_anchor(const char *anchor, const char *temporary, X509 *cert, struct err *e)
{
	FILE *f = NULL;
	int rc = -1, fd;

	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0)
		f = fdopen(fd, "w");
	if (f && PEM_write_X509(f, cert) == 1 && fflush(f) == 0 && fchmod(fd, 0644) == 0 &&
	    fsync(fd) == 0 && rename(temporary, anchor) == 0)
		rc = 0;
	if (rc)
		err_set(e, "%s: cannot be written: %s", anchor, strerror(errno));
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	if (rc)
		unlink(temporary);
	return rc;
}

int ca_store_install_at(const char *root, const char *dir, struct err *e)
{
	char anchor[PATH_MAX], temporary[PATH_MAX];
	const struct store *st = find_store(root, e);
	X509 *cert;
	int rc = -1;

	if (!st || join(anchor, root, st->anchor, "", e) ||
	    join(temporary, root, st->anchor, ".new", e))
		return -1;
	cert = ca_read_certificate(dir, e);
	if (!cert)
		return -1;
	if (drop_links(root, st, e) == 0 && write_anchor(anchor, temporary, cert, e) == 0)
		rc = run_update(root, st, e);
	X509_free(cert);
	if (rc)
		return -1;
	if (ca_store_has_at(root, dir, e) != 1)
		return err_set(e, "%s%s: ran, but %s%s does not hold the certificate", root,
			       st->command, root, st->bundle);
	return 0;
}

int ca_store_remove_at(const char *root, struct err *e)
{
	char anchor[PATH_MAX];
	const struct store *st = find_store(root, e);

	if (!st || join(anchor, root, st->anchor, "", e))
		return -1;
	if (unlink(anchor) && errno != ENOENT)
		return err_set(e, "%s: cannot be removed: %s", anchor, strerror(errno));
	if (drop_links(root, st, e))
		return -1;
	return run_update(root, st, e);
}

/* 1 or 0 */
static int bundle_has(const char *path, X509 *cert)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *one;
	int found = 0;

	while (bio && !found && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		found = X509_cmp(one, cert) == 0;
		X509_free(one);
	}
	ERR_clear_error();
	BIO_free(bio);
	return found;
}

int ca_store_has_at(const char *root, const char *dir, struct err *e)
{
	char bundle[PATH_MAX];
	const struct store *st = find_store(root, e);
	X509 *cert;
	int found;

	if (!st || join(bundle, root, st->bundle, "", e))
		return -1;
	cert = ca_read_certificate(dir, e);
	if (!cert)
		return -1;
	found = bundle_has(bundle, cert);
	X509_free(cert);
	return found;
}

int ca_store_install(const char *dir, struct err *e)
{
	return ca_store_install_at("", dir, e);
}

int ca_store_remove(struct err *e)
{
	return ca_store_remove_at("", e);
}

int ca_store_has(const char *dir, struct err *e)
{
	return ca_store_has_at("", dir, e);
}
