/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_private.h"
#include "alone.h"
#include "cgroup.h"
#include "doors.h"
#include "enrolments.h"
#include "features.h"
#include "list_watch.h"
#include "log.h"
#include "settle.h"
#include "state_dir.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#define START_QUEUED_MS 10000 /* what it may take while connects may be waiting */
#define START_MS                                                                                   \
	30000 /* and else: less than the unit's TimeoutStartSec, with a worker's start behind it */

/* ---- where the kernel side sends connections */

int monitor_announce(struct monitor *m, uint16_t port, struct err *e)
{
	struct listener l = {.port4 = port};
	uint64_t cookie;

	if (!m->services.redirect)
		return 0;
	netns_doors_accepting(m->services.doors, port != 0);
	if (netns_own_cookie(&cookie, e) < 0)
		return -1;
	if (m->doors.transparent6[0] >= 0)
		l.port6 = port;
	return redirect_set_listener(m->services.redirect, cookie, &l, e);
}

static void self_record(struct audit_record *r, enum audit_event event)
{
	audit_begin(r, event, AUDIT_NONE);
	audit_number(r, AUDIT_PID, (uint64_t)getpid());
	audit_text(r->subject, sizeof(r->subject), "awsmaskd " AWSMASK_VERSION);
}

static void on_deserted(void *arg)
{
	struct monitor *m = arg;
	struct err e;

	log_event(LOG_CRIT, "listeners-withdrawn",
		  log_word("then", "enrolled cgroups are refused until a worker is ready"));
	if (monitor_announce(m, 0, &e) < 0)
		log_event(LOG_CRIT, "listeners-withdrawn", log_word("why", e.text));
	doors_each(&m->doors, doors_reset_queue, NULL);
	if (m->services.doors)
		netns_doors_each(m->services.doors, doors_reset_queue, NULL);
}

static int on_host_found(void *arg, pid_t pid, struct err *e)
{
	const struct monitor *m = arg;

	return own_cgroup_check(&m->cgroup, pid, e);
}

/* The worker accepts from now on: only now may connections be sent to it. */
static void on_ready(void *arg)
{
	struct monitor *m = arg;
	struct audit_record start;
	struct err e;

	if (monitor_announce(m, m->config->listen_transparent, &e) < 0) {
		log_event(LOG_CRIT, "listeners", log_word("why", e.text));
		return;
	}
	if (m->predecessor >= 0) {
		handover_done(m->predecessor);
		m->predecessor = -1;
		m->leaving = false;
	}
	if (!m->was_ready) {
		m->was_ready = true;
		self_record(&start, AUDIT_START);
		audit_add(m->services.audit, &start);
		audit_serve(m->services.audit);
		sd_notify(0, "READY=1");
		log_event(LOG_NOTICE, "ready", log_word("version", AWSMASK_VERSION),
			  log_number("port", m->config->listen_transparent));
	}
	settle();
}

static void on_ended(void *arg, int status)
{
	struct monitor *m = arg;

	m->status = status;
	uv_stop(&m->loop);
}

static void on_stop(uv_signal_t *signal, int number)
{
	struct monitor *m = signal->data;

	(void)number;
	sd_notify(0, "STOPPING=1");
	/* A restart looks the same. Who has the doors then finds their queues; if nobody does, systemd
	 * closes them. */
	if (m->options.worker_socket) {
		m->leaving = true;
		crew_leave(m->crew);
	} else {
		crew_stop(m->crew);
	}
}

/* ---- setting up */

static int find_user(struct monitor *m, const char *user, struct err *e)
{
	const struct passwd *found = getpwnam(user);
	char *rest;
	unsigned long number = strtoul(user, &rest, 10);
	bool is_number = *user && !*rest && number > 0 && number < 0xfffffffful;

	if (!found && is_number)
		found = getpwuid((uid_t)number);
	if (found) {
		m->uid = found->pw_uid;
		m->gid = found->pw_gid;
	} else if (is_number) {
		m->uid = m->gid = (uid_t)number;
	} else {
		return err_set(e,
			       "there is no user %s for the worker; make it with: useradd --system "
			       "--no-create-home --shell /usr/sbin/nologin %s",
			       user, user);
	}
	if (m->uid == 0 || m->gid == 0)
		return err_set(e,
			       "the worker's user is %s, which is root; name an unprivileged one",
			       user);
	return 0;
}

