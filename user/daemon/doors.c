/* SPDX-License-Identifier: Apache-2.0 */
#include "doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

enum kind { PLAIN, MARKED, MARKED_SHARED };

static int listen_on(const struct sockaddr *addr, socklen_t size, enum kind kind, struct err *e)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, mark = (int)AWSMASK_LISTENER_MARK;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	/* The mark is what tells the kernel side that the port is ours and nobody squats on it. */
	if ((kind != PLAIN && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) ||
	    (kind == MARKED_SHARED &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)) {
		err_set(e, "a listening socket cannot be marked: %s", strerror(errno));
		goto fail;
	}
	if (bind(fd, addr, size) < 0 || listen(fd, BACKLOG) < 0)
		goto fail;
	return fd;
fail:
	one = errno;
	close(fd);
	errno = one;
	return -1;
}

int doors_loopback(int family, uint16_t port, bool shared, struct err *e)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	enum kind kind = shared ? MARKED_SHARED : MARKED;

	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	six.sin6_addr = in6addr_loopback;
	return family == AF_INET ? listen_on((struct sockaddr *)&four, sizeof(four), kind, e)
				 : listen_on((struct sockaddr *)&six, sizeof(six), kind, e);
}

static int open_transparent(struct worker_boot *boot, uint16_t port, struct err *e)
{
	for (unsigned i = 0; i < boot->threads; i++) {
		boot->transparent4[i] = doors_loopback(AF_INET, port, true, e);
		if (boot->transparent4[i] < 0)
			return err_set(
				e,
				"127.0.0.1:%u cannot be listened on: %s; is another awsmaskd "
				"running, or is listen.transparent in use?",
				port, strerror(errno));
		boot->transparent6[i] = doors_loopback(AF_INET6, port, true, e);
		/* A host without IPv6 has no ::1, and nobody there to redirect to it. */
		if (boot->transparent6[i] < 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
			return err_set(e, "[::1]:%u cannot be listened on: %s", port,
				       strerror(errno));
	}
	return 0;
}

static int open_explicit(struct worker_boot *boot, const char *address, struct err *e)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	const char *colon = strrchr(address, ':');
	char host[64] = {0};

	if (!address[0])
		return 0;
	/* The configuration has checked its form. */
	memcpy(host, address, (size_t)(colon - address));
	if (host[0] == '[') {
		host[strlen(host) - 1] = 0;
		six.sin6_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
		inet_pton(AF_INET6, host + 1, &six.sin6_addr);
		boot->explicit_fd = listen_on((struct sockaddr *)&six, sizeof(six), PLAIN, e);
	} else {
		four.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
		inet_pton(AF_INET, host, &four.sin_addr);
		boot->explicit_fd = listen_on((struct sockaddr *)&four, sizeof(four), PLAIN, e);
	}
	if (boot->explicit_fd < 0)
		return err_set(e, "listen.explicit is %s, which cannot be listened on: %s", address,
			       strerror(errno));
	return 0;
}

static int open_control(struct worker_boot *boot, const char *path, gid_t group, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e,
			       "control.socket is %s, which is longer than a socket's path may be",
			       path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    chown(path, 0, group) < 0 || chmod(path, 0660) < 0 || listen(fd, 64) < 0) {
		err_set(e, "control.socket %s cannot be made: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	boot->control_fd = fd;
	return 0;
}

int doors_open(struct worker_boot *boot, const struct config *c, gid_t group, struct err *e)
{
	if ((c->listen_transparent && open_transparent(boot, c->listen_transparent, e) < 0) ||
	    open_explicit(boot, c->listen_explicit, e) < 0 ||
	    open_control(boot, c->control_socket, group, e) < 0)
		return -1;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void doors_close(struct worker_boot *boot, const struct config *c)
{
	for (unsigned i = 0; i < boot->threads; i++) {
		close_fd(&boot->transparent4[i]);
		close_fd(&boot->transparent6[i]);
	}
	close_fd(&boot->explicit_fd);
	if (boot->control_fd >= 0)
		unlink(c->control_socket);
	close_fd(&boot->control_fd);
}
