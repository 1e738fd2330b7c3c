/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/ca.h"
#include "check.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#define DAYS_LEFT_MIN 30

static void check_names(struct checks *k, const X509 *ca)
{
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
	const char *outside = NULL;

	for (size_t i = 0; constraints && !outside && i < k->config->target_count; i++)
		if (!ca_certificate_permits(ca, k->config->targets[i]))
			outside = k->config->targets[i];
	if (!constraints)
		check_say(k, "ca-names", CHECK_FAILED,
			  "run `awsmaskctl ca rotate`, then `awsmaskctl ca install`",
			  "the CA has no name constraints: it could speak for any host");
	else if (outside)
		check_say(k, "ca-names", CHECK_FAILED,
			  "run `awsmaskctl ca rotate`, then `awsmaskctl ca install`",
			  "the CA may not speak for the target %s", outside);
	else
		check_say(k, "ca-names", CHECK_OK, "", "the CA may speak for all %zu targets",
			  k->config->target_count);
	NAME_CONSTRAINTS_free(constraints);
}

static void check_end(struct checks *k, const X509 *ca)
{
	int days = -1, seconds;

	if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(ca)) || seconds < 0)
		days = -1;
	if (days < 0)
		check_say(k, "ca-end", CHECK_FAILED,
			  "run `awsmaskctl ca rotate`, then `awsmaskctl ca install`",
			  "the CA's certificate has expired");
	else
		check_say(k, "ca-end", days < DAYS_LEFT_MIN ? CHECK_FAILED : CHECK_OK,
			  days < DAYS_LEFT_MIN
				  ? "run `awsmaskctl ca rotate`, then `awsmaskctl ca install`"
				  : "",
			  "the CA's certificate is good for %d days", days);
}

static void check_store(struct checks *k)
{
	struct err e;
	int has = ca_store_has(k->config->ca_dir, &e);

	if (has == 1)
		check_say(k, "ca-store", CHECK_OK, "", "the system's trust store holds the CA");
	else if (has == 0)
		check_say(
			k, "ca-store", CHECK_FAILED, "run `awsmaskctl ca install`",
			"the system's trust store does not hold the CA: clients will not connect");
	else
		check_say(k, "ca-store", CHECK_FAILED,
			  "install the package ca-certificates, then run `awsmaskctl ca install`",
			  "%s", e.text);
}

void check_trust(struct checks *k)
{
	struct err e;
	X509 *ca = ca_read_certificate(k->config->ca_dir, &e);

	if (!ca) {
		check_say(k, "ca", CHECK_FAILED,
			  "awsmaskd makes it when it starts, `awsmaskctl ca install` too", "%s",
			  e.text);
		return;
	}
	check_say(k, "ca", CHECK_OK, "", "%s/%s is there", k->config->ca_dir, CA_CERT_FILE);
	check_names(k, ca);
	check_end(k, ca);
	check_store(k);
	X509_free(ca);
}
