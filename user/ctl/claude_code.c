/* SPDX-License-Identifier: Apache-2.0 */
#include "claude_code.h"
#include "../daemon/ca.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DROP_IN_DIR "managed-settings.d"
#define DROP_IN "awsmask.json"

struct places {
	char dir[PATH_MAX], file[PATH_MAX], temporary[PATH_MAX];
};

static int find_places(struct places *p, const char *dir, struct err *e)
{
	if (snprintf(p->dir, PATH_MAX, "%s/" DROP_IN_DIR, dir) >= PATH_MAX ||
	    snprintf(p->file, PATH_MAX, "%s/" DROP_IN_DIR "/" DROP_IN, dir) >= PATH_MAX ||
	    /* Not *.json, so that nobody reads half of it. */
	    snprintf(p->temporary, PATH_MAX, "%s/" DROP_IN_DIR "/." DROP_IN ".new", dir) >=
		    PATH_MAX)
		return err_set(e, "%s: this path is too long", dir);
	return 0;
}

static int make_dir(const char *path, struct err *e)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, "%s cannot be made: %s", path, strerror(errno));
}

static int write_file(const struct places *p, json_t *settings, struct err *e)
{
	FILE *f;
	int rc = -1;

	unlink(p->temporary);
	f = fopen(p->temporary, "wxe");
	if (f && json_dumpf(settings, f, JSON_INDENT(2)) == 0 && fputc('\n', f) != EOF &&
	    fflush(f) == 0 && fchmod(fileno(f), 0644) == 0 && fsync(fileno(f)) == 0 &&
	    rename(p->temporary, p->file) == 0)
		rc = 0;
	if (rc)
		err_set(e, "%s cannot be written: %s", p->file, strerror(errno));
	if (f)
		fclose(f);
	if (rc)
		unlink(p->temporary);
	return rc;
}

int claude_code_install(const char *dir, const char *ca_dir, struct err *e)
{
	struct places p = {0};
	json_t *settings;
	int rc = -1;

	if (find_places(&p, dir, e) < 0 || make_dir(dir, e) < 0 || make_dir(p.dir, e) < 0)
		return -1;
	settings = json_pack("{s:{s:s+}}", "env", "NODE_EXTRA_CA_CERTS", ca_dir, "/" CA_CERT_FILE);
	if (settings)
		rc = write_file(&p, settings, e);
	else
		err_set(e, "%s is no UTF-8, or memory is out", ca_dir);
	json_decref(settings);
	return rc;
}

int claude_code_remove(const char *dir, struct err *e)
{
	struct places p = {0};

	if (find_places(&p, dir, e) < 0)
		return -1;
	if (unlink(p.file) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_set(e, "%s cannot be removed: %s", p.file, strerror(errno));
	if (rmdir(p.dir) == 0)
		(void)rmdir(dir);
	return 0;
}
