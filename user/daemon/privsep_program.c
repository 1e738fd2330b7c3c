/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolled programs, as the worker may ask for them and the configuration does. */
#include "log.h"
#include "monitor.h"
#include "process.h"
#include "program_tasks.h"
#include "unix_socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TASKS_MAX ((size_t)64 << 20) /* bytes */
#define ROUNDS_MAX 16
#define INITIAL_PID_NAMESPACE 0xeffffffcu /* fixed: proc_ns.h of the kernel */

/* The kernel side knows processes by their numbers there. */
static bool in_initial_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == INITIAL_PID_NAMESPACE;
}

/* Held on to meanwhile: one that ended just now leaves its number without a mark. */
static int mark(struct monitor_services *m, pid_t pid, uint32_t id)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), rc;

	if (fd < 0)
		return -1;
	rc = redirect_program_mark(m->redirect, pid, id);
	if (rc == 1 && process_has_ended(fd)) {
		redirect_program_unmark(m->redirect, pid);
		rc = -1;
	}
	close(fd);
	return rc;
}

/* How many of these were not marked before. */
static unsigned mark_all(struct monitor_services *m, const struct buf *tasks, uint32_t id)
{
	const struct program_task *all;
	unsigned marked = 0;
	size_t n;

	all = program_tasks(tasks, &n);
	for (size_t i = 0; i < n; i++) {
		if (all[i].id != id)
			continue;
		/* First, so that no connect is refused for want of a listener. */
		netns_watch_cover_process(m->netns, all[i].pid);
		marked += mark(m, all[i].pid, id) == 1;
	}
	return marked;
}

/*
 * Those that run it already. What they start while we look may be missed, and is found by looking
 * again: nothing new means that all were marked before the last look began.
 */
static int mark_running(struct monitor_services *m, uint32_t id, struct buf *tasks, struct err *e)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		buf_clear(tasks);
		if (program_tasks_find(program_watch_finds(m->programs), tasks) < 0)
			return err_set(e, "the running processes cannot be looked at");
		if (!mark_all(m, tasks, id))
			return 0;
	}
	return err_set(e, "it starts processes faster than they can be marked");
}

static int sweep_running(struct monitor_services *m, const struct buf *tasks,
			 struct program_enrolled *r, bool observe, struct err *e)
{
	const struct sweep_options options = {.config = m->config, .own_cgroup = m->own_cgroup};
	const struct program_task *all;
	size_t n, count = 0;
	pid_t *pids;
	int rc = 0;

	all = program_tasks(tasks, &n);
	pids = calloc(n + 1, sizeof(*pids));
	if (!pids)
		return err_set(e, "memory is out");
	for (size_t i = 0; i < n; i++)
		if (all[i].id == r->id)
			pids[count++] = all[i].pid;
	r->processes = (uint32_t)count;
	if (!observe && count)
		rc = sweep_processes(&options, pids, count, &r->sweep, e);
	free(pids);
	return rc;
}

static int cover_running(struct monitor_services *m, bool observe, struct program_enrolled *r,
			 struct err *e)
{
	struct buf tasks;
	int rc;

	if (!in_initial_namespace())
		return err_set(e, "awsmaskd is in a pid namespace of its own, and cannot mark what "
				  "runs already");
	buf_init(&tasks, TASKS_MAX);
	rc = mark_running(m, r->id, &tasks, e);
	if (rc == 0)
		rc = sweep_running(m, &tasks, r, observe, e);
	buf_free(&tasks);
	return rc;
}

int monitor_enroll_program(struct monitor_services *m, const char *path,
			   const struct policy *policy, struct program_enrolled *r,
			   struct err *warning, struct err *e)
{
	struct program p = {.policy = *policy};
	struct err ignored;
	bool fresh;

	*r = (struct program_enrolled){0};
	warning->text[0] = 0;
	if (config_program_check(path, e) < 0)
		return -1;
	memcpy(p.path, path, strlen(path));
	if (redirect_program_enroll(m->redirect, &p, &r->id, &fresh, e) < 0)
		return -1;
	if (program_watch_refresh(m->programs, e) < 0) {
		if (fresh)
			(void)redirect_program_unenroll(m->redirect, r->id, &ignored);
		return -1;
	}
	if (cover_running(m, policy->mode == POLICY_OBSERVE, r, warning) < 0)
		log_event(LOG_WARNING, "older-connections", log_word("why", warning->text),
			  log_number("program", r->id));
	log_event(LOG_NOTICE, "enrolled", log_number("program", r->id), log_name("path", path),
		  log_number("processes", r->processes), log_number("closed", r->sweep.closed),
		  log_number("left", r->sweep.left));
	return 0;
}

