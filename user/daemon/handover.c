/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 5 /* for one message */

struct handover {
	uv_poll_t listener, successor;
	int listen_fd, fd; /* fd -1: nobody wants to succeed */
	bool failed;	   /* what was to be given could not be */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct handover_events events;
};

/* One thing to inherit; an empty name is the end of them. */
struct gift {
	char name[INHERIT_NAME_MAX];
};

static int address_of(struct sockaddr_un *addr, const char *control_socket, struct err *e)
{
	int n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s.handover", control_socket);

	addr->sun_family = AF_UNIX;
	return n < 0 || (size_t)n >= sizeof(addr->sun_path)
		       ? err_set(e,
				 "control.socket is %s, and with .handover behind it that is "
				 "longer "
				 "than a socket's path may be",
				 control_socket)
		       : 0;
}

static bool is_root(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
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
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct gift gift = {{0}};
	struct iovec bytes = {&gift, sizeof(gift)};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

	snprintf(gift.name, sizeof(gift.name), "%s", name);
	if (fd >= 0) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(link, &message, MSG_NOSIGNAL) == sizeof(gift) ? 0 : -1;
}

void handover_give(struct handover *h, const char *name, int fd)
{
	if (!h->failed && send_gift(h->fd, name, fd) < 0)
		h->failed = true;
}

static void forget_successor(struct handover *h)
{
	uv_poll_stop(&h->successor);
	close(h->fd);
	h->fd = -1;
}

static void on_word(uv_poll_t *poll, int status, int events)
{
	struct handover *h = poll->data;
	char word;
	bool succeeded = status >= 0 && recv(h->fd, &word, 1, MSG_DONTWAIT) == 1;

	(void)events;
	forget_successor(h);
	if (succeeded)
		uv_poll_stop(&h->listener);
	h->events.over(h->events.arg, succeeded);
}

static void on_successor(uv_poll_t *poll, int status, int events)
{
	struct handover *h = poll->data;
	int fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	(void)status, (void)events;
	if (fd < 0)
		return;
	if (h->fd >= 0 || !is_root(fd)) { /* one at a time */
		close(fd);
		return;
	}
	be_patient(fd);
	h->fd = fd;
	h->failed = false;
	handover_give(h, HANDOVER_NAME, h->listen_fd);
	h->events.wanted(h->events.arg);
	if (h->failed || send_gift(fd, "", -1) < 0 ||
	    uv_poll_init(poll->loop, &h->successor, fd) < 0) {
		close(fd);
		h->fd = -1;
		return;
	}
	h->successor.data = h;
	uv_poll_start(&h->successor, UV_READABLE, on_word);
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
	h->fd = -1;
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
	close(h->listen_fd);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

/* ---- the one that comes */

/* 1: one more, 0: that was the last, -1: the other one is gone, or it is somebody else. */
static int receive_gift(int link, struct inheritance *in)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct gift gift;
	struct iovec bytes = {&gift, sizeof(gift)};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(link, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
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
