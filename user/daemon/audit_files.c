/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_files.h"
#include "audit_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW ((size_t)256 * 1024) /* in which the last line stands as a rule */

/* ---- names */

static bool is_suffix(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits >= AUDIT_SUFFIX_DIGITS && !text[digits];
}

static int by_number(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t m = strlen(x), n = strlen(y);

	return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

static int add_name(char ***names, size_t *n, const char *dir, const char *name)
{
	char **more = reallocarray(*names, *n + 1, sizeof(*more));

	if (!more)
		return -1;
	*names = more;
	if (asprintf(&more[*n], "%s/%s", dir, name) < 0)
		return -1;
	(*n)++;
	return 0;
}

void audit_files_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int list(const char *dir, const char *base, char ***names, size_t *n)
{
	size_t len = strlen(base);
	DIR *d = opendir(*dir ? dir : "/");
	int result = 0;

	if (!d)
		return -1;
	for (struct dirent *entry; result == 0 && (entry = readdir(d));)
		if (strncmp(entry->d_name, base, len) == 0 && entry->d_name[len] == '.' &&
		    is_suffix(entry->d_name + len + 1))
			result = add_name(names, n, dir, entry->d_name);
	closedir(d);
	if (*n)
		qsort(*names, *n, sizeof(**names), by_number);
	return result;
}

ssize_t audit_files(const char *path, char ***names, struct err *e)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	size_t n = 0;

	*names = NULL;
	if (dir && list(dir, base, names, &n) == 0 &&
	    (access(path, F_OK) < 0 || add_name(names, &n, dir, base) == 0)) {
		free(dir);
		return (ssize_t)n;
	}
	audit_files_free(*names, n);
	*names = NULL;
	err_set(e, "%s: its directory cannot be read: %s", path, strerror(errno));
	free(dir);
	return -1;
}

/* ---- ends */

static ssize_t read_at(int fd, char *to, size_t n, off_t from)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, to + got, n - got, from + (off_t)got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* The end of the last line in p[0..n) that is a link; 0: there is none. The first line may have begun before p. */
static size_t last_link(const char *p, size_t n, struct audit_chain *c)
{
	const char *lf = memrchr(p, '\n', n);

	while (lf) {
		const char *before = memrchr(p, '\n', (size_t)(lf - p));
		const char *line = before ? before + 1 : p;

		if (audit_line_check(line, (size_t)(lf - line), c) == 1)
			return (size_t)(lf - p) + 1;
		lf = before;
	}
	return 0;
}

static int find_tail(int fd, struct audit_tail *t)
{
	for (size_t window = WINDOW;; window *= 4) {
		size_t n = window < (size_t)t->end ? window : (size_t)t->end, at;
		off_t from = t->end - (off_t)n;
		char *p = malloc(n ? n : 1);

		if (!p || read_at(fd, p, n, from) != (ssize_t)n) {
			free(p);
			return -1;
		}
		at = last_link(p, n, &t->chain);
		if (at || from == 0) {
			t->torn = (off_t)(n - at);
			if (audit_hash(p + at, n - at, t->torn_hash)) {
				free(p);
				return -1;
			}
			free(p);
			return at > 0;
		}
		free(p);
	}
}

static uint64_t first_seq(int fd, off_t end)
{
	size_t n = end < AUDIT_LINE_MAX ? (size_t)end : AUDIT_LINE_MAX;
	struct audit_chain c = {.seq = 0};
	char *p = malloc(n ? n : 1);
	const char *lf;

	if (p && read_at(fd, p, n, 0) == (ssize_t)n && (lf = memchr(p, '\n', n)))
		(void)audit_line_check(p, (size_t)(lf - p), &c);
	free(p);
	return c.seq;
}

int audit_tail(int fd, struct audit_tail *t)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	*t = (struct audit_tail){.end = st.st_size};
	audit_chain_begin(&t->chain);
	t->first = first_seq(fd, t->end);
	return find_tail(fd, t);
}
