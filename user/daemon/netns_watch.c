/* SPDX-License-Identifier: Apache-2.0 */
#include "netns_watch.h"
#include "cgroup.h"
#include "log.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 10000 /* between looks for what has been left */
#define SOON_MS 100   /* when there is reason to look; several are one */
#define FULL_MS 1000  /* between looks for room */

struct netns_watch {
	struct redirect *redirect;
	struct netns_doors *doors;
	struct ring_buffer *ring;
	uv_loop_t *loop;
	uv_poll_t poll; /* of the ring */
	uv_timer_t look;
	uint64_t full_ms; /* when room was last looked for */
};

/* ---- where those who are enrolled live */

static int add_cgroup(const char *path, uint64_t id, void *list)
{
	(void)id;
	netns_add_cgroup(list, path);
	return 0;
}

struct gather {
	uint64_t ids[AWSMASK_MAX_CGROUPS]; /* enrolled, sorted */
	struct policy policies[AWSMASK_MAX_CGROUPS];
	size_t count;
	char below[PATH_MAX]; /* the last one met */
	struct netns_list *list;
};

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What lies below a cgroup is walked right after it. */
static int add_if_enrolled(const char *path, uint64_t id, void *arg)
{
	struct gather *g = arg;
	size_t n = strlen(g->below);

	if (n && strncmp(path, g->below, n) == 0 && path[n] == '/')
		netns_add_cgroup(g->list, path);
	else if (bsearch(&id, g->ids, g->count, sizeof(id), compare))
		netns_add_cgroup(g->list, strcpy(g->below, path));
	return 0;
}

/* In one walk, however many are enrolled. 0, or -1: it could not be seen. */
static int gather_all(const struct netns_watch *w, struct netns_list *list)
{
	struct gather *g = calloc(1, sizeof(*g));
	char mount[PATH_MAX];
	struct err e;
	int rc = -1;

	if (!g)
		return -1;
	g->list = list;
	g->count = redirect_list(w->redirect, g->ids, g->policies, AWSMASK_MAX_CGROUPS);
	if (g->count > AWSMASK_MAX_CGROUPS)
		g->count = AWSMASK_MAX_CGROUPS;
	qsort(g->ids, g->count, sizeof(*g->ids), compare);
	if (cgroup_mount(mount, sizeof(mount), &e) == 0)
		rc = cgroup_each(mount, add_if_enrolled, g);
	free(g);
	/* Those that run an enrolled program, in whichever cgroup. */
	redirect_program_each(w->redirect, netns_add_task, list);
	return rc < 0 || list->full ? -1 : 0;
}

/* ---- leaving */

static void look(struct netns_watch *w)
{
	struct netns_door *door = netns_doors_first(w->doors), *next;
	struct netns_list inhabited;

	netns_list_init(&inhabited);
	if (door && gather_all(w, &inhabited) == 0) {
		for (; door; door = next) {
			next = door->next;
			if (!netns_listed(&inhabited, door->netns.dev, door->netns.inode))
				netns_doors_remove(w->doors, door);
		}
	}
	netns_list_free(&inhabited);
	if (!netns_doors_first(w->doors))
		uv_timer_stop(&w->look);
}

static void on_look(uv_timer_t *timer)
{
	look(timer->data);
}

void netns_watch_look_soon(struct netns_watch *w)
{
	if (netns_doors_first(w->doors))
		uv_timer_start(&w->look, on_look, SOON_MS, LOOK_MS);
}

/* ---- coming */

/* false: there is none, and that has been said not long ago. */
static bool make_room(struct netns_watch *w)
{
	if (!netns_doors_full(w->doors))
		return true;
	if (w->full_ms && uv_now(w->loop) - w->full_ms < FULL_MS)
		return false;
	w->full_ms = uv_now(w->loop);
	look(w);
	return true;
}

static void serve(struct netns_watch *w, const struct netns_list *list)
{
	struct err e;

	for (size_t i = 0; i < netns_count(list); i++) {
		if (!make_room(w))
			break;
		if (netns_doors_add(w->doors, netns_at(list, i), &e) < 0)
			log_event(LOG_ERR, "netns-refused",
				  log_number("netns", netns_at(list, i)->inode),
				  log_word("why", e.text));
	}
	if (netns_doors_first(w->doors) && !uv_is_active((uv_handle_t *)&w->look))
		uv_timer_start(&w->look, on_look, LOOK_MS, LOOK_MS);
}

void netns_watch_cover(struct netns_watch *w, uint64_t cgroup)
{
	struct netns_list list;
	char path[PATH_MAX];

	netns_list_init(&list);
	if (cgroup_path_of(cgroup, path, sizeof(path)) == 0 &&
	    cgroup_each(path, add_cgroup, &list) == 0)
		serve(w, &list);
	netns_list_free(&list);
}

void netns_watch_cover_process(struct netns_watch *w, pid_t pid)
{
	struct netns_list list;

	netns_list_init(&list);
	netns_add_task(pid, &list);
	serve(w, &list);
	netns_list_free(&list);
}

/* As a rule the thread lives where it connects; else its socket came from another one's. */
static int on_wanted(void *arg, void *data, size_t size)
{
	const struct netns_wanted *q = data;
	struct netns_watch *w = arg;
	struct netns_list list;

	if (size < sizeof(*q) || netns_doors_own(w->doors, q->netns_cookie) ||
	    netns_doors_find(w->doors, q->netns_cookie))
		return 0;
	netns_list_init(&list);
	netns_add_task((pid_t)q->task, &list);
	serve(w, &list);
	netns_list_free(&list);
	if (!netns_doors_find(w->doors, q->netns_cookie))
		netns_watch_cover(w, q->cgroup_id);
	if (!netns_doors_find(w->doors, q->netns_cookie))
		log_event(LOG_NOTICE, "netns-not-found", log_number("cgroup", q->cgroup_id),
			  log_number("task", q->task));
	return 0;
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct netns_watch *w = poll->data;

	(void)status, (void)events;
	ring_buffer__consume(w->ring);
}

/* ---- the whole */

struct netns_watch *netns_watch_new(uv_loop_t *loop, struct redirect *r, struct netns_doors *d,
				    struct err *e)
{
	struct netns_watch *w = calloc(1, sizeof(*w));
	struct netns_list list;

	if (!w) {
		err_set(e, "memory is out");
		return NULL;
	}
	w->redirect = r;
	w->doors = d;
	w->loop = loop;
	w->ring = ring_buffer__new(redirect_wanted_map(r), on_wanted, w, NULL);
	if (!w->ring || uv_poll_init(loop, &w->poll, ring_buffer__epoll_fd(w->ring)) < 0) {
		err_set(e, "what the kernel says of network namespaces cannot be read: %s",
			strerror(errno));
		ring_buffer__free(w->ring);
		free(w);
		return NULL;
	}
	uv_timer_init(loop, &w->look);
	w->poll.data = w->look.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_ring);
	netns_list_init(&list);
	if (gather_all(w, &list) == 0)
		serve(w, &list);
	netns_list_free(&list);
	return w;
}

void netns_watch_close(struct netns_watch *w)
{
	if (!w)
		return;
	ring_buffer__free(w->ring);
	free(w);
}
