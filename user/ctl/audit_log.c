/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_log.h"
#include "../daemon/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct audit_log {
	char **names; /* that are still to be read, from `at` on */
	size_t count, at;
	FILE *newest; /* opened before the others were listed: it may have moved among them since; NULL: none */
	FILE *now;	  /* being read; NULL: none */
	const char *path; /* of the log; NULL: these files alone */
	char *own;	  /* its storage */
	int watch;	  /* inotify(7); -1: it is not followed */
	char *line;
	size_t room, len; /* of the line; what of it has come, of one that is followed */
	uint64_t number;
};

static int cannot_read(const char *name, struct err *e)
{
	return err_set(e, "%s: cannot be read: %s%s", name, strerror(errno),
		       errno == EACCES ? "; the audit log is root's" : "");
}

static bool is_same(FILE *a, FILE *b)
{
	struct stat x, y;

	return a && b && fstat(fileno(a), &x) == 0 && fstat(fileno(b), &y) == 0 &&
	       x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static struct audit_log *log_new(const char *path, struct err *e)
{
	struct audit_log *log = calloc(1, sizeof(*log));

	if (log)
		log->own = strdup(path ? path : "");
	if (!log || !log->own) {
		free(log);
		err_set(e, "memory is out");
		return NULL;
	}
	log->path = path ? log->own : NULL;
	log->watch = -1;
	return log;
}

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

void audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	close_file(&log->now);
	close_file(&log->newest);
	audit_files_free(log->names, log->count);
	if (log->watch >= 0)
		close(log->watch);
	free(log->line);
	free(log->own);
	free(log);
}

/* ---- which files */

/* The names, but the newest one's: that is open. */
static int list(struct audit_log *log, struct err *e)
{
	ssize_t n;

	audit_files_free(log->names, log->count);
	log->names = NULL;
	log->count = log->at = 0;
	n = audit_files(log->path, &log->names, e);
	if (n < 0)
		return -1;
	log->count = (size_t)n;
	if (n && strcmp(log->names[n - 1], log->path) == 0)
		free(log->names[--log->count]);
	return 0;
}

struct audit_log *audit_log_open(const char *path, struct err *e)
{
	struct audit_log *log = log_new(path, e);

	if (!log)
		return NULL;
	log->newest = fopen(path, "re");
	if (!log->newest && errno != ENOENT) {
		cannot_read(path, e);
		goto fail;
	}
	if (list(log, e) < 0)
		goto fail;
	if (log->newest || log->count)
		return log;
	err_set(e,
		"there is no audit log at %s: has awsmaskd run since audit.file was set to this?",
		path);
fail:
	audit_log_close(log);
	return NULL;
}

struct audit_log *audit_log_open_files(char *const *files, size_t n, struct err *e)
{
	struct audit_log *log = log_new(NULL, e);

	if (!log)
		return NULL;
	log->names = calloc(n, sizeof(*log->names));
	for (; log->names && log->count < n; log->count++) {
		log->names[log->count] = strdup(files[log->count]);
		if (!log->names[log->count])
			break;
	}
	if (log->count == n)
		return log;
	err_set(e, "memory is out");
	audit_log_close(log);
	return NULL;
}

/* The next file, if there is one. 1, 0, or -1. */
static int next_file(struct audit_log *log, struct err *e)
{
	close_file(&log->now);
	log->number = 0;
	while (log->at < log->count) {
		const char *name = log->names[log->at++];

		log->now = fopen(name, "re");
		if (log->now && !is_same(log->now, log->newest))
			return 1;
		/* One that was the oldest is gone by now; one that was the newest comes last. */
		if (!log->now && (errno != ENOENT || !log->path))
			return cannot_read(name, e);
		close_file(&log->now);
	}
	log->now = log->newest;
	log->newest = NULL;
	return log->now != NULL;
}

static const char *name_now(const struct audit_log *log)
{
	return log->at && log->newest ? log->names[log->at - 1]
	       : log->path	      ? log->path
	       : log->at	      ? log->names[log->at - 1]
				      : "";
}

/* ---- lines */

/* 1, 0: no more in this file now, -1. What stands behind the last LF is kept for later by who follows. */
static int read_line(struct audit_log *log, struct audit_text *t, struct err *e)
{
	ssize_t n;

	if (log->watch >= 0) {
		/* What came since the end was seen. */
		long before = ftell(log->now);

		n = getline(&log->line, &log->room, log->now);
		if (n > 0 && log->line[n - 1] != '\n') {
			fseek(log->now, before, SEEK_SET);
			return 0;
		}
	} else {
		n = getline(&log->line, &log->room, log->now);
	}
	if (n < 0 && ferror(log->now))
		return cannot_read(name_now(log), e);
	if (n < 0) {
		clearerr(log->now);
		return 0;
	}
	t->whole = log->line[n - 1] == '\n';
	t->len = (size_t)n - t->whole;
	log->line[t->len] = 0;
	t->text = log->line;
	t->file = name_now(log);
	t->number = ++log->number;
	return 1;
}

static int follow_on(struct audit_log *log, struct err *e);

int audit_log_next(struct audit_log *log, struct audit_text *t, struct err *e)
{
	for (;;) {
		int r = log->now ? read_line(log, t, e) : 0;

		if (r)
			return r;
		r = log->watch >= 0 ? follow_on(log, e) : next_file(log, e);
		if (r <= 0)
			return r;
	}
}

/* ---- following */

struct audit_log *audit_log_follow(const char *path, struct err *e)
{
	struct audit_log *log = log_new(path, e);
	char *dir, *slash;

	if (!log)
		return NULL;
	dir = strdup(path);
	slash = dir ? strrchr(dir, '/') : NULL;
	if (slash)
		slash[slash == dir] = 0;
	log->watch = inotify_init1(IN_CLOEXEC);
	if (!dir || log->watch < 0 ||
	    inotify_add_watch(log->watch, slash ? dir : ".",
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) <
		    0) {
		cannot_read(slash ? dir : path, e);
		audit_log_close(log);
		log = NULL;
	} else {
		log->now = fopen(path, "re");
		if (log->now)
			fseek(log->now, 0, SEEK_END);
	}
	free(dir);
	return log;
}

/* Those begun since the one that was read: all that stand behind it, or all there are, if it is gone. */
static int list_behind(struct audit_log *log, struct err *e)
{
	size_t from = 0;

	log->newest = fopen(log->path, "re");
	if (list(log, e) < 0)
		return -1;
	for (size_t i = 0; i < log->count && log->now; i++) {
		FILE *f = fopen(log->names[i], "re");

		if (is_same(f, log->now))
			from = i + 1;
		close_file(&f);
	}
	log->at = log->now ? from : log->count;
	return 0;
}

/* The end of the file that is read: is it still the one that is written? 1: there is another; 0: it is; -1. */
static int follow_on(struct audit_log *log, struct err *e)
{
	if (log->at >= log->count && !log->newest) {
		FILE *newest = fopen(log->path, "re");
		bool same = is_same(newest, log->now);

		close_file(&newest);
		if (same || (!log->now && access(log->path, F_OK) < 0))
			return 0;
		if (list_behind(log, e) < 0)
			return -1;
	}
	return log->newest || log->at < log->count ? next_file(log, e) : 0;
}

int audit_log_wait(struct audit_log *log, struct err *e)
{
	char events[4096] __attribute__((aligned(8)));

	if (read(log->watch, events, sizeof(events)) > 0 || errno == EINTR)
		return 0;
	return err_set(e, "%s: cannot be followed: %s", log->path, strerror(errno));
}
