/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_internal.h"
#include "config_value.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#define P256_PREFIX_LEN 27
#define P256_SPKI_LEN 91

/* SubjectPublicKeyInfo of an uncompressed point on the named curve (RFC 5480): the one form taken.
 */
static const uint8_t p256_prefix[P256_PREFIX_LEN] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
	0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

static int check_pair(const struct ca *c, const char *dir, struct err *e)
{
	int critical = -1;
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(c->cert, NID_name_constraints, &critical, NULL);
	bool constrained = nc && critical == 1 && sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) > 0;

	NAME_CONSTRAINTS_free(nc);
	if (X509_check_private_key(c->cert, c->key) != 1)
		return err_set(e,
			       "%s: " CA_KEY_FILE " does not belong to " CA_CERT_FILE "; put the "
			       "right pair back, or run awsmaskctl ca rotate",
			       dir);
	if (X509_check_ca(c->cert) != 1 || !constrained)
		return err_set(e,
			       "%s/" CA_CERT_FILE ": not an authority limited to certain names; "
			       "run awsmaskctl ca rotate",
			       dir);
	if (X509_cmp_current_time(X509_get0_notAfter(c->cert)) <= 0)
		return err_set(e, "%s/" CA_CERT_FILE ": expired; run awsmaskctl ca rotate", dir);
	return 0;
}

static int load_pair(struct ca *c, int dirfd, const char *dir, struct err *e)
{
	bool cert = ca_file_exists(dirfd, CA_CERT_FILE), key = ca_file_exists(dirfd, CA_KEY_FILE);

	if (cert != key)
		return err_set(e,
			       "%s: %s is there without %s; put the other back, or run awsmaskctl "
			       "ca rotate",
			       dir, cert ? CA_CERT_FILE : CA_KEY_FILE,
			       cert ? CA_KEY_FILE : CA_CERT_FILE);
	c->cert = ca_load_certificate(dirfd, dir, CA_CERT_FILE, e);
	if (!c->cert)
		return -1;
	c->key = ca_load_key(dirfd, dir, CA_KEY_FILE, e);
	if (!c->key)
		return -1;
	return check_pair(c, dir, e);
}

static struct ca *load(int dirfd, const char *dir, struct err *e)
{
	struct ca *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(e, "%s: memory is out", dir);
		return NULL;
	}
	if (load_pair(c, dirfd, dir, e)) {
		ca_free(c);
		return NULL;
	}
	c->cross = ca_load_cross(dirfd, dir, c->cert);
	return c;
}

struct ca *ca_open(const char *dir, char *const *targets, size_t target_count, struct err *e)
{
	const struct ca_targets t = {targets, target_count};
	struct ca *c = NULL;
	int dirfd = ca_dir_open(dir, e);

	if (dirfd < 0)
		return NULL;
	if (ca_settle(dirfd, dir, e))
		goto out;
	if (!ca_file_exists(dirfd, CA_CERT_FILE) && !ca_file_exists(dirfd, CA_KEY_FILE) &&
	    ca_make(dirfd, dir, &t, NULL, time(NULL), e))
		goto out;
	c = load(dirfd, dir, e);
out:
	close(dirfd);
	return c;
}

void ca_free(struct ca *c)
{
	if (!c)
		return;
	X509_free(c->cert);
	X509_free(c->cross);
	EVP_PKEY_free(c->key); /* OpenSSL clears a private key when it frees it */
	free(c);
}

/* Whoever is asked opens the directory, so it must not be locked meanwhile. */
static int ask(int dirfd, const char *dir, ca_accept *accept, void *arg, struct err *e)
{
	int rc;

	if (!accept)
		return 0;
	flock(dirfd, LOCK_UN);
	rc = accept(arg, e);
	if (flock(dirfd, LOCK_EX) && rc == 0)
		rc = err_set(e, "%s: cannot be locked: %s", dir, strerror(errno));
	return rc;
}

static void put_back(int dirfd, const char *dir, struct err *e)
{
	struct err why = *e, broken;

	if (ca_put_back(dirfd, dir, &broken) || ca_settle(dirfd, dir, &broken) ||
	    ca_forget_before(dirfd, dir, &broken))
		err_set(e, "%s; %s: what was there before is in ca.*.before, put it back", why.text,
			broken.text);
}

