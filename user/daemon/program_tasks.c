/* SPDX-License-Identifier: Apache-2.0 */
#include "program_tasks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS_MAX ((size_t)16384)	 /* bytes that are looked at */
#define ENVIRONMENT_MAX ((size_t)262144) /* likewise */
#define SCRIPT_PLACES 4			 /* where among the arguments the script may stand */

/* A file of /proc/PID, with a NUL behind it. The caller's to free; NULL: it cannot be read. */
static char *read_of(pid_t pid, const char *name, size_t max, size_t *len)
{
	char path[64], *text = malloc(max + 1);
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) {
		free(text);
		return NULL;
	}
	for (*len = 0; n > 0 && *len<max; *len += n> 0 ? (size_t)n : 0)
		n = read(fd, text + *len, max - *len);
	close(fd);
	text[*len] = 0;
	return text;
}

static uint32_t by_inode(const struct program_finds *f, const struct stat *st, bool scripts,
			 const char *interpreter)
{
	const struct program_found *all;
	size_t n;

	all = program_files(f, &n);
	for (size_t i = 0; i < n; i++)
		if (all[i].dev == st->st_dev && all[i].ino == st->st_ino &&
		    (all[i].interpreter[0] != 0) == scripts &&
		    (!scripts || !strcmp(all[i].interpreter, interpreter)))
			return all[i].id;
	return 0;
}

static uint32_t by_name(const struct program_finds *f, const char *path)
{
	const struct program_found *all;
	const struct program_name *names;
	size_t n;

	names = program_names(f, &n);
	for (size_t i = 0; i < n; i++)
		if (!names[i].path.from.inode && !strcmp(names[i].path.path, path))
			return names[i].id;
	all = program_files(f, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].path, path))
			return all[i].id;
	return 0;
}

/* The file that it runs; of one that is gone, the name. */
static uint32_t by_executable(const struct program_finds *f, pid_t pid)
{
	static const char gone[] = " (deleted)";
	char link[64], path[PATH_MAX];
	struct stat st;
	uint32_t id = 0;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	if (stat(link, &st) == 0)
		id = by_inode(f, &st, false, "");
	n = id ? -1 : readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return id;
	path[n] = 0;
	if ((size_t)n > strlen(gone) && !strcmp(path + n - strlen(gone), gone)) {
		path[(size_t)n - strlen(gone)] = 0;
		id = by_name(f, path);
	}
	return id;
}

static bool stat_argument(pid_t pid, const char *argument, struct stat *st)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "/proc/%d/%s/%s", (int)pid,
			 *argument == '/' ? "root" : "cwd", argument);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, st) == 0;
}

/* An interpreter that was given an enrolled script. */
static uint32_t by_arguments(const struct program_finds *f, pid_t pid)
{
	size_t len = 0, at;
	char *text = read_of(pid, "cmdline", ARGUMENTS_MAX, &len);
	const char *interpreter, *slash;
	struct stat st;
	uint32_t id = 0;

	if (!text)
		return 0;
	slash = strrchr(text, '/');
	interpreter = slash ? slash + 1 : text;
	at = strlen(text) + 1;
	for (int i = 0; i < SCRIPT_PLACES && at < len && !id; i++) {
		if (text[at] && text[at] != '-' && stat_argument(pid, text + at, &st))
			id = by_inode(f, &st, true, interpreter);
		at += strlen(text + at) + 1;
	}
	free(text);
	return id;
}

static uint32_t by_environment(const struct program_finds *f, pid_t pid)
{
	size_t len = 0;
	char *text = read_of(pid, "environ", ENVIRONMENT_MAX, &len);
	uint32_t id = 0;

	for (size_t at = 0; text && at < len && !id; at += strlen(text + at) + 1)
		if (text[at] == '_' && text[at + 1] == '=')
			id = by_name(f, text + at + 2);
	free(text);
	return id;
}

static pid_t parent_of(pid_t pid)
{
	size_t len = 0;
	char *text = read_of(pid, "stat", 1024, &len), *end;
	int parent = 0;

	/* The name before it may have blanks and parentheses of its own. */
	end = text ? strrchr(text, ')') : NULL;
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		parent = 0;
	free(text);
	return parent;
}

static int list_all(const struct program_finds *f, struct buf *tasks)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int rc = proc ? 0 : -1;

	while (proc && !rc && (entry = readdir(proc))) {
		struct program_task t = {.pid = (pid_t)atoi(entry->d_name)};

		if (t.pid <= 0)
			continue;
		t.parent = parent_of(t.pid);
		t.id = by_executable(f, t.pid);
		if (!t.id)
			t.id = by_arguments(f, t.pid);
		if (!t.id)
			t.id = by_environment(f, t.pid);
		rc = buf_append(tasks, &t, sizeof(t));
	}
	if (proc)
		closedir(proc);
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct program_task *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Children of those that are in, until there are no more. */
static void add_descendants(struct program_task *all, size_t n)
{
	bool more = true;

	qsort(all, n, sizeof(*all), compare);
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			const struct program_task *parent =
				all[i].id ? NULL
					  : bsearch(&(struct program_task){.pid = all[i].parent},
						    all, n, sizeof(*all), compare);
			if (!parent || !parent->id)
				continue;
			all[i].id = parent->id;
			more = true;
		}
	}
}

int program_tasks_find(const struct program_finds *f, struct buf *tasks)
{
	size_t before = buf_len(tasks);

	if (list_all(f, tasks) < 0)
		return -1;
	if (buf_len(tasks) > before)
		add_descendants((void *)(tasks->data + tasks->head + before),
				(buf_len(tasks) - before) / sizeof(struct program_task));
	return 0;
}
