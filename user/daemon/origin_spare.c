/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of other network namespaces that are kept in reserve, for when the monitor that makes them has gone. */
#include "origin_private.h"

#include <stdlib.h>
#include <unistd.h>

#define SPARES_MAX                                                                                 \
	256 /* per thread: whoever comes beyond that is told that the origin cannot be reached */

struct origin_spare {
	struct origin_spare *next;
	struct origin_pool *pool;
	uint64_t netns;
	int family;
	int fd;		 /* -1: not made yet */
	uint32_t ticket; /* 0: nothing is asked for */
};

static void drop(struct origin_spare *s)
{
	struct origin_spare **at = &s->pool->spares;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->pool->spare_count--;
	privsep_forget(s->pool->privsep, s->ticket);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static void on_socket(void *arg, const struct priv_reply *reply)
{
	struct origin_spare *s = arg;

	s->ticket = 0;
	if (reply->fd_count)
		s->fd = reply->fds[0];
	else
		drop(s);
}

void origin_pool_reserve(struct origin_pool *p, uint64_t netns, int family)
{
	struct priv_request r = {.kind = PRIV_SOCKET,
				 .u.socket = {.netns_cookie = netns, .family = (uint32_t)family}};
	struct origin_spare *s = p->spare_count < SPARES_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return;
	*s = (struct origin_spare){
		.next = p->spares, .pool = p, .netns = netns, .family = family, .fd = -1};
	p->spares = s;
	p->spare_count++;
	s->ticket = privsep_call(p->privsep, &r, on_socket, s);
	if (!s->ticket)
		drop(s);
}

void origin_spare_keep(struct origin_pool *p, uint64_t netns, int family)
{
	for (const struct origin_spare *s = p->spares; s; s = s->next)
		if (s->netns == netns && s->family == family)
			return;
	if (!p->closing)
		origin_pool_reserve(p, netns, family);
}

bool origin_pool_asks(const struct origin_pool *p)
{
	for (const struct origin_spare *s = p->spares; s; s = s->next)
		if (s->ticket)
			return true;
	return false;
}

int origin_spare_take(struct origin_pool *p, uint64_t netns, int family)
{
	for (struct origin_spare *s = p->spares; s; s = s->next) {
		int fd = s->fd;

		if (fd < 0 || s->netns != netns || s->family != family)
			continue;
		s->fd = -1;
		drop(s);
		return fd;
	}
	return -1;
}

void origin_spares_drop(struct origin_pool *p, uint64_t netns)
{
	struct origin_spare *next;

	for (struct origin_spare *s = p->spares; s; s = next) {
		next = s->next;
		if (!netns || s->netns == netns)
			drop(s);
	}
}
