/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/vault_sqlite.h"
#include "check.h"
#include "filter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Of the formats that AWS documents, and nobody's. */
#define SECRET "i-0f1e2d3c4b5a69788"
#define MADE_UP "{\"messages\":[{\"role\":\"user\",\"content\":\"why is " SECRET " down?\"}]}"

static const char *there_and_back(const struct masking *by, struct vault_scope *scope,
				  struct err *e)
{
	struct buf in, masked, back;
	const char *wrong = NULL;

	buf_init(&in, 4096);
	buf_init(&masked, 65536);
	buf_init(&back, 65536);
	if (buf_puts(&in, MADE_UP) < 0)
		wrong = "memory is out";
	else if (filter_mask(by, scope, &in, true, &masked, e) < 0)
		wrong = e->text;
	else if (memmem(buf_bytes(&masked), buf_len(&masked), SECRET, strlen(SECRET)))
		wrong = "an instance id was not masked";
	else if (filter_unmask(by, scope, &masked, true, &back, e) < 0)
		wrong = e->text;
	else if (buf_len(&back) != buf_len(&in) ||
		 memcmp(buf_bytes(&back), buf_bytes(&in), buf_len(&in)) != 0)
		wrong = "what was masked was not restored as it was";
	buf_free(&in);
	buf_free(&masked);
	buf_free(&back);
	return wrong;
}

/* By the default policy: what the host's own one leaves alone is no fault. */
static const char *with_scope(struct vault *vault, struct err *e)
{
	struct config *defaults = config_default();
	struct vault_scope *scope = vault_scope(vault, "check", e);
	struct masking by = {NULL};
	const char *wrong = e->text;

	if (!defaults)
		wrong = "memory is out";
	else if (scope && masking_open(&by, defaults, NULL, e) == 0)
		wrong = there_and_back(&by, scope, e);
	masking_close(&by);
	config_free(defaults);
	return wrong;
}

/* The vault is a file like the daemon's, in a directory of its own for this moment. */
static const char *with_vault(const char *dir, struct err *e)
{
	uint8_t key[VAULT_KEY_SIZE];
	const char *wrong;
	struct vault *vault;
	char path[128];

	snprintf(path, sizeof(path), "%s/vault.db", dir);
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return "no random numbers are to be had";
	vault = vault_open(path, key, e);
	explicit_bzero(key, sizeof(key));
	if (!vault)
		return e->text;
	wrong = with_scope(vault, e);
	vault_close(vault);
	return wrong;
}

static void remove_dir(const char *dir)
{
	static const char *const files[] = {"vault.db", "vault.db-wal", "vault.db-shm",
					    "vault.db-journal"};
	char path[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

void check_masking(struct checks *k)
{
	char dir[] = "/tmp/awsmask-check-XXXXXX";
	const char *wrong;
	struct err e;

	if (!mkdtemp(dir)) {
		check_say(k, "masking", CHECK_FAILED, "is there room in /tmp?",
			  "no temporary directory can be made");
		return;
	}
	wrong = with_vault(dir, &e);
	if (wrong)
		check_say(k, "masking", CHECK_FAILED,
			  "nothing should be enrolled with this build: report it", "%s", wrong);
	else
		check_say(k, "masking", CHECK_OK, "", "a made-up text was masked and restored");
	remove_dir(dir);
}
