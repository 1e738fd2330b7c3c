/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"
#include "../daemon/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define KILL_ROUNDS 100
#define KILL_PAUSE_MS 20

/* Below our own, so that its limits hold for the command, too; where that cannot have children below the root. */
static int make_below(struct scratch *s, const char *parent, const char *name, struct err *e)
{
	int n = snprintf(s->path, sizeof(s->path), "%s/%s", parent, name);

	if (n < 0 || (size_t)n >= sizeof(s->path))
		return err_set(e, "the path %s is too long", parent);
	return cgroup_create(s->path, e);
}

int scratch_make(struct scratch *s, const char *word, struct err *e)
{
	char own[PATH_MAX], mount[PATH_MAX], name[64];
	uint32_t random;

	if (cgroup_mount(mount, sizeof(mount), e) < 0)
		return -1;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_set(e, "no random numbers: %s", strerror(errno));
	snprintf(name, sizeof(name), "awsmask-%s-%d-%08" PRIx32, word, (int)getpid(), random);
	if (cgroup_of(0, own, sizeof(own), e) == 0 && make_below(s, own, name, e) == 0)
		return 0;
	return make_below(s, mount, name, e);
}

int scratch_begin(struct scratch *s, struct ctl *c, const char *word, struct err *e)
{
	struct err ignored;
	json_t *answer;

	if (scratch_make(s, word, e) < 0)
		return -1;
	if (client_enroll(c, s->path, &answer, e) != CLIENT_DONE) {
		cgroup_remove(s->path, &ignored);
		return -1;
	}
	json_decref(answer);
	return 0;
}

static FILE *open_in(int dir, const char *name, int flags, const char *mode)
{
	int fd = openat(dir, name, flags | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

	if (!f && fd >= 0)
		close(fd);
	return f;
}

static bool kill_at_once(int dir)
{
	int fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "1", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* Linux before 5.14 has no cgroup.kill: one by one, as often as new ones appear. */
static void kill_each(int dir)
{
	FILE *f = open_in(dir, "cgroup.procs", O_RDONLY, "r");
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 1)
			kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

static bool is_populated(int dir)
{
	FILE *f = open_in(dir, "cgroup.events", O_RDONLY, "r");
	char word[32];
	int value;
	bool populated = false;

	while (f && fscanf(f, "%31s %d", word, &value) == 2)
		if (strcmp(word, "populated") == 0)
			populated = value != 0;
	if (f)
		fclose(f);
	return populated;
}

/* What ran in it may have made cgroups of its own below. Cgroup trees are shallow. */
static void clear_below(int dir, void (*each)(int dir), unsigned depth)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || depth == 0)
			continue;
		child = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		clear_below(child, each, depth - 1);
		close(child);
		if (!each)
			unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
	else if (again >= 0)
		close(again);
	if (each)
		each(dir);
}

static int empty(int dir)
{
	for (int i = 0; i < KILL_ROUNDS && is_populated(dir); i++) {
		if (!kill_at_once(dir))
			clear_below(dir, kill_each, 32);
		/* Dying takes a moment: the kernel tells through this file, and only polling is
		 * there for all its versions. */
		if (is_populated(dir))
			poll(NULL, 0, KILL_PAUSE_MS);
	}
	return is_populated(dir) ? -1 : 0;
}

/* Kill what is in it, and remove what it has made below. */
static int clear(const char *path, struct err *e)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int emptied;

	if (dir < 0)
		return err_set(e, "%s: %s", path, strerror(errno));
	emptied = empty(dir);
	if (emptied == 0)
		clear_below(dir, NULL, 32);
	close(dir);
	if (emptied < 0)
		return err_set(e, "processes in %s cannot be killed: it stays, enrolled", path);
	return 0;
}

int scratch_end(struct scratch *s, struct ctl *c, struct err *e)
{
	json_t *answer;

	if (clear(s->path, e) < 0)
		return -1;
	if (client_unenroll(c, s->path, &answer, e) != CLIENT_DONE)
		return -1;
	json_decref(answer);
	return cgroup_remove(s->path, e);
}

int scratch_destroy(const struct scratch *s, struct err *e)
{
	if (access(s->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (clear(s->path, e) < 0)
		return -1;
	return cgroup_remove(s->path, e);
}
