/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Valid for no longer than the one who says so. */
static int date_as(X509 *cross, const X509 *issuer)
{
	const ASN1_TIME *end = X509_get0_notAfter(issuer);

	if (ca_date(cross, time(NULL), CA_DAYS * DAY))
		return -1;
	return ASN1_TIME_compare(X509_get0_notAfter(cross), end) <= 0 ||
			       X509_set1_notAfter(cross, end) == 1
		       ? 0
		       : -1;
}

/* Without constraints of its own: those of the earlier authority hold for all below it. */
X509 *ca_cross(const struct ca *earlier, X509 *cert)
{
	X509 *cross = X509_new();

	if (cross && X509_set_version(cross, X509_VERSION_3) == 1 &&
	    date_as(cross, earlier->cert) == 0 &&
	    X509_set_subject_name(cross, X509_get_subject_name(cert)) == 1 &&
	    X509_set_issuer_name(cross, X509_get_subject_name(earlier->cert)) == 1 &&
	    X509_set_pubkey(cross, X509_get0_pubkey(cert)) == 1 &&
	    ca_extend(cross, earlier->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ==
		    0 &&
	    ca_extend(cross, earlier->cert, NID_key_usage, "critical,keyCertSign,cRLSign") == 0 &&
	    ca_extend(cross, earlier->cert, NID_subject_key_identifier, "hash") == 0 &&
	    ca_extend(cross, earlier->cert, NID_authority_key_identifier, "keyid:always") == 0 &&
	    X509_sign(cross, earlier->key, EVP_sha256()) != 0)
		return cross;
	ERR_clear_error();
	X509_free(cross);
	return NULL;
}

bool ca_is_cross(X509 *cross, X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cross), X509_get_subject_name(cert)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(cross), X509_get0_pubkey(cert)) == 1 &&
	       X509_cmp_current_time(X509_get0_notAfter(cross)) > 0;
}

X509 *ca_load_cross(int dirfd, const char *dir, X509 *cert)
{
	struct err ignored; /* clients that trust the certificate itself need no other */
	X509 *cross;

	if (!ca_file_exists(dirfd, CA_CROSS_FILE))
		return NULL;
	cross = ca_load_certificate(dirfd, dir, CA_CROSS_FILE, &ignored);
	if (cross && ca_is_cross(cross, cert))
		return cross;
	X509_free(cross);
	return NULL;
}
