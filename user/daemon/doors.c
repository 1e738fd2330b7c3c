/* SPDX-License-Identifier: Apache-2.0 */
#include "doors.h"
#include "alone.h"
#include "board.h"
#include "log.h"
#include "state_dir.h"
#include "unix_socket.h"

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

static uint64_t netns_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	/* A kernel without it knows of no redirection either: then one name serves. */
	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

static int own_netns(uint64_t *cookie, struct err *e)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, "a listening socket cannot be made: %s", strerror(errno));
	*cookie = netns_of(fd);
	close(fd);
	return 0;
}

/* Names say the family, the network namespace and the thread; a colon must not stand in them. */
static void name_transparent(char name[static INHERIT_NAME_MAX], int family, uint64_t netns,
			     unsigned thread)
{
	snprintf(name, INHERIT_NAME_MAX, "tcp%d.%llu.%u", family == AF_INET6 ? 6 : 4,
		 (unsigned long long)netns, thread);
}

static socklen_t loopback(int family, uint16_t port, struct sockaddr_storage *addr)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	socklen_t size = family == AF_INET ? sizeof(four) : sizeof(six);

	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	six.sin6_addr = in6addr_loopback;
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, family == AF_INET ? (void *)&four : (void *)&six, size);
	return size;
}

/* Whether it is the socket that listen_on() would make. */
static bool is_listener(int fd, const struct sockaddr *addr, socklen_t size, bool ours)
{
	struct sockaddr_storage bound = {0};
	socklen_t bound_size = sizeof(bound), int_size = sizeof(int);
	int listens = 0, mark = 0;

	return getsockname(fd, (struct sockaddr *)&bound, &bound_size) == 0 && bound_size == size &&
	       memcmp(&bound, addr, size) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) == 0 && listens &&
	       (!ours || (getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &int_size) == 0 &&
			  mark == (int)AWSMASK_LISTENER_MARK));
}

int doors_loopback(int family, uint16_t port, struct err *e)
{
	struct sockaddr_storage addr;
	socklen_t size = loopback(family, port, &addr);

	return listen_on((struct sockaddr *)&addr, size, MARKED, e);
}

bool doors_is_loopback(int fd, int family, uint64_t netns_cookie)
{
	struct sockaddr_storage addr;
	struct sockaddr_in6 bound = {0};
	socklen_t size = sizeof(bound);

	if (getsockname(fd, (struct sockaddr *)&bound, &size) < 0 || netns_of(fd) != netns_cookie)
		return false;
	/* Whatever its port, which stands at the same place in sockaddr_in. */
	size = loopback(family, ntohs(bound.sin6_port), &addr);
	return is_listener(fd, (struct sockaddr *)&addr, size, true);
}

static int take_or_listen(struct inheritance *in, const char *name, const struct sockaddr *addr,
			  socklen_t size, enum kind kind, struct err *e)
{
	int fd = inherit_take(in, name);

	if (fd >= 0 && is_listener(fd, addr, size, kind != PLAIN))
		return fd;
	if (fd >= 0) {
		inherit_forget(name);
		close(fd);
	}
	return listen_on(addr, size, kind, e);
}

static int open_transparent(struct worker_boot *boot, uint16_t port, struct inheritance *in,
			    struct err *e)
{
	struct sockaddr_storage four, six;
	socklen_t four_size = loopback(AF_INET, port, &four);
	socklen_t six_size = loopback(AF_INET6, port, &six);
	char name[INHERIT_NAME_MAX];
	uint64_t netns = 0;

	if (own_netns(&netns, e) < 0)
		return -1;
	for (unsigned i = 0; i < boot->threads; i++) {
		name_transparent(name, AF_INET, netns, i);
		boot->transparent4[i] = take_or_listen(in, name, (struct sockaddr *)&four,
						       four_size, MARKED_SHARED, e);
		if (boot->transparent4[i] < 0)
			return err_set(
				e,
				"127.0.0.1:%u cannot be listened on: %s; is another awsmaskd "
				"running, or is listen.transparent in use?",
				port, strerror(errno));
		name_transparent(name, AF_INET6, netns, i);
		boot->transparent6[i] = take_or_listen(in, name, (struct sockaddr *)&six, six_size,
						       MARKED_SHARED, e);
		/* A host without IPv6 has no ::1, and nobody there to redirect to it. */
		if (boot->transparent6[i] < 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
			return err_set(e, "[::1]:%u cannot be listened on: %s", port,
				       strerror(errno));
	}
	return 0;
}

/* The address's form has been checked with the configuration. -1 and errno. */
static int open_address(const char *name, const char *address, struct inheritance *in,
			struct err *e)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	const char *colon = strrchr(address, ':');
	char host[64] = {0};

