/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/ca.h"
#include "claude_code.h"
#include "client.h"

#include <openssl/pem.h>
#include <string.h>

struct facts {
	char subject[256], not_before[32], not_after[32], fingerprint[3 * EVP_MAX_MD_SIZE];
};

static void time_text(char out[static 32], const ASN1_TIME *t)
{
	struct tm tm = {0};

	if (!ASN1_TIME_to_tm(t, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(out, "?");
}

/* Of the one before it; "" when nobody who trusts that one is served. */
static void overlap_text(char out[static 32], const char *dir)
{
	uint64_t until = ca_overlap_until(dir);
	time_t t = (time_t)until;
	struct tm tm;

	if (!until || !gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
}

static void facts_of(const X509 *certificate, struct facts *f)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
				      f->subject, sizeof(f->subject)) < 0)
		strcpy(f->subject, "?");
	time_text(f->not_before, X509_get0_notBefore(certificate));
	time_text(f->not_after, X509_get0_notAfter(certificate));
	if (!X509_digest(certificate, EVP_sha256(), digest, &len))
		len = 0;
	f->fingerprint[0] = '\0';
	for (unsigned i = 0; i < len; i++)
		sprintf(f->fingerprint + 3 * i, "%02X%s", digest[i], i + 1 < len ? ":" : "");
}

static int ca_show(struct ctl *c, const struct config *config)
{
	struct facts f;
	struct err e, store;
	char overlap[32];
	X509 *certificate = ca_read_certificate(config->ca_dir, &e);
	int trusted;

	if (!certificate)
		return ctl_refuse(c, &e);
	facts_of(certificate, &f);
	X509_free(certificate);
	trusted = ca_store_has(config->ca_dir, &store);
	overlap_text(overlap, config->ca_dir);
	if (c->option[OPTION_JSON])
		return ctl_print_json(json_pack(
			"{s:b, s:s, s:s+, s:s, s:s, s:s, s:b, s:s*}", "ok", 1, "name", f.subject,
			"file", config->ca_dir, "/" CA_CERT_FILE, "not_before", f.not_before,
			"not_after", f.not_after, "sha256", f.fingerprint, "trusted", trusted == 1,
			"overlap_until", overlap[0] ? overlap : NULL));
	printf("name        %s\nfile        %s/%s\nnot before  %s\nnot after   %s\n"
	       "sha256      %s\ntrusted     %s\n",
	       harmless(f.subject), harmless(config->ca_dir), CA_CERT_FILE, f.not_before,
	       f.not_after, f.fingerprint,
	       trusted == 1   ? "yes, by the system's store"
	       : trusted == 0 ? "no: run `awsmaskctl ca install`"
			      : harmless(store.text));
	if (overlap[0])
		printf("overlap     who trusts the one before it is served until %s\n", overlap);
	return STATUS_DONE;
}

static int done(const struct ctl *c, const char *sentence)
{
	if (c->option[OPTION_JSON])
		return ctl_print_json(json_pack("{s:b, s:s}", "ok", 1, "done", sentence));
	printf("%s\n", harmless(sentence));
	return STATUS_DONE;
}

static int ca_install(struct ctl *c, const struct config *config)
{
	struct err e;
	struct ca *ca = ca_open(config->ca_dir, config->targets, config->target_count, &e);

	if (!ca)
		return ctl_refuse(c, &e);
	ca_free(ca);
	if (ca_store_install(config->ca_dir, &e) < 0)
		return ctl_refuse(c, &e);
	if (!c->option[OPTION_CLAUDE_CODE])
		return done(c, "the CA is in the system's trust store");
	if (claude_code_install(CLAUDE_CODE_DIR, config->ca_dir, &e) < 0)
		return ctl_refuse(c, &e);
	return done(c,
		    "the CA is in the system's trust store, and in Claude Code's managed settings");
}

static int ca_remove(struct ctl *c, const struct config *config)
{
	struct err e;

	(void)config;
	if (claude_code_remove(CLAUDE_CODE_DIR, &e) < 0 || ca_store_remove(&e) < 0)
		return ctl_refuse(c, &e);
	return done(c, "the CA is out of the system's trust store");
}

/* Whether there is an awsmaskd, and whether it takes the new one. */
struct asked {
	struct ctl *ctl;
	bool runs;
};

static int ask_daemon(void *arg, struct err *e)
{
	struct asked *a = arg;
	struct err why;
	json_t *answer;
	enum client_result told =
		client_call(a->ctl, json_pack("{s:s}", "command", "ca-reload"), &answer, e);

	a->runs = told != CLIENT_ABSENT;
	if (told == CLIENT_DONE)
		json_decref(answer);
	if (told != CLIENT_REFUSED)
		return 0;
	why = *e;
	return err_set(
		e,
		"no new CA was made, for awsmaskd does not take it: %s; see to that, then run "
		"awsmaskctl ca rotate again",
		why.text);
}

/*
 * Who trusts the old one trusts what awsmaskd shows with the new one, so it comes before the store: there is no moment
 * at which a client that reads the store is shown what it does not trust.
 */
static int ca_rotated(struct ctl *c, const struct config *config)
{
	struct asked asked = {.ctl = c};
	struct err e, ignored;
	bool trusted = ca_store_has(config->ca_dir, &ignored) == 1;

	if (ca_rotate(config->ca_dir, config->targets, config->target_count, ask_daemon, &asked,
		      &e) < 0 ||
	    (trusted && ca_store_install(config->ca_dir, &e) < 0))
		return ctl_refuse(c, &e);
	if (trusted)
		return done(c, asked.runs
				       ? "a new CA was made, is in the system's trust store in "
					 "place of the old one, and awsmaskd uses it"
				       : "a new CA was made, and is in the system's trust store in "
					 "place of the old one; awsmaskd is not running");
	return done(c, asked.runs
			       ? "a new CA was made, and awsmaskd uses it; clients trust it after "
				 "`awsmaskctl ca install`"
			       : "a new CA was made; awsmaskd is not running; clients trust it "
				 "after `awsmaskctl ca install`");
}

int cmd_ca(struct ctl *c, int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(struct ctl *c, const struct config *config);
	} verbs[] = {
		{"show", ca_show},
		{"install", ca_install},
		{"remove", ca_remove},
		{"rotate", ca_rotated},
	};
	struct err e;

	(void)argc;
	if (c->option[OPTION_CLAUDE_CODE] && strcmp(argv[0], "install") != 0)
		return ctl_usage_error(c, "--claude-code is for `ca install`");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[0], verbs[i].word) != 0)
			continue;
		if (!ctl_config(c, &e))
			return ctl_refuse(c, &e);
		return verbs[i].run(c, c->config);
	}
	return ctl_usage_error(c, "'%s' is none of show, install, remove, rotate", argv[0]);
}
