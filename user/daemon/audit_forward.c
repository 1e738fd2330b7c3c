/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_forward.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define PRIORITY (10 * 8 + 6) /* authpriv.info */
#define MESSAGE_MAX 40960

void audit_forward_init(struct audit_forwarder *f)
{
	*f = (struct audit_forwarder){.to = FORWARD_NONE, .fd = -1};
	if (gethostname(f->host, sizeof(f->host) - 1) < 0 || !*f->host)
		strcpy(f->host, "-");
}

void audit_forward_close(struct audit_forwarder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
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

/* Whoever listened may have been started anew. */
static int send_once(struct audit_forwarder *f, const char *text, size_t len)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (f->fd < 0 && connect_to(f) < 0)
			return -1;
		if (send(f->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len)
			return 0;
		audit_forward_close(f);
	}
	return -1;
}

static int journal_text(const struct audit_record *r, const char *line, size_t len, char *text)
{
	static const char *const events[] = {
#define X(name, word) word,
		AUDIT_EVENTS(X)
#undef X
	};
	static const char *const verdicts[] = {
#define X(name, word) word,
		AUDIT_VERDICTS(X)
#undef X
	};
	int n = snprintf(text, MESSAGE_MAX,
			 "MESSAGE=%.*s\nPRIORITY=6\nSYSLOG_FACILITY=10\n"
			 "SYSLOG_IDENTIFIER=awsmask-audit\nAWSMASK_EVENT=%s\n",
			 (int)len, line, events[r->event]);

	if (r->verdict && n < MESSAGE_MAX)
		n += snprintf(text + n, (size_t)(MESSAGE_MAX - n), "AWSMASK_VERDICT=%s\n",
			      verdicts[r->verdict]);
	if (r->known >> AUDIT_UID & 1 && n < MESSAGE_MAX)
		n += snprintf(text + n, (size_t)(MESSAGE_MAX - n), "AWSMASK_UID=%llu\n",
			      (unsigned long long)r->numbers[AUDIT_UID]);
	return n;
}

static int syslog_text(const struct audit_forwarder *f, const struct audit_record *r,
		       const char *line, size_t len, char *text)
{
	time_t seconds = (time_t)(r->time_ms / 1000);
	struct tm tm = {0};
	char when[40] = "-";

	if (gmtime_r(&seconds, &tm) && tm.tm_year < 8100)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return snprintf(text, MESSAGE_MAX, "<%d>1 %s %s awsmaskd %d audit - %.*s", PRIORITY, when,
			f->host, (int)getpid(), (int)len, line);
}

static int forward_line(struct audit_forwarder *f, const struct audit_record *r, const char *line,
			size_t len)
{
	char text[MESSAGE_MAX];
	int n = f->to == FORWARD_JOURNALD ? journal_text(r, line, len, text)
					  : syslog_text(f, r, line, len, text);

	return n > 0 && n < MESSAGE_MAX ? send_once(f, text, (size_t)n) : -1;
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

int audit_forward(struct audit_forwarder *f, const struct buf *lines,
		  const struct audit_record *records, size_t n)
{
	const char *line, *end = (const char *)buf_bytes(lines) + buf_len(lines);
	int result = 0;

	if (f->to == FORWARD_NONE || !n)
		return 0;
	line = line_at(lines, n);
	for (size_t i = 0; i < n && line < end && result == 0; i++) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));

		result = lf ? forward_line(f, &records[i], line, (size_t)(lf - line)) : -1;
		line = lf ? lf + 1 : end;
	}
	return result;
}