	memcpy(host, address, (size_t)(colon - address));
	if (host[0] == '[') {
		host[strlen(host) - 1] = 0;
		six.sin6_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
		inet_pton(AF_INET6, host + 1, &six.sin6_addr);
		return take_or_listen(in, name, (struct sockaddr *)&six, sizeof(six), PLAIN, e);
	}
	four.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	inet_pton(AF_INET, host, &four.sin_addr);
	return take_or_listen(in, name, (struct sockaddr *)&four, sizeof(four), PLAIN, e);
}

static int open_explicit(struct worker_boot *boot, const char *address, struct inheritance *in,
			 struct err *e)
{
	if (!address[0])
		return 0;
	boot->explicit_fd = open_address("explicit", address, in, e);
	if (boot->explicit_fd < 0)
		return err_set(e, "listen.explicit is %s, which cannot be listened on: %s", address,
			       strerror(errno));
	return 0;
}

/* `name`: as inherited; its key in the configuration is NAME.socket. */
static int open_path(const char *name, const char *path, gid_t group, struct inheritance *in,
		     struct err *e)
{
	struct sockaddr_un addr;
	int fd = inherit_take(in, name);

	if (fd >= 0 && unix_is_found_at(fd, path))
		return fd;
	if (fd >= 0) {
		inherit_forget(name);
		close(fd);
	}

