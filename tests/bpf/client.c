/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side: a process of its own that carries out one struct plan. */
#include "kit.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static socklen_t address(const struct plan *p, const char *text, uint16_t port,
			 struct sockaddr_storage *a)
{
	int family = p->v4_sockaddr ? AF_INET : p->family;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)a;
	struct sockaddr_in *four = (struct sockaddr_in *)a;

	memset(a, 0, sizeof(*a));
	a->ss_family = (sa_family_t)family;
	six->sin6_port = htons(port); /* the same place in sockaddr_in */
	if (family == AF_INET) {
		check(inet_pton(AF_INET, text, &four->sin_addr) == 1);
		return sizeof(*four);
	}
	check(inet_pton(AF_INET6, text, &six->sin6_addr) == 1);
	return sizeof(*six);
}

static int dial(int fd, const struct plan *p, const char *to, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t size = address(p, to, port, &a);

	return connect(fd, (struct sockaddr *)&a, size) ? errno : 0;
}

static int send_to(int fd, const struct plan *p, const char *to, uint16_t port, int flags)
{
	struct sockaddr_storage a;
	socklen_t size = address(p, to, port, &a);

	return sendto(fd, "x", 1, flags, (struct sockaddr *)&a, size) < 0 ? errno : 0;
}

static int dial_nonblock(int fd, const struct plan *p)
{
	struct pollfd poll_fd = {fd, POLLOUT, 0};
	socklen_t size = sizeof(int);
	int error;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	error = dial(fd, p, p->dst, p->port);
	if (error != EINPROGRESS)
		return error;
	check(poll(&poll_fd, 1, 3000) == 1);
	check(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
	return error;
}

static int dial_uring(int fd, const struct plan *p)
{
	struct sockaddr_storage a;
	socklen_t size = address(p, p->dst, p->port, &a);

	return -uring_connect(fd, (struct sockaddr *)&a, size);
}

/* Enough of a header for any transport: the source port, the destination port. */
static int send_raw(int fd, const struct plan *p)
{
	uint16_t header[8] = {htons(5000), htons(p->port)};
	struct sockaddr_storage a;
	socklen_t size = address(p, p->dst, 0, &a);

	return sendto(fd, header, sizeof(header), 0, (struct sockaddr *)&a, size) < 0 ? errno : 0;
}

static int fill(const struct plan *p)
{
	int fds[64], last = 0;

	for (int i = 0; i < 64; i++) {
		fds[i] = socket(p->family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		last = dial(fds[i], p, p->dst, p->port);
	}
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	return last == EINPROGRESS ? 0 : last;
}

static int reconnect(int fd, const struct plan *p)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int error = dial(fd, p, p->dst, p->port);

	if (error)
		return error;
	check(!connect(fd, &none, sizeof(none)));
	return dial(fd, p, p->then, UNMASKED);
}

static void act(int fd, const struct plan *p, struct outcome *out)
{
	int one = 1;

	switch (p->how) {
	case HOW_CONNECT:
		out->error = dial(fd, p, p->dst, p->port);
		break;
	case HOW_NONBLOCK:
		out->error = dial_nonblock(fd, p);
		break;
	case HOW_FASTOPEN_SENDTO:
		out->error = send_to(fd, p, p->dst, p->port, MSG_FASTOPEN);
		break;
	case HOW_FASTOPEN_CONNECT:
		check(!setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
		/* fall through */
	case HOW_SEND:
	case HOW_TWO_DATAGRAMS:
		if (!p->connect_before)
			out->error = out->connect_error = dial(fd, p, p->dst, p->port);
		if (p->in_two)
			break;
		if (!out->error && send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			out->error = errno;
		if (p->how == HOW_TWO_DATAGRAMS)
			out->error = send_to(fd, p, p->then, UNMASKED, 0);
		break;
	case HOW_SENDTO:
		out->error = send_to(fd, p, p->dst, p->port, 0);
		break;
	case HOW_RECONNECT:
		out->error = reconnect(fd, p);
		break;
	case HOW_FILL:
		out->error = fill(p);
		break;
	case HOW_URING:
		out->error = dial_uring(fd, p);
		break;
	case HOW_RAW:
		out->error = send_raw(fd, p);
		break;
	}
}

/* An empty options header: one PadN of four bytes (RFC 8200 section 4.2). */
static void add_extension(int fd)
{
	static const unsigned char header[8] = {0, 0, 1, 4};

	check(!setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, header, sizeof(header)));
}

static int make_socket(const struct plan *p)
{
	int fd = socket(p->family, p->type ? p->type : SOCK_STREAM, p->protocol);
	struct plan four = {.family = AF_INET};
	struct sockaddr_storage a;
	socklen_t size;

	check(fd >= 0);
	if (p->bind_origin) {
		size = address(&four, ORIGIN4, 0, &a);
		check(!bind(fd, (struct sockaddr *)&a, size));
	}
	if (p->extension)
		add_extension(fd);
	if (p->connect_before)
		check_is(dial(fd, p, p->dst, p->port), 0);
	return fd;
}

static void own_netns(const struct plan *p)
{
	check(!unshare(CLONE_NEWNET));
	check(!system("ip link set lo up"));
	if (p->squat) {
		listener_make(AF_INET, "127.0.0.1", p->squat->ports.port4, AWSMASK_LISTENER_MARK);
		listener_make(AF_INET6, "::1", p->squat->ports.port6, AWSMASK_LISTENER_MARK);
	}
}

static void client_main(const char *cgroup, const struct plan *p, int report, int wait_fd)
{
	struct outcome out = {0};
	socklen_t peer_size = sizeof(out.peer), local_size = sizeof(out.local);
	bool before = p->socket_before || p->connect_before;
	int fd = before ? make_socket(p) : -1;
	struct err e;
	char byte;

	prctl(PR_SET_NAME, "an-agent");
	if (cgroup_enter(cgroup, 0, &e))
		check_failed(__FILE__, __LINE__, e.text);
	if (p->mark)
		check(redirect_program_mark(p->world->r, getpid(), p->mark) == 1);
	if (p->netns)
		check(!setns(open(p->netns, O_RDONLY | O_CLOEXEC), CLONE_NEWNET));
	if (p->own_netns)
		own_netns(p);
	if (p->uid)
		check(!setresuid(p->uid, p->uid, p->uid));
	out.netns = netns_cookie();
	if (!before)
		fd = make_socket(p);
	act(fd, p, &out);
	getpeername(fd, (struct sockaddr *)&out.peer, &peer_size);
	getsockname(fd, (struct sockaddr *)&out.local, &local_size);
	check(write(report, &out, sizeof(out)) == sizeof(out));
	/* Until the case lets go. */
	while (read(wait_fd, &byte, 1) == 1) {
		out.error = send(fd, "x", 1, MSG_NOSIGNAL) < 0 ? errno : 0;
		check(write(report, &out, sizeof(out)) == sizeof(out));
	}
	_exit(0);
}

struct client client_start(const char *cgroup, const struct plan *plan)
{
	struct client c = {0};
	int report[2], hold[2];

	check(!pipe2(report, O_CLOEXEC) && !pipe2(hold, O_CLOEXEC));
	fflush(stdout);
	c.pid = fork();
	check(c.pid >= 0);
	if (!c.pid) {
		close(report[0]);
		close(hold[1]);
		client_main(cgroup, plan, report[1], hold[0]);
	}
	close(report[1]);
	close(hold[0]);
	c.from = report[0];
	c.to = hold[1];
	check(read(c.from, &c.out, sizeof(c.out)) == sizeof(c.out));
	return c;
}

void client_go(struct client *c)
{
	check(write(c->to, "", 1) == 1);
	check(read(c->from, &c->out, sizeof(c->out)) == sizeof(c->out));
}

void client_end(struct client *c)
{
	int status;

	close(c->from);
	close(c->to);
	check(waitpid(c->pid, &status, 0) == c->pid);
	check_is(status, 0);
}

struct outcome client_run(const char *cgroup, const struct plan *plan)
{
	struct client c = client_start(cgroup, plan);

	client_end(&c);
	return c.out;
}
