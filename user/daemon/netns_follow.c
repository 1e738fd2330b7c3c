/* SPDX-License-Identifier: Apache-2.0 */
#include "netns_follow.h"
#include "door.h"
#include "log.h"

#include <stdlib.h>
#include <unistd.h>

struct far_door {
	struct door door; /* the first: one is the other */
	struct far_door *next;
	struct netns_follow *follow;
};

struct netns_follow {
	struct worker_thread *thread;
	struct far_door *doors;
	uint32_t ticket;
	uint64_t serial; /* of the newest */
};

static void on_closed(struct door *door)
{
	free(door);
}

static void on_ended(struct door *door)
{
	struct far_door *d = (struct far_door *)door, **at = &d->follow->doors;
	struct netns_follow *f = d->follow;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	origin_pool_leave(f->thread->origins, door->netns);
	door_close(door, on_closed);
}

static int open_one(struct netns_follow *f, int fd, uint64_t netns)
{
	struct far_door *d = calloc(1, sizeof(*d));

	if (!d)
		return -1;
	if (door_open(&d->door, f->thread, fd, DOOR_TRANSPARENT, netns) < 0) {
		free(d);
		return -1;
	}
	d->door.ended = on_ended;
	d->follow = f;
	d->next = f->doors;
	f->doors = d;
	return 0;
}

static void ask(struct netns_follow *f, bool failed);

static void on_doors(void *arg, const struct priv_reply *reply)
{
	struct netns_follow *f = arg;
	bool failed = reply->status != 1 || reply->fd_count < reply->u.doors.count;
	uint32_t taken = 0;

	f->ticket = 0;
	f->serial = reply->u.doors.serial;
	while (!failed && taken < reply->fd_count) {
		failed = open_one(f, reply->fds[taken], reply->u.doors.netns_cookie) < 0;
		taken += !failed;
	}
	/* The monitor shuts down those that were taken, too, when it hears of one that was not. */
	for (uint32_t i = taken; i < reply->fd_count; i++)
		close(reply->fds[i]);
	ask(f, failed);
}

static void ask(struct netns_follow *f, bool failed)
{
	struct priv_request r = {.kind = PRIV_DOORS,
				 .u.doors = {.serial = f->serial, .failed = failed}};

	f->ticket = privsep_call(f->thread->privsep, &r, on_doors, f);
}

struct netns_follow *netns_follow_new(struct worker_thread *t)
{
	struct netns_follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->thread = t;
	ask(f, false);
	return f;
}

void netns_follow_close(struct netns_follow *f)
{
	if (!f)
		return;
	privsep_forget(f->thread->privsep, f->ticket);
	while (f->doors) {
		struct far_door *d = f->doors;

		f->doors = d->next;
		door_close(&d->door, on_closed);
	}
	free(f);
}
