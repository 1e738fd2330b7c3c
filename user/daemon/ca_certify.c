/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_internal.h"
#include "config_value.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKDATE 3600L /* clocks of clients may be a little behind */
#define SERIAL_BITS 128

static const char *last_labels(const char *host, unsigned labels)
{
	const char *p = host + strlen(host);

	while (p > host)
		if (*--p == '.' && --labels == 0)
			return p + 1;
	return host;
}

const char *ca_domain(const char *host)
{
	const char *top = last_labels(host, 1), *second = last_labels(host, 2);

	/* Short names under two-letter ones are often open to everybody: com.au, co.jp. One label
	 * more costs nothing. */
	if (second != top && strlen(top) == 2 && top - second <= 4)
		return last_labels(host, 3);
	return second;
}

int ca_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int rc;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	if (!ext)
		return -1;
	rc = X509_add_ext(cert, ext, -1) == 1 ? 0 : -1;
	X509_EXTENSION_free(ext);
	return rc;
}

int ca_date(X509 *cert, time_t now, long seconds)
{
	BIGNUM *serial = BN_new();
	int rc = -1;

	if (serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) &&
	    X509_time_adj_ex(X509_getm_notBefore(cert), 0, -BACKDATE, &now) &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), 0, seconds, &now))
		rc = 0;
	BN_free(serial);
	return rc;
}

/* Trust stores tell roots apart by name, so each generation has its own. */
static int put_subject(X509 *cert)
{
	char host[HOST_NAME_MAX + 1], name[2 * COMMON_NAME_MAX];
	uint8_t id[4];

	if (gethostname(host, sizeof(host)))
		strcpy(host, "host");
	host[COMMON_NAME_MAX - strlen("awsmask  01234567")] = 0;
	for (char *p = host; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			*p = '?';
	if (RAND_bytes(id, sizeof(id)) != 1)
		return -1;
	snprintf(name, sizeof(name), "awsmask %s %02x%02x%02x%02x", host, id[0], id[1], id[2],
		 id[3]);
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_ASC,
					  (const unsigned char *)name, -1, -1, 0) == 1
		       ? 0
		       : -1;
}

static bool is_first(const struct ca_targets *targets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(ca_domain(targets->hosts[i]), ca_domain(targets->hosts[n])))
			return false;
	return true;
}

/* The constraints in OpenSSL's notation: plain host names can smuggle nothing into it. */
static char *constraints(const struct ca_targets *targets)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fputs("critical", f);
	for (size_t i = 0; i < targets->count; i++)
		if (is_first(targets, i))
			fprintf(f, ",permitted;DNS:%s", ca_domain(targets->hosts[i]));
	fputs(",excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static int check_targets(const struct ca_targets *targets, struct err *e)
{
	char lower[HOST_MAX];

	if (targets->count == 0)
		return err_set(e, "a certificate authority needs a target to be limited to");
	for (size_t i = 0; i < targets->count; i++)
		if (config_host(targets->hosts[i], lower))
			return err_set(e,
				       "a certificate authority cannot be limited to a target that "
				       "is no plain host name");
	return 0;
}

X509 *ca_certify(EVP_PKEY *key, const struct ca_targets *targets, time_t now, struct err *e)
{
	X509 *cert;
	char *names;

	if (check_targets(targets, e))
		return NULL;
	cert = X509_new();
	names = constraints(targets);
	if (cert && names && X509_set_version(cert, X509_VERSION_3) == 1 &&
	    ca_date(cert, now, CA_DAYS * DAY) == 0 && put_subject(cert) == 0 &&
	    X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 &&
	    ca_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:1") ==
		    0 && /* ca_cross() */
	    ca_extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") == 0 &&
	    ca_extend(cert, cert, NID_subject_key_identifier, "hash") == 0 &&
	    ca_extend(cert, cert, NID_name_constraints, names) == 0 &&
	    X509_sign(cert, key, EVP_sha256()) != 0) {
		free(names);
		return cert;
	}
	err_set(e, "the certificate authority cannot be made: OpenSSL failed");
	ERR_clear_error();
	free(names);
	X509_free(cert);
	return NULL;
}
