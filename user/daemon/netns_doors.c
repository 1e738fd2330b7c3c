/* SPDX-License-Identifier: Apache-2.0 */
#include "netns_doors.h"
#include "log.h"
#include "netns_door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ASKS_MAX 65536

struct ask {
	int channel;
	unsigned thread, threads;
	struct priv_request request;
};

struct netns_doors {
	struct redirect *redirect;
	uint16_t port;
	uint64_t own; /* cookie */
	struct netns_door *first, **last;
	size_t count;
	uint64_t serial; /* of the newest */
	bool accepting;
	struct buf asks; /* struct ask: threads that wait for the next one */
};

void netns_doors_free(struct netns_doors *d)
{
	if (!d)
		return;
	while (d->first) {
		struct netns_door *door = d->first;

		d->first = door->next;
		netns_door_free(door);
	}
	buf_free(&d->asks);
	free(d);
}

/* ---- which connections come */

static void announce(const struct netns_doors *d, const struct netns_door *door, bool there)
{
	const struct listener none = {0};
	struct err e;

	if (redirect_set_listener(d->redirect, door->cookie, there ? &door->ports : &none, &e) < 0)
		log_event(LOG_ERR, "netns-announce", log_word("why", e.text));
}

/* Of namespaces that were served before this daemon started, or of none any more. */
static void forget_others(const struct netns_doors *d)
{
	uint64_t cookies[AWSMASK_MAX_LISTENERS];
	size_t n = 0;
	struct err e;

	cookies[n++] = d->own;
	for (const struct netns_door *door = d->first; door; door = door->next)
		cookies[n++] = door->cookie;
	if (redirect_keep_listeners(d->redirect, cookies, n, &e) < 0)
		log_event(LOG_ERR, "netns-announce", log_word("why", e.text));
}

void netns_doors_accepting(struct netns_doors *d, bool accepting)
{
	d->accepting = accepting;
	for (const struct netns_door *door = d->first; door; door = door->next)
		announce(d, door, accepting);
	if (accepting)
		forget_others(d);
}

/* ---- who accepts them */

static const struct netns_door *next_for(const struct netns_doors *d, const struct ask *a)
{
	const struct netns_door *door = d->first;

	while (door && (door->serial <= a->request.u.doors.serial ||
			door->serial % a->threads != a->thread))
		door = door->next;
	return door;
}

static bool answer(const struct netns_doors *d, const struct ask *a)
{
	const struct netns_door *door = next_for(d, a);
	struct priv_reply reply = {.kind = PRIV_DOORS, .id = a->request.id, .status = 1};

	if (!door)
		return false;
	reply.u.doors.serial = door->serial;
	reply.u.doors.netns_cookie = door->cookie;
	reply.fds[reply.fd_count++] = door->fd4;
	if (door->fd6 >= 0)
		reply.fds[reply.fd_count++] = door->fd6;
	reply.u.doors.count = reply.fd_count;
	/* A channel that takes nothing has ended: whoever takes its place asks anew. */
	if (privsep_answer(a->channel, &reply) < 0)
		log_event(LOG_WARNING, "netns-doors", log_word("why", strerror(errno)));
	return true;
}

static struct ask *ask_at(const struct netns_doors *d, size_t i)
{
	return (struct ask *)(d->asks.data + d->asks.head) + i;
}

static size_t ask_count(const struct netns_doors *d)
{
	return buf_len(&d->asks) / sizeof(struct ask);
}

/* The last takes its place. */
static void ask_drop(struct netns_doors *d, size_t i)
{
	size_t last = ask_count(d) - 1;

	*ask_at(d, i) = *ask_at(d, last);
	buf_truncate(&d->asks, last * sizeof(struct ask));
}

static void answer_all(struct netns_doors *d)
{
	for (size_t i = ask_count(d); i-- > 0;)
		if (answer(d, ask_at(d, i)))
			ask_drop(d, i);
}

void netns_doors_forget(struct netns_doors *d, int channel)
{
	for (size_t i = ask_count(d); i-- > 0;)
		if (ask_at(d, i)->channel == channel)
			ask_drop(d, i);
}

/* Nobody would accept there, and connects would hang. The next one asks for it again. */
static void give_up(struct netns_doors *d, uint64_t serial)
{
	struct netns_door *door = d->first;

	while (door && door->serial != serial)
		door = door->next;
	if (!door)
		return;
	log_event(LOG_ERR, "netns-refused", log_number("netns", door->netns.inode),
		  log_word("why", "the worker is out of memory or descriptors"));
	netns_doors_remove(d, door);
}

void netns_doors_ask(struct netns_doors *d, int channel, unsigned thread, unsigned threads,
		     const struct priv_request *r)
{
	struct ask a = {channel, thread, threads, *r};

	netns_doors_forget(d, channel);
	if (r->u.doors.failed)
		give_up(d, r->u.doors.serial);
	if (!answer(d, &a) && buf_append(&d->asks, &a, sizeof(a)) < 0)
		log_event(LOG_ERR, "netns-doors", log_word("why", "memory is out"));
}

