/* SPDX-License-Identifier: Apache-2.0 */
#include "tempdir.h"
#include "../../user/daemon/ca_internal.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct err e;
static char *targets[] = {(char *)"api.anthropic.com", (char *)"mcp-proxy.anthropic.com",
			  (char *)"claude.ai", (char *)"platform.claude.com"};
#define TARGETS targets, sizeof(targets) / sizeof(*targets)

TestSuite(ca, .init = tempdir_make, .fini = tempdir_remove, .timeout = 120);

static struct ca *open_ca(void)
{
	struct ca *c = ca_open(in_tempdir("ca"), TARGETS, &e);

	cr_assert(c != NULL, "%s", e.text);
	return c;
}

static void refused(const char *part)
{
	e.text[0] = 0;
	cr_assert_null(ca_open(in_tempdir("ca"), TARGETS, &e));
	cr_assert(strstr(e.text, part), "%s", e.text);
}

static size_t make_spki(const char *curve, uint8_t **spki)
{
	EVP_PKEY *key = EVP_EC_gen(curve);
	int len;

	*spki = NULL;
	len = i2d_PUBKEY(key, spki);
	cr_assert_gt(len, 0);
	EVP_PKEY_free(key);
	return (size_t)len;
}

static X509 *sign_with(struct ca *c, const char *host, X509 **cross)
{
	uint8_t *spki, *der;
	size_t spki_len = make_spki("P-256", &spki), len;
	const uint8_t *p;
	X509 *leaf;

	cr_assert_eq(ca_sign_leaf(c, host, spki, spki_len, &der, &len, &e), 0, "%s", e.text);
	p = der;
	leaf = d2i_X509(NULL, &p, (long)len);
	cr_assert_not_null(leaf);
	*cross = p < der + len ? d2i_X509(NULL, &p, der + len - p) : NULL;
	cr_assert_eq(p, der + len);
	OPENSSL_free(spki);
	OPENSSL_free(der);
	return leaf;
}

static X509 *sign(struct ca *c, const char *host)
{
	X509 *cross, *leaf = sign_with(c, host, &cross);

	cr_assert_null(cross);
	return leaf;
}

/* A leaf that ca_sign_leaf() would never make, by the same key. */
static X509 *rogue(struct ca *c, const char *san)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = X509_new();

	X509_set_version(leaf, X509_VERSION_3);
	cr_assert_eq(ca_date(leaf, time(NULL), DAY), 0);
	X509_set_issuer_name(leaf, X509_get_subject_name(c->cert));
	X509_set_pubkey(leaf, key);
	cr_assert_eq(ca_extend(leaf, c->cert, NID_subject_alt_name, san), 0);
	cr_assert_eq(ca_extend(leaf, c->cert, NID_subject_key_identifier, "hash"), 0);
	cr_assert_eq(ca_extend(leaf, c->cert, NID_authority_key_identifier, "keyid:always"), 0);
	cr_assert_gt(X509_sign(leaf, c->key, EVP_sha256()), 0);
	EVP_PKEY_free(key);
	return leaf;
}

/* What a client that trusts only this root makes of the leaf, and of `cross` behind it. */
static int verify_with(X509 *root, X509 *leaf, X509 *cross, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = sk_X509_new_null();
	int rc;

	if (cross)
		sk_X509_push(chain, cross);
	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, chain);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	if (host)
		X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), host, 0);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	rc = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(chain);
	return rc;
}

static int verify(X509 *root, X509 *leaf, const char *host)
{
	return verify_with(root, leaf, NULL, host);
}

static int verify_rogue(struct ca *c, const char *san)
{
	X509 *leaf = rogue(c, san);
	int rc = verify(ca_certificate(c), leaf, NULL);

	X509_free(leaf);
	return rc;
}

static size_t count_files(void)
{
	char command[128];
	int n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "ls -A %s/ca | wc -l", tempdir);
	f = popen(command, "r");
	cr_assert_eq(fscanf(f, "%d", &n), 1);
	pclose(f);
	return (size_t)n;
}

static char *slurp(const char *path)
{
	static char text[4][4096];
	static unsigned next;
	char *t = text[next++ % 4];
	FILE *f = fopen(path, "r");

	cr_assert(f != NULL, "%s", path);
	memset(t, 0, sizeof(text[0]));
	cr_assert_gt(fread(t, 1, sizeof(text[0]) - 1, f), 0);
	fclose(f);
	return t;
}

