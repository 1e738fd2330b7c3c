/* SPDX-License-Identifier: Apache-2.0 */
#include "enrolments.h"
#include "../mask/buf.h"
#include "cgroup.h"
#include "cgroup_watch.h"
#include "log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MAX ((size_t)64 << 20) /* bytes */

struct enrolments {
	struct monitor_services *services;
	struct cgroup_watch *watch; /* NULL: no cgroup is configured */
	char **cgroups;		    /* the configuration's words, without those for programs */
};

static struct policy policy_of(const struct config *c)
{
	return (struct policy){.mode = c->mode, .flags = c->fail_open ? POLICY_FAIL_OPEN : 0};
}

static void on_cgroup(void *arg, const char *path, uint64_t id)
{
	struct monitor_services *s = arg;
	struct policy policy = policy_of(s->config);
	struct sweep_result swept;
	struct err warning, e;

	if (monitor_enroll(s, id, &policy, &swept, &warning, &e) < 0)
		log_event(LOG_ERR, "enroll", log_name("cgroup", path), log_word("why", e.text));
}

/* Else what jobs come and go would fill the map. */
static void on_cgroup_gone(void *arg, uint64_t id)
{
	struct monitor_services *s = arg;
	struct err e;

	netns_watch_look_soon(s->netns);
	if (redirect_unenroll(s->redirect, id, &e) == 0)
		log_event(LOG_INFO, "unenrolled", log_number("cgroup", id),
			  log_word("why", "it has been removed"));
}

static int add_live(const char *path, uint64_t id, void *arg)
{
	(void)path;
	return buf_append(arg, &id, sizeof(id));
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Whether all that there are have been seen: what was not is gone. */
static bool find_live(struct buf *ids)
{
	char mount[PATH_MAX];
	struct err e;

	buf_init(ids, LIVE_MAX);
	if (cgroup_mount(mount, sizeof(mount), &e) < 0 || cgroup_each(mount, add_live, ids) < 0)
		return false;
	qsort(ids->data + ids->head, buf_len(ids) / sizeof(uint64_t), sizeof(uint64_t), compare);
	return true;
}

/* Those that went while no daemon saw it. Their ids come never again, but they take up room. */
static void prune(struct monitor_services *s)
{
	static uint64_t ids[AWSMASK_MAX_CGROUPS];
	static struct policy policies[AWSMASK_MAX_CGROUPS];
	size_t n = redirect_list(s->redirect, ids, policies, AWSMASK_MAX_CGROUPS), pruned = 0;
	struct buf live;
	struct err e;

	if (find_live(&live))
		for (size_t i = 0; i < n && i < AWSMASK_MAX_CGROUPS; i++)
			pruned += !bsearch(&ids[i], buf_bytes(&live),
					   buf_len(&live) / sizeof(uint64_t), sizeof(uint64_t),
					   compare) &&
				  redirect_unenroll(s->redirect, ids[i], &e) == 0;
	buf_free(&live);
	if (pruned)
		log_event(LOG_INFO, "pruned", log_number("cgroups", pruned),
			  log_word("why", "they have been removed"));
}

static void enroll_program(struct monitor_services *s, const char *path)
{
	struct policy policy = policy_of(s->config);
	struct program_enrolled enrolled;
	struct err warning, e;
	int rc;

	if (s->programs)
		rc = monitor_enroll_program(s, path, &policy, &enrolled, &warning, &e);
	else
		rc = err_set(&e, "this kernel cannot mark processes: %s",
			     redirect_no_programs(s->redirect));
	if (rc < 0)
		log_event(LOG_ERR, "enroll", log_name("program", path), log_word("why", e.text));
}

struct enrolments *enrolments_new(uv_loop_t *loop, struct monitor_services *services, struct err *e)
{
	const struct cgroup_watch_events events = {on_cgroup, on_cgroup_gone, services};
	const struct config *c = services->config;
	struct enrolments *n = calloc(1, sizeof(*n));
	size_t count = 0;

	if (n)
		n->cgroups = calloc(c->enroll_count + 1, sizeof(*n->cgroups));
	if (!n || !n->cgroups) {
		err_set(e, "memory is out");
		goto fail;
	}
	n->services = services;
	prune(services);
	for (size_t i = 0; i < c->enroll_count; i++) {
		const char *program = config_enrolled_program(c->enroll[i]);

		if (program)
			enroll_program(services, program);
		else
			n->cgroups[count++] = c->enroll[i];
	}
	if (count)
		n->watch = cgroup_watch_new(loop, n->cgroups, count, &events, e);
	if (!count || n->watch)
		return n;
fail:
	enrolments_close(n);
	return NULL;
}

void enrolments_close(struct enrolments *n)
{
	if (!n)
		return;
	cgroup_watch_close(n->watch);
	free(n->cgroups);
	free(n);
}