static int load_key(struct monitor *m, struct err *e)
{
	char path[sizeof(m->config->vault_sqlite) + sizeof(".key")];

	/* Sticky: the worker makes its database here, yet cannot touch what root has put beside it.
	 */
	if (state_dir_make(m->config->vault_sqlite, m->gid, 01771, e) < 0 ||
	    state_dir_check(m->config->vault_sqlite, m->uid, m->gid, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s.key", m->config->vault_sqlite);
	return vault_key_load(path, m->key, e);
}

/* Beside the vault as a rule, and of no weight: without a report everything else works. */
void monitor_make_report_directory(const struct monitor *m, const struct config *c)
{
	struct err e;

	if (*c->report_sqlite && state_dir_make(c->report_sqlite, m->gid, 01771, &e) < 0)
		log_event(LOG_WARNING, "report", log_word("why", e.text));
}

static int open_redirect(struct monitor *m, struct err *e)
{
	struct monitor_services *s = &m->services;

	if (!m->config->listen_transparent)
		return 0;
	if (features_require(e) < 0)
		return -1;
	features_log();
	s->redirect = redirect_open(e);
	if (!s->redirect || redirect_configure(s->redirect, m->config, e) < 0 ||
	    cgroup_id(m->cgroup.path, &s->own_cgroup, e) < 0 ||
	    redirect_set_own_cgroup(s->redirect, s->own_cgroup, e) < 0)
		return -1;
	s->doors = netns_doors_new(s->redirect, m->config->listen_transparent, &m->inherited, e);
	if (!s->doors)
		return -1;
	s->netns = netns_watch_new(&m->loop, s->redirect, s->doors, e);
	if (!s->netns)
		return -1;
	if (redirect_no_programs(s->redirect)) {
		log_event(LOG_NOTICE, "no-programs",
			  log_word("why", redirect_no_programs(s->redirect)),
			  log_word("then", "cgroups alone can be enrolled"));
		return 0;
	}
	s->programs = program_watch_new(&m->loop, s->redirect, e);
	return s->programs ? 0 : -1;
}

int monitor_enroll_configured(struct monitor *m, struct err *e)
{
	if (!m->services.redirect)
		return 0;
	m->enroll = enrolments_new(&m->loop, &m->services, e);
	return m->enroll ? 0 : -1;
}

unsigned monitor_threads(const struct config *c)
{
	long cores = c->threads ? (long)c->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > WORKER_THREADS_MAX ? WORKER_THREADS_MAX : (unsigned)cores;
}

/* ---- setting up and tearing down */

static void on_hangup(uv_signal_t *signal, int number)
{
	(void)number;
	monitor_reload(signal->data, 0);
}

static int start_crew(struct monitor *m, struct err *e)
{
	const struct crew_options options = {
		.doors = &m->doors,
		.services = &m->services,
		.key = m->key,
		.host = {.socket = m->options.worker_socket, .uid = m->uid, .gid = m->gid},
		.queued = m->queued};
	const struct crew_events events = {.ready = on_ready,
					   .deserted = on_deserted,
					   .ended = on_ended,
					   .reload = monitor_reload,
					   .host_found = on_host_found,
					   .arg = m};

	m->crew = crew_new(&m->loop, &options, &events);
	if (!m->crew)
		return err_set(e, "memory is out");
	m->resolver = resolver_watch_new(&m->loop, m->crew, &m->services, e);
	return m->resolver ? crew_start(m->crew, e) : -1;
}

/* ---- the audit log */

static void open_audit(struct monitor *m)
{
	const struct audit_owner owner = {.worker = m->uid, .group = m->gid};
	struct err e;

	m->stats = stats_map(m->doors.stats_fd);
	if (m->stats)
		m->services.audit =
			audit_open(&m->loop, m->config, &owner, m->stats, &m->inherited, &e);
	else
		err_set(&e, "the counters' memory cannot be had");
	/* As with the report: without it everything else works. */
	if (!m->services.audit)
		log_event(LOG_ERR, "audit", log_word("why", e.text));
	else if (m->options.worker_socket)
		inherit_keep(AUDIT_DOOR, audit_door(m->services.audit));
}

static void keep_door(void *arg, const char *name, int fd)
{
	(void)arg;
	inherit_keep(name, fd);
}

static int open_doors(struct monitor *m, struct err *e)
{
	m->queued = m->inherited.count > 0 && m->predecessor < 0;
	if (doors_open(&m->doors, m->config, m->gid, &m->inherited, e) < 0)
		return -1;
	if (!m->options.worker_socket && monitor_await_successor(m, e) < 0)
		return -1;
	if (m->options.worker_socket)
		doors_each(&m->doors, keep_door, NULL);
	return 0;
}

static int set_up(struct monitor *m, const struct monitor_options *o, struct err *e)
{
	/* First, so that it is dropped if anything fails. */
	if (inherit_from_systemd(&m->inherited, e) < 0)
		return -1;
	m->start = start_watch_begin(&m->inherited, m->inherited.count ? START_QUEUED_MS : START_MS,
				     e);
	if (!m->start)
		return -1;
	m->config = config_load(o->config_path, o->config_optional, e);
	if (!m->config || find_user(m, o->user, e) < 0 || (o->replace && monitor_succeed(m, e) < 0))
		return -1;
	log_level(LOG_ERR + m->config->log_level);
	m->services.lists = list_watch_new(&m->loop, m->config, e);
	if (!m->services.lists)
		return -1;
	/* Before anything is touched that may be another one's. */
	m->claim = alone_claim(m->config, &m->inherited, e);
	if (m->claim < 0)
		return -1;
	worker_limit_files(m->config);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	m->doors.threads = monitor_threads(m->config);
	m->services.config = m->config;
	m->services.listener_port = m->config->listen_transparent;
	if (state_dir_make(m->config->control_socket, 0, 0755, e) < 0 || load_key(m, e) < 0 ||
	    own_cgroup_enter(&m->cgroup, e) < 0 || open_doors(m, e) < 0)
		return -1;
	monitor_make_report_directory(m, m->config);
	open_audit(m);
	m->services.peer = peer_open(e);
	m->services.ca = ca_open(m->config->ca_dir, m->config->targets, m->config->target_count, e);
	if (!m->services.peer || !m->services.ca || open_redirect(m, e) < 0)
		return -1;
	inherit_drop(&m->inherited);
	if (monitor_enroll_configured(m, e) < 0)
		return -1;
	return start_crew(m, e);
}

static void watch_signal(struct monitor *m, uv_signal_t *s, uv_signal_cb cb, int number)
{
	uv_signal_init(&m->loop, s);
	s->data = m;
	uv_signal_start(s, cb, number);
}

static void forget_door(void *arg, const char *name, int fd)
{
	(void)arg, (void)fd;
	inherit_forget(name);
}

static void end_audit(struct monitor *m)
{
	struct audit_record stop;

	self_record(&stop, AUDIT_STOP);
	audit_close(m->services.audit, m->was_ready ? &stop : NULL, m->leaving);
	stats_unmap(m->stats);
}

/* Whoever started us for it may have been killed, and what is pinned goes with us. */
static void end_command(const struct monitor *m)
{
	struct err e;

	if (m->options.command_cgroup && access(m->options.command_cgroup, F_OK) == 0 &&
	    cgroup_empty(m->options.command_cgroup, &e) < 0)
		log_event(LOG_CRIT, "command", log_word("why", e.text));
}

static void tear_down(struct monitor *m)
{
	end_command(m);
	/* Who could not start will not accept either: connects are not to wait for the next attempt. */
	if (m->status)
		doors_each(&m->doors, forget_door, NULL);
	if (m->status && m->services.doors)
		netns_doors_each(m->services.doors, forget_door, NULL);
	resolver_watch_close(m->resolver);
	crew_free(m->crew);
	monitor_drop_next(m);
	enrolments_close(m->enroll);
	end_audit(m);
	doors_close(&m->doors, m->config, m->leaving);
	handover_close(m->handover, m->leaving);
	if (m->predecessor >= 0)
		close(m->predecessor);
	inherit_drop(&m->inherited);
	program_watch_close(m->services.programs);
	netns_watch_close(m->services.netns);
	netns_doors_free(m->services.doors);
	redirect_close(m->services.redirect);
	ca_free(m->services.ca);
	peer_close(m->services.peer);
	explicit_bzero(m->key, sizeof(m->key));
	own_cgroup_leave(&m->cgroup);
	if (m->claim >= 0)
		close(m->claim);
	list_watch_close(m->services.lists);
	config_free(m->config);
}

static void init_monitor(struct monitor *m, const struct monitor_options *options)
{
	*m = (struct monitor){.options = *options, .status = 1, .claim = -1, .predecessor = -1};
	m->doors.explicit_fd = m->doors.control_fd = m->doors.config_fd = m->doors.key_fd = -1;
	m->doors.stats_fd = m->doors.board_fd = m->doors.metrics_fd[METRICS_UNIX] =
		m->doors.metrics_fd[METRICS_TCP] = -1;
	m->doors.orphans[ORPHANS_OUT] = m->doors.orphans[ORPHANS_IN] = -1;
	m->services.started = (uint64_t)time(NULL);
	for (unsigned i = 0; i < WORKER_THREADS_MAX; i++)
		m->doors.channel[i] = m->doors.transparent4[i] = m->doors.transparent6[i] = -1;
	uv_loop_init(&m->loop);
	watch_signal(m, &m->terminate, on_stop, SIGTERM);
	watch_signal(m, &m->interrupt, on_stop, SIGINT);
	watch_signal(m, &m->hangup, on_hangup, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
}

int monitor_main(const struct monitor_options *options)
{
	static struct monitor m;
	struct err e;
	bool ready;

	init_monitor(&m, options);
	ready = set_up(&m, options, &e) == 0;
	start_watch_end(m.start);
	if (ready)
		uv_run(&m.loop, UV_RUN_DEFAULT);
	else
		log_event(LOG_CRIT, "start-failed", log_word("why", e.text));
	tear_down(&m);
	return m.status;
}