Test(ca, is_made_once_and_read_again)
{
	struct ca *c = open_ca(), *again;

	umask(077);
	again = open_ca();
	cr_assert_eq(X509_cmp(ca_certificate(c), ca_certificate(again)), 0);
	cr_assert_eq(mode_of(in_tempdir("ca")), 0755);
	cr_assert_eq(mode_of(in_tempdir("ca/ca.pem")), 0644);
	cr_assert_eq(mode_of(in_tempdir("ca/ca.key")), 0600);
	cr_assert_eq(count_files(), 2);
	ca_free(c);
	ca_free(again);
	ca_free(NULL);
}

Test(ca, files_have_their_modes_whatever_the_umask)
{
	umask(0177);
	cr_assert_eq(mkdir(in_tempdir("ca"), 0755) | chmod(in_tempdir("ca"), 0755), 0);
	ca_free(open_ca());
	cr_assert_eq(mode_of(in_tempdir("ca/ca.pem")), 0644);
	umask(0);
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
	cr_assert_eq(mode_of(in_tempdir("ca/ca.key")), 0600);
	cr_assert_eq(mode_of(in_tempdir("ca/ca.key.old")), 0600);
}

Test(ca, is_a_constrained_root)
{
	struct ca *c = open_ca();
	X509 *cert = ca_certificate(c);
	int critical, days, seconds;
	char name[128];
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(cert, NID_name_constraints, &critical, NULL);
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char curve[32];

	cr_assert_eq(critical, 1);
	cr_assert_eq(sk_GENERAL_SUBTREE_num(nc->permittedSubtrees), 3);
	cr_assert_eq(sk_GENERAL_SUBTREE_num(nc->excludedSubtrees), 2);
	cr_assert_eq(X509_check_ca(cert), 1);
	cr_assert_eq(X509_get_pathlen(cert), 1);
	cr_assert_eq(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	cr_assert_eq(X509_self_signed(cert, 1), 1);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	cr_assert_eq(strncmp(name, "awsmask ", 8), 0, "%s", name);
	cr_assert_eq(strspn(strrchr(name, ' ') + 1, "0123456789abcdef"), 8, "%s", name);
	cr_assert_eq(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
	cr_assert(days == CA_DAYS - 1 || days == CA_DAYS);
	EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
	cr_assert_str_eq(curve, "prime256v1");
	NAME_CONSTRAINTS_free(nc);
	ca_free(c);
}

Test(ca, domains_of_hosts)
{
	static const char *const pairs[][2] = {{"api.anthropic.com", "anthropic.com"},
					       {"claude.ai", "claude.ai"},
					       {"a.b.c.example.org", "example.org"},
					       {"llm", "llm"},
					       {"gw.acme.co.uk", "acme.co.uk"},
					       {"acme.co.uk", "acme.co.uk"},
					       {"co.uk", "co.uk"},
					       {"gw.acme.com.au", "acme.com.au"},
					       {"gw.acme.de", "acme.de"}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		cr_assert_str_eq(ca_domain(pairs[i][0]), pairs[i][1]);
}

Test(ca, permits_its_domains_only)
{
	struct ca *c = open_ca();

	cr_assert(ca_permits(c, "api.anthropic.com"));
	cr_assert(ca_permits(c, "anthropic.com"));
	cr_assert(ca_permits(c, "API.CLAUDE.AI"));
	cr_assert(!ca_permits(c, "notanthropic.com"));
	cr_assert(!ca_permits(c, "anthropic.com.evil.example"));
	cr_assert(!ca_permits(c, "com"));
	cr_assert(!ca_permits(c, ""));
	cr_assert(!ca_permits(c, "example.org"));
	ca_free(c);
}

Test(ca, leaves_are_good_for_their_host_alone)
{
	struct ca *c = open_ca();
	X509 *leaf = sign(c, "api.anthropic.com");
	int days, seconds;

	cr_assert_eq(verify(ca_certificate(c), leaf, "api.anthropic.com"), X509_V_OK);
	cr_assert_eq(verify(ca_certificate(c), leaf, "claude.ai"), X509_V_ERR_HOSTNAME_MISMATCH);
	cr_assert_eq(X509_check_ca(leaf), 0);
	cr_assert_eq(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
	cr_assert_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
	cr_assert_eq(X509_get_signature_nid(leaf), NID_ecdsa_with_SHA256);
	cr_assert_eq(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf)), 1);
	cr_assert(days == LEAF_DAYS - 1 || days == LEAF_DAYS);
	cr_assert_eq(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf), NULL), 1);
	cr_assert(days == 0 && seconds >= 3600 && seconds < 3700);
	X509_free(leaf);
	leaf = sign(c, "Claude.AI");
	cr_assert_eq(verify(ca_certificate(c), leaf, "claude.ai"), X509_V_OK);
	X509_free(leaf);
	ca_free(c);
}

