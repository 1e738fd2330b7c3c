/* SPDX-License-Identifier: Apache-2.0 */
#include "door.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_AT_ONCE 64
#define ACCEPT_PAUSE_MS 100 /* when descriptors are out */

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct door *d = timer->data;

	uv_poll_start(&d->poll, UV_READABLE, on_readable);
}

/* -1 and errno: there is none. */
static int accept_one(const struct door *d)
{
	struct orphan o;
	size_t said;
	int fd;

	if (d->kind == DOOR_ORPHANS) {
		fd = orphan_take(d->fd, &o, &said);
		if (fd >= 0)
			conn_adopt(d->thread, fd, &o, said);
	} else {
		fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			conn_accept(d->thread, fd, d->kind, d->netns);
	}
	return fd;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct door *d = poll->data;

	(void)status, (void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		if (accept_one(d) >= 0) {
			d->told = false;
			continue;
		}
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (errno == EBADMSG) {
			/* Of no worker of ours; who comes behind it is none the worse. */
			log_event(LOG_ERR, "orphan", log_word("why", strerror(errno)));
			continue;
		}
		if (errno == EINVAL && d->ended) { /* it listens no more */
			d->ended(d);
		} else if (errno != EAGAIN) {
			if (!d->told)
				log_event(LOG_ERR, "accept", log_word("why", strerror(errno)));
			d->told = true;
			uv_poll_stop(&d->poll);
			uv_timer_start(&d->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
		}
		return;
	}
}

int door_open(struct door *d, struct worker_thread *t, int fd, enum conn_door kind, uint64_t netns)
{
	*d = (struct door){.fd = fd, .kind = kind, .netns = netns, .thread = t};
	if (fd < 0)
		return 0;
	d->poll.data = d->pause.data = d;
	if (uv_poll_init(&t->loop, &d->poll, fd) < 0) {
		d->fd = -1;
		return -1;
	}
	uv_timer_init(&t->loop, &d->pause);
	d->handles = 2;
	return uv_poll_start(&d->poll, UV_READABLE, on_readable);
}

static void on_closed(uv_handle_t *handle)
{
	struct door *d = handle->data;

	if (--d->handles == 0 && d->closed)
		d->closed(d);
}

void door_close(struct door *d, void (*closed)(struct door *d))
{
	if (d->fd < 0)
		return;
	d->closed = closed;
	uv_close((uv_handle_t *)&d->poll, on_closed);
	uv_close((uv_handle_t *)&d->pause, on_closed);
	close(d->fd);
	d->fd = -1;
}
