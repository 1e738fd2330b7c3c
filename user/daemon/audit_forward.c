/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_forward.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define PRIORITY (10 * 8 + 6) /* authpriv.info */
#define IDENTIFIER "awsmask-audit"
#define MESSAGE_MAX 40960
#define PATIENCE_MS 100

void audit_forward_init(struct audit_forwarder *f)
{
	*f = (struct audit_forwarder){.to = FORWARD_NONE, .fd = -1};
}

void audit_forward_close(struct audit_forwarder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void audit_forward_round(struct audit_forwarder *f)
{
	f->until = clock_ms() + PATIENCE_MS;
}

static int connect_to(struct audit_forwarder *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strcpy(addr.sun_path, f->to == FORWARD_JOURNALD ? JOURNAL_SOCKET : SYSLOG_SOCKET);
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd >= 0 && connect(f->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	audit_forward_close(f);
	return -1;
}

/* Its queue is full (it may be one of ten): whether there is room for another in time. */
static bool makes_room(const struct audit_forwarder *f)
{
	struct pollfd p = {f->fd, POLLOUT, 0};
	uint64_t now = clock_ms();

	return now < f->until && poll(&p, 1, (int)(f->until - now)) == 1;
}

enum taken { TAKEN, TOO_LONG, NOT_NOW };

/* Whoever listened may have been started anew. */
static enum taken send_text(struct audit_forwarder *f, const char *text, size_t len)
{
	int attempts = 2;

	while (attempts) {
		if (f->fd < 0 && connect_to(f) < 0)
			return NOT_NOW;
		if (send(f->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len)
			return TAKEN;
		if (errno == EMSGSIZE)
			return TOO_LONG;
		if (errno == EAGAIN && !makes_room(f))
			return NOT_NOW;
		if (errno == EAGAIN)
			continue;
		audit_forward_close(f);
		attempts--;
	}
	return NOT_NOW;
}

static int journal_text(const struct audit_record *r, const char *line, size_t len, char *text)
{
	int n = snprintf(text, MESSAGE_MAX,
			 "MESSAGE=%.*s\nPRIORITY=6\nSYSLOG_FACILITY=10\n"
			 "SYSLOG_IDENTIFIER=" IDENTIFIER "\nAWSMASK_EVENT=%s\n",
			 (int)len, line, audit_event_word(r->event));

	if (r->verdict && n < MESSAGE_MAX)
		n += snprintf(text + n, (size_t)(MESSAGE_MAX - n), "AWSMASK_VERDICT=%s\n",
			      audit_verdict_word(r->verdict));
	if (r->known >> AUDIT_UID & 1 && n < MESSAGE_MAX)
		n += snprintf(text + n, (size_t)(MESSAGE_MAX - n), "AWSMASK_UID=%llu\n",
			      (unsigned long long)r->numbers[AUDIT_UID]);
	return n;
}

/* As syslog(3) does. In RFC 5424's form rsyslog takes the version for the program's name, and journald finds none. */
static int syslog_text(const struct audit_record *r, const char *line, size_t len, char *text)
{
	time_t seconds = (time_t)(r->time_ms / 1000);
	struct tm tm = {0};
	char when[40] = "";

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%b %e %T ", &tm);
	return snprintf(text, MESSAGE_MAX, "<%d>%s" IDENTIFIER "[%d]: %.*s", PRIORITY, when,
			(int)getpid(), (int)len, line);
}

static enum taken forward_line(struct audit_forwarder *f, const struct audit_record *r,
			       const char *line, size_t len)
{
	char text[MESSAGE_MAX];
	int n = f->to == FORWARD_JOURNALD ? journal_text(r, line, len, text)
					  : syslog_text(r, line, len, text);

	return n > 0 && n < MESSAGE_MAX ? send_text(f, text, (size_t)n) : TOO_LONG;
}

/* The lines of the records are the last ones: from the end, each its own. */
static const char *line_at(const struct buf *lines, size_t back)
{
	const char *p = (const char *)buf_bytes(lines);
	size_t at = buf_len(lines);

	for (; at && back; back--) {
		const char *lf = at > 1 ? memrchr(p, '\n', at - 1) : NULL;

		at = lf ? (size_t)(lf - p) + 1 : 0;
	}
	return p + at;
}

size_t audit_forward(struct audit_forwarder *f, const struct buf *lines,
		     const struct audit_record *records, size_t n)
{
	const char *line, *end = (const char *)buf_bytes(lines) + buf_len(lines);
	size_t left = n;

	if (f->to == FORWARD_NONE || !n)
		return 0;
	line = line_at(lines, n);
	for (size_t i = 0; i < n && line < end; i++) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		enum taken taken =
			forward_line(f, &records[i], line, (size_t)((lf ? lf : end) - line));

		if (taken == NOT_NOW)
			break;
		left -= taken == TAKEN;
		line = lf ? lf + 1 : end;
	}
	return left;
}