Test(ca, serial_numbers_are_long_and_differ)
{
	struct ca *c = open_ca();
	X509 *a = sign(c, "claude.ai"), *b = sign(c, "claude.ai");

	cr_assert_neq(ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(b)), 0);
	cr_assert_eq(ASN1_STRING_length(X509_get0_serialNumber(a)), 16);
	cr_assert_eq(X509_get0_serialNumber(a)->type, V_ASN1_INTEGER); /* not negative */
	X509_free(a);
	X509_free(b);
	ca_free(c);
}

/* RFC 5280 section 4.2.1.6: no subject, then a critical alternative name. */
Test(ca, leaves_for_names_too_long_for_a_subject)
{
	const char *host = "a-rather-long-label-of-a-host-name-that-goes-on."
			   "and-on-and-on-for-quite-a-while.anthropic.com";
	struct ca *c = open_ca();
	X509 *leaf = sign(c, host);
	int at = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);

	cr_assert_gt(strlen(host), 64);
	cr_assert_eq(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
	cr_assert_eq(X509_EXTENSION_get_critical(X509_get_ext(leaf, at)), 1);
	cr_assert_eq(verify(ca_certificate(c), leaf, host), X509_V_OK);
	X509_free(leaf);
	ca_free(c);
}

Test(ca, its_key_is_worth_nothing_elsewhere)
{
	struct ca *c = open_ca();

	cr_assert_eq(verify_rogue(c, "critical,DNS:claude.ai"), X509_V_OK);
	cr_assert_eq(verify_rogue(c, "critical,DNS:example.org"), X509_V_ERR_PERMITTED_VIOLATION);
	cr_assert_eq(verify_rogue(c, "critical,DNS:notclaude.ai"), X509_V_ERR_PERMITTED_VIOLATION);
	cr_assert_eq(verify_rogue(c, "critical,DNS:claude.ai,DNS:example.org"),
		     X509_V_ERR_PERMITTED_VIOLATION);
	cr_assert_eq(verify_rogue(c, "critical,IP:192.0.2.1"), X509_V_ERR_EXCLUDED_VIOLATION);
	cr_assert_eq(verify_rogue(c, "critical,DNS:claude.ai,IP:2001:db8::1"),
		     X509_V_ERR_EXCLUDED_VIOLATION);
	ca_free(c);
}

Test(ca, signs_for_no_other_name)
{
	static const char *const hosts[] = {"example.org",
					    "com",
					    "",
					    "*.anthropic.com",
					    "api.anthropic.com,DNS:example.org",
					    "api.anthropic.com\nDNS:example.org",
					    "192.0.2.1",
					    ".anthropic.com",
					    "api.anthropic.com.",
					    "a b.anthropic.com"};
	struct ca *c = open_ca();
	uint8_t *spki, *der = NULL;
	size_t spki_len = make_spki("P-256", &spki), len = 0;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		e.text[0] = 0;
		cr_assert_eq(ca_sign_leaf(c, hosts[i], spki, spki_len, &der, &len, &e), -1, "%s",
			     hosts[i]);
		cr_assert(e.text[0] && !der && !len);
	}
	OPENSSL_free(spki);
	ca_free(c);
}

