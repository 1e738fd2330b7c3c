/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways round, tried from inside an enrolled cgroup of this host: each must end at awsmaskd or be refused.
 * The addresses are of the documentation's networks, which nobody has; no name is looked up, and nothing is
 * sent that says anything.
 */
#include "../daemon/cgroup.h"
#include "check.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define NOBODY4 "192.0.2.1"   /* RFC 5737 */
#define NOBODY6 "2001:db8::1" /* RFC 3849 */
#define NOBODY_MAPPED "::ffff:192.0.2.1"
#define SECONDS 5
#define CHILD_SECONDS 15

enum how {
	HOW_CONNECT,
	HOW_NONBLOCK,
	HOW_FASTOPEN,	      /* sendto(MSG_FASTOPEN) */
	HOW_FASTOPEN_CONNECT, /* TCP_FASTOPEN_CONNECT, then send() */
	HOW_SEND,	      /* connect(), then send() */
	HOW_SENDTO,
};

enum whence { FROM_CGROUP, FROM_BEFORE, FROM_CHILD, FROM_NETNS };

struct way {
	const char *id, *what;
	int type, protocol;
	const char *to;
	enum how how;
	enum whence whence;
};

static const struct way ways[] = {
	{"bypass-ipv4", "IPv4", SOCK_STREAM, 0, NOBODY4, HOW_CONNECT, FROM_CGROUP},
	{"bypass-ipv6", "IPv6", SOCK_STREAM, 0, NOBODY6, HOW_CONNECT, FROM_CGROUP},
	{"bypass-mapped", "a v4-mapped address", SOCK_STREAM, 0, NOBODY_MAPPED, HOW_CONNECT,
	 FROM_CGROUP},
	{"bypass-nonblock", "a non-blocking connect", SOCK_STREAM, 0, NOBODY4, HOW_NONBLOCK,
	 FROM_CGROUP},
	{"bypass-fastopen", "TCP fast open by sendto", SOCK_STREAM, 0, NOBODY4, HOW_FASTOPEN,
	 FROM_CGROUP},
	{"bypass-fastopen-connect", "TCP fast open at the first write", SOCK_STREAM, 0, NOBODY4,
	 HOW_FASTOPEN_CONNECT, FROM_CGROUP},
	{"bypass-mptcp", "multipath TCP", SOCK_STREAM, IPPROTO_MPTCP, NOBODY4, HOW_CONNECT,
	 FROM_CGROUP},
	{"bypass-sctp", "SCTP", SOCK_STREAM, IPPROTO_SCTP, NOBODY4, HOW_SEND, FROM_CGROUP},
	{"bypass-udp", "UDP, connected", SOCK_DGRAM, 0, NOBODY4, HOW_SEND, FROM_CGROUP},
	{"bypass-udp-sendto", "UDP, unconnected", SOCK_DGRAM, 0, NOBODY4, HOW_SENDTO, FROM_CGROUP},
	{"bypass-udp6", "UDP over IPv6", SOCK_DGRAM, 0, NOBODY6, HOW_SENDTO, FROM_CGROUP},
	{"bypass-udplite", "UDP-Lite", SOCK_DGRAM, IPPROTO_UDPLITE, NOBODY4, HOW_SENDTO,
	 FROM_CGROUP},
	{"bypass-joins", "a socket that was made outside", SOCK_STREAM, 0, NOBODY4, HOW_CONNECT,
	 FROM_BEFORE},
	{"bypass-joins-udp", "a UDP socket that was made outside", SOCK_DGRAM, 0, NOBODY4,
	 HOW_SENDTO, FROM_BEFORE},
	{"bypass-child", "a cgroup below", SOCK_STREAM, 0, NOBODY4, HOW_CONNECT, FROM_CHILD},
	{"bypass-netns", "a network namespace of its own", SOCK_STREAM, 0, NOBODY4, HOW_CONNECT,
	 FROM_NETNS},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* What a child tells. */
struct outcome {
	bool tried;	/* else `error` says why not */
	bool here;	/* it ended on loopback, where awsmaskd listens */
	bool supported; /* this kernel has such sockets */
	int error;
};

static socklen_t address_of(const struct way *w, uint16_t port, struct sockaddr_storage *a)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)a;
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)a;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, w->to, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	inet_pton(AF_INET6, w->to, &six->sin6_addr);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

static int dial(int fd, const struct sockaddr_storage *to, socklen_t size)
{
	return connect(fd, (const struct sockaddr *)(const void *)to, size) < 0 ? errno : 0;
}

static int dial_nonblock(int fd, const struct sockaddr_storage *to, socklen_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	error = dial(fd, to, size);
	if (error != EINPROGRESS)
		return error;
	if (poll(&p, 1, SECONDS * 1000) != 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static int put(int fd, int flags, const struct sockaddr_storage *to, socklen_t size)
{
	return sendto(fd, "\n", 1, flags | MSG_NOSIGNAL, (const struct sockaddr *)(const void *)to,
		      size) < 0
		       ? errno
		       : 0;
}

static int go(const struct way *w, int fd, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t size = address_of(w, port, &to);
	int one = 1, error;

	switch (w->how) {
	case HOW_NONBLOCK:
		return dial_nonblock(fd, &to, size);
	case HOW_FASTOPEN:
		return put(fd, MSG_FASTOPEN, &to, size);
	case HOW_SENDTO:
		return put(fd, 0, &to, size);
	case HOW_FASTOPEN_CONNECT:
		if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)) < 0)
			return errno;
		/* fall through */
	case HOW_SEND:
		error = dial(fd, &to, size);
		return error ? error : put(fd, 0, NULL, 0);
	default:
		return dial(fd, &to, size);
	}
}