/* With the directory locked, and settled. */
static int rotate(int dirfd, const char *dir, const struct ca_targets *targets, ca_accept *accept,
		  void *arg, struct err *e)
{
	struct err ignored; /* one that is no good is why there is to be another */
	struct ca *earlier;
	int rc, claim;

	if (ca_remember(dirfd, dir, e))
		return -1;
	claim = ca_claim_before(dirfd);
	earlier = load(dirfd, dir, &ignored);
	rc = ca_make(dirfd, dir, targets, earlier, time(NULL), e);
	ca_free(earlier);
	if (rc == 0)
		rc = ask(dirfd, dir, accept, arg, e);
	if (rc == 0)
		rc = ca_forget_before(dirfd, dir, e);
	else
		put_back(dirfd, dir, e);
	if (claim >= 0)
		close(claim);
	return rc;
}

int ca_rotate(const char *dir, char *const *targets, size_t target_count, ca_accept *accept,
	      void *arg, struct err *e)
{
	const struct ca_targets t = {targets, target_count};
	int dirfd = ca_dir_open(dir, e), rc;

	if (dirfd < 0)
		return -1;
	rc = ca_settle(dirfd, dir, e);
	if (rc == 0)
		rc = rotate(dirfd, dir, &t, accept, arg, e);
	close(dirfd);
	return rc;
}

X509 *ca_certificate(const struct ca *c)
{
	return c->cert;
}

X509 *ca_read_certificate(const char *dir, struct err *e)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	X509 *cert;

	if (dirfd < 0) {
		err_set(e, "%s: the certificate authority is not there: %s", dir, strerror(errno));
		return NULL;
	}
	cert = ca_load_certificate(dirfd, dir, CA_CERT_FILE, e);
	close(dirfd);
	return cert;
}

uint64_t ca_overlap_until(const char *dir)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	X509 *cert = NULL, *cross = NULL;
	struct err ignored;
	uint64_t until = 0;

	if (dirfd >= 0)
		cert = ca_load_certificate(dirfd, dir, CA_CERT_FILE, &ignored);
	if (cert)
		cross = ca_load_cross(dirfd, dir, cert);
	if (cross)
		until = ca_not_after(cross);
	X509_free(cross);
	X509_free(cert);
	if (dirfd >= 0)
		close(dirfd);
	return until;
}

/* RFC 5280 section 4.2.1.10: the name itself, or any number of labels added to its left. */
static bool within(const char *host, const char *base, size_t base_len)
{
	size_t len = strlen(host);

	if (len < base_len || strncasecmp(host + len - base_len, base, base_len))
		return false;
	return len == base_len || host[len - base_len - 1] == '.';
}

bool ca_certificate_permits(const X509 *certificate, const char *host)
{
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(certificate, NID_name_constraints, NULL, NULL);
	bool permitted = false;

	for (int i = 0; nc && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
		const GENERAL_NAME *name = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;
		if (name->type == GEN_DNS &&
		    within(host, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
			   (size_t)ASN1_STRING_length(name->d.dNSName)))
			permitted = true;
	}
	NAME_CONSTRAINTS_free(nc);
	return permitted;
}

bool ca_permits(const struct ca *c, const char *host)
{
	return ca_certificate_permits(c->cert, host);
}

static EVP_PKEY *read_spki(const uint8_t *spki, size_t len)
{
	const uint8_t *p = spki;

	if (len != P256_SPKI_LEN || memcmp(spki, p256_prefix, P256_PREFIX_LEN))
		return NULL;
	return d2i_PUBKEY(NULL, &p, (long)len); /* a point off the curve is refused here */
}

/* Thirty days, but a leaf that outlives its issuer would fail later and harder to understand. */
static int leaf_date(X509 *leaf, const X509 *issuer)
{
	const ASN1_TIME *end = X509_get0_notAfter(issuer);

	if (ca_date(leaf, time(NULL), LEAF_DAYS * DAY))
		return -1;
	if (ASN1_TIME_compare(X509_get0_notAfter(leaf), end) > 0 &&
	    X509_set1_notAfter(leaf, end) != 1)
		return -1;
	return 0;
}