Test(ca, signs_no_other_kind_of_key)
{
	struct ca *c = open_ca();
	uint8_t *spki, *der = NULL;
	uint8_t changed[128];
	size_t spki_len = make_spki("P-256", &spki), len = 0;
	const char *host = "claude.ai";

	for (size_t n = 0; n < spki_len; n++)
		cr_assert_eq(ca_sign_leaf(c, host, spki, n, &der, &len, &e), -1);
	memcpy(changed, spki, spki_len);
	changed[spki_len] = 0;
	cr_assert_eq(ca_sign_leaf(c, host, changed, spki_len + 1, &der, &len, &e), -1);
	for (size_t i = 0; i < spki_len; i++) {
		changed[i] ^= 1; /* another structure, or a point off the curve */
		cr_assert_eq(ca_sign_leaf(c, host, changed, spki_len, &der, &len, &e), -1);
		changed[i] ^= 1;
	}
	OPENSSL_free(spki);
	spki_len = make_spki("P-384", &spki);
	cr_assert_eq(ca_sign_leaf(c, host, spki, spki_len, &der, &len, &e), -1);
	cr_assert(strstr(e.text, "P-256"), "%s", e.text);
	OPENSSL_free(spki);
	cr_assert_null(der);
	ca_free(c);
}

/* An authority that was made `age` seconds ago. */
static void make_aged(long age)
{
	const struct ca_targets t = {TARGETS};
	int dirfd = ca_dir_open(in_tempdir("ca"), &e);

	cr_assert_geq(dirfd, 0, "%s", e.text);
	cr_assert_eq(ca_make(dirfd, in_tempdir("ca"), &t, NULL, time(NULL) - age, &e), 0, "%s",
		     e.text);
	close(dirfd);
}

Test(ca, leaves_end_with_their_issuer)
{
	struct ca *c;
	X509 *leaf;

	make_aged((CA_DAYS - 10) * DAY);
	c = open_ca();
	leaf = sign(c, "claude.ai");
	cr_assert_eq(
		ASN1_TIME_compare(X509_get0_notAfter(leaf), X509_get0_notAfter(ca_certificate(c))),
		0);
	cr_assert_eq(verify(ca_certificate(c), leaf, "claude.ai"), X509_V_OK);
	X509_free(leaf);
	ca_free(c);
}

Test(ca, an_expired_one_is_refused)
{
	make_aged((CA_DAYS + 1) * DAY);
	refused("expired");
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
	ca_free(open_ca());
}

/* The host's clock was wrong when it was made, or is now: either may be set right. */
Test(ca, one_that_is_not_valid_yet_signs_nothing_and_says_why)
{
	uint8_t *spki, *der;
	size_t spki_len = make_spki("P-256", &spki), len;
	struct ca *c;

	make_aged(-10 * DAY);
	c = open_ca();
	cr_assert_eq(ca_sign_leaf(c, "claude.ai", spki, spki_len, &der, &len, &e), -1);
	cr_assert(strstr(e.text, "clock"), "%s", e.text);
	OPENSSL_free(spki);
	ca_free(c);
}

Test(ca, half_a_pair_is_refused)
{
	ca_free(open_ca());
	rename(in_tempdir("ca/ca.pem"), in_tempdir("away"));
	refused("ca.key is there without ca.pem");
	rename(in_tempdir("away"), in_tempdir("ca/ca.pem"));
	unlink(in_tempdir("ca/ca.key"));
	refused("ca.pem is there without ca.key");
	cr_assert_eq(count_files(), 1);
}

Test(ca, a_pair_that_does_not_match_is_refused)
{
	ca_free(open_ca());
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
	rename(in_tempdir("ca/ca.key.old"), in_tempdir("ca/ca.key"));
	refused("does not belong");
}

Test(ca, what_others_may_touch_is_refused)
{
	ca_free(open_ca());
	chmod(in_tempdir("ca/ca.key"), 0640);
	refused("mode 0640");
	chmod(in_tempdir("ca/ca.key"), 0602);
	refused("mode 0602");
	chmod(in_tempdir("ca/ca.key"), 0600);
	chmod(in_tempdir("ca"), 0775);
	refused("others may write here");
	chmod(in_tempdir("ca"), 0755);
	rename(in_tempdir("ca/ca.key"), in_tempdir("real"));
	cr_assert_eq(symlink(in_tempdir("real"), in_tempdir("ca/ca.key")), 0);
	refused("ca.key: cannot be read");
}

Test(ca, a_root_without_limits_is_refused)
{
	struct ca *c = open_ca();
	FILE *f = fopen(in_tempdir("ca/ca.pem"), "w");
	X509 *cert = X509_dup(ca_certificate(c));
	int at = X509_get_ext_by_NID(cert, NID_name_constraints, -1);

	X509_EXTENSION_free(X509_delete_ext(cert, at));
	cr_assert_gt(X509_sign(cert, c->key, EVP_sha256()), 0);
	PEM_write_X509(f, cert);
	fclose(f);
	refused("not an authority limited to certain names");
	X509_free(cert);
	ca_free(c);
}

