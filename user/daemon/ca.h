/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CA_H
#define AWSMASK_CA_H
/*
 * The host's own certificate authority: ECDSA P-256, name-constrained (RFC 5280 section 4.2.1.10,
 * critical) to the targets' domains with all IP addresses excluded, key mode 0600. Only the monitor
 * opens it with its key.
 */
#include "err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CA_CERT_FILE "ca.pem"	     /* in ca.dir, world-readable */
#define CA_KEY_FILE "ca.key"	     /* in ca.dir, 0600 */
#define CA_CROSS_FILE "ca.cross.pem" /* by the authority before it, for those who trust that one */
#define CA_DAYS 825
#define LEAF_DAYS 30

struct ca;

/*
 * Open the CA in `dir`, making key and certificate at first (atomically: a crash leaves none or
 * both). Refuses a key that others can read, a pair that does not match, an expired certificate.
 * Each generation has a common name of its own
 * ("awsmask <host> <8 hex digits>"). NULL and a sentence.
 */
__attribute__((warn_unused_result)) struct ca *ca_open(const char *dir, char *const *targets,
						       size_t target_count, struct err *e);
void ca_free(struct ca *c); /* wipes the key */
/*
 * Make a new key and certificate in dir; the old pair is kept as ca.pem.old, ca.key.old. An old one
 * that is still good vouches for the new one (ca.cross.pem), so that clients which trust the old one
 * trust the new one's leaves until the old one expires. When the new pair is in its place `accept` is asked,
 * if there is one; if it says -1, and in `e` why, everything in dir is put back as it was. 0 or -1.
 */
typedef int ca_accept(void *arg, struct err *e);
int ca_rotate(const char *dir, char *const *targets, size_t target_count, ca_accept *accept,
	      void *arg, struct err *e);
/* Whether the certificate's constraints permit this name: a target outside needs ca_rotate(). */
bool ca_permits(const struct ca *c, const char *host);
/* The same of a certificate alone; one without constraints permits nothing. */
bool ca_certificate_permits(const X509 *certificate, const char *host);

/*
 * A leaf for `host` over the public key `spki` (DER SubjectPublicKeyInfo, must be P-256). The
 * caller has checked the name against the targets; the name is checked again for being a plain host
 * name and permitted by the constraints. *der is OPENSSL_malloc'd, the caller's: the leaf and, for
 * those who trust the authority before this one, its certificate for this one. 0 or -1.
 */
__attribute__((warn_unused_result)) int ca_sign_leaf(const struct ca *c, const char *host,
						     const uint8_t *spki, size_t spki_len,
						     uint8_t **der, size_t *der_len, struct err *e);

X509 *ca_certificate(const struct ca *c); /* borrowed */
/* Until when who trusts the authority before the one in dir is served, too; 0: not at all. */
uint64_t ca_overlap_until(const char *dir);
/* When a certificate expires, in seconds since 1970. */
uint64_t ca_not_after(const X509 *certificate);

/* The certificate alone, for those who have no key (awsmaskctl, check). NULL and a sentence. */
X509 *ca_read_certificate(const char *dir, struct err *e);

/*
 * The system trust store: Debian family (/usr/local/share/ca-certificates + update-ca-certificates),
 * RHEL family (/etc/pki/ca-trust/source/anchors + update-ca-trust), or SUSE (/etc/pki/trust/anchors +
 * update-ca-certificates), found by what is there. 0 or -1.
 */
int ca_store_install(const char *dir, struct err *e);
int ca_store_remove(struct err *e);
/* 1: the system's bundle holds this CA's certificate, 0: not, -1: no store or no CA found */
int ca_store_has(const char *dir, struct err *e);

#endif
