/* SPDX-License-Identifier: Apache-2.0 */
#include "client_facts.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PART_MAX (1u << 20)
#define FILE_MAX (8u << 20)

/* Up to `max` bytes and a NUL, or NULL. The descriptor is closed. */
static char *read_all(int fd, size_t max, size_t *len)
{
	size_t n = 0, room = 0;
	char *text = NULL;
	ssize_t got = -1;

	while (fd >= 0 && n < max) {
		if (n == room) {
			char *more = realloc(text, (room = room ? 2 * room : 16384) + 1);

			if (!more)
				break;
			text = more;
		}
		got = read(fd, text + n, room - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (got != 0) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	*len = n;
	return text;
}

static char *read_part(pid_t pid, const char *part, size_t *len)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, part);
	return read_all(open(path, O_RDONLY | O_CLOEXEC), PART_MAX, len);
}

static void read_program(struct client_facts *f)
{
	char path[64], target[PATH_MAX];
	const char *last;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)f->pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = 0;
	last = strrchr(target, '/');
	snprintf(f->program, sizeof(f->program), "%s", last ? last + 1 : "");
}

static void read_name(struct client_facts *f)
{
	size_t len = 0;
	char *comm = read_part(f->pid, "comm", &len);

	snprintf(f->name, sizeof(f->name), "%s", comm ? comm : "?");
	f->name[strcspn(f->name, "\n")] = 0;
	for (char *c = f->name; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	free(comm);
}

int client_facts_read(struct client_facts *f, pid_t pid)
{
	char path[32];
	struct stat st;

	*f = (struct client_facts){.pid = pid};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	f->arguments = read_part(pid, "cmdline", &f->arguments_len);
	f->environment = read_part(pid, "environ", &f->environment_len);
	if (!f->arguments || !f->environment || f->arguments_len == 0 || stat(path, &st) < 0) {
		client_facts_free(f);
		return -1;
	}
	f->uid = st.st_uid;
	read_program(f);
	read_name(f);
	return 0;
}

void client_facts_free(struct client_facts *f)
{
	free(f->arguments);
	free(f->environment);
}

const char *client_variable(const struct client_facts *f, const char *name)
{
	size_t n = strlen(name), len;

	for (const char *at = f->environment; at < f->environment + f->environment_len;
	     at += len + 1) {
		len = strlen(at);
		if (len > n && memcmp(at, name, n) == 0 && at[n] == '=')
			return at + n + 1;
	}
	return NULL;
}

bool client_argument(const struct client_facts *f, const char *word)
{
	for (const char *at = f->arguments; at < f->arguments + f->arguments_len;
	     at += strlen(at) + 1)
		if (strcmp(at, word) == 0)
			return true;
	return false;
}

static void squeeze(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)text[i]))
			text[n++] = text[i];
	text[n] = 0;
}

/* Of regular files alone: a pipe would keep us waiting. */
static char *read_squeezed(int fd)
{
	struct stat st;
	size_t len = 0;
	char *text;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return NULL;
	}
	text = read_all(fd, FILE_MAX, &len);
	if (text)
		squeeze(text, len);
	return text;
}

char *client_read_squeezed(const char *path)
{
	return read_squeezed(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

/* As the process sees it: below its own root, links included. */
static int open_as(const struct client_facts *f, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char root[32];
	int dir, fd;

	snprintf(root, sizeof(root), "/proc/%d/root", (int)f->pid);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	close(dir);
	return fd;
}

bool client_file_holds(const struct client_facts *f, const char *path, const char *squeezed)
{
	char *text = *path == '/' ? read_squeezed(open_as(f, path)) : NULL;
	bool found = text && strstr(text, squeezed);

	free(text);
	return found;
}