Test(ca, garbage_is_refused)
{
	ca_free(open_ca());
	put_file(in_tempdir("ca/ca.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n", 33);
	refused("not a certificate in PEM");
	put_file(in_tempdir("ca/ca.pem"), "", 0);
	refused("not a certificate in PEM");
	cr_assert_null(ca_read_certificate(in_tempdir("ca"), &e));
	cr_assert_null(ca_read_certificate(in_tempdir("none"), &e));
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0, "%s", e.text);
	put_file(in_tempdir("ca/ca.key"), "x", 1);
	refused("not a private key in PEM");
}

Test(ca, rotation_keeps_the_old_pair)
{
	struct ca *c = open_ca(), *d;
	char *more[] = {(char *)"gw.example.org"}, *bad[] = {(char *)"*.example.org"};
	const char *pem = slurp(in_tempdir("ca/ca.pem")), *key = slurp(in_tempdir("ca/ca.key"));

	cr_assert_eq(ca_rotate(in_tempdir("ca"), more, 1, NULL, NULL, &e), 0, "%s", e.text);
	cr_assert_str_eq(slurp(in_tempdir("ca/ca.pem.old")), pem);
	cr_assert_str_eq(slurp(in_tempdir("ca/ca.key.old")), key);
	cr_assert_eq(count_files(), 5);
	d = open_ca();
	cr_assert_neq(X509_cmp(ca_certificate(c), ca_certificate(d)), 0);
	cr_assert_neq(X509_NAME_cmp(X509_get_subject_name(ca_certificate(c)),
				    X509_get_subject_name(ca_certificate(d))),
		      0);
	cr_assert(ca_permits(d, "gw.example.org") && !ca_permits(d, "claude.ai"));
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
	cr_assert_eq(ca_rotate(in_tempdir("ca"), bad, 1, NULL, NULL, &e), -1);
	cr_assert_eq(ca_rotate(in_tempdir("ca"), more, 0, NULL, NULL, &e), -1);
	cr_assert_eq(count_files(), 5);
	ca_free(c);
	ca_free(d);
	ca_free(open_ca());
}

static int refuse(void *arg, struct err *why)
{
	char *first = arg;
	struct ca *c = open_ca(); /* whoever is asked can open it */

	cr_assert_str_neq(slurp(in_tempdir("ca/ca.pem")), first);
	ca_free(c);
	return err_set(why, "not this one");
}

#define NAMES 5

static void slurp_all(char out[static NAMES][4096])
{
	static const char *const names[NAMES] = {"ca/ca.pem", "ca/ca.key", "ca/ca.pem.old",
						 "ca/ca.key.old", "ca/ca.cross.pem"};

	for (unsigned i = 0; i < NAMES; i++)
		strcpy(out[i],
		       access(in_tempdir(names[i]), F_OK) ? "" : slurp(in_tempdir(names[i])));
}

/* Refused: each file is what it was, be there none, the first pair, or one that others went before. */
Test(ca, a_refused_rotation_leaves_nothing)
{
	static char before[NAMES][4096], after[NAMES][4096];
	static const size_t files[] = {0, 2, NAMES, NAMES};

	for (unsigned round = 0; round < 4; round++) {
		slurp_all(before);
		cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, refuse, before[0], &e), -1);
		cr_assert_str_eq(e.text, "not this one");
		cr_assert_eq(count_files(), files[round]);
		slurp_all(after);
		for (unsigned i = 0; i < NAMES; i++)
			cr_assert_str_eq(after[i], before[i]);
		if (round)
			cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
		ca_free(open_ca());
	}
}

/* Who trusts one of the two trusts what the new one signs, for names that this one may speak for. */
static void overlaps(const struct ca *old, struct ca *now, const char *host, int by_old)
{
	X509 *cross, *leaf = sign_with(now, host, &cross);

	cr_assert_not_null(cross);
	cr_assert_eq(verify_with(ca_certificate(now), leaf, cross, host), X509_V_OK);
	cr_assert_eq(verify_with(ca_certificate(now), leaf, NULL, host), X509_V_OK);
	cr_assert_eq(verify_with(ca_certificate(old), leaf, cross, host), by_old, "%s", host);
	cr_assert_neq(verify_with(ca_certificate(old), leaf, NULL, host), X509_V_OK);
	X509_free(leaf);
	X509_free(cross);
}

