/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command is our child, so its environment can say whom it trusts, and the system's store, which all others of the
 * host share, stays as it is.
 */
#include "../daemon/ca.h"
#include "ephemeral_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What clients call the file of certificates to trust; Node's is beside its own, the others' instead of theirs. */
static const struct {
	const char *name;
	bool beside;
} variables[] = {
	{"NODE_EXTRA_CA_CERTS", true},
	{"SSL_CERT_FILE", false},
	{"REQUESTS_CA_BUNDLE", false},
	{"CURL_CA_BUNDLE", false},
};

/* Of the Debian and Alpine, RHEL, and SUSE families, and of OpenSSL itself. */
static const char *system_bundle(void)
{
	static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
					     "/etc/pki/tls/certs/ca-bundle.crt",
					     "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

static int append(FILE *to, const char *path, struct err *e)
{
	char block[16384];
	FILE *from = fopen(path, "re");
	size_t n;
	int failed;

	if (!from)
		return err_set(e, "%s: %s", path, strerror(errno));
	while ((n = fread(block, 1, sizeof(block), from)) > 0)
		fwrite(block, 1, n, to);
	failed = ferror(from);
	fclose(from);
	fputc('\n', to); /* a last line may lack it */
	return failed ? err_set(e, "%s cannot be read", path) : 0;
}

/* What the variable names already goes on being trusted. */
static int set_one(size_t i, const char *dir, const char *ca, struct err *e)
{
	const char *name = variables[i].name, *former = getenv(name);
	char path[PATH_MAX];
	int rc = 0;
	FILE *f;

	if (!former || !*former)
		former = variables[i].beside ? NULL : system_bundle();
	ephemeral_path(path, dir, name);
	f = fopen(path, "wxe");
	if (!f)
		return err_set(e, "%s: %s", path, strerror(errno));
	if (former && append(f, former, e) < 0)
		rc = err_set(e, "%s of the environment cannot be read (%s)", name, former);
	if (rc == 0)
		rc = append(f, ca, e);
	if (rc == 0 && (fflush(f) != 0 || fchmod(fileno(f), 0644) < 0 || setenv(name, path, 1) < 0))
		rc = err_set(e, "%s: %s", path, strerror(errno));
	fclose(f);
	return rc;
}

int ephemeral_trust(const struct ephemeral *ep, struct err *e)
{
	char ca[PATH_MAX];

	ephemeral_path(ca, ep->dir, "ca/" CA_CERT_FILE);
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		if (set_one(i, ep->dir, ca, e) < 0)
			return -1;
	return 0;
}