static void serve_enroll(struct monitor_services *m, const struct priv_request *q,
			 struct priv_reply *reply)
{
	struct err warning, e;

	if (monitor_enroll_program(m, q->u.program.path, &q->u.program.policy, &reply->u.program,
				   &warning, &e) < 0) {
		privsep_refuse(reply, e.text);
		return;
	}
	reply->status = 1;
	snprintf(reply->error, sizeof(reply->error), "%s", warning.text);
}

static uint32_t find(struct monitor_services *m, const char *path)
{
	static struct program programs[AWSMASK_MAX_PROGRAMS];
	uint32_t ids[AWSMASK_MAX_PROGRAMS];
	size_t n = redirect_program_list(m->redirect, ids, programs, AWSMASK_MAX_PROGRAMS);

	for (size_t i = 0; i < n && i < AWSMASK_MAX_PROGRAMS; i++)
		if (!strncmp(programs[i].path, path, sizeof(programs[i].path)))
			return ids[i];
	return 0;
}

static void serve_unenroll(struct monitor_services *m, const char *path, struct priv_reply *reply)
{
	uint32_t id = find(m, path);
	struct err e;

	reply->status = id ? redirect_program_unenroll(m->redirect, id, &e) : 0;
	if (reply->status < 0)
		privsep_refuse(reply, e.text);
	if (reply->status != 1)
		return;
	log_event(LOG_NOTICE, "unenrolled", log_number("program", id), log_name("path", path));
	/* What is left in the maps has no program any more, and so no effect. */
	if (program_watch_refresh(m->programs, &e) < 0)
		log_event(LOG_ERR, "program-watch", log_word("why", e.text));
}

/*
 * Safe as far as enrolling cgroups is: somebody who may do it asks just now. The path is looked up, and of a file no more than its first line is read.
 */
static void serve_change(struct monitor_services *m, const struct priv_request *q,
			 struct priv_reply *reply)
{
	if (!m->redirect)
		privsep_refuse(reply, PRIVSEP_NOTHING_REDIRECTED);
	else if (!m->programs)
		privsep_refuse(reply,
			       "this kernel cannot mark processes, so programs cannot be "
			       "enrolled; cgroups can (the log of awsmaskd's start says why)");
	else if (!memchr(q->u.program.path, 0, sizeof(q->u.program.path)) ||
		 !privsep_policy_ok(&q->u.program.policy))
		privsep_refuse(reply, "the request is malformed");
	else if (q->kind == PRIV_PROGRAM_ENROLL)
		serve_enroll(m, q, reply);
	else
		serve_unenroll(m, q->u.program.path, reply);
}

static void serve_list(struct monitor_services *m, uint32_t offset, struct priv_reply *reply)
{
	static struct program programs[AWSMASK_MAX_PROGRAMS];
	uint32_t ids[AWSMASK_MAX_PROGRAMS];
	size_t total = 0;

	if (m->redirect)
		total = redirect_program_list(m->redirect, ids, programs, AWSMASK_MAX_PROGRAMS);
	reply->status = 1;
	reply->u.programs.total = (uint32_t)total;
	for (size_t i = offset; i < total && reply->u.programs.count < PRIV_PROGRAMS_MAX; i++) {
		reply->u.programs.ids[reply->u.programs.count] = ids[i];
		reply->u.programs.programs[reply->u.programs.count++] = programs[i];
	}
}

uint32_t privsep_program_count(const struct monitor_services *m)
{
	return m->redirect ? (uint32_t)redirect_program_list(m->redirect, NULL, NULL, 0) : 0;
}

int privsep_judge_program(struct monitor_services *m, int connection, struct err *e)
{
	struct ucred who;
	uint32_t program = 0;

	if (unix_peer(connection, &who) < 0)
		return err_set(e, "it cannot be seen who asks");
	if (m->redirect && in_initial_namespace())
		program = redirect_program_of(m->redirect, who.pid);
	return program ? err_set(e,
				 "this process descends from an enrolled program (number %u) "
				 "itself, and may change nothing; use a shell that does not, or, "
				 "to release the host, `awsmaskd --release`",
				 program)
		       : 0;
}

void privsep_serve_program(struct monitor_services *m, const struct priv_request *request,
			   struct priv_reply *reply)
{
	if (request->kind == PRIV_PROGRAMS) /* safe: root's own words */
		serve_list(m, request->u.list.offset, reply);
	else
		serve_change(m, request, reply);
}