Test(ca, a_rotation_overlaps)
{
	struct ca *old = open_ca(), *now, *third;
	char *more[] = {(char *)"api.anthropic.com", (char *)"gw.example.org"};
	X509 *cross, *leaf;

	cr_assert_eq(ca_overlap_until(in_tempdir("ca")), 0);
	cr_assert_eq(ca_rotate(in_tempdir("ca"), more, 2, NULL, NULL, &e), 0, "%s", e.text);
	now = open_ca();
	overlaps(old, now, "api.anthropic.com", X509_V_OK);
	overlaps(old, now, "gw.example.org", X509_V_ERR_PERMITTED_VIOLATION);
	cr_assert_eq(ca_overlap_until(in_tempdir("ca")), ca_not_after(ca_certificate(old)));
	cr_assert_eq(mode_of(in_tempdir("ca/ca.cross.pem")), 0644);
	/* what vouches can vouch for no other authority */
	leaf = sign_with(now, "api.anthropic.com", &cross);
	cr_assert_eq(X509_get_pathlen(cross), 0);
	X509_free(leaf);
	X509_free(cross);
	/* the next one is vouched for by this one alone */
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0, "%s", e.text);
	third = open_ca();
	overlaps(now, third, "api.anthropic.com", X509_V_OK);
	ca_free(old);
	ca_free(now);
	ca_free(third);
}

Test(ca, one_that_is_no_good_vouches_for_none)
{
	ca_free(open_ca());
	cr_assert_eq(chmod(in_tempdir("ca/ca.key"), 0644), 0); /* whoever has read it */
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0, "%s", e.text);
	cr_assert_eq(ca_overlap_until(in_tempdir("ca")), 0);
	cr_assert_eq(access(in_tempdir("ca/ca.cross.pem"), F_OK), -1);
	/* nor does that of a pair put back, or half a file */
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0, "%s", e.text);
	cr_assert_neq(ca_overlap_until(in_tempdir("ca")), 0);
	rename(in_tempdir("ca/ca.key.old"), in_tempdir("ca/ca.key"));
	rename(in_tempdir("ca/ca.pem.old"), in_tempdir("ca/ca.pem"));
	chmod(in_tempdir("ca/ca.key"), 0600);
	cr_assert_eq(ca_overlap_until(in_tempdir("ca")), 0);
	put_file(in_tempdir("ca/ca.cross.pem"), "-----BEGIN", 10);
	cr_assert_eq(ca_overlap_until(in_tempdir("ca")), 0);
	ca_free(open_ca());
}

/* Every state that a crash can leave, made by hand: the old pair or the new one, never a ruin. */
Test(ca, an_interrupted_change_is_settled)
{
	struct ca *c = open_ca();
	const char *pem = slurp(in_tempdir("ca/ca.pem")), *new_key;

	/* before the decision: the new files are forgotten */
	put_file(in_tempdir("ca/ca.key.new"), "half a k", 8);
	ca_free(open_ca());
	cr_assert_str_eq(slurp(in_tempdir("ca/ca.pem")), pem);
	cr_assert_eq(count_files(), 2);
	/* after it: the new certificate gets its key */
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
	new_key = slurp(in_tempdir("ca/ca.key"));
	rename(in_tempdir("ca/ca.key"), in_tempdir("ca/ca.key.new"));
	rename(in_tempdir("ca/ca.key.old"), in_tempdir("ca/ca.key"));
	ca_free(open_ca());
	cr_assert_str_eq(slurp(in_tempdir("ca/ca.key")), new_key);
	/* the same at the very first making */
	rename(in_tempdir("ca/ca.key"), in_tempdir("ca/ca.key.new"));
	ca_free(open_ca());
	cr_assert_str_eq(slurp(in_tempdir("ca/ca.key")), new_key);
	ca_free(c);
}

Test(ca, a_killed_rotation_leaves_a_whole_pair)
{
	int status;

	ca_free(open_ca());
	srand(5);
	for (int round = 0; round < 40; round++) {
		pid_t pid = fork();
		if (pid == 0)
			for (;;)
				if (ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e))
					_exit(1);
		usleep((unsigned)rand() % 8000); /* at any moment */
		kill(pid, SIGKILL);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status), "%d", status);
		ca_free(open_ca());
		/* the pair, the one before it, and who vouches for whom */
		cr_assert_leq(count_files(), 5);
	}
}

