/* SPDX-License-Identifier: Apache-2.0 */
#include "crew_host.h"
#include "log.h"
#include "passed_fds.h"
#include "settle.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MONITORS_MAX 8 /* at once: one, and its successor */

struct child {
	struct child *next;
	pid_t pid;
	uint32_t id;
	int monitor; /* who wants to know; -1: nobody any more */
};

enum { POLL_CHILDREN, POLL_LISTENER, POLL_MONITORS, POLL_COUNT = POLL_MONITORS + MONITORS_MAX };

struct host {
	struct pollfd polls[POLL_COUNT]; /* fd -1: none */
	struct child *children;
};

void crew_host_environment(char *envp[static CREW_HOST_KEPT_MAX + 1])
{
	static const char *const names[CREW_HOST_KEPT_MAX] = {
		"JOURNAL_STREAM=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
	size_t kept = 0;

	for (char **v = environ; *v; v++)
		for (size_t i = 0; i < CREW_HOST_KEPT_MAX; i++)
			if (strncmp(*v, names[i], strlen(names[i])) == 0 &&
			    kept < CREW_HOST_KEPT_MAX)
				envp[kept++] = *v;
	envp[kept] = NULL;
}

/* ---- monitors */

/* Its workers go on: they see themselves that it is gone. */
static void forget_monitor(struct host *h, struct pollfd *p)
{
	for (struct child *c = h->children; c; c = c->next)
		if (c->monitor == p->fd)
			c->monitor = -1;
	close(p->fd);
	p->fd = -1;
}

/* One that does not take its messages notices at its end of the connection. */
static void tell(struct host *h, int monitor, struct crew_host_message message)
{
	if (monitor < 0 || send(monitor, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) ==
				   sizeof(message))
		return;
	for (unsigned i = POLL_MONITORS; i < POLL_COUNT; i++)
		if (h->polls[i].fd == monitor)
			forget_monitor(h, &h->polls[i]);
}

static void welcome(struct host *h, int fd)
{
	for (unsigned i = POLL_MONITORS; i < POLL_COUNT; i++) {
		if (h->polls[i].fd >= 0)
			continue;
		h->polls[i].fd = fd;
		tell(h, fd,
		     (struct crew_host_message){.kind = CREW_HOST_HELLO,
						.pid = getpid(),
						.value = CREW_HOST_PROTOCOL});
		return;
	}
	close(fd);
}

/* Whoever can have programs executed here must be root already. */
static void accept_monitor(struct host *h, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;

	if (fd < 0)
		return;
	if (unix_peer(fd, &peer) < 0 || peer.uid != 0) {
		log_event(LOG_ERR, "worker-host", log_word("why", "only root may connect here"));
		close(fd);
		return;
	}
	welcome(h, fd);
}

/* ---- workers */

/* From fork to exec: the descriptors go to where the worker looks for them. */
static _Noreturn void become_worker(const int *fds, size_t count)
{
	char *const argv[] = {"awsmaskd", "--worker", "3", NULL};
	char *envp[CREW_HOST_KEPT_MAX + 1];
	int moved[PASSED_FDS_MAX];
	sigset_t none;

	/* Beyond the places first, so that none is overwritten before it has moved. */
	for (size_t i = 0; i < count; i++) {
		moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, CREW_HOST_FIRST_FD + PASSED_FDS_MAX + 1);
		if (moved[i] < 0)
			_exit(70);
	}
	for (size_t i = 1; i < count; i++)
		if (dup2(moved[i], CREW_HOST_FIRST_FD + (int)i - 1) < 0)
			_exit(70);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	crew_host_environment(envp);
	/* By descriptor: it is the program of the monitor that asks, wherever that lies. */
	fexecve(moved[0], argv, envp);
	_exit(71);
}

