/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KILL_ROUNDS 100
#define KILL_PAUSE_MS 20

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

static int kill_all(int dir)
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

int cgroup_empty(const char *path, struct err *e)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int emptied;

	if (dir < 0)
		return err_set(e, "%s: %s", path, strerror(errno));
	emptied = kill_all(dir);
	if (emptied == 0)
		clear_below(dir, NULL, 32);
	close(dir);
	if (emptied < 0)
		return err_set(e, "processes in %s cannot be killed: it stays, enrolled", path);
	return 0;
}
