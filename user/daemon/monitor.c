/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor.h"
#include "alone.h"
#include "cgroup.h"
#include "cgroup_watch.h"
#include "crew.h"
#include "doors.h"
#include "features.h"
#include "list_watch.h"
#include "log.h"
#include "own_cgroup.h"
#include "resolver_watch.h"
#include "state_dir.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct monitor {
	uv_loop_t loop;
	struct monitor_options options;
	struct config *config;
	struct monitor_services services;
	struct worker_boot doors;
	struct crew *crew;
	struct resolver_watch *resolver;
	struct cgroup_watch *enroll; /* NULL: nothing is configured */
	uint8_t key[VAULT_KEY_SIZE];
	uid_t uid;
	gid_t gid;
	bool was_ready;
	int status;
	struct own_cgroup cgroup;
	uv_signal_t terminate, interrupt, hangup;
	/* What is to take the place of the above, while its worker starts. */
	struct config *next_config;
	struct list_watch *next_lists;
	struct ca *next_ca;
	uint64_t reload_ticket; /* who asked for it; 0: a signal */
	int claim;		/* held open: no second daemon starts meanwhile */
};

/* ---- where the kernel side sends connections */

static int announce_listeners(struct monitor *m, uint16_t port, struct err *e)
{
	struct listener l = {.port4 = port};
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (!m->services.redirect)
		return 0;
	if (getsockopt(m->doors.transparent4[0], SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
		return err_set(e, "the listeners' network namespace has no name: %s",
			       strerror(errno));
	if (m->doors.transparent6[0] >= 0)
		l.port6 = port;
	return redirect_set_listener(m->services.redirect, cookie, &l, e);
}

static void on_deserted(void *arg)
{
	struct err e;

	log_event(LOG_CRIT, "listeners-withdrawn",
		  log_word("then", "enrolled cgroups are refused until a worker is ready"));
	if (announce_listeners(arg, 0, &e) < 0)
		log_event(LOG_CRIT, "listeners-withdrawn", log_word("why", e.text));
}

/* The worker accepts from now on: only now may connections be sent to it. */
static void on_ready(void *arg)
{
	struct monitor *m = arg;
	struct err e;

	if (announce_listeners(m, m->config->listen_transparent, &e) < 0) {
		log_event(LOG_CRIT, "listeners", log_word("why", e.text));
		return;
	}
	if (!m->was_ready) {
		m->was_ready = true;
		sd_notify(0, "READY=1");
		log_event(LOG_NOTICE, "ready", log_word("version", AWSMASK_VERSION),
			  log_number("port", m->config->listen_transparent));
	}
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
	crew_stop(m->crew);
}

/* ---- setting up */

static int find_user(struct monitor *m, const char *user, struct err *e)
{
	const struct passwd *found = getpwnam(user);
	char *rest;
	unsigned long number = strtoul(user, &rest, 10);

	if (found) {
		m->uid = found->pw_uid;
		m->gid = found->pw_gid;
	} else if (*user && !*rest && number > 0 && number < 0xfffffffful) {
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
static void make_report_directory(const struct monitor *m, const struct config *c)
{
	struct err e;

	if (*c->report_sqlite && state_dir_make(c->report_sqlite, m->gid, 01771, &e) < 0)
		log_event(LOG_WARNING, "report", log_word("why", e.text));
}

static int open_redirect(struct monitor *m, struct err *e)
{
	uint64_t own;

	if (!m->config->listen_transparent)
		return 0;
	if (features_require(e) < 0)
		return -1;
	features_log();
	m->services.redirect = redirect_open(e);
	if (!m->services.redirect || redirect_configure(m->services.redirect, m->config, e) < 0 ||
	    cgroup_id(m->cgroup.path, &own, e) < 0)
		return -1;
	return redirect_set_own_cgroup(m->services.redirect, own, e);
}

static void on_cgroup(void *arg, const char *path, uint64_t id)
{
	struct monitor *m = arg;
	struct policy policy = {.mode = m->config->mode,
				.flags = m->config->fail_open ? POLICY_FAIL_OPEN : 0};
	struct sweep_result swept;
	struct err warning, e;

	/* One that cannot be enrolled is no reason to leave all the others unmasked. */
	if (monitor_enroll(&m->services, id, &policy, &swept, &warning, &e) < 0)
		log_event(LOG_ERR, "enroll", log_name("cgroup", path), log_word("why", e.text));
}

/* Else what jobs come and go would fill the map. */
static void on_cgroup_gone(void *arg, uint64_t id)
{
	struct monitor *m = arg;
	struct err e;

	if (redirect_unenroll(m->services.redirect, id, &e) == 0)
		log_event(LOG_INFO, "unenrolled", log_number("cgroup", id),
			  log_word("why", "it has been removed"));
}

static int enroll_configured(struct monitor *m, struct err *e)
{
	const struct cgroup_watch_events events = {on_cgroup, on_cgroup_gone, m};

	if (!m->services.redirect || !m->config->enroll_count)
		return 0;
	m->enroll =
		cgroup_watch_new(&m->loop, m->config->enroll, m->config->enroll_count, &events, e);
	return m->enroll ? 0 : -1;
}

static unsigned thread_count(const struct config *c)
{
	long cores = c->threads ? (long)c->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > WORKER_THREADS_MAX ? WORKER_THREADS_MAX : (unsigned)cores;
}

static void raise_limits(const struct config *c)
{
	/* Two sockets and four pipe ends per connection, and some room. */
	rlim_t files = (rlim_t)c->limit_connections * 6 + 1024;

	setrlimit(RLIMIT_NOFILE, &(struct rlimit){files, files});
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

/* ---- reading the configuration again */

static void drop_next(struct monitor *m)
{
	list_watch_close(m->next_lists);
	config_free(m->next_config);
	ca_free(m->next_ca);
	m->next_lists = NULL;
	m->next_config = NULL;
	m->next_ca = NULL;
}

static void reload_over(struct monitor *m, const struct err *why_not)
{
	if (why_not)
		log_event(LOG_ERR, "reload-refused", log_word("why", why_not->text));
	else
		log_event(LOG_NOTICE, "reloaded", log_name("config", m->options.config_path));
	crew_answer(m->crew, m->reload_ticket, why_not);
}

/* Sockets, the vault and the number of loops are handed from worker to worker as they are. */
static int check_unchanged(const struct monitor *m, const struct config *next, struct err *e)
{
	const struct config *now = m->config;
	const char *changed =
		now->listen_transparent != next->listen_transparent   ? "listen.transparent"
		: strcmp(now->listen_explicit, next->listen_explicit) ? "listen.explicit"
		: strcmp(now->control_socket, next->control_socket)   ? "control.socket"
		: strcmp(now->vault_sqlite, next->vault_sqlite)	      ? "vault.sqlite"
		: m->doors.threads != thread_count(next)	      ? "threads"
								      : NULL;

	return changed ? err_set(e,
				 "%s has changed, which takes a restart of awsmaskd; nothing was "
				 "reloaded",
				 changed)
		       : 0;
}

static int check_constraints(const struct ca *ca, const struct config *next, struct err *e)
{
	for (size_t i = 0; i < next->target_count; i++)
		if (!ca_permits(ca, next->targets[i]))
			return err_set(
				e,
				"the target %s is outside of what the CA is constrained to: run "
				"awsmaskctl ca rotate and awsmaskctl ca install, then reload; "
				"nothing was reloaded",
				next->targets[i]);
	return 0;
}

static void on_succeeded(void *arg, bool ready)
{
	struct monitor *m = arg;
	struct err e;

	if (!ready) {
		if (m->services.redirect &&
		    redirect_configure(m->services.redirect, m->config, &e) < 0)
			log_event(LOG_CRIT, "reload", log_word("why", e.text));
		drop_next(m);
		err_set(&e,
			"a worker with this configuration ended before it was ready, and the log "
			"says why; the earlier one goes on");
		reload_over(m, &e);
		return;
	}
	cgroup_watch_close(m->enroll);
	m->enroll = NULL;
	list_watch_close(m->services.lists);
	config_free(m->config);
	ca_free(m->services.ca);
	m->services.config = m->config = m->next_config;
	m->services.ca = m->next_ca;
	m->services.lists = m->next_lists;
	m->next_lists = NULL;
	m->next_config = NULL;
	m->next_ca = NULL;
	raise_limits(m->config);
	if (enroll_configured(m, &e) < 0)
		log_event(LOG_ERR, "enroll", log_word("why", e.text));
	reload_over(m, NULL);
}

static int begin_reload(struct monitor *m, struct err *e)
{
	if (m->next_config)
		return err_set(e, "a worker is being started just now: try again in a moment");
	m->next_config = config_load(m->options.config_path, m->options.config_optional, e);
	if (!m->next_config || check_unchanged(m, m->next_config, e) < 0)
		goto fail;
	m->next_ca = ca_open(m->next_config->ca_dir, m->next_config->targets,
			     m->next_config->target_count, e);
	if (!m->next_ca || check_constraints(m->next_ca, m->next_config, e) < 0)
		goto fail;
	m->next_lists = list_watch_new(&m->loop, m->next_config, e);
	if (!m->next_lists)
		goto fail;
	if (m->services.redirect && redirect_configure(m->services.redirect, m->next_config, e) < 0)
		goto fail_configured;
	make_report_directory(m, m->next_config);
	if (crew_succeed(m->crew, m->next_config, m->next_lists, on_succeeded, e) < 0)
		goto fail_configured;
	return 0;
fail_configured:
	if (m->services.redirect) {
		struct err ignored; /* the first one is what is to be told */
		if (redirect_configure(m->services.redirect, m->config, &ignored) < 0)
			log_event(LOG_CRIT, "reload", log_word("why", ignored.text));
	}
fail:
	drop_next(m);
	return -1;
}

static void on_reload(void *arg, uint64_t ticket)
{
	struct monitor *m = arg;
	uint64_t former = m->reload_ticket;
	struct err e;

	m->reload_ticket = ticket;
	if (begin_reload(m, &e) < 0) {
		reload_over(m, &e);
		if (m->next_config) /* somebody else's goes on */
			m->reload_ticket = former;
	}
}

static void on_hangup(uv_signal_t *signal, int number)
{
	(void)number;
	on_reload(signal->data, 0);
}

/* ---- setting up and tearing down */

static int start_crew(struct monitor *m, struct err *e)
{
	const struct crew_options options = {.doors = &m->doors,
					     .services = &m->services,
					     .key = m->key,
					     .uid = m->uid,
					     .gid = m->gid};
	const struct crew_events events = {.ready = on_ready,
					   .deserted = on_deserted,
					   .ended = on_ended,
					   .reload = on_reload,
					   .arg = m};

	m->crew = crew_new(&m->loop, &options, &events);
	if (!m->crew)
		return err_set(e, "memory is out");
	m->resolver = resolver_watch_new(&m->loop, m->crew, &m->services, e);
	return m->resolver ? crew_start(m->crew, e) : -1;
}

static int set_up(struct monitor *m, const struct monitor_options *o, struct err *e)
{
	m->config = config_load(o->config_path, o->config_optional, e);
	if (!m->config || find_user(m, o->user, e) < 0)
		return -1;
	m->services.lists = list_watch_new(&m->loop, m->config, e);
	if (!m->services.lists)
		return -1;
	/* Before anything is touched that may be another one's. */
	m->claim = alone_claim(m->config, e);
	if (m->claim < 0)
		return -1;
	raise_limits(m->config);
	m->doors.threads = thread_count(m->config);
	m->services.config = m->config;
	m->services.listener_port = m->config->listen_transparent;
	if (state_dir_make(m->config->control_socket, 0, 0755, e) < 0 || load_key(m, e) < 0 ||
	    own_cgroup_enter(&m->cgroup, e) < 0 || doors_open(&m->doors, m->config, m->gid, e) < 0)
		return -1;
	make_report_directory(m, m->config);
	m->services.peer = peer_open(e);
	m->services.ca = ca_open(m->config->ca_dir, m->config->targets, m->config->target_count, e);
	if (!m->services.peer || !m->services.ca || open_redirect(m, e) < 0)
		return -1;
	if (enroll_configured(m, e) < 0)
		return -1;
	return start_crew(m, e);
}

static void watch_signal(struct monitor *m, uv_signal_t *s, uv_signal_cb cb, int number)
{
	uv_signal_init(&m->loop, s);
	s->data = m;
	uv_signal_start(s, cb, number);
}

static void tear_down(struct monitor *m)
{
	resolver_watch_close(m->resolver);
	crew_free(m->crew);
	drop_next(m);
	cgroup_watch_close(m->enroll);
	doors_close(&m->doors, m->config);
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
	*m = (struct monitor){.options = *options, .status = 1, .claim = -1};
	m->doors.explicit_fd = m->doors.control_fd = m->doors.config_fd = m->doors.key_fd = -1;
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

	init_monitor(&m, options);
	if (set_up(&m, options, &e) < 0) {
		log_event(LOG_CRIT, "start-failed", log_word("why", e.text));
	} else {
		uv_run(&m.loop, UV_RUN_DEFAULT);
	}
	tear_down(&m);
	return m.status;
}