static bool is_on_loopback(int fd)
{
	struct sockaddr_storage own = {0};
	socklen_t size = sizeof(own);
	const struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&own;
	const struct sockaddr_in *four = (struct sockaddr_in *)(void *)&own;

	if (getsockname(fd, (struct sockaddr *)(void *)&own, &size) < 0)
		return false;
	if (own.ss_family == AF_INET)
		return four->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
	if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return six->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static int socket_of(const struct way *w)
{
	const struct timeval patience = {.tv_sec = SECONDS};
	int fd = socket(strchr(w->to, ':') ? AF_INET6 : AF_INET, w->type | SOCK_CLOEXEC,
			w->protocol);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static int loopback_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &lo);

	if (fd >= 0)
		close(fd);
	return r;
}

/* Into the cgroup, or wherever the way begins. 0, or an errno. */
static int take_place(const struct way *w, const char *cgroup)
{
	char below[sizeof(((struct scratch *)0)->path) + 8];
	struct err e;

	snprintf(below, sizeof(below), "%s%s", cgroup, w->whence == FROM_CHILD ? "/below" : "");
	if (w->whence == FROM_CHILD && cgroup_create(below, &e) < 0)
		return errno ? errno : EIO;
	if (cgroup_enter(below, 0, &e) < 0)
		return errno ? errno : EIO;
	if (w->whence == FROM_NETNS && (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0))
		return errno;
	return 0;
}

static struct outcome attempt(const struct way *w, const char *cgroup, uint16_t port)
{
	struct outcome o = {.supported = true};
	int fd = w->whence == FROM_BEFORE ? socket_of(w) : -1;

	o.error = take_place(w, cgroup);
	if (o.error)
		return o;
	if (fd < 0)
		fd = socket_of(w);
	o.tried = true;
	if (fd < 0) {
		o.supported = false;
		o.error = errno;
		return o;
	}
	o.error = go(w, fd, port);
	o.here = !o.error && is_on_loopback(fd);
	close(fd);
	return o;
}

static struct outcome attempt_apart(const struct way *w, const char *cgroup, uint16_t port)
{
	struct outcome o = {.error = ECHILD};
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return o;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		alarm(CHILD_SECONDS);
		o = attempt(w, cgroup, port);
		_exit(write(ends[1], &o, sizeof(o)) == sizeof(o) ? 0 : 1);
	}
	close(ends[1]);
	if (child > 0) {
		if (read(ends[0], &o, sizeof(o)) != sizeof(o))
			o = (struct outcome){.error = ETIMEDOUT};
		waitpid(child, NULL, 0);
	}
	close(ends[0]);
	return o;
}

/* A stream is served where we listen; elsewhere it is refused, and so is what is no stream. */
static bool is_served(const struct way *w)
{
	return w->type == SOCK_STREAM && w->protocol != IPPROTO_SCTP && w->whence != FROM_NETNS;
}

static void judge_refusal(struct checks *k, const struct way *w, int error)
{
	bool by_us = error == EPERM || error == ECONNREFUSED;

	if (by_us && !is_served(w))
		check_say(k, w->id, CHECK_OK, "", "%s: refused", w->what);
	else if (by_us)
		check_say(k, w->id, CHECK_WARNING, "look at `kernel` in `awsmaskctl status --json`",
			  "%s: refused, where awsmaskd should serve it", w->what);
	else
		check_say(k, w->id, CHECK_WARNING,
			  "try it where this host has a way out of that kind",
			  "%s: nothing got through, but not by awsmask's doing: %s", w->what,
			  strerror(error));
}

static void judge(struct checks *k, const struct way *w, const struct outcome *o)
{
	if (!o->tried)
		check_say(k, w->id, CHECK_FAILED, "run this as root, outside of a container",
			  "%s could not be tried: %s", w->what, strerror(o->error));
	else if (!o->supported)
		check_say(k, w->id, CHECK_OK, "", "%s: not supported by this kernel", w->what);
	else if (o->here)
		check_say(k, w->id, CHECK_OK, "", "%s: ends at awsmaskd", w->what);
	else if (o->error)
		judge_refusal(k, w, o->error);
	else
		check_say(k, w->id, CHECK_FAILED,
			  "see that `exclude` does not cover the documentation's networks; if it "
			  "does not, enroll nothing, and report it",
			  "%s: it left an enrolled cgroup unopened", w->what);
}

static void try_all(struct checks *k, const char *cgroup)
{
	unsigned before = k->failed, absent = 0;

	for (size_t i = 0; i < WAYS; i++) {
		struct outcome o = attempt_apart(&ways[i], cgroup, k->config->ports[0]);

		absent += o.tried && !o.supported;
		judge(k, &ways[i], &o);
	}
	check_say(k, "bypass", k->failed == before ? CHECK_OK : CHECK_FAILED, "",
		  "%zu ways round were tried: %u open, %u not supported by this kernel", WAYS,
		  k->failed - before, absent);
}

void check_bypass(struct checks *k)
{
	struct scratch scratch;
	struct err e;

	if (!k->daemon_answers)
		check_say(k, "bypass", CHECK_FAILED, "start awsmaskd first",
			  "no way round can be tried without a daemon");
	else if (geteuid() != 0)
		check_say(k, "bypass", CHECK_FAILED, "run this as root",
			  "no way round can be tried without the right to enroll a cgroup");
	else if (scratch_begin(&scratch, k->ctl, "bypass", &e) < 0)
		check_say(k, "bypass", CHECK_FAILED, "", "%s", e.text);
	else {
		try_all(k, scratch.path);
		if (scratch_end(&scratch, k->ctl, &e) < 0)
			check_say(k, "bypass-cleanup", CHECK_WARNING, "see `awsmaskctl list`", "%s",
				  e.text);
	}
}
