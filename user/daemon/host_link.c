/* SPDX-License-Identifier: Apache-2.0 */
#include "host_link.h"
#include "crew_host.h"
#include "passed_fds.h"
#include "sandbox.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELLO_S 10	     /* systemd may have to start it first */
#define FILES_MAX (1u << 20) /* a worker lowers it to what its configuration needs */

struct host_link {
	uv_poll_t poll;
	int fd;
	pid_t pid;
	bool own;  /* a child of ours */
	bool lost; /* it has ended, or will not hear us any more */
	struct host_link_events events;
};

static int connect_to(const char *path, struct err *e)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || unix_address(&addr, path, "") < 0)
		goto fail;
	/* Before the other end can speak: what it sends is to carry its credentials. */
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
fail:
	err_set(e, "the workers' host does not answer at %s: %s; start awsmask-worker.socket", path,
		strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The child, from fork to exec. */
static _Noreturn void become_host(int fd, const struct host_link_options *o)
{
	char *const argv[] = {"awsmaskd", "--worker-host", "3", NULL};
	char *envp[CREW_HOST_KEPT_MAX + 1];
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){FILES_MAX, FILES_MAX});
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	/* Past both: none of them is 3 any more then. */
	self = fcntl(self, F_DUPFD_CLOEXEC, 5);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 5);
	if (self < 0 || fd < 0 || dup2(fd, 3) < 0 || chdir("/") < 0 ||
	    sandbox_drop(o->uid, o->gid) < 0)
		_exit(70);
	crew_host_environment(envp);
	/* By descriptor: the path may lead through directories that this user cannot enter. */
	fexecve(self, argv, envp);
	_exit(71);
}

static int start_own(struct host_link *l, const struct host_link_options *o, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, "a host for workers cannot be started: %s", strerror(errno));
	/* Before the other end can speak: what it sends is to carry its credentials. */
	setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
	l->own = true;
	l->fd = pair[0];
	l->pid = fork();
	if (l->pid == 0)
		become_host(pair[1], o);
	close(pair[1]);
	return l->pid < 0 ? err_set(e, "a host for workers cannot be started: fork: %s",
				    strerror(errno))
			  : 0;
}

/* One message, and who has sent it (pid 0: the kernel does not say). As recv(). */
static ssize_t receive(int fd, struct crew_host_message *m, struct ucred *from, int flags)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec bytes = {m, sizeof(*m)};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*from = (struct ucred){.pid = 0};
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(from, CMSG_DATA(c), sizeof(*from));
	return n;
}

static int await_hello(struct host_link *l, const struct host_link_options *o, struct err *e)
{
	struct timeval patience = {.tv_sec = HELLO_S};
	struct crew_host_message m;
	struct ucred from;
	ssize_t n;

	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* With a timeout it is not gone on with after a signal, whatever SA_RESTART says (signal(7)). */
	do
		n = receive(l->fd, &m, &from, 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(m) || m.kind != CREW_HOST_HELLO || !from.pid)
		return err_set(e, "the workers' host does not speak: %s",
			       n < 0	? strerror(errno)
			       : n == 0 ? "it ended, and the log may say why"
					: "it is another program");
	if (m.value != CREW_HOST_PROTOCOL)
		return err_set(e, "the workers' host is another version's: end it, systemctl stop "
				  "awsmask-worker.service, and it is started anew");
	if (from.uid != o->uid)
		return err_set(e,
			       "the workers' host runs as uid %u, not as %u: User= in "
			       "awsmask-worker.service must be awsmaskd's --user",
			       from.uid, o->uid);
	l->pid = from.pid;
	return 0;
}

static void on_message(uv_poll_t *poll, int status, int events)
{
	struct host_link *l = poll->data;
	struct crew_host_message m;
	struct ucred from;
	ssize_t n = status < 0 ? 0 : receive(l->fd, &m, &from, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(m)) {
		uv_poll_stop(poll);
		l->lost = true;
		l->events.lost(l->events.arg);
	} else if (m.kind == CREW_HOST_STARTED) {
		l->events.started(l->events.arg, m.id, m.pid);
	} else if (m.kind == CREW_HOST_ENDED) {
		l->events.ended(l->events.arg, m.id, m.value);
	}
}

static void end_own(const struct host_link *l, bool wait)
{
	if (!l->own || l->pid <= 0)
		return;
	if (l->lost)
		wait = kill(l->pid, SIGKILL) == 0;
	while (wait && waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct host_link *host_link_open(uv_loop_t *loop, const struct host_link_options *options,
				 const struct host_link_events *events, struct err *e)
{
	struct host_link *l = calloc(1, sizeof(*l));

	if (!l) {
		err_set(e, "a host for workers cannot be started: memory is out");
		return NULL;
	}
	l->events = *events;
	l->fd = -1;
	if (options->socket) {
		l->fd = connect_to(options->socket, e);
		if (l->fd < 0)
			goto fail;
	} else if (start_own(l, options, e) < 0) {
		goto fail;
	}
	if (await_hello(l, options, e) < 0 || uv_poll_init(loop, &l->poll, l->fd) < 0)
		goto fail;
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_message);
	return l;
fail:
	if (l->fd >= 0)
		close(l->fd);
	end_own(l, true);
	free(l);
	return NULL;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void host_link_close(struct host_link *l, bool wait)
{
	if (!l)
		return;
	uv_poll_stop(&l->poll);
	close(l->fd);
	end_own(l, wait);
	uv_close((uv_handle_t *)&l->poll, on_closed);
}

pid_t host_link_pid(const struct host_link *l)
{
	return l->pid;
}

int host_link_start(struct host_link *l, uint32_t id, const int *fds, size_t count, struct err *e)
{
	const struct crew_host_message m = {.kind = CREW_HOST_START, .id = id};

	if (passed_fds_send(l->fd, &m, sizeof(m), fds, count, 0) < 0)
		return err_set(e, "a worker cannot be started: its host takes no message: %s",
			       strerror(errno));
	return 0;
}

void host_link_signal(struct host_link *l, uint32_t id, int number)
{
	const struct crew_host_message m = {.kind = CREW_HOST_SIGNAL, .id = id, .value = number};

	/* A host that is gone says so to on_message(). */
	(void)passed_fds_send(l->fd, &m, sizeof(m), NULL, 0, 0);
}
