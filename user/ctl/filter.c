/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILTER_SCOPE "filter"
#define CHUNK 65536

static int scan(struct mask *m, const struct buf *in, bool json, struct err *e)
{
	enum mask_error wrong =
		json ? mask_scan_json(m, 0, buf_bytes(in), buf_len(in), SCHEMA_MESSAGES)
		     : mask_scan_text(m, 0, buf_bytes(in), buf_len(in));

	if (wrong == MASK_OK)
		wrong = mask_learn(m);
	return wrong == MASK_OK ? 0 : err_set(e, "%s", mask_error_text(wrong));
}

/* The daemon would refuse the request. */
static int refuse_blocked(const struct masking *by, const struct mask *m, struct err *e)
{
	const struct mask_counts *counts = mask_counts(m);

	if (!counts->blocked)
		return 0;
	return err_set(e,
		       "the input holds a value of the type %s, which the policy (`types` in the "
		       "configuration) blocks; nothing was written. Take it out, or change the "
		       "policy",
		       types_info(by->types, counts->blocked_type)->label);
}

static int reserve(struct mask *m, struct vault_scope *scope, struct err *e)
{
	struct vault_entry *entries;
	size_t n;

	if (mask_resolve(m, scope) == 0)
		return 0;
	entries = mask_pending(m, &n);
	if (scope->ops->reserve(scope, entries, n) < 0 || mask_resolve(m, scope) != 0)
		return err_set(e, "the vault could not store new identifiers: is the disk "
				  "full? Nothing was written");
	return 0;
}

static int mask_with(const struct masking *by, struct mask *m, struct vault_scope *scope,
		     const struct buf *in, bool json, struct buf *out, struct err *e)
{
	struct policy_source *source = policies_source(by->policies);
	const struct mask_policy *policy = source->take(source, "");
	int status;

	mask_follow(m, policy);
	mask_know(m, scope);
	status = scan(m, in, json, e);
	source->done(source, policy);
	if (status < 0 || refuse_blocked(by, m, e) < 0 || reserve(m, scope, e) < 0)
		return -1;
	if (mask_splice(m, 0, buf_bytes(in), buf_len(in), out) < 0)
		return err_set(e, "the masked text is too large");
	return 0;
}

int filter_mask(const struct masking *by, struct vault_scope *scope, const struct buf *in,
		bool json, struct buf *out, struct err *e)
{
	struct mask *m = mask_new(by->catalogue, FILTER_OUT_MAX);
	int status = m ? mask_with(by, m, scope, in, json, out, e) : err_set(e, "memory is out");

	mask_free(m);
	return status;
}

int filter_unmask(const struct masking *by, struct vault_scope *scope, const struct buf *in,
		  bool json, struct buf *out, struct err *e)
{
	struct unmask_counts counts = {0};
	struct unmask_text text;
	int status;

	(void)by; /* restoring knows no policy, and the scope its types */
	if (json) {
		status = unmask_json(scope, buf_bytes(in), buf_len(in), SCHEMA_MESSAGES, out,
				     &counts);
	} else {
		unmask_text_init(&text, scope, 0);
		status = unmask_text_feed(&text, buf_bytes(in), buf_len(in), out);
		if (status == 0)
			status = unmask_text_finish(&text, out);
	}
	return status < 0 ? err_set(e, "the restored text is too large") : 0;
}

/* Of a file; what comes through a pipe has no end yet. */
static uint64_t input_size(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
		       ? (uint64_t)st.st_size
		       : 0;
}

int filter_read(struct buf *in, struct progress *p, struct err *e)
{
	const uint64_t size = input_size();

	for (;;) {
		uint8_t *room = buf_reserve(in, CHUNK);
		ssize_t n;

		if (!room)
			return err_set(e, "memory is out");
		n = read(STDIN_FILENO, room, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, "standard input: %s", strerror(errno));
		if (n == 0)
			return 0;
		buf_grew(in, (size_t)n);
		progress_set(p, buf_len(in), size);
		if (buf_len(in) > FILTER_IN_MAX)
			return err_set(e, "the input is larger than 64 MiB; nothing was written");
	}
}

