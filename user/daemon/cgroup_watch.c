/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_watch.h"
#include "../mask/buf.h"
#include "cgroup.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define LIST_MAX ((size_t)64 << 20) /* bytes */

/* A directory: one that is watched for what appears in it, or one that matched. */
struct place {
	char *path;
	uint64_t id; /* of one that matched; 0: watched */
	int wd;	     /* of one that is watched; -1: matched */
};

struct cgroup_watch {
	uv_poll_t poll;
	int fd;
	char mount[PATH_MAX];
	char *const *patterns;
	size_t pattern_count;
	struct cgroup_watch_events events;
	struct buf places; /* struct place */
};

static struct place *places_of(struct cgroup_watch *w, size_t *n)
{
	*n = buf_len(&w->places) / sizeof(struct place);
	return (void *)(w->places.data + w->places.head);
}

static bool add_place(struct cgroup_watch *w, const char *path, uint64_t id, int wd)
{
	struct place p = {strdup(path), id, wd};

	if (p.path && buf_append(&w->places, &p, sizeof(p)) == 0)
		return true;
	free(p.path);
	log_event(LOG_ERR, "cgroup-watch", log_word("why", "memory is out"));
	return false;
}

static void drop_place(struct cgroup_watch *w, size_t i)
{
	size_t n;
	struct place *all = places_of(w, &n);

	free(all[i].path);
	all[i] = all[n - 1];
	buf_truncate(&w->places, (n - 1) * sizeof(*all));
}

/* ---- patterns */

/* The part below the mount, without the slash before it. */
static const char *below_mount(const struct cgroup_watch *w, const char *path)
{
	if (cgroup_is_below(path, w->mount))
		path += strlen(w->mount);
	while (*path == '/')
		path++;
	return path;
}

static bool is_name(const char *pattern)
{
	return strchr(pattern, '/') == NULL;
}

static bool name_matches(const char *pattern, const char *name)
{
	char unit[NAME_MAX + sizeof(".service")];

	if (fnmatch(pattern, name, 0) == 0)
		return true;
	return (size_t)snprintf(unit, sizeof(unit), "%s.service", pattern) < sizeof(unit) &&
	       fnmatch(unit, name, 0) == 0;
}

