/* SPDX-License-Identifier: Apache-2.0 */
#include "netns_door.h"
#include "doors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOPBACK 1 /* every namespace's first interface */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void netns_door_free(struct netns_door *door)
{
	close_fd(door->fd4);
	close_fd(door->fd6);
	close_fd(door->netns.fd);
	peer_close(door->peer);
	free(door);
}

/* ---- names */

/* Names say the family and the cookie. */
static void name_of(char name[static INHERIT_NAME_MAX], int family, uint64_t cookie)
{
	snprintf(name, INHERIT_NAME_MAX, NETNS_DOOR_NAME "%d.%llu", family == AF_INET6 ? 6 : 4,
		 (unsigned long long)cookie);
}

void netns_door_each(const struct netns_door *door,
		     void (*visit)(void *arg, const char *name, int fd), void *arg)
{
	char name[INHERIT_NAME_MAX];

	name_of(name, AF_INET, door->cookie);
	visit(arg, name, door->fd4);
	name_of(name, AF_INET6, door->cookie);
	if (door->fd6 >= 0)
		visit(arg, name, door->fd6);
}

static void keep(void *arg, const char *name, int fd)
{
	(void)arg;
	inherit_keep(name, fd);
}

static void forget(void *arg, const char *name, int fd)
{
	(void)arg, (void)fd;
	inherit_forget(name);
}

void netns_door_keep(const struct netns_door *door)
{
	netns_door_each(door, keep, NULL);
}

void netns_door_forget(const struct netns_door *door)
{
	netns_door_each(door, forget, NULL);
}

/* ---- opening, inside the namespace */

static int loopback_up(struct err *e)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *lo = NULL, *up = rtnl_link_alloc();
	int rc = -NLE_NOMEM;

	if (!sock || !up)
		goto out;
	rtnl_link_set_flags(up, IFF_UP);
	rc = nl_connect(sock, NETLINK_ROUTE);
	if (rc == 0)
		rc = rtnl_link_get_kernel(sock, LOOPBACK, NULL, &lo);
	if (rc == 0 && !(rtnl_link_get_flags(lo) & IFF_UP))
		rc = rtnl_link_change(sock, lo, up, 0);
out:
	rtnl_link_put(lo);
	rtnl_link_put(up);
	nl_socket_free(sock);
	return rc < 0 ? err_set(e, "its loopback interface cannot be brought up: %s",
				nl_geterror(rc))
		      : 0;
}

static int listen_there(int family, uint16_t port, struct err *e)
{
	int fd = doors_loopback(family, port, e);

	/* Somebody's there, who knows nothing of us. */
	if (fd < 0 && errno == EADDRINUSE)
		fd = doors_loopback(family, 0, e);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 bound = {0};
	socklen_t size = sizeof(bound);

	if (fd >= 0)
		getsockname(fd, (struct sockaddr *)&bound, &size);
	return ntohs(bound.sin6_port); /* the same place in sockaddr_in */
}

struct opening {
	struct netns_door *door;
	uint16_t port;
	struct err *e;
};

static int open_there(void *arg)
{
	struct opening *o = arg;
	struct netns_door *door = o->door;

	if (loopback_up(o->e) < 0)
		return -1;
	door->fd4 = listen_there(AF_INET, o->port, o->e);
	if (door->fd4 < 0)
		return err_set(o->e, "127.0.0.1 cannot be listened on there: %s", strerror(errno));
	door->fd6 = listen_there(AF_INET6, o->port, o->e);
	/* Without IPv6 there is no ::1, and nobody to redirect to it. */
	if (door->fd6 < 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
		return err_set(o->e, "[::1] cannot be listened on there: %s", strerror(errno));
	door->peer = peer_open(o->e);
	return door->peer ? 0 : -1;
}

/* When all its sockets are there. */
static struct netns_door *complete(struct netns_door *door)
{
	door->ports.port4 = port_of(door->fd4);
	door->ports.port6 = port_of(door->fd6);
	return door;
}

static struct netns_door *blank(uint64_t cookie, struct err *e)
{
	struct netns_door *door = calloc(1, sizeof(*door));

	if (!door) {
		err_set(e, "memory is out");
		return NULL;
	}
	door->cookie = cookie;
	door->netns.fd = door->fd4 = door->fd6 = -1;
	return door;
}

struct netns_door *netns_door_open(const struct netns *n, uint64_t cookie, uint16_t port,
				   struct err *e)
{
	struct netns_door *door = blank(cookie, e);
	struct opening opening = {door, port, e};

	if (!door)
		return NULL;
	door->netns = *n;
	door->netns.fd = fcntl(n->fd, F_DUPFD_CLOEXEC, 0);
	err_set(e, "it cannot be entered");
	if (door->netns.fd >= 0 && netns_do(n->fd, open_there, &opening) == 0)
		return complete(door);
	netns_door_free(door);
	return NULL;
}

/* ---- what an earlier monitor has left */

static int ask_there(void *arg)
{
	struct opening *o = arg;

	o->door->peer = peer_open(o->e);
	return o->door->peer ? 0 : -1;
}

/* Its namespace lives, for they are in it. */
static int enter_by(struct netns_door *door, struct err *e)
{
	struct opening opening = {.door = door, .e = e};
	struct stat st;

	door->netns.fd = ioctl(door->fd4, SIOCGSKNS);
	if (door->netns.fd < 0 || fcntl(door->netns.fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fstat(door->netns.fd, &st) < 0)
		return err_set(e, "its network namespace cannot be had: %s", strerror(errno));
	door->netns.dev = st.st_dev;
	door->netns.inode = st.st_ino;
	return netns_do(door->netns.fd, ask_there, &opening);
}

struct netns_door *netns_door_inherit(struct inheritance *in, uint64_t cookie, struct err *e)
{
	struct netns_door *door = blank(cookie, e);
	char name[INHERIT_NAME_MAX];

	if (!door)
		return NULL;
	name_of(name, AF_INET, cookie);
	door->fd4 = inherit_take(in, name);
	name_of(name, AF_INET6, cookie);
	door->fd6 = inherit_take(in, name);
	err_set(e, "they are not what an awsmaskd makes");
	if (doors_is_loopback(door->fd4, AF_INET, cookie) &&
	    (door->fd6 < 0 || doors_is_loopback(door->fd6, AF_INET6, cookie)) &&
	    enter_by(door, e) == 0)
		return complete(door);
	netns_door_forget(door);
	netns_door_free(door);
	return NULL;
}