static int die(void *arg, struct err *why)
{
	(void)arg, (void)why;
	ca_free(open_ca());
	cr_assert_gt(count_files(), 5); /* it may yet be taken back */
	raise(SIGKILL);
	return 0;
}

Test(ca, a_rotation_that_is_killed_while_it_asks_stands)
{
	const char *old, *new_pem;
	pid_t pid;

	ca_free(open_ca());
	cr_assert_eq(ca_rotate(in_tempdir("ca"), TARGETS, NULL, NULL, &e), 0);
	old = slurp(in_tempdir("ca/ca.pem"));
	pid = fork();
	if (pid == 0)
		_exit(ca_rotate(in_tempdir("ca"), TARGETS, die, NULL, &e) + 1);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_gt(count_files(), 5);
	new_pem = slurp(in_tempdir("ca/ca.pem"));
	cr_assert_str_neq(new_pem, old);
	ca_free(open_ca());
	cr_assert_eq(count_files(), 5);
	cr_assert_str_eq(slurp(in_tempdir("ca/ca.pem")), new_pem);
}

/* --- the system's store, in a root of the test's own ---------------------------------------------
 */

static void make_dirs(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(copy, 0755);
		*p = '/';
	}
	mkdir(copy, 0755);
}

static void put_script(const char *path, const char *text)
{
	put_file(path, text, strlen(text));
	cr_assert_eq(chmod(path, 0755), 0);
}

/* Both commands stand in for the real ones: gather all anchors into the bundle, link them. */
static const char debian_command[] =
	"#!/bin/sh -e\nroot=${0%/usr/sbin/*}\necho x >>\"$root/ran\"\n[ $# = 0 ]\n"
	"cd \"$root/usr/local/share/ca-certificates\"\n"
	"cat *.crt >\"$root/etc/ssl/certs/ca-certificates.crt\"\n"
	"for c in *.crt; do\n"
	" [ -e \"$root/etc/ssl/certs/${c%.crt}.pem\" ] || {\n"
	"  ln -s \"$PWD/$c\" \"$root/etc/ssl/certs/${c%.crt}.pem\"\n"
	"  ln -s \"${c%.crt}.pem\" \"$root/etc/ssl/certs/$(cksum <$c | cut -c1-8).0\"; }\ndone\n";
static const char redhat_command[] =
	"#!/bin/sh -e\nroot=${0%/usr/bin/*}\n[ \"$*\" = extract ]\n"
	"cat \"$root\"/etc/pki/ca-trust/source/anchors/*.pem "
	">\"$root/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem\"\n";

/* The store holds somebody else's certificate already. */
static void make_debian(void)
{
	struct ca *other = ca_open(in_tempdir("other"), TARGETS, &e);
	char *pem;

	cr_assert(other != NULL, "%s", e.text);
	ca_free(other);
	make_dirs(in_tempdir("root/usr/sbin"));
	make_dirs(in_tempdir("root/etc/ssl/certs"));
	make_dirs(in_tempdir("root/usr/local/share/ca-certificates"));
	put_script(in_tempdir("root/usr/sbin/update-ca-certificates"), debian_command);
	pem = slurp(in_tempdir("other/ca.pem"));
	put_file(in_tempdir("root/usr/local/share/ca-certificates/other.crt"), pem, strlen(pem));
}

static size_t links(void)
{
	char command[128];
	int n = -1;
	FILE *f;

	snprintf(command, sizeof(command), "find %s/root/etc/ssl/certs -type l | wc -l", tempdir);
	f = popen(command, "r");
	cr_assert_eq(fscanf(f, "%d", &n), 1);
	pclose(f);
	return (size_t)n;
}