/* ---- the set */

static void insert(struct netns_doors *d, struct netns_door *door)
{
	door->serial = ++d->serial;
	*d->last = door;
	d->last = &door->next;
	d->count++;
}

void netns_doors_each(const struct netns_doors *d,
		      void (*visit)(void *arg, const char *name, int fd), void *arg)
{
	for (const struct netns_door *door = d->first; door; door = door->next)
		netns_door_each(door, visit, arg);
}

int netns_doors_add(struct netns_doors *d, const struct netns *n, struct err *e)
{
	struct netns_door *door;
	uint64_t cookie;

	if (netns_cookie_of(n->fd, &cookie) < 0)
		return err_set(e, "network namespace %llu cannot be entered: %s",
			       (unsigned long long)n->inode, strerror(errno));
	if (cookie == d->own || netns_doors_find(d, cookie))
		return 0;
	if (netns_doors_full(d))
		return err_set(e, "%d network namespaces are served, and no more fit",
			       AWSMASK_MAX_LISTENERS);
	door = netns_door_open(n, cookie, d->port, e);
	if (!door)
		return -1;
	insert(d, door);
	netns_door_keep(door);
	log_event(LOG_INFO, "netns-served", log_number("netns", n->inode),
		  log_number("port", door->ports.port4));
	/* Handed over first. What connects before it is taken waits in its queue. */
	answer_all(d);
	if (d->accepting)
		announce(d, door, true);
	return 0;
}

void netns_doors_remove(struct netns_doors *d, struct netns_door *door)
{
	struct netns_door **at = &d->first;

	announce(d, door, false);
	netns_door_forget(door);
	/* However many hold them: they are at an end for all. */
	shutdown(door->fd4, SHUT_RDWR);
	if (door->fd6 >= 0)
		shutdown(door->fd6, SHUT_RDWR);
	while (*at != door)
		at = &(*at)->next;
	*at = door->next;
	if (!*at)
		d->last = at;
	d->count--;
	log_event(LOG_INFO, "netns-left", log_number("netns", door->netns.inode));
	netns_door_free(door);
}

struct netns_door *netns_doors_first(const struct netns_doors *d)
{
	return d->first;
}

struct netns_door *netns_doors_find(const struct netns_doors *d, uint64_t cookie)
{
	struct netns_door *door = d->first;

	while (door && door->cookie != cookie)
		door = door->next;
	return door;
}

bool netns_doors_full(const struct netns_doors *d)
{
	return d->count >= AWSMASK_MAX_LISTENERS - 1; /* one is our own namespace's */
}

bool netns_doors_own(const struct netns_doors *d, uint64_t cookie)
{
	return cookie == d->own;
}

/* ---- what an earlier monitor has left */

static void inherit_all(struct netns_doors *d, struct inheritance *in)
{
	unsigned long long cookie;
	struct netns_door *door;
	struct err e;

	for (size_t i = 0; i < in->count && !netns_doors_full(d); i++) {
		if (in->all[i].fd < 0 ||
		    sscanf(in->all[i].name, NETNS_DOOR_NAME "4.%llu", &cookie) != 1)
			continue;
		door = netns_door_inherit(in, cookie, &e);
		if (door)
			insert(d, door);
		else
			log_event(LOG_WARNING, "netns-not-inherited", log_word("why", e.text));
	}
}

struct netns_doors *netns_doors_new(struct redirect *r, uint16_t port, struct inheritance *in,
				    struct err *e)
{
	struct netns_doors *d = calloc(1, sizeof(*d));

	if (!d) {
		err_set(e, "memory is out");
		return NULL;
	}
	d->redirect = r;
	d->port = port;
	d->last = &d->first;
	buf_init(&d->asks, ASKS_MAX * sizeof(struct ask));
	if (netns_own_cookie(&d->own, e) < 0) {
		free(d);
		return NULL;
	}
	inherit_all(d, in);
	return d;
}

/* ---- what is done there */

static int make_socket(void *arg)
{
	return socket(*(int *)arg, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int netns_doors_socket(const struct netns_doors *d, uint64_t cookie, int family)
{
	const struct netns_door *door = netns_doors_find(d, cookie);

	errno = ENONET;
	return door ? netns_do(door->netns.fd, make_socket, &family) : -1;
}

void netns_doors_list(const struct netns_doors *d, uint32_t offset, struct priv_reply *reply)
{
	uint32_t i = 0;

	reply->u.netns.total = (uint32_t)d->count;
	for (const struct netns_door *door = d->first; door; door = door->next) {
		if (i++ < offset || reply->u.netns.count == PRIV_NETNS_MAX)
			continue;
		reply->u.netns.at[reply->u.netns.count].cookie = door->cookie;
		reply->u.netns.at[reply->u.netns.count].inode = door->netns.inode;
		reply->u.netns.at[reply->u.netns.count++].ports = door->ports;
	}
}
