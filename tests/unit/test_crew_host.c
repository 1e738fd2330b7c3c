/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of the workers: what it starts, what it says of it, and when it ends. Needs root to begin with. */
#include "../../user/daemon/crew_host.h"
#include "../../user/daemon/passed_fds.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 61234
#define PATIENCE_S 20

/*
 * This very program is the worker: it passes on what comes in at its first descriptor to its second one,
 * says whether a third one is open, and ends with the first byte as its status.
 */
__attribute__((constructor)) static void be_worker(int argc, char **argv)
{
	unsigned char said[3] = {0};

	if (argc != 3 || strcmp(argv[0], "awsmaskd") != 0 || strcmp(argv[1], "--worker") != 0)
		return;
	if (strcmp(argv[2], "3") != 0 || read(CREW_HOST_FIRST_FD, said, 1) != 1)
		_exit(99);
	said[1] = fcntl(CREW_HOST_FIRST_FD + 2, F_GETFD) >= 0;
	for (int fd = CREW_HOST_FIRST_FD + 3; fd < 1024; fd++)
		said[2] |= fcntl(fd, F_GETFD) >= 0;
	if (write(CREW_HOST_FIRST_FD + 1, said, sizeof(said)) != sizeof(said))
		_exit(98);
	_exit(said[0]);
}

struct rig {
	int link;
	pid_t host;
	int in[2], out[2]; /* of the worker */
};

static struct crew_host_message hear(const struct rig *r)
{
	struct crew_host_message m;

	cr_assert_eq(recv(r->link, &m, sizeof(m), 0), (ssize_t)sizeof(m));
	return m;
}

/* As somebody unprivileged, with this descriptor alone. */
static pid_t start_host(int fd)
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		close_range(3, (unsigned)fd - 1, 0);
		close_range((unsigned)fd + 1, ~0u, 0);
		if (setresgid(SOMEBODY, SOMEBODY, SOMEBODY) < 0 ||
		    setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0)
			_exit(97);
		_exit(crew_host_main(fd));
	}
	close(fd);
	return pid;
}

