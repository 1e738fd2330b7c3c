/* SPDX-License-Identifier: Apache-2.0 */
#include "program_path.h"
#include "path.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX ((size_t)64 << 20) /* bytes of each list */
#define LINKS_MAX 40		    /* as the kernel's own limit */
#define DIRS_MAX ((size_t)1 << 20)

struct mount {
	int id;
	uint32_t dev;
};

void program_finds_init(struct program_finds *f)
{
	*f = (struct program_finds){0};
	buf_init(&f->files, LIST_MAX);
	buf_init(&f->names, LIST_MAX);
	buf_init(&f->dirs, DIRS_MAX);
	buf_init(&f->mounts, LIST_MAX);
}

void program_finds_free(struct program_finds *f)
{
	buf_free(&f->files);
	buf_free(&f->names);
	buf_free(&f->dirs);
	buf_free(&f->mounts);
}

static void add(struct program_finds *f, struct buf *list, const void *p, size_t n)
{
	if (buf_append(list, p, n) < 0)
		f->full = true;
}

/* ---- as the kernel knows a file */

static void mounts_read(struct program_finds *f)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	unsigned major_number, minor_number;
	struct mount m;
	char *line = NULL;
	size_t cap = 0;

	while (file && getline(&line, &cap, file) > 0) {
		if (sscanf(line, "%d %*d %u:%u", &m.id, &major_number, &minor_number) != 3)
			continue;
		m.dev = major_number << 20 | minor_number;
		add(f, &f->mounts, &m, sizeof(m));
	}
	free(line);
	if (file)
		fclose(file);
}

static bool mount_device(struct program_finds *f, int id, uint32_t *dev)
{
	const struct mount *m;

	if (!buf_len(&f->mounts))
		mounts_read(f);
	m = (const void *)buf_bytes(&f->mounts);
	for (size_t i = 0; i < buf_len(&f->mounts) / sizeof(*m); i++)
		if (m[i].id == id) {
			*dev = m[i].dev;
			return true;
		}
	return false;
}

/*
 * stat(2) is no good for this: btrfs and overlayfs answer with devices, and overlayfs with numbers,
 * of their own making. The mount that the file was opened through has the super block's device, and
 * since 5.14 fdinfo has the inode's own number.
 */
static bool kernel_file(struct program_finds *f, int fd, ino_t inode, struct program_file *out)
{
	char path[64], line[128];
	unsigned long long ino = inode;
	int mount = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info)) {
		(void)sscanf(line, "mnt_id: %d", &mount);
		(void)sscanf(line, "ino: %llu", &ino);
	}
	if (info)
		fclose(info);
	*out = (struct program_file){.inode = ino};
	return mount_device(f, mount, &out->dev);
}

static bool kernel_directory(struct program_finds *f, const char *path, struct program_file *out)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	bool known = fd >= 0 && fstat(fd, &st) == 0 && kernel_file(f, fd, st.st_ino, out);

	if (fd >= 0)
		close(fd);
	return known;
}

/* ---- names */

static void add_name(struct program_finds *f, const struct program_file *from, const char *text,
		     uint32_t id)
{
	struct program_name n = {.id = id};
	size_t len = strlen(text);

	if (len >= sizeof(n.path.path) - 1)
		return; /* nor would the kernel side find it */
	if (buf_len(&f->names) / sizeof(n) >= AWSMASK_MAX_PROGRAM_FILES) {
		f->full = true;
		return;
	}
	if (from)
		n.path.from = *from;
	memcpy(n.path.path, text, len);
	add(f, &f->names, &n, sizeof(n));
}

/* As it stands, and relative to each of the directories above it. */
static void add_names(struct program_finds *f, const char *spelled, uint32_t id)
{
	struct program_file from;
	char dir[PATH_MAX];

	add_name(f, NULL, spelled, id);
	for (const char *slash = spelled; slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash == spelled ? 1 : slash - spelled),
			 spelled);
		if (!kernel_directory(f, dir, &from))
			return;
		add_name(f, &from, slash + 1, id);
	}
}

/* ---- files */

