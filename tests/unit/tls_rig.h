/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_TLS_RIG_H
#define AWSMASK_TESTS_TLS_RIG_H
/* TLS for tests: a key, a certificate that signs itself for one name, and both sides' settings. */
#include "../../user/daemon/tls.h"
#include "tempdir.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define RIG_HOST "model.example"

static inline X509 *rig_certificate(EVP_PKEY *key, const char *host)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	char san[300];

	snprintf(san, sizeof(san), "DNS:%s", host);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1,
				   0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

/* Settings as the daemon's, which trust the certificate that its own server side shows. */
static inline X509 *rig_init(struct tls *t, const char *host)
{
	struct config *c = config_default();
	struct tls first;
	struct err e;
	X509 *leaf;
	FILE *f;

	cr_assert(c);
	cr_assert_eq(tls_init(&first, c, &e), 0, "%s", e.text);
	leaf = rig_certificate(first.leaf_key, host);
	snprintf(c->origin.ca_file, sizeof(c->origin.ca_file), "%s", in_tempdir("trusted.pem"));
	f = fopen(c->origin.ca_file, "w");
	cr_assert(f && PEM_write_X509(f, leaf) == 1 && fclose(f) == 0);
	cr_assert_eq(tls_init(t, c, &e), 0, "%s", e.text);
	EVP_PKEY_free(t->leaf_key);
	t->leaf_key = first.leaf_key;
	first.leaf_key = NULL;
	tls_free(&first);
	config_free(c);
	return leaf;
}

#endif
