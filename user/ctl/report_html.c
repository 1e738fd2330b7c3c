/* SPDX-License-Identifier: Apache-2.0 */
#include "report_html.h"
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECONDS_OF_DAY 86400

/* Now; or what SOURCE_DATE_EPOCH says, so that a page can be made again. 0, or -1 and a sentence. */
static int time_of_making(time_t *at, struct err *e)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	long long n;
	char *end;

	*at = time(NULL);
	if (!text || !*text)
		return 0;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end || n < 0 || n > 253402300799) /* the end of the year 9999 */
		return err_set(e, "SOURCE_DATE_EPOCH is '%s', and can be seconds since 1970", text);
	*at = (time_t)n;
	return 0;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A host that is counted twice is worse than none. */
static int check_path(const char *const *paths, size_t i, struct err *e)
{
	struct stat st, other;

	if (stat(paths[i], &st))
		return err_set(e, "%s: %s", paths[i], strerror(errno));
	for (size_t k = 0; k < i; k++)
		if (stat(paths[k], &other) == 0 && is_same_file(&st, &other))
			return err_set(e, "%s and %s are the same file", paths[k], paths[i]);
	return 0;
}

static int check_paths(const char *const *paths, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (check_path(paths, i, e))
			return -1;
	return 0;
}

static int close_page(FILE *f, int wrong)
{
	wrong |= ferror(f) || fflush(f);
	return fclose(f) || wrong ? -1 : 0;
}

/* Whole or not at all: under another name beside it first. */
static int write_file(const struct page *p, const char *path, struct err *e)
{
	char temporary[PATH_MAX];
	struct stat st;
	FILE *f = NULL;
	int fd;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, "%s: this is not a regular file; say - for standard output",
			       path);
	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return err_set(e, "%s: the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_set(e, "%s: cannot be made: %s", path, strerror(errno));
	f = fdopen(fd, "w");
	if (f)
		page_write(p, f);
	else
		close(fd);
	if (f && close_page(f, fsync(fd)) == 0 && rename(temporary, path) == 0)
		return 0;
	err_set(e, "%s: cannot be written: %s", path, strerror(errno));
	unlink(temporary);
	return -1;
}

static int gather(struct page *p, struct ctl *c, const char *const *paths, size_t n, struct err *e)
{
	const struct config *config = ctl_config(c, e);

	if (!config || time_of_making(&p->made, e) || check_paths(paths, n, e))
		return -1;
	if (n == 0)
		p->until = p->made / SECONDS_OF_DAY; /* it would have counted until now */
	if (n ? page_gather_files(p, c, paths, n, e) : page_gather_daemon(p, c, e))
		return -1;
	return page_settle(p, config, e);
}

int report_html(struct ctl *c, int64_t since, const char *const *paths, size_t n)
{
	const char *to = c->option[OPTION_HTML];
	struct page p = {.since = since};
	int status = STATUS_DONE;
	struct err e;

	if (gather(&p, c, paths, n, &e))
		status = ctl_refuse(c, &e);
	else if (strcmp(to, "-") == 0)
		page_write(&p, stdout); /* main() says whether it got there */
	else if (write_file(&p, to, &e))
		status = ctl_refuse(c, &e);
	page_free(&p);
	return status;
}