/* #!/usr/bin/env -S node --flag: "node" */
static void interpreter_of(char *line, char out[static 32])
{
	char *save = NULL, *word, *slash;
	bool env = false;

	if (strncmp(line, "#!", 2))
		return;
	for (word = strtok_r(line + 2, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
		slash = strrchr(word, '/');
		word = slash ? slash + 1 : word;
		if (env && (*word == '-' || strchr(word, '=')))
			continue;
		env = !env && !strcmp(word, "env");
		if (env)
			continue;
		snprintf(out, 32, "%.31s", word);
		return;
	}
}

static void read_interpreter(int path_fd, char out[static 32])
{
	char path[64], line[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	line[n] = 0;
	line[strcspn(line, "\r\n")] = 0;
	interpreter_of(line, out);
}

/* `links`: whose links led here; 0: root's alone. */
static void add_file(struct program_finds *f, const char *path, uid_t links, uint32_t id)
{
	struct program_found found = {.id = id};
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (links && st.st_uid != links) ||
	    !kernel_file(f, fd, st.st_ino, &found.file))
		goto out;
	if (buf_len(&f->files) / sizeof(found) >= AWSMASK_MAX_PROGRAM_FILES) {
		f->full = true;
		goto out;
	}
	found.dev = st.st_dev;
	found.ino = st.st_ino;
	snprintf(found.path, sizeof(found.path), "%s", path);
	read_interpreter(fd, found.interpreter);
	add(f, &f->files, &found, sizeof(found));
out:
	close(fd);
}

static void add_dir(struct program_finds *f, const char *dir, const char *name)
{
	add(f, &f->dirs, dir, strlen(dir) + 1);
	add(f, &f->dirs, name, strlen(name) + 1);
}

/* ---- following a path */

struct walk {
	char done[PATH_MAX]; /* a directory, without links; "" is the root */
	char rest[PATH_MAX]; /* from there on */
	unsigned links;
	uid_t owner; /* of the links that are not root's */
	bool strangers;
};

/* Take the first component of the rest. */
static bool take_component(struct walk *w, char name[static NAME_MAX + 1])
{
	size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");

	if (!len || len > NAME_MAX)
		return false;
	memcpy(name, w->rest + skip, len);
	name[len] = 0;
	memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	return true;
}

static bool take_link(struct walk *w, const char *path, uid_t uid)
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0 || ++w->links > LINKS_MAX)
		return false;
	target[n] = 0;
	w->strangers |= uid && w->owner && uid != w->owner;
	if (uid)
		w->owner = uid;
	if (path_join(joined, target, w->rest))
		return false;
	if (*target == '/')
		w->done[0] = 0;
	memcpy(w->rest, joined, sizeof(joined));
	return true;
}

static void step_back(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = 0;
}

/* As far as there is something. `id` 0: only the directories count. */
static void follow(struct program_finds *f, const char *path, uint32_t id)
{
	struct walk w = {.links = 0};
	char name[NAME_MAX + 1], next[PATH_MAX];
	struct stat st;

	snprintf(w.rest, sizeof(w.rest), "%s", path);
	while (take_component(&w, name)) {
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			step_back(&w);
			continue;
		}
		add_dir(f, *w.done ? w.done : "/", name);
		if (path_join(next, w.done, name) || lstat(next, &st) < 0)
			return;
		if (S_ISLNK(st.st_mode)) {
			if (!take_link(&w, next, st.st_uid))
				return;
		} else if (S_ISDIR(st.st_mode)) {
			memcpy(w.done, next, sizeof(next));
		} else {
			if (id && !w.rest[strspn(w.rest, "/")] && !w.strangers)
				add_file(f, next, w.owner, id);
			return;
		}
	}
}

/* ---- patterns */

static bool is_pattern(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[", text[i]))
			return true;
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void expand(struct program_finds *f, const char *prefix, const char *rest, uint32_t id);

/* `component`: a pattern for what stands in `dir`; `rest`: what comes after it. */
static void expand_in(struct program_finds *f, const char *dir, const char *component,
		      const char *rest, uint32_t id)
{
	DIR *d = opendir(*dir ? dir : "/");
	char path[PATH_MAX];
	struct dirent *entry;

	add_dir(f, *dir ? dir : "/", "");
	while (d && !f->full && (entry = readdir(d))) {
		if (fnmatch(component, entry->d_name, FNM_PERIOD) ||
		    path_join(path, dir, entry->d_name) || (*rest && !is_directory(path)))
			continue;
		expand(f, path, rest, id);
	}
	if (d)
		closedir(d);
}

/* `prefix` is a path without patterns, `rest` begins with a slash or is empty. */
static void expand(struct program_finds *f, const char *prefix, const char *rest, uint32_t id)
{
	char path[PATH_MAX], component[NAME_MAX + 1];
	size_t len;

	snprintf(path, sizeof(path), "%s", prefix);
	while (*rest) {
		len = strcspn(rest + 1, "/");
		if (len > NAME_MAX || strlen(path) + len + 2 > sizeof(path))
			return;
		memcpy(component, rest + 1, len);
		component[len] = 0;
		rest += 1 + len;
		if (is_pattern(component, len)) {
			follow(f, path, 0);
			expand_in(f, path, component, rest, id);
			return;
		}
		strcat(strcat(path, "/"), component);
	}
	follow(f, path, id);
	add_names(f, path, id);
}

void program_path_find(struct program_finds *f, const char *path, uint32_t id)
{
	expand(f, "", path, id);
}
