/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_send.h"
#include "audit.h"
#include "log.h"
#include "unix_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GATHER_MS 20
#define RETRY_MS 200
#define WAIT_MS 3000

struct audit_sender {
	uv_timer_t timer;
	int fd; /* -1: not connected */
	struct sockaddr_un addr;
	bool unreachable;  /* the path is longer than a socket's may be: the monitor says so */
	uint64_t asked_ms; /* when it was first waited for; 0: not yet */
	struct stats *stats;
	uint64_t layout;
	uint8_t *held; /* packed, oldest first; NULL: there never were any */
	size_t bytes, room;
	size_t count; /* of records */
};

static int connect_to(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void disconnect(struct audit_sender *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* As many as go in one datagram: how many bytes, and records. */
static size_t batch_bytes(const struct audit_sender *s, size_t from, size_t *records)
{
	size_t at = from;
	uint64_t size;

	for (*records = 0; at < s->bytes && *records < AUDIT_BATCH; ++*records) {
		memcpy(&size, s->held + at, sizeof(size));
		if (size > AUDIT_BATCH_BYTES - (at - from))
			break;
		at += size;
	}
	return at - from;
}

/* Whether it was taken; errno tells why not. */
static bool send_batch(const struct audit_sender *s, size_t from, size_t n, size_t records)
{
	struct audit_head head = {.layout = s->layout, .count = records};
	struct iovec parts[] = {{&head, sizeof(head)}, {s->held + from, n}};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};

	return sendmsg(s->fd, &m, MSG_NOSIGNAL) == (ssize_t)(sizeof(head) + n);
}

/* Oldest first, until there are none, or none are taken. */
static void send_held(struct audit_sender *s)
{
	size_t sent = 0, n, records;

	while (sent < s->bytes) {
		n = batch_bytes(s, sent, &records);
		if (s->fd < 0 && !s->unreachable)
			s->fd = connect_to(&s->addr);
		if (s->fd >= 0 && send_batch(s, sent, n, records)) {
			sent += n;
			s->count -= records;
			continue;
		}
		/* Full: it is read from, or will be. Everything else is nobody's any more, and is found anew. */
		if (s->fd >= 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			disconnect(s);
		break;
	}
	if (!sent)
		return;
	s->bytes -= sent;
	memmove(s->held, s->held + sent, s->bytes);
}

static void on_timer(uv_timer_t *timer)
{
	struct audit_sender *s = timer->data;

	send_held(s);
	if (s->count) {
		/* Who is there takes more in a moment. */
		uv_timer_start(&s->timer, on_timer, s->fd >= 0 ? GATHER_MS : RETRY_MS, 0);
	} else if (s->room > AUDIT_BATCH_BYTES) { /* what a bad moment took */
		free(s->held);
		s->held = NULL;
		s->room = 0;
	}
}

/* For one more. */
static int grow(struct audit_sender *s)
{
	size_t room = s->room ? s->room * 2 : AUDIT_BATCH_BYTES;
	uint8_t *more;

	if (s->count == AUDIT_HOLD_MAX)
		return -1;
	if (s->room - s->bytes >= AUDIT_PACKED_MAX)
		return 0;
	more = realloc(s->held, room);
	if (!more)
		return -1;
	s->held = more;
	s->room = room;
	return 0;
}

void audit_send(struct audit_sender *s, const struct audit_record *r)
{
	if (!s)
		return;
	if (grow(s) < 0) {
		stat_add(&s->stats->audit_lost, 1);
		return;
	}
	s->bytes += audit_pack(r, s->held + s->bytes);
	if (++s->count % AUDIT_BATCH == 0)
		send_held(s);
	if (s->count && !uv_is_active((uv_handle_t *)&s->timer))
		uv_timer_start(&s->timer, on_timer, GATHER_MS, 0);
}

bool audit_sender_waits(struct audit_sender *s)
{
	uint64_t now;

	if (!s || !s->count)
		return false;
	now = uv_now(s->timer.loop);
	if (!s->asked_ms)
		s->asked_ms = now;
	return now < s->asked_ms + WAIT_MS;
}

int audit_sender_open(struct audit_sender **s, uv_loop_t *loop, const struct config *c,
		      struct stats *stats)
{
	*s = NULL;
	if (!*c->audit.file)
		return 0;
	*s = calloc(1, sizeof(**s));
	if (!*s)
		return -1;
	(*s)->unreachable = unix_address(&(*s)->addr, c->control_socket, AUDIT_SOCKET_SUFFIX) < 0;
	(*s)->fd = -1;
	(*s)->stats = stats;
	(*s)->layout = audit_layout();
	(*s)->timer.data = *s;
	uv_timer_init(loop, &(*s)->timer);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct audit_sender *s = handle->data;

	disconnect(s);
	free(s->held);
	free(s);
}

void audit_sender_close(struct audit_sender **sender)
{
	struct audit_sender *s = *sender;

	*sender = NULL;
	if (!s)
		return;
	send_held(s);
	if (s->count) {
		stat_add(&s->stats->audit_lost, s->count);
		log_event(LOG_ERR, "audit-lost", log_number("records", s->count));
	}
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
