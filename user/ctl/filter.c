/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"
#include "../daemon/vault_sqlite.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define FILTER_SCOPE "filter"
#define CHUNK 65536

static int mask_with(struct mask *m, struct vault_scope *scope, const struct buf *in, bool json,
		     struct buf *out, struct err *e)
{
	enum mask_error wrong;
	struct vault_entry *entries;
	size_t n;

	mask_know(m, scope);
	wrong = json ? mask_scan_json(m, 0, buf_bytes(in), buf_len(in), SCHEMA_MESSAGES)
		     : mask_scan_text(m, 0, buf_bytes(in), buf_len(in));
	if (wrong == MASK_OK)
		wrong = mask_learn(m);
	if (wrong != MASK_OK)
		return err_set(e, "%s", mask_error_text(wrong));
	if (mask_resolve(m, scope) != 0) {
		entries = mask_pending(m, &n);
		if (scope->ops->reserve(scope, entries, n) < 0 || mask_resolve(m, scope) != 0)
			return err_set(e, "the vault could not store new identifiers: is the disk "
					  "full? Nothing was written");
	}
	if (mask_splice(m, 0, buf_bytes(in), buf_len(in), out) < 0)
		return err_set(e, "the masked text is too large");
	return 0;
}

int filter_mask(struct vault_scope *scope, const struct buf *in, bool json, struct buf *out,
		struct err *e)
{
	char why[256];
	struct catalogue *catalogue = catalogue_new(why, sizeof(why));
	struct mask *m = catalogue ? mask_new(catalogue, FILTER_OUT_MAX) : NULL;
	int status;

	if (m)
		status = mask_with(m, scope, in, json, out, e);
	else
		status = err_set(e, "%s", catalogue ? "memory is out" : why);
	mask_free(m);
	catalogue_free(catalogue);
	return status;
}

int filter_unmask(struct vault_scope *scope, const struct buf *in, bool json, struct buf *out,
		  struct err *e)
{
	struct unmask_counts counts = {0};
	struct unmask_text text;
	int status;

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

int filter_read(struct buf *in, struct err *e)
{
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
		if (buf_len(in) > FILTER_IN_MAX)
			return err_set(e, "the input is larger than 64 MiB; nothing was written");
	}
}

static int write_all(const struct buf *out, struct err *e)
{
	const uint8_t *p = buf_bytes(out);
	size_t len = buf_len(out);

	while (len) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, "standard output: %s", strerror(errno));
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int open_vault(const char *path, struct vault **vault, struct vault_scope **scope,
		      struct err *e)
{
	uint8_t key[VAULT_KEY_SIZE];
	char key_path[PATH_MAX];

	if ((size_t)snprintf(key_path, sizeof(key_path), "%s.key", path) >= sizeof(key_path))
		return err_set(e, "the vault's path is too long");
	if (vault_key_load(key_path, key, e) < 0)
		return -1;
	*vault = vault_open(path, key, e);
	explicit_bzero(key, sizeof(key));
	if (!*vault)
		return -1;
	*scope = vault_scope(*vault, FILTER_SCOPE, e);
	return *scope ? 0 : -1;
}

int filter_run(const struct ctl *c, filter_fn fn)
{
	struct vault *vault = NULL;
	struct vault_scope *scope = NULL;
	struct buf in, out;
	struct err e;
	int status = STATUS_REFUSED;

	if (!c->option[OPTION_VAULT])
		return ctl_usage_error(c, "--vault FILE is missing");
	buf_init(&in, FILTER_IN_MAX + CHUNK); /* room to see that it is too large */
	buf_init(&out, FILTER_OUT_MAX);
	if (filter_read(&in, &e) < 0 ||
	    open_vault(c->option[OPTION_VAULT], &vault, &scope, &e) < 0 ||
	    fn(scope, &in, c->option[OPTION_JSON] != NULL, &out, &e) < 0 || write_all(&out, &e) < 0)
		ctl_refuse(c, &e);
	else
		status = STATUS_DONE;
	if (vault)
		vault_close(vault);
	buf_free(&in);
	buf_free(&out);
	return status;
}