Test(ca, store_of_the_debian_family)
{
	const char *root = in_tempdir("root"), *dir = in_tempdir("ca");

	make_debian();
	ca_free(open_ca());
	cr_assert_eq(ca_store_has_at(root, dir, &e), 0);
	cr_assert_eq(ca_store_install_at(root, dir, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 1);
	cr_assert_eq(mode_of(in_tempdir("root/usr/local/share/ca-certificates/awsmask.crt")), 0644);
	cr_assert_eq(links(), 4);
	/* the next generation takes the place of the last one, links included */
	cr_assert_eq(ca_rotate(dir, TARGETS, NULL, NULL, &e), 0);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 0);
	cr_assert_eq(ca_store_install_at(root, dir, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 1);
	cr_assert_eq(links(), 4);
	cr_assert_eq(ca_store_remove_at(root, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 0);
	cr_assert_eq(ca_store_has_at(root, in_tempdir("other"), &e), 1);
	cr_assert_eq(links(), 2);
	cr_assert_eq(ca_store_remove_at(root, &e), 0, "%s", e.text);
}

Test(ca, store_of_the_redhat_family)
{
	const char *root = in_tempdir("root"), *dir = in_tempdir("ca");

	make_dirs(in_tempdir("root/usr/bin"));
	make_dirs(in_tempdir("root/etc/pki/ca-trust/source/anchors"));
	make_dirs(in_tempdir("root/etc/pki/ca-trust/extracted/pem"));
	put_script(in_tempdir("root/usr/bin/update-ca-trust"), redhat_command);
	put_file(in_tempdir("root/etc/pki/ca-trust/source/anchors/x.pem"), "# none\n", 7);
	ca_free(open_ca());
	cr_assert_eq(ca_store_install_at(root, dir, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 1);
	cr_assert_eq(ca_store_remove_at(root, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 0);
}

/* The command has the name of Debian's, but other places, and ours is not to end in Debian's. */
Test(ca, store_of_suse)
{
	static const char command[] = "#!/bin/sh -e\nroot=${0%/usr/sbin/*}\n[ $# = 0 ]\n"
				      "cat \"$root\"/etc/pki/trust/anchors/*.pem "
				      ">\"$root/var/lib/ca-certificates/ca-bundle.pem\"\n";
	const char *root = in_tempdir("root"), *dir = in_tempdir("ca");

	make_dirs(in_tempdir("root/usr/sbin"));
	make_dirs(in_tempdir("root/etc/pki/trust/anchors"));
	make_dirs(in_tempdir("root/var/lib/ca-certificates"));
	put_script(in_tempdir("root/usr/sbin/update-ca-certificates"), command);
	put_file(in_tempdir("root/etc/pki/trust/anchors/x.pem"), "# none\n", 7);
	ca_free(open_ca());
	cr_assert_eq(ca_store_has_at(root, dir, &e), 0);
	cr_assert_eq(ca_store_install_at(root, dir, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 1);
	cr_assert_neq(access(in_tempdir("root/usr/local"), F_OK), 0);
	cr_assert_eq(ca_store_remove_at(root, &e), 0, "%s", e.text);
	cr_assert_eq(ca_store_has_at(root, dir, &e), 0);
	cr_assert_neq(access(in_tempdir("root/etc/pki/trust/anchors/awsmask.pem"), F_OK), 0);
}

Test(ca, stores_that_do_not_work)
{
	const char *root = in_tempdir("root"), *dir = in_tempdir("ca");

	ca_free(open_ca());
	cr_assert_eq(ca_store_has_at(root, dir, &e), -1);
	cr_assert_eq(ca_store_install_at(root, dir, &e), -1);
	cr_assert(strstr(e.text, "install ca-certificates"), "%s", e.text);
	cr_assert_eq(ca_store_remove_at(root, &e), -1);
	make_debian();
	put_script(in_tempdir("root/usr/sbin/update-ca-certificates"), "#!/bin/sh\nexit 3\n");
	cr_assert_eq(ca_store_install_at(root, dir, &e), -1);
	cr_assert(strstr(e.text, "status 3"), "%s", e.text);
	put_script(in_tempdir("root/usr/sbin/update-ca-certificates"), "#!/bin/sh\nexit 0\n");
	cr_assert_eq(ca_store_install_at(root, dir, &e), -1);
	cr_assert(strstr(e.text, "does not hold the certificate"), "%s", e.text);
	cr_assert_eq(ca_store_install_at(root, in_tempdir("none"), &e), -1);
	put_script(in_tempdir("root/usr/sbin/update-ca-certificates"), "#!/no/such/shell\n");
	cr_assert_eq(ca_store_remove_at(root, &e), -1);
	cr_assert(strstr(e.text, "cannot be run"), "%s", e.text);
}
