/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Deeper trees than this are not searched. */
#define WALK_DEPTH 64

static int copy_out(char *out, size_t size, const char *text)
{
	size_t n = strlen(text) + 1;

	if (n > size)
		return -1;
	memcpy(out, text, n);
	return 0;
}

/* mountinfo writes space, tab, newline and backslash as \ooo; undone in place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = 0;
}

/* proc(5): id parent major:minor root mountpoint options [optional...] - type source options.
 * Points *root and *mountpoint into the line when the type is cgroup2. */
static bool mountinfo_parse(char *line, char **root, char **mountpoint)
{
	char *rest = strstr(line, " - ");
	char *save = NULL;

	if (!rest || strncmp(rest + 3, "cgroup2 ", 8))
		return false;
	*rest = 0;
	for (int field = 0; field < 3; field++)
		if (!strtok_r(field ? NULL : line, " ", &save))
			return false;
	*root = strtok_r(NULL, " ", &save);
	*mountpoint = strtok_r(NULL, " ", &save);
	if (!*root || !*mountpoint)
		return false;
	unescape(*root);
	unescape(*mountpoint);
	return true;
}

/* A mount of the whole tree is preferred to one of a part (containers have such). */
int cgroup_mount_from(const char *mountinfo, char *path, size_t size, struct err *e)
{
	FILE *f = fopen(mountinfo, "re");
	char *line = NULL, *root, *mountpoint;
	char best[PATH_MAX] = "";
	size_t cap = 0;
	bool whole = false;

	if (!f)
		return err_set(e, "cannot read %s: %s", mountinfo, strerror(errno));
	while (!whole && getline(&line, &cap, f) > 0) {
		if (!mountinfo_parse(line, &root, &mountpoint))
			continue;
		whole = !strcmp(root, "/");
		if ((whole || !*best) && copy_out(best, sizeof(best), mountpoint))
			best[0] = 0;
	}
	free(line);
	fclose(f);
	if (!*best)
		return err_set(e, "cgroup v2 is not mounted: 'mount -t cgroup2 none "
				  "/sys/fs/cgroup' mounts it, systemd does so by itself");
	if (copy_out(path, size, best))
		return err_set(e, "the mount point of cgroup v2, %s, is too long a path", best);
	return 0;
}

int cgroup_mount(char *path, size_t size, struct err *e)
{
	return cgroup_mount_from("/proc/self/mountinfo", path, size, e);
}

