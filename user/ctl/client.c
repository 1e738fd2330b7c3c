/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "../daemon/unix_socket.h"
#include "awsmask/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 10

static const char *socket_path(struct ctl *c, struct err *e)
{
	const struct config *config;

	if (c->option[OPTION_SOCKET])
		return c->option[OPTION_SOCKET];
	config = ctl_config(c, e);
	return config ? config->control_socket : NULL;
}

static enum client_result say_why_not(const char *path, int reason, struct err *e)
{
	if (reason == EACCES || reason == EPERM) {
		err_set(e, "%s may not be opened by this user: run this as root", path);
		return CLIENT_REFUSED;
	}
	err_set(e,
		"awsmaskd is not running (%s: %s): start it with `systemctl start awsmaskd`; "
		"to release this host without it, run `awsmaskd --release`",
		path, strerror(reason));
	return CLIENT_ABSENT;
}

static enum client_result dial(const char *path, int *out, struct err *e)
{
	struct sockaddr_un address;
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int fd, reason;

	if (unix_address(&address, path, "") < 0) {
		err_set(e, "the socket's path '%s' is longer than %zu bytes", path,
			sizeof(address.sun_path) - 1);
		return CLIENT_REFUSED;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return say_why_not(path, errno, e);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		reason = errno;
		close(fd);
		return say_why_not(path, reason, e);
	}
	*out = fd;
	return CLIENT_DONE;
}

static int send_line(int fd, const char *line)
{
	size_t len = strlen(line);

	while (len) {
		ssize_t n = send(fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		line += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The answer's length without its newline, or -1 with errno (0: the daemon hung up). */
static ssize_t receive_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = recv(fd, line + len, size - len, 0);
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : 0;
			return -1;
		}
		end = memchr(line + len, '\n', (size_t)n);
		len += (size_t)n;
		if (end)
			return end - line;
	}
	errno = EMSGSIZE;
	return -1;
}

static enum client_result converse(int fd, const char *request, json_t **answer, struct err *e)
{
	char *line = malloc(CTL_ANSWER_MAX);
	json_t *said = NULL;
	ssize_t len = -1;
	bool asked;

	if (!line) {
		err_set(e, "memory is out");
		return CLIENT_REFUSED;
	}
	/* A daemon that has no room answers and hangs up before it reads: look at the answer still.
	 */
	asked = send_line(fd, request) == 0;
	if (asked || errno == EPIPE || errno == ECONNRESET)
		len = receive_line(fd, line, CTL_ANSWER_MAX);
	if (len >= 0)
		said = json_loadb(line, (size_t)len, 0, NULL);
	if (len < 0)
		err_set(e, "awsmaskd did not answer: %s; look at its log",
			errno == EAGAIN ? "ten seconds passed"
			: errno		? strerror(errno)
					: "it hung up");
	else if (!json_is_object(said))
		err_set(e, "awsmaskd's answer is not understood: is it of another version?");
	else if (!json_is_true(json_object_get(said, "ok")))
		err_set(e, "%s",
			json_is_string(json_object_get(said, "error"))
				? json_string_value(json_object_get(said, "error"))
				: "awsmaskd refused, and did not say why");
	else {
		free(line);
		*answer = said;
		return CLIENT_DONE;
	}
	free(line);
	json_decref(said);
	return CLIENT_REFUSED;
}

enum client_result client_call(struct ctl *c, json_t *request, json_t **answer, struct err *e)
{
	enum client_result result = CLIENT_REFUSED;
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	char *line = NULL;
	const char *path;
	int fd = -1;

	if (!text || asprintf(&line, "%s\n", text) < 0) {
		line = NULL;
		err_set(e, "the request cannot be written as JSON: is an argument no UTF-8?");
		goto out;
	}
	path = socket_path(c, e);
	if (!path)
		goto out;
	result = dial(path, &fd, e);
	if (result == CLIENT_DONE)
		result = converse(fd, line, answer, e);
out:
	if (fd >= 0)
		close(fd);
	free(line);
	free(text);
	json_decref(request);
	return result;
}

enum client_result client_enroll(struct ctl *c, const char *path, json_t **answer, struct err *e)
{
	json_t *request = json_pack("{s:s, s:s, s:s*, s:s*}", "command", "enroll", "cgroup", path,
				    "mode", c->option[OPTION_MODE], "fail", c->option[OPTION_FAIL]);

	return client_call(c, request, answer, e);
}

enum client_result client_unenroll(struct ctl *c, const char *path, json_t **answer, struct err *e)
{
	return client_call(c, json_pack("{s:s, s:s}", "command", "unenroll", "cgroup", path),
			   answer, e);
}

enum client_result client_enroll_program(struct ctl *c, const char *path, json_t **answer,
					 struct err *e)
{
	json_t *request = json_pack("{s:s, s:s, s:s*, s:s*}", "command", "enroll", "exe", path,
				    "mode", c->option[OPTION_MODE], "fail", c->option[OPTION_FAIL]);

	return client_call(c, request, answer, e);
}

enum client_result client_unenroll_program(struct ctl *c, const char *path, json_t **answer,
					   struct err *e)
{
	return client_call(c, json_pack("{s:s, s:s}", "command", "unenroll", "exe", path), answer,
			   e);
}

/* One piece. 1: there are more, from *offset on; 0: that was the last; -1 and a sentence. */
static int collect_piece(const char *key, const json_t *answer, json_t *all, json_int_t *offset,
			 struct err *e)
{
	json_int_t next = json_integer_value(json_object_get(answer, "next"));

	if (json_array_extend(all, json_object_get(answer, key)) < 0)
		return err_set(e, "awsmaskd's answer is not understood: is it of another version?");
	if (next <= *offset)
		return 0;
	*offset = next;
	return 1;
}

enum client_result client_collect(struct ctl *c, const char *command, const char *key, json_t **all,
				  struct err *e)
{
	json_t *list = json_array(), *answer;
	json_int_t offset = 0;
	enum client_result result;
	int more;

	do {
		result = client_call(c,
				     json_pack("{s:s, s:I}", "command", command, "offset", offset),
				     &answer, e);
		if (result != CLIENT_DONE)
			break;
		more = collect_piece(key, answer, list, &offset, e);
		json_decref(answer);
		if (more < 0)
			result = CLIENT_REFUSED;
	} while (result == CLIENT_DONE && more);
	if (result == CLIENT_DONE)
		*all = list;
	else
		json_decref(list);
	return result;
}
