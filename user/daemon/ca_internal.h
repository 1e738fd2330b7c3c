/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CA_INTERNAL_H
#define AWSMASK_CA_INTERNAL_H
/* What the parts of the certificate authority say to each other, and what its tests reach for. */
#include "ca.h"

#include <time.h>

#define DAY 86400L
#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 appendix A */

struct ca {
	X509 *cert;
	X509 *cross; /* by the authority before this one; NULL: nobody needs it */
	EVP_PKEY *key;
};

struct ca_targets {
	char *const *hosts;
	size_t count;
};

/*
 * The domain that stands in the constraints for a host: its last two labels, three where two would
 * be a registry's ("co.uk"), the host itself when it has no more. A pointer into `host`.
 */
const char *ca_domain(const char *host);

/* A certificate over `key`, signed by itself, valid from an hour before `now`. NULL and a sentence.
 */
X509 *ca_certify(EVP_PKEY *key, const struct ca_targets *targets, time_t now, struct err *e);
/* One extension in OpenSSL's own notation; the issuer is `cert` itself for a CA. 0 or -1. */
int ca_extend(X509 *cert, X509 *issuer, int nid, const char *value);
/* A fresh serial number, and a time of validity of so many seconds. 0 or -1. */
int ca_date(X509 *cert, time_t now, long seconds);

/* The directory, open and locked against other makers; made when it is not there. -1: a sentence.
 */
int ca_dir_open(const char *dir, struct err *e);
/* Finish or undo what a crash interrupted. 0 or -1. */
int ca_settle(int dirfd, const char *dir, struct err *e);
/*
 * A new pair in place of what is there, which is kept as *.old. `earlier` (NULL: none that is any
 * good) vouches for it. 0 or -1.
 */
int ca_make(int dirfd, const char *dir, const struct ca_targets *targets, const struct ca *earlier,
	    time_t now, struct err *e);
/*
 * Keep the files as they are, so that ca_make()'s change can be taken back: then the directory is what it
 * was. What was kept lies there until it is put back or forgotten. 0 or -1.
 */
int ca_remember(int dirfd, const char *dir, struct err *e);
int ca_put_back(int dirfd, const char *dir, struct err *e);
int ca_forget_before(int dirfd, const char *dir, struct err *e);
/*
 * Who may yet need it holds this, so that ca_settle(), which others call meanwhile, leaves it alone: a descriptor to be
 * closed. -1: nothing is kept, or somebody else holds it.
 */
int ca_claim_before(int dirfd);
/*
 * A certificate over the key and the name of `cert`, by the authority before it: who trusts only
 * that one trusts what `cert` signs, too, within the names of both. NULL: OpenSSL failed.
 */
X509 *ca_cross(const struct ca *earlier, X509 *cert);
/* Whether it is one for `cert`, and has not expired. */
bool ca_is_cross(X509 *cross, X509 *cert);
/* The one in the directory; NULL when there is none that is any good. */
X509 *ca_load_cross(int dirfd, const char *dir, X509 *cert);
bool ca_file_exists(int dirfd, const char *name);
X509 *ca_load_certificate(int dirfd, const char *dir, const char *name, struct err *e);
EVP_PKEY *ca_load_key(int dirfd, const char *dir, const char *name, struct err *e);

/* ca_store_*() below a root other than "/": the commands too are those found there. */
int ca_store_install_at(const char *root, const char *dir, struct err *e);
int ca_store_remove_at(const char *root, struct err *e);
int ca_store_has_at(const char *root, const char *dir, struct err *e);

#endif
