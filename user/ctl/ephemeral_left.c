/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a run all of whose processes were killed at once. Each of them holds the lock on its log, so one that
 * can be had is nobody's any more.
 */
#include "../daemon/own_cgroup.h"
#include "ephemeral_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATTERN "/awsmask-run-*"

int ephemeral_lock(struct ephemeral *ep, struct err *e)
{
	char fresh[PATH_MAX], path[PATH_MAX];

	ephemeral_path(fresh, ep->dir, EPHEMERAL_LOG ".new");
	ephemeral_path(path, ep->dir, EPHEMERAL_LOG);
	ep->log = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	/* Under its own name it is locked from the first moment on. */
	if (ep->log >= 0 && flock(ep->log, LOCK_EX | LOCK_NB) == 0 && rename(fresh, path) == 0)
		return 0;
	return err_set(e, "%s: %s", fresh, strerror(errno));
}

int ephemeral_remember(const struct ephemeral *ep, struct err *e)
{
	char path[PATH_MAX];
	int rc;
	FILE *f;

	ephemeral_path(path, ep->dir, EPHEMERAL_CGROUP);
	f = fopen(path, "wxe");
	rc = f && fputs(ep->scratch.path, f) >= 0 && fflush(f) == 0
		     ? 0
		     : err_set(e, "%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	return rc;
}

/* Its lock, or -1: it is somebody's, or none of ours. Anybody can make directories in /tmp. */
static int open_left(const char *dir)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), log = -1;
	struct stat s;

	if (at >= 0 && fstat(at, &s) == 0 && s.st_uid == 0 && !(s.st_mode & 022))
		log = openat(at, EPHEMERAL_LOG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (at >= 0)
		close(at);
	if (log >= 0 && flock(log, LOCK_EX | LOCK_NB) < 0) {
		close(log);
		log = -1;
	}
	return log;
}

static void each_in(const char *place, void (*each)(const char *dir, void *arg), void *arg)
{
	char pattern[PATH_MAX];
	glob_t found = {0};

	ephemeral_path(pattern, place, &PATTERN[1]);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int lock = open_left(found.gl_pathv[i]);

			if (lock < 0)
				continue;
			each(found.gl_pathv[i], arg);
			close(lock);
		}
	globfree(&found);
}

void ephemeral_each_left(void (*each)(const char *dir, void *arg), void *arg)
{
	const char *places[EPHEMERAL_PLACES];

	ephemeral_places(places);
	for (size_t i = 0; i < EPHEMERAL_PLACES; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again |= strcmp(places[i], places[j]) == 0;
		if (!again)
			each_in(places[i], each, arg);
	}
}

static int clear_cgroup(const char *dir, struct err *e)
{
	struct scratch s = {.path = ""};
	char path[PATH_MAX];
	const char *name;
	FILE *f;

	ephemeral_path(path, dir, EPHEMERAL_CGROUP);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : err_set(e, "%s: %s", path, strerror(errno));
	if (!fgets(s.path, sizeof(s.path), f))
		s.path[0] = 0;
	fclose(f);
	name = strrchr(s.path, '/');
	if (!name || strncmp(name, PATTERN, sizeof(PATTERN) - 2) != 0)
		return 0; /* it was killed while it wrote this: nothing ran yet */
	return scratch_destroy(&s, e);
}

static void clear_one(const char *dir, void *arg)
{
	struct err e;

	(void)arg;
	/* Nobody masks for what still runs there. */
	if (clear_cgroup(dir, &e) < 0 || ephemeral_remove(dir, &e) < 0) {
		ctl_note("%s", e.text);
		return;
	}
	own_cgroup_remove();
	ctl_note("what an `awsmaskctl run` left that was killed is removed: %s", dir);
}

void ephemeral_clear_left(void)
{
	ephemeral_each_left(clear_one, NULL);
}
