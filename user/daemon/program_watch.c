/* SPDX-License-Identifier: Apache-2.0 */
#include "program_watch.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS                                                                                     \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |        \
	 IN_MOVE_SELF | IN_ONLYDIR)
#define LIST_MAX ((size_t)16 << 20) /* bytes */
#define TURNS_MAX 4
/* The first change is followed at once; who goes on changing things is not followed more often. */
#define PAUSE_MS 100

struct program_watch {
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned open; /* handles that the loop knows */
	int fd;
	bool changed; /* during the pause */
	struct redirect *redirect;
	struct program_finds finds;
	struct buf wds; /* int: one for each pair in finds.dirs, in its order; -1: none */
};

/* ---- what there is */

/* Enforced ones last: where two programs lead to the same file, these stay. */
static void find_all(struct program_watch *w)
{
	static struct program programs[AWSMASK_MAX_PROGRAMS];
	uint32_t ids[AWSMASK_MAX_PROGRAMS];
	size_t n = redirect_program_list(w->redirect, ids, programs, AWSMASK_MAX_PROGRAMS);

	program_finds_free(&w->finds);
	program_finds_init(&w->finds);
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < n && i < AWSMASK_MAX_PROGRAMS; i++)
			if ((programs[i].policy.mode == POLICY_ENFORCE) == (turn == 1))
				program_path_find(&w->finds, programs[i].path, ids[i]);
}

static bool is_in(const struct buf *wds, int wd)
{
	const int *all = (const void *)buf_bytes(wds);

	for (size_t i = 0; i < buf_len(wds) / sizeof(wd); i++)
		if (all[i] == wd)
			return true;
	return false;
}

static void say_no_watch(const char *dir)
{
	log_event(
		LOG_ERR, "program-watch", log_name("directory", dir),
		log_word("why", errno == ENOSPC
					? "fs.inotify.max_user_watches is too small: programs that "
					  "are replaced there are known by their path alone"
					: strerror(errno)));
}

/* Watch the directories of what was found, and no others. True: there are some that were not
 * watched before, so what was found may be old already. */
static bool watch_all(struct program_watch *w)
{
	const char *at = (const char *)buf_bytes(&w->finds.dirs);
	const char *end = at + buf_len(&w->finds.dirs);
	struct buf fresh;
	bool more = false;
	int wd;

	buf_init(&fresh, LIST_MAX);
	for (; at < end; at += strlen(at) + 1, at += strlen(at) + 1) {
		wd = inotify_add_watch(w->fd, at, EVENTS);
		if (wd < 0 && errno != ENOENT)
			say_no_watch(at);
		more |= wd >= 0 && !is_in(&w->wds, wd);
		if (buf_append(&fresh, &wd, sizeof(wd)) < 0) {
			errno = ENOMEM;
			say_no_watch(at);
			break;
		}
	}
	for (const int *old = (const void *)buf_bytes(&w->wds),
		       *last = old + buf_len(&w->wds) / sizeof(*old);
	     old < last; old++)
		if (*old >= 0 && !is_in(&fresh, *old))
			(void)inotify_rm_watch(w->fd, *old); /* it may have gone by itself */
	buf_free(&w->wds);
	w->wds = fresh;
	return more;
}

/* The kernel side's own entries are laid out alike. */
static int tell(struct program_watch *w, struct err *e)
{
	const struct program_found *files;
	const struct program_name *names;
	struct redirect_program_path *paths;
	struct redirect_program_file *inodes;
	size_t file_count, name_count;
	int rc = -1;

	files = program_files(&w->finds, &file_count);
	names = program_names(&w->finds, &name_count);
	paths = calloc(name_count + 1, sizeof(*paths));
	inodes = calloc(file_count + 1, sizeof(*inodes));
	if (!paths || !inodes) {
		err_set(e, "memory is out");
		goto out;
	}
	for (size_t i = 0; i < name_count; i++)
		paths[i] = (struct redirect_program_path){names[i].path, names[i].id};
	for (size_t i = 0; i < file_count; i++)
		inodes[i] = (struct redirect_program_file){files[i].file, files[i].id};
	if (redirect_program_paths(w->redirect, paths, name_count, e) == 0)
		rc = redirect_program_files(w->redirect, inodes, file_count, e);
out:
	free(paths);
	free(inodes);
	return rc;
}

int program_watch_refresh(struct program_watch *w, struct err *e)
{
	int turns = 0;

	do {
		find_all(w);
	} while (watch_all(w) && ++turns < TURNS_MAX);
	if (tell(w, e) < 0)
		return -1;
	if (w->finds.full)
		return err_set(e,
			       "the enrolled programs have more than %d names or files: enroll "
			       "fewer, or cgroups",
			       AWSMASK_MAX_PROGRAM_FILES);
	return 0;
}

const struct program_finds *program_watch_finds(const struct program_watch *w)
{
	return &w->finds;
}

/* ---- changes */

static void follow(struct program_watch *w);

static void on_pause_over(uv_timer_t *timer)
{
	struct program_watch *w = timer->data;

	if (w->changed)
		follow(w);
}

static void follow(struct program_watch *w)
{
	struct err e;

	w->changed = false;
	if (program_watch_refresh(w, &e) < 0)
		log_event(LOG_ERR, "program-watch", log_word("why", e.text));
	uv_timer_start(&w->pause, on_pause_over, PAUSE_MS, 0);
}

/* Whether it is about a name that leads to a program. */
static bool concerns(const struct program_watch *w, const struct inotify_event *event)
{
	const char *at = (const char *)buf_bytes(&w->finds.dirs), *name;
	const int *wds = (const void *)buf_bytes(&w->wds);

	if (!event->len || event->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < buf_len(&w->wds) / sizeof(*wds); i++) {
		name = at + strlen(at) + 1;
		if (wds[i] == event->wd && (!*name || !strcmp(name, event->name)))
			return true;
		at = name + strlen(name) + 1;
	}
	return false;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct program_watch *w = poll->data;
	ssize_t n = read(w->fd, buffer, sizeof(buffer));
	bool changed = false;

	(void)status, (void)events;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		/* Of a watch that was taken off: nothing has happened there. */
		changed |= !(event->mask & IN_IGNORED) && concerns(w, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	if (!changed)
		return;
	if (uv_is_active((uv_handle_t *)&w->pause))
		w->changed = true;
	else
		follow(w);
}

struct program_watch *program_watch_new(uv_loop_t *loop, struct redirect *r, struct err *e)
{
	struct program_watch *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set(e, "memory is out");
		return NULL;
	}
	program_finds_init(&w->finds);
	buf_init(&w->wds, LIST_MAX);
	w->redirect = r;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0 || uv_poll_init(loop, &w->poll, w->fd) < 0) {
		err_set(e,
			"programs cannot be watched: %s (is fs.inotify.max_user_instances used "
			"up?)",
			strerror(errno));
		if (w->fd >= 0)
			close(w->fd);
		free(w);
		return NULL;
	}
	uv_timer_init(loop, &w->pause);
	w->open = 2;
	w->poll.data = w->pause.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_events);
	follow(w);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	struct program_watch *w = handle->data;

	if (--w->open)
		return;
	program_finds_free(&w->finds);
	buf_free(&w->wds);
	close(w->fd);
	free(w);
}

void program_watch_close(struct program_watch *w)
{
	if (!w)
		return;
	uv_close((uv_handle_t *)&w->poll, on_closed);
	uv_close((uv_handle_t *)&w->pause, on_closed);
}
