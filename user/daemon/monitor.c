/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor.h"
#include "alone.h"
#include "cgroup.h"
#include "cgroup_watch.h"
#include "doors.h"
#include "list_watch.h"
#include "log.h"
#include "own_cgroup.h"
#include "spawn.h"
#include "state_dir.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STOP_MS 5000	     /* a worker that has not ended by then is killed */
#define BACKOFF_FIRST_MS 100 /* before a crashed worker is started again */
#define BACKOFF_LAST_MS 5000 /* doubled up to this */
#define QUEUED_MS 10000	     /* connects wait in the listeners' queues no longer than this */
#define STEADY_MS 30000	     /* having run so long, it starts again at the first step */

struct channel {
	uv_poll_t poll;
	int fd; /* -1: none */
	struct monitor *monitor;
};

struct monitor {
	uv_loop_t loop;
	struct config *config;
	struct list_watch *lists;
	struct monitor_services services;
	struct worker_boot doors;
	struct channel channels[WORKER_THREADS_MAX];
	struct cgroup_watch *enroll; /* NULL: nothing is configured */
	uint8_t key[VAULT_KEY_SIZE];
	uid_t uid;
	gid_t gid;
	pid_t worker; /* 0: none now */
	uint64_t worker_started_ms, backoff_ms;
	bool stopping;
	int status;
	struct own_cgroup cgroup;
	uv_signal_t child, terminate, interrupt;
	uv_timer_t timer;    /* restart, or the end of patience when stopping */
	uv_timer_t withdraw; /* nobody has accepted for long enough */
	bool was_ready;
	int claim; /* held open: no second daemon starts meanwhile */
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
		return err_set(e,
			       "this kernel has no SO_NETNS_COOKIE; Linux 5.14 or later is needed");
	if (m->doors.transparent6[0] >= 0)
		l.port6 = port;
	return redirect_set_listener(m->services.redirect, cookie, &l, e);
}

static void on_withdraw(uv_timer_t *timer)
{
	struct monitor *m = timer->data;
	struct err e;

	log_event(LOG_CRIT, "listeners-withdrawn",
		  log_word("then", "enrolled cgroups are refused until a worker is ready"));
	if (announce_listeners(m, 0, &e) < 0)
		log_event(LOG_CRIT, "listeners-withdrawn", log_word("why", e.text));
}

