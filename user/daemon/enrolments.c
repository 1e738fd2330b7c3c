/* SPDX-License-Identifier: Apache-2.0 */
#include "enrolments.h"
#include "cgroup_watch.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

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

	if (redirect_unenroll(s->redirect, id, &e) == 0)
		log_event(LOG_INFO, "unenrolled", log_number("cgroup", id),
			  log_word("why", "it has been removed"));
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
