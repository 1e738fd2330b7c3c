/* SPDX-License-Identifier: Apache-2.0 */
#include "list_follow.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)256 * 1024)
#define CONTENT_MAX (LIST_FILE_MAX * LIST_FILES_MAX)

struct list_follow {
	uv_loop_t *loop;
	struct privsep *privsep;
	struct policies *policies;
	uint32_t generation, coming;
	uv_work_t work;
	bool working, closing;
	int fd, failed;
	uint32_t ticket;
	struct err err;
};

int list_receive(int fd, struct buf *content, struct err *e)
{
	ssize_t n;

	buf_init(content, CONTENT_MAX + PIECE);
	do {
		uint8_t *room = buf_reserve(content, PIECE);

		n = room ? read(fd, room, PIECE) : -1;
		if (n > 0)
			buf_grew(content, (size_t)n);
		else if (n < 0 && (!room || errno != EINTR))
			break;
	} while (n != 0);
	close(fd);
	if (n == 0)
		return 0;
	buf_free(content);
	return err_set(e, "the lists' content cannot be read");
}

static void ask(struct list_follow *f);

/* Elsewhere: a hundred thousand values take longer than a loop may stand still. */
static void load(uv_work_t *work)
{
	struct list_follow *f = work->data;
	struct buf content;

	f->failed = list_receive(f->fd, &content, &f->err);
	if (f->failed)
		return;
	f->failed = policies_reload(f->policies, &content, &f->err);
	buf_free(&content);
}

static void after_load(uv_work_t *work, int status)
{
	struct list_follow *f = work->data;

	f->working = false;
	if (f->closing) {
		if (status == UV_ECANCELED)
			close(f->fd);
		free(f);
		return;
	}
	if (f->failed)
		log_event(LOG_ERR, "lists", log_word("why", f->err.text));
	else
		log_event(LOG_NOTICE, "lists-loaded", log_number("generation", f->coming));
	f->generation = f->coming;
	ask(f);
}

static void on_lists(void *arg, const struct priv_reply *reply)
{
	struct list_follow *f = arg;

	f->ticket = 0;
	if (privsep_is_lost(f->privsep)) /* these are the last */
		return;
	if (reply->status != 1 || !reply->fd_count) {
		log_event(LOG_ERR, "lists", log_word("why", "the monitor sent none"));
		return;
	}
	f->fd = reply->fds[0];
	f->coming = reply->u.lists.generation;
	f->work.data = f;
	f->working = uv_queue_work(f->loop, &f->work, load, after_load) == 0;
	if (!f->working)
		close(f->fd);
}

static void ask(struct list_follow *f)
{
	struct priv_request r = {.kind = PRIV_LISTS, .u.lists.generation = f->generation};

	f->ticket = privsep_call(f->privsep, &r, on_lists, f);
}

struct list_follow *list_follow_new(uv_loop_t *loop, struct privsep *privsep,
				    struct policies *policies, uint32_t generation)
{
	struct list_follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->loop = loop;
	f->privsep = privsep;
	f->policies = policies;
	f->generation = generation;
	ask(f);
	return f;
}

void list_follow_close(struct list_follow *f)
{
	if (!f)
		return;
	privsep_forget(f->privsep, f->ticket);
	f->closing = true;
	if (!f->working)
		free(f);
}
