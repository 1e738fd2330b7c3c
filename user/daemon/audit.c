/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"
#include "audit_writer.h"
#include "log.h"
#include "process.h"
#include "unix_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ROUND_MAX 32 /* datagrams at a time, before others have their turn */
#define RECEIVE_BYTES (4 * 1024 * 1024)

struct audit {
	uv_poll_t poll;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct audit_owner owner;
	struct stats *stats;
	struct audit_writer *writer;
	struct audit_record record;
	uint8_t bytes[AUDIT_DATAGRAM_MAX];
	uint64_t layout;
	pid_t other; /* the worker of another version that was spoken of last; 0: none */
};

/* ---- the socket */

/* The group may write to it; whose records are taken is another matter: see accept_batch(). */
static int bind_at(const struct sockaddr_un *addr, gid_t group, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(addr->sun_path);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
	    chown(addr->sun_path, 0, group) == 0 && chmod(addr->sun_path, 0620) == 0)
		return fd;
	err_set(e, "%s cannot be made: %s", addr->sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_socket(struct audit *a, const char *control_socket, struct inheritance *in,
		       struct err *e)
{
	struct sockaddr_un addr;
	int one = 1, bytes = RECEIVE_BYTES;

	if (unix_address(&addr, control_socket, AUDIT_SOCKET_SUFFIX) < 0)
		return err_set(e,
			       "control.socket is %s, and with " AUDIT_SOCKET_SUFFIX
			       " behind it that is longer than a socket's path may be",
			       control_socket);
	memcpy(a->path, addr.sun_path, sizeof(a->path));
	a->fd = inherit_take(in, AUDIT_DOOR);
	if (a->fd >= 0 && !unix_is_found_at(a->fd, addr.sun_path)) {
		inherit_forget(AUDIT_DOOR);
		close(a->fd);
		a->fd = -1;
	}
	if (a->fd < 0)
		a->fd = bind_at(&addr, a->owner.group, e);
	if (a->fd < 0)
		return -1;
	setsockopt(a->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return setsockopt(a->fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) == 0
		       ? 0
		       : err_set(e, "%s: who sends cannot be seen: %s", a->path, strerror(errno));
}

/* ---- what comes in */

struct received {
	ssize_t bytes;
	bool cut;
	struct ucred who;
};

/* As recvmsg(). Descriptors that somebody sends along are closed by the kernel: there is no room for them. */
static ssize_t receive(struct audit *a, struct received *r)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = {.room = {0}};
	struct iovec to = {a->bytes, sizeof(a->bytes)};
	struct msghdr m = {.msg_iov = &to,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};

	r->bytes = recvmsg(a->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	r->cut = m.msg_flags & MSG_TRUNC;
	r->who = (struct ucred){.uid = (uid_t)-1, .gid = (gid_t)-1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); r->bytes >= 0 && c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&r->who, CMSG_DATA(c), sizeof(r->who));
	return r->bytes;
}

void audit_say_who(struct audit_record *r, pid_t pid, uid_t uid)
{
	audit_number(r, AUDIT_UID, uid);
	audit_number(r, AUDIT_PID, (uint64_t)pid);
	(void)process_name(pid, r->comm, sizeof(r->comm));
}

/* A worker may lie about what its clients did, and about nothing else. */
static bool is_workers(const struct audit_record *r)
{
	return r->event == AUDIT_REQUEST || r->event == AUDIT_FLOW;
}

/* The record at `at`, as it can be written; how many bytes of the datagram it has, or 0. */
static size_t unpack(struct audit *a, size_t at, size_t end)
{
	size_t took = audit_unpack(&a->record, a->bytes + at, end - at);

	if (took)
		audit_bound(&a->record);
	return took;
}

/* All of it is records, and not too many; some that a worker may hand over are among them. */
static bool is_batch(struct audit *a, const struct received *from)
{
	size_t end = (size_t)from->bytes, took = 1, at = sizeof(struct audit_head), n = 0;
	bool some = false;

	if (from->cut || from->who.uid != a->owner.worker)
		return false;
	for (; at < end && n < AUDIT_BATCH && took; n++) {
		took = unpack(a, at, end);
		at += took;
		some |= took && is_workers(&a->record);
	}
	return some && took && at == end;
}

/* Whether it is a worker's, and written in another way than ours: that cannot be read, but counted. */
static bool is_of_another_version(struct audit *a, const struct received *from)
{
	struct audit_head head;
	uint64_t count;

	if (from->who.uid != a->owner.worker || from->bytes < (ssize_t)sizeof(head))
		return false;
	memcpy(&head, a->bytes, sizeof(head));
	if (head.layout == a->layout)
		return false;
	count = head.count < AUDIT_BATCH ? head.count : AUDIT_BATCH;
	stat_add(&a->stats->audit_lost, count ? count : 1);
	if (from->who.pid != a->other)
		log_event(LOG_WARNING, "audit-other-version",
			  log_number("pid", (uint64_t)from->who.pid),
			  log_word("then", "the records of this worker, which an earlier awsmaskd "
					   "has left, are "
					   "counted as lost until it has finished what it has"));
	a->other = from->who.pid;
	return true;
}

static void accept_batch(struct audit *a, const struct received *from)
{
	size_t end = (size_t)from->bytes;

	if (!is_batch(a, from)) {
		log_event(LOG_WARNING, "audit-refused", log_number("uid", from->who.uid),
			  log_number("pid", (uint64_t)from->who.pid));
		return;
	}
	for (size_t at = sizeof(struct audit_head); at < end;) {
		at += unpack(a, at, end);
		if (is_workers(&a->record))
			audit_writer_add(a->writer, &a->record);
	}
}

/* false: there is nothing more. */
static bool take_one(struct audit *a)
{
	struct received from;

	if (receive(a, &from) < 0)
		return errno == EINTR;
	if (!is_of_another_version(a, &from))
		accept_batch(a, &from);
	return true;
}

static void on_records(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	for (int i = 0; i < ROUND_MAX && take_one(poll->data); i++)
		;
}

/* ---- the monitor's side */

void audit_add(struct audit *a, const struct audit_record *r)
{
	if (a && r)
		audit_writer_add(a->writer, r);
}

void audit_serve(struct audit *a)
{
	if (a)
		uv_poll_start(&a->poll, UV_READABLE, on_records);
}

void audit_configure(struct audit *a, const struct config *c)
{
	if (a)
		audit_writer_configure(a->writer, c);
}

int audit_door(const struct audit *a)
{
	return a->fd;
}

struct audit *audit_open(uv_loop_t *loop, const struct config *c, const struct audit_owner *owner,
			 struct stats *stats, struct inheritance *in, struct err *e)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a) {
		err_set(e, "memory is out");
		return NULL;
	}
	a->fd = -1;
	a->owner = *owner;
	a->stats = stats;
	a->layout = audit_layout();
	a->poll.data = a;
	if (open_socket(a, c->control_socket, in, e) < 0)
		goto fail;
	a->writer = audit_writer_new(c, stats);
	if (a->writer && uv_poll_init(loop, &a->poll, a->fd) == 0)
		return a;
	err_set(e, "memory is out");
	if (a->writer)
		audit_writer_close(a->writer);
fail:
	if (a->fd >= 0)
		close(a->fd);
	free(a);
	return NULL;
}

void audit_close(struct audit *a, const struct audit_record *last, bool left)
{
	if (!a)
		return;
	uv_poll_stop(&a->poll);
	while (!left && take_one(a))
		;
	audit_add(a, last);
	audit_writer_close(a->writer);
	if (!left)
		unlink(a->path);
	close(a->fd);
	free(a);
}