/* The worker accepts from now on: only now may connections be sent to it. */
static void worker_ready(struct monitor *m)
{
	struct err e;

	uv_timer_stop(&m->withdraw);
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

/* ---- the worker's life */

static void close_channels(struct monitor *m)
{
	if (m->lists)
		list_watch_forget(m->lists);
	for (unsigned i = 0; i < m->doors.threads; i++) {
		struct channel *c = &m->channels[i];
		if (c->fd < 0)
			continue;
		uv_close((uv_handle_t *)&c->poll,
			 NULL); /* done long before the next worker starts */
		close(c->fd);
		c->fd = -1;
	}
}

static void on_request(uv_poll_t *poll, int status, int events)
{
	struct channel *c = poll->data;
	struct priv_request request;
	struct priv_reply reply;
	ssize_t n;

	(void)events;
	n = status < 0 ? 0 : recv(c->fd, &request, sizeof(request), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Safe: it is what a worker is started with anyway. */
	if (n == sizeof(request) && request.kind == PRIV_LISTS) {
		list_watch_ask(c->monitor->lists, c->fd, &request);
		return;
	}
	if (n == sizeof(request)) {
		privsep_serve(&c->monitor->services, &request, &reply);
		if (request.kind == PRIV_READY)
			worker_ready(c->monitor);
		if (send(c->fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    sizeof(reply))
			return;
	}
	/* The worker ended, or does not speak the protocol: either way it is the child handler's to
	 * mend. */
	uv_poll_stop(&c->poll);
	if (n > 0 && c->monitor->worker)
		kill(c->monitor->worker, SIGKILL);
}

static int start_worker(struct monitor *m, struct err *e)
{
	const struct buf *lists = list_watch_content(m->lists, &m->doors.lists_generation);
	int fds[WORKER_THREADS_MAX];
	pid_t pid = spawn_worker(&m->doors, m->config, lists, m->key, m->uid, m->gid, fds, e);

	if (pid < 0)
		return -1;
	m->worker = pid;
	m->worker_started_ms = uv_now(&m->loop);
	for (unsigned i = 0; i < m->doors.threads; i++) {
		struct channel *c = &m->channels[i];
		c->fd = fds[i];
		c->monitor = m;
		c->poll.data = c;
		uv_poll_init(&m->loop, &c->poll, c->fd);
		uv_poll_start(&c->poll, UV_READABLE, on_request);
	}
	log_event(LOG_INFO, "worker-started", log_number("pid", (uint64_t)pid));
	return 0;
}

static void end(struct monitor *m, int status)
{
	m->status = status;
	uv_stop(&m->loop);
}

static void on_restart(uv_timer_t *timer);

static void restart_later(struct monitor *m)
{
	m->backoff_ms = m->backoff_ms ? m->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (m->backoff_ms > BACKOFF_LAST_MS)
		m->backoff_ms = BACKOFF_LAST_MS;
	uv_timer_start(&m->timer, on_restart, m->backoff_ms, 0);
}

static void on_restart(uv_timer_t *timer)
{
	struct monitor *m = timer->data;
	struct err e;

	if (start_worker(m, &e) == 0)
		return;
	/* Out of processes, descriptors, memory: that passes. */
	log_event(LOG_CRIT, "worker-restart", log_word("why", e.text));
	restart_later(m);
}

static void worker_ended(struct monitor *m, int status)
{
	m->worker = 0;
	close_channels(m);
	if (m->stopping) {
		end(m, 0);
		return;
	}
	log_event(LOG_ERR, "worker-ended",
		  log_number("signal", WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0),
		  log_number("status", WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0));
	if (!m->was_ready) { /* it has said why: trying again would only say it again */
		end(m, 1);
		return;
	}
	/* Counted from the first of several that end before they are ready. */
	if (!uv_is_active((uv_handle_t *)&m->withdraw))
		uv_timer_start(&m->withdraw, on_withdraw, QUEUED_MS, 0);
	if (uv_now(&m->loop) - m->worker_started_ms >= STEADY_MS)
		m->backoff_ms = 0;
	restart_later(m);
}

static void on_child(uv_signal_t *signal, int number)
{
	struct monitor *m = signal->data;
	int status;
	pid_t pid;

	(void)number;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == m->worker)
			worker_ended(m, status);
}

static void on_patience_over(uv_timer_t *timer)
{
	struct monitor *m = timer->data;

	if (m->worker)
		kill(m->worker, SIGKILL);
}

static void on_stop(uv_signal_t *signal, int number)
{
	struct monitor *m = signal->data;

	(void)number;
	if (m->stopping)
		return;
	m->stopping = true;
	sd_notify(0, "STOPPING=1");
	uv_timer_stop(&m->timer);
	if (!m->worker) {
		end(m, 0);
		return;
	}
	kill(m->worker, SIGTERM);
	uv_timer_start(&m->timer, on_patience_over, STOP_MS, 0);
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

static int open_redirect(struct monitor *m, struct err *e)
{
	uint64_t own;

	if (!m->config->listen_transparent)
		return 0;
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

static int set_up(struct monitor *m, const struct monitor_options *o, struct err *e)
{
	m->config = config_load(o->config_path, o->config_optional, e);
	if (!m->config || find_user(m, o->user, e) < 0)
		return -1;
	m->lists = list_watch_new(&m->loop, m->config, e);
	if (!m->lists)
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
	m->services.peer = peer_open(e);
	m->services.ca = ca_open(m->config->ca_dir, m->config->targets, m->config->target_count, e);
	if (!m->services.peer || !m->services.ca || open_redirect(m, e) < 0)
		return -1;
	if (enroll_configured(m, e) < 0)
		return -1;
	return start_worker(m, e);
}

static void watch_signal(struct monitor *m, uv_signal_t *s, uv_signal_cb cb, int number)
{
	uv_signal_init(&m->loop, s);
	s->data = m;
	uv_signal_start(s, cb, number);
}

static void tear_down(struct monitor *m)
{
	if (m->worker) {
		kill(m->worker, SIGKILL);
		waitpid(m->worker, NULL, 0);
	}
	close_channels(m);
	cgroup_watch_close(m->enroll);
	doors_close(&m->doors, m->config);
	redirect_close(m->services.redirect);
	ca_free(m->services.ca);
	peer_close(m->services.peer);
	explicit_bzero(m->key, sizeof(m->key));
	own_cgroup_leave(&m->cgroup);
	if (m->claim >= 0)
		close(m->claim);
	list_watch_free(m->lists);
	config_free(m->config);
}

static void init_monitor(struct monitor *m)
{
	*m = (struct monitor){.status = 1, .claim = -1};
	m->doors.explicit_fd = m->doors.control_fd = m->doors.config_fd = m->doors.key_fd = -1;
	for (unsigned i = 0; i < WORKER_THREADS_MAX; i++) {
		m->doors.channel[i] = m->doors.transparent4[i] = m->doors.transparent6[i] = -1;
		m->channels[i].fd = -1;
	}
	uv_loop_init(&m->loop);
	uv_timer_init(&m->loop, &m->timer);
	uv_timer_init(&m->loop, &m->withdraw);
	m->timer.data = m->withdraw.data = m;
	watch_signal(m, &m->child, on_child, SIGCHLD);
	watch_signal(m, &m->terminate, on_stop, SIGTERM);
	watch_signal(m, &m->interrupt, on_stop, SIGINT);
	signal(SIGPIPE, SIG_IGN);
}

int monitor_main(const struct monitor_options *options)
{
	static struct monitor m;
	struct err e;

	init_monitor(&m);
	if (set_up(&m, options, &e) < 0) {
		log_event(LOG_CRIT, "start-failed", log_word("why", e.text));
	} else {
		uv_run(&m.loop, UV_RUN_DEFAULT);
	}
	tear_down(&m);
	return m.status;
}