static void start(struct host *h, int monitor, uint32_t id, const int *fds, size_t count)
{
	struct crew_host_message failed = {.kind = CREW_HOST_ENDED, .id = id, .value = -EINVAL};
	struct child *c = count ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		tell(h, monitor, failed);
		return;
	}
	c->id = id;
	c->monitor = monitor;
	c->pid = fork();
	if (c->pid == 0)
		become_worker(fds, count);
	if (c->pid < 0) {
		failed.value = -errno;
		free(c);
		tell(h, monitor, failed);
		return;
	}
	c->next = h->children;
	h->children = c;
	tell(h, monitor,
	     (struct crew_host_message){.kind = CREW_HOST_STARTED, .id = id, .pid = c->pid});
}

static void signal_worker(const struct host *h, int monitor, uint32_t id, int number)
{
	for (const struct child *c = h->children; c; c = c->next)
		if (c->monitor == monitor && c->id == id)
			kill(c->pid, number);
}

static void reap(struct host *h)
{
	struct signalfd_siginfo ignored;
	int status;

	/* Signals of one kind are merged: it only says to look. */
	if (read(h->polls[POLL_CHILDREN].fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
		return;
	for (struct child **at = &h->children; *at;) {
		struct child *c = *at;

		if (waitpid(c->pid, &status, WNOHANG) != c->pid) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		tell(h, c->monitor,
		     (struct crew_host_message){
			     .kind = CREW_HOST_ENDED, .id = c->id, .pid = c->pid, .value = status});
		free(c);
	}
}

/* ---- what monitors ask for */

static void serve(struct host *h, struct pollfd *p)
{
	struct crew_host_message m;
	int fds[PASSED_FDS_MAX];
	size_t count;
	ssize_t n =
		passed_fds_receive(p->fd, &m, sizeof(m), fds, PASSED_FDS_MAX, &count, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n != sizeof(m))
		forget_monitor(h, p);
	else if (m.kind == CREW_HOST_START)
		start(h, p->fd, m.id, fds, count);
	else if (m.kind == CREW_HOST_SIGNAL)
		signal_worker(h, p->fd, m.id, m.value);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* ---- the process */

static bool is_needed(const struct host *h)
{
	if (h->children)
		return true;
	for (unsigned i = POLL_MONITORS; i < POLL_COUNT; i++)
		if (h->polls[i].fd >= 0)
			return true;
	return false;
}

static void run(struct host *h)
{
	do {
		if (poll(h->polls, POLL_COUNT, -1) < 0)
			continue;
		/* Ends are told before new monitors and wishes are looked at. */
		if (h->polls[POLL_CHILDREN].revents)
			reap(h);
		if (h->polls[POLL_LISTENER].revents)
			accept_monitor(h, h->polls[POLL_LISTENER].fd);
		for (unsigned i = POLL_MONITORS; i < POLL_COUNT; i++)
			if (h->polls[i].fd >= 0 && h->polls[i].revents)
				serve(h, &h->polls[i]);
	} while (is_needed(h));
}

static int children_fd(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int crew_host_main(int fd)
{
	struct host h = {.children = NULL};
	int listens = 0;
	socklen_t size = sizeof(listens);

	if (getuid() == 0 || geteuid() == 0) {
		log_event(LOG_CRIT, "worker-host",
			  log_word("why", "it must not be root: workers read the network"));
		return 1;
	}
	/* Its memory is closed to workers, which are the same user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		log_event(LOG_CRIT, "worker-host", log_word("why", strerror(errno)));
		return 1;
	}
	signal(SIGINT,
	       SIG_IGN); /* a terminal's Ctrl-C reaches the whole group: the monitor decides */
	signal(SIGCHLD, SIG_DFL);
	for (unsigned i = 0; i < POLL_COUNT; i++)
		h.polls[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	h.polls[POLL_CHILDREN].fd = children_fd();
	if (h.polls[POLL_CHILDREN].fd < 0)
		return 1;
	if (listens)
		h.polls[POLL_LISTENER].fd = fd;
	else
		welcome(&h, fd);
	settle();
	run(&h);
	return 0;
}