static struct rig set_up(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct crew_host_message hello;
	struct rig r;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(pipe2(r.in, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(r.out, O_CLOEXEC), 0);
	r.link = pair[0];
	setsockopt(r.link, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r.host = start_host(pair[1]);
	hello = hear(&r);
	cr_assert_eq(hello.kind, CREW_HOST_HELLO);
	cr_assert_eq(hello.value, CREW_HOST_PROTOCOL);
	cr_assert_eq(hello.pid, r.host);
	return r;
}

static void say(const struct rig *r, const void *message, size_t len, const int *fds, size_t count)
{
	cr_assert_eq(passed_fds_send(r->link, message, len, fds, count, 0), (ssize_t)len);
}

static void start(const struct rig *r, uint32_t id)
{
	const struct crew_host_message m = {.kind = CREW_HOST_START, .id = id};
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int fds[] = {program, r->in[0], r->out[1], r->in[0]};

	say(r, &m, sizeof(m), fds, 4);
	close(program);
}

static void heard_started(const struct rig *r, uint32_t id)
{
	struct crew_host_message m = hear(r);

	cr_assert_eq(m.kind, CREW_HOST_STARTED);
	cr_assert_eq(m.id, id);
	cr_assert(m.pid > 0);
}

static int status_of_host(const struct rig *r)
{
	int status;

	cr_assert_eq(waitpid(r->host, &status, 0), r->host);
	return status;
}

Test(crew_host, a_worker_gets_its_descriptors_and_its_end_is_told)
{
	struct rig r = set_up();
	struct crew_host_message m;
	unsigned char said[3];

	start(&r, 7);
	heard_started(&r, 7);
	cr_assert_eq(write(r.in[1], "\x05", 1), 1);
	cr_assert_eq(read(r.out[0], said, 3), 3);
	cr_assert_eq(said[0], 5);
	cr_assert_eq(said[1], 1); /* the third descriptor */
	cr_assert_eq(said[2], 0, "it has more descriptors than it was given");
	m = hear(&r);
	cr_assert_eq(m.kind, CREW_HOST_ENDED);
	cr_assert_eq(m.id, 7);
	cr_assert(WIFEXITED(m.value));
	cr_assert_eq(WEXITSTATUS(m.value), 5);
	close(r.link);
	cr_assert_eq(status_of_host(&r), 0);
}

Test(crew_host, a_worker_is_signalled_by_its_number_alone)
{
	struct rig r = set_up();
	struct crew_host_message other = {.kind = CREW_HOST_SIGNAL, .id = 2, .value = SIGKILL};
	struct crew_host_message right = {.kind = CREW_HOST_SIGNAL, .id = 1, .value = SIGTERM}, m;

	start(&r, 1);
	heard_started(&r, 1);
	say(&r, &other, sizeof(other), NULL, 0);
	say(&r, &right, sizeof(right), NULL, 0);
	m = hear(&r);
	cr_assert_eq(m.kind, CREW_HOST_ENDED);
	cr_assert_eq(m.id, 1);
	cr_assert(WIFSIGNALED(m.value));
	cr_assert_eq(WTERMSIG(m.value), SIGTERM);
}

Test(crew_host, workers_outlive_the_monitor_and_the_host_ends_with_the_last)
{
	struct rig r = set_up();
	unsigned char said[3];

	start(&r, 1);
	heard_started(&r, 1);
	close(r.link);
	cr_assert_eq(write(r.in[1], "\x06", 1), 1);
	cr_assert_eq(read(r.out[0], said, 3), 3);
	cr_assert_eq(said[0], 6);
	cr_assert_eq(status_of_host(&r), 0);
}

Test(crew_host, nothing_to_execute_is_no_worker)
{
	struct rig r = set_up();
	const struct crew_host_message start_nothing = {.kind = CREW_HOST_START, .id = 3};
	struct crew_host_message m;

	say(&r, &start_nothing, sizeof(start_nothing), NULL, 0);
	m = hear(&r);
	cr_assert_eq(m.kind, CREW_HOST_ENDED);
	cr_assert_eq(m.id, 3);
	cr_assert_eq(m.value, -EINVAL);
}

Test(crew_host, who_does_not_speak_the_protocol_is_left)
{
	struct rig r = set_up();
	char byte;

	say(&r, "hello", 5, NULL, 0);
	cr_assert_eq(recv(r.link, &byte, 1, 0), 0);
	cr_assert_eq(status_of_host(&r), 0);
}

Test(crew_host, root_is_refused)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(crew_host_main(pair[0]), 1);
}

static int connect_to(const struct sockaddr_un *addr, socklen_t size)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return connect(fd, (const struct sockaddr *)addr, size) == 0 ? fd : -1;
}

/* Whether it is hung up on, and not even greeted. */
static int come_as_somebody(const struct sockaddr_un *addr, socklen_t size)
{
	char byte;
	int fd;

	if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0)
		return 97;
	fd = connect_to(addr, size);
	return fd >= 0 && recv(fd, &byte, 1, 0) == 0 ? 0 : 1;
}

Test(crew_host, where_it_listens_root_alone_is_served)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX}; /* a name of the kernel's choice */
	socklen_t size = sizeof(addr);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), status;
	struct rig r;
	pid_t other;

	cr_assert_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr.sun_family)), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
	cr_assert_eq(listen(listener, 4), 0);
	r.host = start_host(listener);
	r.link = connect_to(&addr, size);
	cr_assert_eq(hear(&r).kind, CREW_HOST_HELLO);
	other = fork();
	cr_assert(other >= 0);
	if (other == 0)
		_exit(come_as_somebody(&addr, size));
	cr_assert_eq(waitpid(other, &status, 0), other);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
	close(r.link);
	cr_assert_eq(status_of_host(&r), 0);
}
