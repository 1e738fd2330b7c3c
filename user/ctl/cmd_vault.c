/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/vault_repair.h"
#include "client.h"
#include "progress.h"

#include <string.h>
#include <sys/stat.h>

static int print_found(const struct ctl *c, const char *path, const struct vault_found *f)
{
	bool repaired = *f->aside;

	if (c->option[OPTION_JSON]) {
		json_t *j = json_pack("{s:b, s:b, s:s, s:I, s:I}", "ok", f->sound || repaired,
				      "sound", f->sound, "file", path, "mappings",
				      (json_int_t)f->mappings, "lost", (json_int_t)f->lost);

		if (repaired)
			json_object_update_new(j, json_pack("{s:s, s:I}", "aside", f->aside,
							    "floor", (json_int_t)f->floor));
		if (ctl_print_json(j) != STATUS_DONE)
			return STATUS_REFUSED;
	} else if (repaired) {
		printf("%s: saved %zu mappings, lost %zu that are known of; the damaged file is "
		       "%s.\n"
		       "New placeholders begin above %u, so that none that was used is used "
		       "again.\n",
		       harmless(path), f->mappings, f->lost, harmless(f->aside), f->floor);
	} else if (f->sound) {
		printf("%s: sound; %zu mappings\n", harmless(path), f->mappings);
	} else {
		printf("%s: damaged; %zu mappings can be saved, %zu are lost; stop awsmaskd and "
		       "run "
		       "`awsmaskctl vault repair`\n",
		       harmless(path), f->mappings, f->lost);
	}
	return f->sound || repaired ? STATUS_DONE : STATUS_REFUSED;
}

/* What it writes while its file is read would be lost. */
static int check_stopped(struct ctl *c, struct err *e)
{
	json_t *answer = NULL;
	struct err why;

	if (c->option[OPTION_VAULT])
		return 0;
	if (client_call(c, json_pack("{s:s}", "command", "status"), &answer, &why) == CLIENT_ABSENT)
		return 0;
	json_decref(answer);
	return err_set(e, "awsmaskd is running: stop it first, with `systemctl stop awsmaskd`");
}

/* One that is not there is not made, as it is for a new vault. */
static int load_key(const char *path, uint8_t key[static VAULT_KEY_SIZE], struct err *e)
{
	char name[PATH_MAX];
	struct stat st;

	if (snprintf(name, sizeof(name), "%s.key", path) >= (int)sizeof(name))
		return err_set(e, "%s: the path is too long", path);
	if (lstat(name, &st))
		return err_set(e, "%s: there is no key; without it nothing can be read", name);
	return vault_key_load(name, key, e);
}

int cmd_vault(struct ctl *c, int argc, char **argv)
{
	bool repair = !strcmp(argv[0], "repair");
	struct vault_watcher watcher = {.tell = progress_set};
	uint8_t key[VAULT_KEY_SIZE];
	struct vault_found found;
	const char *path;
	struct err e;
	int rc;

	(void)argc;
	if (!repair && strcmp(argv[0], "check") != 0)
		return ctl_usage_error(c, "'%s' is none of check, repair", argv[0]);
	if (!ctl_config(c, &e))
		return ctl_refuse(c, &e);
	path = c->option[OPTION_VAULT] ? c->option[OPTION_VAULT] : c->config->vault_sqlite;
	if ((repair && check_stopped(c, &e)) || load_key(path, key, &e))
		return ctl_refuse(c, &e);
	watcher.arg = progress_begin(c, repair ? "repairing" : "checking", 0, PROGRESS_THINGS);
	rc = repair ? vault_repair(path, key, &watcher, &found, &e)
		    : vault_check(path, key, &watcher, &found, &e);
	progress_end(watcher.arg);
	explicit_bzero(key, sizeof(key));
	return rc ? ctl_refuse(c, &e) : print_found(c, path, &found);
}