/* RFC 5280 section 4.2.1.6: the alternative name is critical when there is no subject. */
static int leaf_name(X509 *leaf, X509 *issuer, const char *host)
{
	char san[HOST_MAX + 16];
	bool subject = strlen(host) <= COMMON_NAME_MAX;

	snprintf(san, sizeof(san), "%sDNS:%s", subject ? "" : "critical,", host);
	if (subject &&
	    X509_NAME_add_entry_by_NID(X509_get_subject_name(leaf), NID_commonName, MBSTRING_ASC,
				       (const unsigned char *)host, -1, -1, 0) != 1)
		return -1;
	return ca_extend(leaf, issuer, NID_subject_alt_name, san);
}

static X509 *leaf_new(const struct ca *c, const char *host, EVP_PKEY *pub)
{
	X509 *leaf = X509_new();

	if (!leaf || X509_set_version(leaf, X509_VERSION_3) != 1 || leaf_date(leaf, c->cert) ||
	    X509_set_issuer_name(leaf, X509_get_subject_name(c->cert)) != 1 ||
	    X509_set_pubkey(leaf, pub) != 1 || leaf_name(leaf, c->cert, host) ||
	    ca_extend(leaf, c->cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    ca_extend(leaf, c->cert, NID_key_usage, "critical,digitalSignature") ||
	    ca_extend(leaf, c->cert, NID_ext_key_usage, "serverAuth") ||
	    ca_extend(leaf, c->cert, NID_subject_key_identifier, "hash") ||
	    ca_extend(leaf, c->cert, NID_authority_key_identifier, "keyid:always") ||
	    X509_sign(leaf, c->key, EVP_sha256()) == 0) {
		X509_free(leaf);
		return NULL;
	}
	return leaf;
}

/* One behind the other; the length, or -1. */
static int chain_der(X509 *leaf, X509 *cross, uint8_t **der)
{
	int first = i2d_X509(leaf, NULL), second = cross ? i2d_X509(cross, NULL) : 0;
	uint8_t *p;

	if (first <= 0 || second < 0)
		return -1;
	p = OPENSSL_malloc((size_t)(first + second));
	*der = p;
	if (!p || i2d_X509(leaf, &p) < 0 || (cross && i2d_X509(cross, &p) < 0)) {
		OPENSSL_free(*der);
		return -1;
	}
	return first + second;
}

int ca_sign_leaf(const struct ca *c, const char *host, const uint8_t *spki, size_t spki_len,
		 uint8_t **der, size_t *der_len, struct err *e)
{
	char name[HOST_MAX];
	EVP_PKEY *pub = NULL;
	X509 *leaf = NULL;
	uint8_t *out = NULL;
	int len = -1;

	if (config_host(host, name))
		return err_set(e, "a certificate was asked for what is no plain host name");
	if (!ca_permits(c, name))
		return err_set(
			e,
			"%s: outside of the authority's names; run awsmaskctl ca rotate when "
			"it is a target",
			name);
	if (X509_cmp_current_time(X509_get0_notAfter(c->cert)) <= 0)
		return err_set(e,
			       "the certificate authority has expired; run awsmaskctl ca rotate");
	if (X509_cmp_current_time(X509_get0_notBefore(c->cert)) > 0)
		return err_set(
			e,
			"the certificate authority is not valid yet: set this host's clock; if it "
			"is right now and was wrong before, run awsmaskctl ca rotate");
	pub = read_spki(spki, spki_len);
	if (!pub) {
		err_set(e, "%s: the key to certify is not a P-256 public key", name);
		goto out;
	}
	leaf = leaf_new(c, name, pub);
	len = leaf ? chain_der(leaf, c->cross && ca_is_cross(c->cross, c->cert) ? c->cross : NULL,
			       &out)
		   : -1;
	if (len > 0) {
		*der = out;
		*der_len = (size_t)len;
	} else {
		err_set(e, "%s: no certificate could be made: OpenSSL failed", name);
	}
out:
	ERR_clear_error();
	X509_free(leaf);
	EVP_PKEY_free(pub);
	return len > 0 ? 0 : -1;
}

uint64_t ca_not_after(const X509 *certificate)
{
	struct tm tm;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1 ? (uint64_t)timegm(&tm)
									  : 0;
}
