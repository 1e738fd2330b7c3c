/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"
#include "passed_fds.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 5 /* for one message */

struct successor {
	uv_poll_t poll;
	int fd;
	bool failed; /* what was to be given could not be */
	struct handover *handover;
};

struct handover {
	uv_poll_t listener;
	int listen_fd;
	struct successor *successor; /* NULL: nobody wants to succeed */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct handover_events events;
};

/* One thing to inherit; an empty name is the end of them. */
struct gift {
	char name[INHERIT_NAME_MAX];
};

#define SUFFIX ".handover"

static int address_of(struct sockaddr_un *addr, const char *control_socket, struct err *e)
{
	if (unix_address(addr, control_socket, SUFFIX) == 0)
		return 0;
	return err_set(e,
		       "control.socket is %s, and with " SUFFIX
		       " behind it that is longer than a socket's path may be",
		       control_socket);
}

static bool is_root(int fd)
{
	struct ucred peer;

	return unix_peer(fd, &peer) == 0 && peer.uid == 0;
}

static void be_patient(int fd)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* ---- the one that runs */

static int send_gift(int link, const char *name, int fd)
{
	struct gift gift = {{0}};

	snprintf(gift.name, sizeof(gift.name), "%s", name);
	return passed_fds_send(link, &gift, sizeof(gift), &fd, fd >= 0, 0) == sizeof(gift) ? 0 : -1;
}

void handover_give(struct handover *h, const char *name, int fd)
{
	struct successor *s = h->successor;

	if (!s->failed && send_gift(s->fd, name, fd) < 0)
		s->failed = true;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void forget_successor(struct handover *h)
{
	struct successor *s = h->successor;

	h->successor = NULL;
	uv_poll_stop(&s->poll);
	close(s->fd);
	uv_close((uv_handle_t *)&s->poll, on_closed);
}

static void on_word(uv_poll_t *poll, int status, int events)
{
	struct successor *s = poll->data;
	struct handover *h = s->handover;
	char word;
	bool succeeded = status >= 0 && recv(s->fd, &word, 1, MSG_DONTWAIT) == 1;

	(void)events;
	forget_successor(h);
	if (succeeded)
		uv_poll_stop(&h->listener);
	h->events.over(h->events.arg, succeeded);
}

/* The listener is not blocking, what it accepts is: with patience for each message. */
static struct successor *accept_successor(struct handover *h)
{
	struct successor *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->handover = h;
	s->fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	s->poll.data = s;
	if (s->fd >= 0 && !h->successor && is_root(s->fd) && /* one at a time */
	    uv_poll_init(h->listener.loop, &s->poll, s->fd) == 0)
		return s;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}

static void on_successor(uv_poll_t *poll, int status, int events)
{
	struct handover *h = poll->data;
	struct successor *s = accept_successor(h);

	(void)status, (void)events;
	if (!s)
		return;
	h->successor = s;
	fcntl(s->fd, F_SETFL, 0); /* what libuv has made of it */
	be_patient(s->fd);
	handover_give(h, HANDOVER_NAME, h->listen_fd);
	h->events.wanted(h->events.arg);
	handover_give(h, "", -1);
	if (s->failed)
		forget_successor(h);
	else
		uv_poll_start(&s->poll, UV_READABLE, on_word);
}

static int listen_at(const struct sockaddr_un *addr, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t mask = umask(0177);
	bool bound;

	unlink(addr->sun_path);
	bound = fd >= 0 && bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
		listen(fd, 4) == 0;
	umask(mask);
	if (bound)
		return fd;
	err_set(e, "%s cannot be made: %s", addr->sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct handover *handover_open(uv_loop_t *loop, const char *control_socket, struct inheritance *in,
			       const struct handover_events *events, struct err *e)
{
	struct handover *h = calloc(1, sizeof(*h));
	struct sockaddr_un addr = {0};

	if (!h) {
		err_set(e, "memory is out");
		return NULL;
	}
	h->events = *events;
	h->listen_fd = inherit_take(in, HANDOVER_NAME);
	if (address_of(&addr, control_socket, e) < 0)
		goto fail;
	memcpy(h->path, addr.sun_path, sizeof(h->path));
	if (h->listen_fd < 0)
		h->listen_fd = listen_at(&addr, e);
	if (h->listen_fd < 0)
		goto fail;
	if (uv_poll_init(loop, &h->listener, h->listen_fd) < 0) {
		err_set(e, "memory is out");
		goto fail;
	}
	h->listener.data = h;
	uv_poll_start(&h->listener, UV_READABLE, on_successor);
	return h;
fail:
	if (h->listen_fd >= 0)
		close(h->listen_fd);
	free(h);
	return NULL;
}

void handover_close(struct handover *h, bool left)
{
	if (!h)
		return;
	if (!left)
		unlink(h->path);
	if (h->successor)
		forget_successor(h);
	uv_poll_stop(&h->listener);
	close(h->listen_fd);
	uv_close((uv_handle_t *)&h->listener, on_closed);
}

/* ---- the one that comes */

/* 1: one more, 0: that was the last, -1: the other one is gone, or it is somebody else. */
static int receive_gift(int link, struct inheritance *in)
{
	struct gift gift;
	int fd = -1;
	size_t count;
	ssize_t n = passed_fds_receive(link, &gift, sizeof(gift), &fd, 1, &count, 0);

	if (n != sizeof(gift) || !memchr(gift.name, 0, sizeof(gift.name))) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (fd < 0)
		return gift.name[0] ? -1 : 0;
	return inherit_add(in, gift.name, fd) < 0 ? -1 : 1;
}

int handover_receive(const char *control_socket, struct inheritance *in, int *link, struct err *e)
{
	struct sockaddr_un addr = {0};
	int fd, more;

	if (address_of(&addr, control_socket, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, "a socket cannot be made: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return 0;
	}
	be_patient(fd);
	more = is_root(fd) ? 1 : -1;
	while (more == 1)
		more = receive_gift(fd, in);
	if (more == 0) {
		*link = fd;
		return 1;
	}
	close(fd);
	return err_set(e,
		       "the awsmaskd that runs here (at %s) does not hand over: another one may be "
		       "replacing it just now, try again",
		       addr.sun_path);
}

void handover_done(int link)
{
	/* One that has ended meanwhile needs no word. */
	(void)send(link, "", 1, MSG_NOSIGNAL);
	close(link);
}