static bool matches(const struct cgroup_watch *w, const char *path)
{
	const char *rest = below_mount(w, path), *slash = strrchr(rest, '/');

	for (size_t i = 0; i < w->pattern_count; i++) {
		const char *pattern = w->patterns[i];

		if (is_name(pattern) && *rest && name_matches(pattern, slash ? slash + 1 : rest))
			return true;
		if (!is_name(pattern) && fnmatch(below_mount(w, pattern), rest, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

/* Where the first `n` levels of a path end; NULL: it has no more than these. */
static const char *levels_end(const char *p, size_t n)
{
	while (p && n--) {
		p = strchr(p, '/');
		if (p && n)
			p++;
	}
	return p;
}

/* Does the beginning of the pattern, as deep as the path, match it? */
static bool leads(const char *pattern, const char *path)
{
	size_t levels = *path != 0;
	char part[PATH_MAX];
	const char *end;

	for (const char *p = path; *p; p++)
		levels += *p == '/';
	end = levels_end(pattern, levels);
	if (levels == 0 || !end || (size_t)(end - pattern) >= sizeof(part))
		return levels == 0;
	memcpy(part, pattern, (size_t)(end - pattern));
	part[end - pattern] = 0;
	return fnmatch(part, path, FNM_PATHNAME) == 0;
}

/* Might something below it match? */
static bool is_worth_watching(const struct cgroup_watch *w, const char *path)
{
	for (size_t i = 0; i < w->pattern_count; i++)
		if (is_name(w->patterns[i]) ||
		    leads(below_mount(w, w->patterns[i]), below_mount(w, path)))
			return true;
	return false;
}

/* ---- looking */

static bool is_known(struct cgroup_watch *w, uint64_t id)
{
	size_t n;
	const struct place *all = places_of(w, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i].id == id)
			return true;
	return false;
}

static void found(struct cgroup_watch *w, const char *path)
{
	uint64_t id;
	struct err e;

	if (cgroup_id(path, &id, &e) == 0 && !is_known(w, id) && add_place(w, path, id, -1))
		w->events.came(w->events.arg, path, id);
}

static void look(struct cgroup_watch *w, char path[static PATH_MAX], int depth);

/* By errno; one that has gone by now is not missed. */
static void say_not_seen(const char *path)
{
	if (errno == ENOENT)
		return;
	log_event(LOG_ERR, "cgroup-watch", log_name("cgroup", path),
		  log_word("why", errno == ENOSPC
					  ? "fs.inotify.max_user_watches is too small: cgroups "
					    "that appear there are not enrolled"
					  : strerror(errno)));
}

static void look_below(struct cgroup_watch *w, char path[static PATH_MAX], int depth)
{
	size_t len = strlen(path);
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		say_not_seen(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    len + strlen(entry->d_name) + 2 > PATH_MAX)
			continue;
		sprintf(path + len, "/%s", entry->d_name);
		look(w, path, depth + 1);
		path[len] = 0;
	}
	if (dir)
		closedir(dir);
}

static bool is_watched(struct cgroup_watch *w, int wd)
{
	size_t n;
	const struct place *all = places_of(w, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i].wd == wd)
			return true;
	return false;
}

/* `path` is restored. A directory that has vanished meanwhile is passed over. */
static void look(struct cgroup_watch *w, char path[static PATH_MAX], int depth)
{
	int wd;

	if (matches(w, path)) {
		found(w, path);
		return;
	}
	if (depth > DEPTH_MAX || !is_worth_watching(w, path))
		return;
	/* Watched first and read then: what appears in between is seen twice rather than never. */
	wd = inotify_add_watch(w->fd, path, IN_CREATE | IN_DELETE | IN_ONLYDIR);
	if (wd < 0)
		say_not_seen(path);
	if (wd >= 0 && !is_watched(w, wd) && !add_place(w, path, 0, wd))
		inotify_rm_watch(w->fd, wd);
	look_below(w, path, depth);
}

static void look_everywhere(struct cgroup_watch *w)
{
	char path[PATH_MAX];

	memcpy(path, w->mount, sizeof(path));
	look(w, path, 0);
}

/* ---- events */

static void removed(struct cgroup_watch *w, const char *path)
{
	size_t n;
	const struct place *all = places_of(w, &n);

	for (size_t i = 0; i < n; i++) {
		uint64_t id = all[i].id;

		if (!id || strcmp(all[i].path, path) != 0)
			continue;
		drop_place(w, i);
		w->events.gone(w->events.arg, id);
		return;
	}
}

/* Events were lost: look at everything anew. */
static void start_over(struct cgroup_watch *w)
{
	struct place *all;
	struct stat st;
	size_t n, i = 0;

	while (all = places_of(w, &n), i < n) {
		uint64_t id = all[i].id;

		if (!id || (stat(all[i].path, &st) == 0 && st.st_ino == id)) {
			i++;
			continue;
		}
		drop_place(w, i);
		w->events.gone(w->events.arg, id);
	}
	look_everywhere(w);
}

static void take(struct cgroup_watch *w, const struct inotify_event *event)
{
	char path[PATH_MAX];
	size_t n, i;
	const struct place *all = places_of(w, &n);

	if (event->mask & IN_Q_OVERFLOW) {
		start_over(w);
		return;
	}
	for (i = 0; i < n && all[i].wd != event->wd; i++)
		;
	if (i == n)
		return;
	if (event->mask & IN_IGNORED) { /* the directory is gone */
		drop_place(w, i);
		return;
	}
	if (!(event->mask & IN_ISDIR) || !event->len ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", all[i].path, event->name) >= sizeof(path))
		return;
	if (event->mask & IN_CREATE)
		look(w, path, 0);
	else
		removed(w, path);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct cgroup_watch *w = poll->data;
	ssize_t n, at;

	(void)status, (void)events;
	n = read(w->fd, buffer, sizeof(buffer));
	for (at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		take(w, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

struct cgroup_watch *cgroup_watch_new(uv_loop_t *loop, char *const *patterns, size_t n,
				      const struct cgroup_watch_events *events, struct err *e)
{
	struct cgroup_watch *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set(e, "memory is out");
		return NULL;
	}
	w->patterns = patterns;
	w->pattern_count = n;
	w->events = *events;
	buf_init(&w->places, LIST_MAX);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		err_set(e,
			"cgroups cannot be watched: %s (is fs.inotify.max_user_instances used up?)",
			strerror(errno));
		free(w);
		return NULL;
	}
	if (cgroup_mount(w->mount, sizeof(w->mount), e) < 0 ||
	    uv_poll_init(loop, &w->poll, w->fd) < 0) {
		close(w->fd);
		free(w);
		return NULL;
	}
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_events);
	look_everywhere(w);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	struct cgroup_watch *w = handle->data;
	size_t n;

	while ((void)places_of(w, &n), n)
		drop_place(w, n - 1);
	buf_free(&w->places);
	close(w->fd);
	free(w);
}

void cgroup_watch_close(struct cgroup_watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->poll, on_closed);
}
