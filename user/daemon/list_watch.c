/* SPDX-License-Identifier: Apache-2.0 */
#include "list_watch.h"
#include "log.h"
#include "spawn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who writes a file does it in several steps: they are waited for, but not for ever. */
#define SETTLE_MS 200
#define CONTENT_MAX (LIST_FILE_MAX * LIST_FILES_MAX)

struct list_watch {
	const struct config *config;
	struct buf content;
	uint32_t generation;
	uv_timer_t settle;
	uv_fs_event_t dirs[LIST_FILES_MAX];
	size_t dir_count;
	unsigned open; /* handles that the loop knows */
	int channel;   /* where a request waits; -1: none does */
	struct priv_request request;
};

/* One message, with the content beside it. */
static void answer(struct list_watch *w)
{
	struct priv_reply reply = {
		.kind = PRIV_LISTS, .id = w->request.id, .status = 1, .fd_count = 1};
	int fd = spawn_memory_file("awsmask lists", buf_bytes(&w->content), buf_len(&w->content));

	if (fd < 0) {
		log_event(LOG_ERR, "lists", log_word("why", "memory is out; the old ones stay"));
		return;
	}
	reply.u.lists.generation = w->generation;
	reply.fds[0] = fd;
	/* A channel that takes nothing is one that ended: its worker's successor begins with all
	 * this. */
	if (privsep_answer(w->channel, &reply) < 0)
		log_event(LOG_ERR, "lists", log_word("why", "the worker does not take them"));
	close(fd);
	w->channel = -1;
}

static void answer_if_new(struct list_watch *w)
{
	if (w->channel >= 0 && w->request.u.lists.generation != w->generation)
		answer(w);
}

static void on_settled(uv_timer_t *timer)
{
	struct list_watch *w = timer->data;
	struct buf fresh;
	struct err e;

	buf_init(&fresh, CONTENT_MAX);
	if (list_read_all(w->config, &fresh, &e) < 0) {
		log_event(LOG_ERR, "list-refused", log_word("why", e.text),
			  log_word("then", "the values that were read before stay in force"));
		buf_free(&fresh);
		return;
	}
	if (buf_len(&fresh) == buf_len(&w->content) &&
	    (!buf_len(&fresh) ||
	     !memcmp(buf_bytes(&fresh), buf_bytes(&w->content), buf_len(&fresh)))) {
		buf_free(&fresh);
		return;
	}
	buf_free(&w->content);
	w->content = fresh;
	w->generation++;
	answer_if_new(w);
}

static void on_change(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct list_watch *w = event->data;

	(void)name, (void)events, (void)status;
	if (!uv_is_active((uv_handle_t *)&w->settle))
		uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

/* The directory, for a file that is replaced is another one. Several files of one: no matter. */
static int watch_file(struct list_watch *w, uv_loop_t *loop, const char *path, struct err *e)
{
	uv_fs_event_t *event = &w->dirs[w->dir_count];
	char dir[sizeof(((struct config_list *)0)->file)];
	char *slash;
	int rc;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	slash[slash == dir] = 0;
	uv_fs_event_init(loop, event);
	event->data = w;
	w->dir_count++;
	w->open++;
	rc = uv_fs_event_start(event, on_change, dir, 0);
	if (rc < 0)
		return err_set(e, "%s cannot be watched for changes of %s: %s", dir, path,
			       uv_strerror(rc));
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct list_watch *w = handle->data;

	if (--w->open)
		return;
	buf_free(&w->content);
	free(w);
}

void list_watch_close(struct list_watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->dir_count; i++)
		uv_close((uv_handle_t *)&w->dirs[i], on_closed);
	uv_close((uv_handle_t *)&w->settle, on_closed);
}

struct list_watch *list_watch_new(uv_loop_t *loop, const struct config *c, struct err *e)
{
	const struct config_list *files[LIST_FILES_MAX];
	struct list_watch *w = calloc(1, sizeof(*w));
	size_t n = list_files(c, files);

	if (!w) {
		err_set(e, "memory is out");
		return NULL;
	}
	w->config = c;
	w->channel = -1;
	buf_init(&w->content, CONTENT_MAX);
	uv_timer_init(loop, &w->settle);
	w->settle.data = w;
	w->open = 1;
	/* Watched first: what changes while it is read is read again. */
	for (size_t i = 0; i < n; i++)
		if (watch_file(w, loop, files[i]->file, e) < 0)
			goto fail;
	if (list_read_all(c, &w->content, e) == 0)
		return w;
fail:
	list_watch_close(w);
	return NULL;
}

const struct buf *list_watch_content(const struct list_watch *w, uint32_t *generation)
{
	*generation = w->generation;
	return &w->content;
}

void list_watch_ask(struct list_watch *w, int channel, const struct priv_request *r)
{
	w->channel = channel;
	w->request = *r;
	answer_if_new(w);
}

void list_watch_forget(struct list_watch *w, int channel)
{
	if (w->channel == channel)
		w->channel = -1;
}