static bool is_cgroup2(const char *path)
{
	struct statfs s;

	return !statfs(path, &s) && s.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_id(const char *path, uint64_t *id, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_set(e, "there is no cgroup %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode) || !is_cgroup2(path))
		return err_set(e, "%s is not a cgroup of version 2", path);
	*id = st.st_ino;
	return 0;
}

/* One step of a walk: 0 go on, anything else ends it. */
typedef int (*walk_step)(const char *path, const char *name, ino_t inode, void *arg);

/* `path` is a buffer of PATH_MAX that holds the directory and is restored. A cgroup that vanishes
 * meanwhile is passed over. */
static int walk(char *path, walk_step step, void *arg, int depth)
{
	size_t len = strlen(path);
	struct dirent *entry;
	DIR *d = opendir(path);
	int rc = 0;

	if (!d)
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	while (!rc && (entry = readdir(d))) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		if (len + strlen(entry->d_name) + 2 > PATH_MAX)
			continue;
		sprintf(path + len, "/%s", entry->d_name);
		rc = step(path, entry->d_name, entry->d_ino, arg);
		if (!rc && depth < WALK_DEPTH)
			rc = walk(path, step, arg, depth + 1);
		path[len] = 0;
	}
	closedir(d);
	return rc;
}

struct search {
	const char *name;
	uint64_t id;
	char *found; /* of PATH_MAX */
	int count;
};

static int step_by_id(const char *path, const char *name, ino_t inode, void *arg)
{
	struct search *s = arg;

	(void)name;
	if (inode != s->id)
		return 0;
	s->count = 1;
	return copy_out(s->found, PATH_MAX, path) ? -1 : 1;
}

int cgroup_path_of(uint64_t id, char *path, size_t size)
{
	char found[PATH_MAX], where[PATH_MAX];
	struct search s = {.id = id, .found = found};
	struct stat st;
	struct err e;

	if (cgroup_mount(where, sizeof(where), &e) || stat(where, &st))
		return -1;
	if (st.st_ino == id)
		return copy_out(path, size, where);
	walk(where, step_by_id, &s, 0);
	return s.count ? copy_out(path, size, found) : -1;
}

int cgroup_depth(uint64_t id)
{
	char path[PATH_MAX], mount[PATH_MAX];
	int depth = 0;
	struct err e;

	if (cgroup_path_of(id, path, sizeof(path)) || cgroup_mount(mount, sizeof(mount), &e))
		return -1;
	for (const char *p = path + strlen(mount); *p; p++)
		depth += *p == '/';
	return depth;
}

bool cgroup_contains(uint64_t ancestor, uint64_t id)
{
	char above[PATH_MAX], path[PATH_MAX];

	return !cgroup_path_of(ancestor, above, sizeof(above)) &&
	       !cgroup_path_of(id, path, sizeof(path)) && cgroup_is_below(path, above);
}

struct each {
	int (*step)(const char *path, uint64_t id, void *arg);
	void *arg;
};

static int step_each(const char *path, const char *name, ino_t inode, void *arg)
{
	const struct each *each = arg;

	(void)name;
	return each->step(path, inode, each->arg);
}

int cgroup_each(const char *path, int (*step)(const char *path, uint64_t id, void *arg), void *arg)
{
	struct each each = {step, arg};
	char where[PATH_MAX];
	struct err e;
	uint64_t id;
	int rc;

	if (cgroup_id(path, &id, &e) || copy_out(where, sizeof(where), path))
		return -1;
	rc = step(path, id, arg);
	return rc ? rc : walk(where, step_each, &each, 0);
}

void cgroup_each_task(const char *path, bool threads, void (*each)(pid_t pid, void *arg), void *arg)
{
	char name[PATH_MAX + sizeof("/cgroup.threads")];
	int pid;
	FILE *f;

	snprintf(name, sizeof(name), "%s/cgroup.%s", path, threads ? "threads" : "procs");
	f = fopen(name, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		each(pid, arg);
	if (f)
		fclose(f);
}

/* The name of a unit may be given without ".service", as systemctl takes it. */
static int step_by_name(const char *path, const char *name, ino_t inode, void *arg)
{
	struct search *s = arg;
	size_t n = strlen(s->name);

	(void)inode;
	if (strncmp(name, s->name, n) || (name[n] && strcmp(name + n, ".service")))
		return 0;
	if (!s->count++)
		return copy_out(s->found, PATH_MAX, path) ? -1 : 0;
	return 0;
}

static int resolve_unit(const char *name, const char *mount, char *path, size_t size, struct err *e)
{
	char found[PATH_MAX], where[PATH_MAX];
	struct search s = {.name = name, .found = found};

	if (copy_out(where, sizeof(where), mount))
		return err_set(e, "the path %s is too long", mount);
	walk(where, step_by_name, &s, 0);
	if (!s.count)
		return err_set(e,
			       "there is no cgroup '%s': write a path below %s, or the name of a "
			       "running systemd unit",
			       name, mount);
	if (s.count > 1)
		return err_set(e,
			       "'%s' names %d cgroups, one of them %s: write the path of the one "
			       "that you mean",
			       name, s.count, found);
	if (copy_out(path, size, found))
		return err_set(e, "the path %s is too long", found);
	return 0;
}

/* The directory `prefix`/`name`, links and dots resolved, if it is a cgroup of the mounted tree. */
static bool resolve_path(const char *mount, const char *prefix, const char *name,
			 char real[static PATH_MAX])
{
	char joined[PATH_MAX];
	int n = snprintf(joined, sizeof(joined), "%s%s%s", prefix, *prefix ? "/" : "", name);

	if (n < 0 || (size_t)n >= sizeof(joined) || !realpath(joined, real))
		return false;
	return cgroup_is_below(real, mount) && is_cgroup2(real);
}

int cgroup_resolve(const char *name, char *path, size_t size, struct err *e)
{
	char mount[PATH_MAX], real[PATH_MAX];
	struct stat st;

	if (cgroup_mount(mount, sizeof(mount), e))
		return -1;
	if (!*name)
		return err_set(e, "an empty name: write a path below %s, or a systemd unit", mount);
	if ((*name == '/' && resolve_path(mount, "", name, real)) ||
	    resolve_path(mount, mount, name, real)) {
		if (stat(real, &st) || !S_ISDIR(st.st_mode))
			return err_set(e, "%s is not a cgroup but a file in one", real);
		if (copy_out(path, size, real))
			return err_set(e, "the path %s is too long", real);
		return 0;
	}
	if (!strchr(name, '/'))
		return resolve_unit(name, mount, path, size, e);
	return err_set(e,
		       "there is no cgroup '%s': write a path below %s, or the name of a running "
		       "systemd unit",
		       name, mount);
}

int cgroup_create(const char *path, struct err *e)
{
	if (!mkdir(path, 0755) || (errno == EEXIST && is_cgroup2(path)))
		return 0;
	return err_set(e, "cannot make the cgroup %s: %s", path, strerror(errno));
}

int cgroup_remove(const char *path, struct err *e)
{
	if (!rmdir(path) || errno == ENOENT)
		return 0;
	return err_set(e, "cannot remove the cgroup %s: %s%s", path, strerror(errno),
		       errno == EBUSY ? " (processes or cgroups are in it)" : "");
}

int cgroup_enter(const char *path, pid_t pid, struct err *e)
{
	char procs[PATH_MAX];
	int n = snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	int fd, rc;

	if (n < 0 || (size_t)n >= sizeof(procs))
		return err_set(e, "the path %s is too long", path);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, "cannot open %s: %s", procs, strerror(errno));
	rc = dprintf(fd, "%d", (int)pid);
	if (rc < 0)
		rc = err_set(e, "cannot move process %d into %s: %s", (int)pid, path,
			     strerror(errno));
	close(fd);
	return rc < 0 ? -1 : 0;
}

/* The line "0::/path" of /proc/PID/cgroup; hybrid hosts have others beside it. */
static int read_of(FILE *f, char *path, size_t size)
{
	char *line = NULL;
	size_t cap = 0;
	int rc = -1;

	while (getline(&line, &cap, f) > 0) {
		if (strncmp(line, "0::/", 4))
			continue;
		line[strcspn(line, "\n")] = 0;
		rc = copy_out(path, size, line + 3);
		break;
	}
	free(line);
	return rc;
}

int cgroup_of(pid_t pid, char *path, size_t size, struct err *e)
{
	char mount[PATH_MAX], below[PATH_MAX], name[32];
	FILE *f;
	int n, rc;

	if (cgroup_mount(mount, sizeof(mount), e))
		return -1;
	if (pid)
		snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	else
		snprintf(name, sizeof(name), "/proc/self/cgroup");
	f = fopen(name, "re");
	if (!f)
		return err_set(e, "there is no process %d", (int)pid);
	rc = read_of(f, below, sizeof(below));
	fclose(f);
	if (rc || !strncmp(below, "/..", 3))
		return err_set(e, "process %d has no cgroup below %s", (int)pid, mount);
	n = snprintf(path, size, "%s%s", mount, strcmp(below, "/") ? below : "");
	if (n < 0 || (size_t)n >= size)
		return err_set(e, "the path of process %d's cgroup is too long", (int)pid);
	return 0;
}