	if (unix_address(&addr, path, "") < 0)
		return err_set(e, "%s.socket is %s, which is longer than a socket's path may be",
			       name, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    chown(path, 0, group) < 0 || chmod(path, 0660) < 0 || listen(fd, 64) < 0) {
		err_set(e, "%s.socket %s cannot be made: %s", name, path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static const char *const metrics_names[METRICS_DOORS] = {
	[METRICS_UNIX] = "metrics", [METRICS_TCP] = "metrics-tcp"};

const char *doors_metrics_place(const struct config *c, enum metrics_door which)
{
	return which == METRICS_UNIX ? c->metrics.socket : c->metrics.listen;
}

int doors_open_metrics(const struct config *c, enum metrics_door which, gid_t group,
		       struct inheritance *in, int *fd, struct err *e)
{
	const char *place = doors_metrics_place(c, which);

	*fd = -1;
	if (!place[0])
		return 0;
	if (which == METRICS_TCP) {
		*fd = open_address(metrics_names[which], place, in, e);
		return *fd >= 0
			       ? 0
			       : err_set(e, "metrics.listen is %s, which cannot be listened on: %s",
					 place, strerror(errno));
	}
	if (!inherit_has(in, metrics_names[which]) && alone_answers(place))
		return err_set(e,
			       "another awsmaskd serves its metrics at %s: give this one a "
			       "metrics.socket of its own, or \"\"",
			       place);
	if (state_dir_make(place, 0, 0755, e) < 0)
		return -1;
	*fd = open_path(metrics_names[which], place, group, in, e);
	return *fd < 0 ? -1 : 0;
}

/* Memory that workers share: the predecessor's, if it is of this version. */
static int open_shared(const char *name, struct inheritance *in, bool (*is_ours)(int fd),
		       int (*make)(void), struct err *e)
{
	int fd = inherit_take(in, name);

	if (fd >= 0 && !is_ours(fd)) {
		inherit_forget(name);
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		fd = make();
	if (fd < 0)
		err_set(e, "there is no memory for the workers' %s: %s", name, strerror(errno));
	return fd;
}

/* Both ends or none: one alone leads nowhere. */
static int open_orphans(struct worker_boot *boot, struct inheritance *in, struct err *e)
{
	bool both = inherit_has(in, ORPHANS_OUT_NAME) && inherit_has(in, ORPHANS_IN_NAME);

	if (!both && orphans_make(boot->orphans) < 0)
		return err_set(e, "a pair of sockets cannot be made: %s", strerror(errno));
	if (!both)
		return 0;
	boot->orphans[ORPHANS_OUT] = inherit_take(in, ORPHANS_OUT_NAME);
	boot->orphans[ORPHANS_IN] = inherit_take(in, ORPHANS_IN_NAME);
	return 0;
}

int doors_open(struct worker_boot *boot, const struct config *c, gid_t group,
	       struct inheritance *in, struct err *e)
{
	struct err why;

	if ((c->listen_transparent && open_transparent(boot, c->listen_transparent, in, e) < 0) ||
	    open_explicit(boot, c->listen_explicit, in, e) < 0)
		return -1;
	boot->stats_fd = open_shared("stats", in, stats_is_ours, stats_make, e);
	boot->board_fd = open_shared("flows", in, board_is_ours, board_make, e);
	if (boot->stats_fd < 0 || boot->board_fd < 0 || open_orphans(boot, in, e) < 0)
		return -1;
	boot->control_fd = open_path("control", c->control_socket, group, in, e);
	if (boot->control_fd < 0)
		return -1;
	/* A port that somebody else took is no reason to mask nothing. */
	for (int i = 0; i < METRICS_DOORS; i++)
		if (doors_open_metrics(c, (enum metrics_door)i, group, in, &boot->metrics_fd[i],
				       &why) < 0)
			log_event(LOG_ERR, "metrics", log_word("why", why.text));
	return 0;
}

void doors_each(const struct worker_boot *boot, void (*visit)(void *arg, const char *name, int fd),
		void *arg)
{
	char name[INHERIT_NAME_MAX];

	for (unsigned i = 0; i < boot->threads; i++) {
		const int fds[] = {boot->transparent4[i], boot->transparent6[i]};

		for (unsigned six = 0; six < 2; six++) {
			if (fds[six] < 0)
				continue;
			name_transparent(name, six ? AF_INET6 : AF_INET, netns_of(fds[six]), i);
			visit(arg, name, fds[six]);
		}
	}
	if (boot->explicit_fd >= 0)
		visit(arg, "explicit", boot->explicit_fd);
	if (boot->control_fd >= 0)
		visit(arg, "control", boot->control_fd);
	if (boot->stats_fd >= 0)
		visit(arg, "stats", boot->stats_fd);
	if (boot->board_fd >= 0)
		visit(arg, "flows", boot->board_fd);
	if (boot->orphans[ORPHANS_OUT] >= 0)
		visit(arg, ORPHANS_OUT_NAME, boot->orphans[ORPHANS_OUT]);
	if (boot->orphans[ORPHANS_IN] >= 0)
		visit(arg, ORPHANS_IN_NAME, boot->orphans[ORPHANS_IN]);
	for (int i = 0; i < METRICS_DOORS; i++)
		if (boot->metrics_fd[i] >= 0)
			visit(arg, metrics_names[i], boot->metrics_fd[i]);
}

const char *doors_metrics_name(enum metrics_door which)
{
	return metrics_names[which];
}

/* As accept4(). */
static int next_waiting(const char *name, int fd)
{
	struct orphan o;
	size_t said;

	return strcmp(name, ORPHANS_OUT_NAME) == 0
		       ? orphan_take(fd, &o, &said)
		       : accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void doors_reset_queue(void *arg, const char *name, int fd)
{
	const struct linger at_once = {.l_onoff = 1};
	int client;

	(void)arg;
	/* Of the others, who asks can wait. */
	if (strcmp(name, "control") == 0 || strcmp(name, "stats") == 0 ||
	    strcmp(name, "flows") == 0 || strcmp(name, ORPHANS_IN_NAME) == 0 ||
	    strcmp(name, metrics_names[METRICS_UNIX]) == 0 ||
	    strcmp(name, metrics_names[METRICS_TCP]) == 0)
		return;
	while ((client = next_waiting(name, fd)) >= 0 || errno == ECONNABORTED || errno == EINTR ||
	       errno == EBADMSG) {
		if (client < 0)
			continue;
		setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(client);
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void doors_close_metrics(int fds[static METRICS_DOORS], const struct config *c)
{
	if (fds[METRICS_UNIX] >= 0)
		unlink(c->metrics.socket);
	for (int i = 0; i < METRICS_DOORS; i++)
		close_fd(&fds[i]);
}

void doors_close(struct worker_boot *boot, const struct config *c, bool left)
{
	for (unsigned i = 0; i < boot->threads; i++) {
		close_fd(&boot->transparent4[i]);
		close_fd(&boot->transparent6[i]);
	}
	close_fd(&boot->explicit_fd);
	if (boot->control_fd >= 0 && !left)
		unlink(c->control_socket);
	close_fd(&boot->control_fd);
	close_fd(&boot->stats_fd);
	close_fd(&boot->board_fd);
	close_fd(&boot->orphans[ORPHANS_OUT]);
	close_fd(&boot->orphans[ORPHANS_IN]);
	if (!left) {
		doors_close_metrics(boot->metrics_fd, c);
		return;
	}
	for (int i = 0; i < METRICS_DOORS; i++)
		close_fd(&boot->metrics_fd[i]);
}