static int write_all(const struct buf *out, struct progress *p, struct err *e)
{
	const uint8_t *at = buf_bytes(out);
	size_t len = buf_len(out);

	while (len) {
		ssize_t n = write(STDOUT_FILENO, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, "standard output: %s", strerror(errno));
		at += n;
		len -= (size_t)n;
		progress_set(p, buf_len(out) - len, buf_len(out));
	}
	return 0;
}

struct filter {
	struct vault *vault;
	struct vault_scope *scope;
	struct masking by;
};

static int open_vault(struct filter *f, const char *path, struct err *e)
{
	uint8_t key[VAULT_KEY_SIZE];
	char key_path[PATH_MAX];

	if ((size_t)snprintf(key_path, sizeof(key_path), "%s.key", path) >= sizeof(key_path))
		return err_set(e, "the vault's path is too long");
	if (vault_key_load(key_path, key, e) < 0)
		return -1;
	f->vault = vault_open(path, key, e);
	explicit_bzero(key, sizeof(key));
	return f->vault ? 0 : -1;
}

/* A vault is made where there is none, but nothing was masked with that one. */
static int must_be_there(const char *path, struct err *e)
{
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(e, "%s: %s; write the vault's file that the text was masked with", path,
		       errno == ENOENT ? "there is no such vault" : strerror(errno));
}

static int filter_open(struct filter *f, struct ctl *c, masking_fn open, bool restores,
		       struct err *e)
{
	const struct config *config = ctl_config(c, e);
	bool exists;
	const char *path = ctl_config_path(c, &exists);

	if (!config || (restores && must_be_there(c->option[OPTION_VAULT], e) < 0))
		return -1;
	if (c->option[OPTION_VERBOSE])
		ctl_note(exists ? "the policy of %s" : "the default policy: there is no %s", path);
	if (open_vault(f, c->option[OPTION_VAULT], e) < 0 || open(&f->by, config, f->vault, e) < 0)
		return -1;
	f->scope = vault_scope(f->vault, FILTER_SCOPE, e);
	return f->scope ? 0 : -1;
}

/* Who types, or reads the output on the same terminal, is not talked over. */
static struct progress *begin_progress(const struct ctl *c)
{
	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO))
		return NULL;
	return progress_begin(c, "reading", 0, PROGRESS_BYTES);
}

/* All of it, up to what `out` holds. 0, or -1 and a sentence. */
static int filter_work(struct filter *f, struct ctl *c, masking_fn open, filter_fn fn,
		       struct progress *p, struct buf *in, struct buf *out, struct err *e)
{
	if (filter_read(in, p, e) < 0 || filter_open(f, c, open, fn == filter_unmask, e) < 0)
		return -1;
	progress_next(p, fn == filter_mask ? "masking" : "restoring", 0, PROGRESS_BYTES);
	if (fn(&f->by, f->scope, in, c->option[OPTION_JSON] != NULL, out, e) < 0)
		return -1;
	progress_next(p, "writing", buf_len(out), PROGRESS_BYTES);
	return write_all(out, p, e);
}

int filter_run(struct ctl *c, masking_fn open, filter_fn fn)
{
	struct filter f = {NULL};
	struct progress *p;
	struct buf in, out;
	struct err e;
	int done;

	if (!c->option[OPTION_VAULT])
		return ctl_usage_error(c, "--vault FILE is missing");
	buf_init(&in, FILTER_IN_MAX + CHUNK); /* room to see that it is too large */
	buf_init(&out, FILTER_OUT_MAX);
	p = begin_progress(c);
	done = filter_work(&f, c, open, fn, p, &in, &out, &e);
	progress_end(p);
	if (done < 0)
		ctl_refuse(c, &e);
	if (f.vault)
		vault_close(f.vault);
	masking_close(&f.by);
	buf_free(&in);
	buf_free(&out);
	return done < 0 ? STATUS_REFUSED : STATUS_DONE;
}
