/* SPDX-License-Identifier: Apache-2.0 */
#include "doors.h"
#include "log.h"
#include "monitor_private.h"

#include <string.h>

void monitor_drop_next(struct monitor *m)
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
	monitor_record_change(&m->services, AUDIT_RELOAD, crew_asker(m->crew, m->reload_ticket),
			      m->options.config_path, why_not ? why_not->text : NULL);
	crew_answer(m->crew, m->reload_ticket, why_not);
}

/* Listening sockets, the vault and the number of loops are handed from worker to worker as they are. */
static int check_unchanged(const struct monitor *m, const struct config *next, struct err *e)
{
	const struct config *now = m->config;
	const char *changed =
		now->listen_transparent != next->listen_transparent   ? "listen.transparent"
		: strcmp(now->listen_explicit, next->listen_explicit) ? "listen.explicit"
		: strcmp(now->control_socket, next->control_socket)   ? "control.socket"
		: strcmp(now->vault_sqlite, next->vault_sqlite)	      ? "vault.sqlite"
		: m->doors.threads != monitor_threads(next)	      ? "threads"
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

/* ---- the metrics' sockets, which may be others from now on */

/* One that could not be opened when the daemon started is tried again. */
static bool same_metrics(const struct monitor *m, enum metrics_door which)
{
	const char *place = doors_metrics_place(m->config, which);

	return strcmp(place, doors_metrics_place(m->next_config, which)) == 0 &&
	       (!*place || m->doors.metrics_fd[which] >= 0);
}

/* Those of the next configuration instead of the present ones. */
static int change_metrics(struct monitor *m, struct err *e)
{
	int fds[METRICS_DOORS] = {-1, -1};
	struct inheritance none = {.all = NULL};

	for (int i = 0; i < METRICS_DOORS; i++) {
		if (!same_metrics(m, (enum metrics_door)i) &&
		    doors_open_metrics(m->next_config, (enum metrics_door)i, m->gid, &none, &fds[i],
				       e) < 0) {
			doors_close_metrics(fds, m->next_config);
			return -1;
		}
	}
	for (int i = 0; i < METRICS_DOORS; i++) {
		m->former_metrics[i] = -1;
		if (same_metrics(m, (enum metrics_door)i))
			continue;
		m->former_metrics[i] = m->doors.metrics_fd[i];
		m->doors.metrics_fd[i] = fds[i];
	}
	return 0;
}

/* The next configuration is not to be: what was goes on. */
static void restore_metrics(struct monitor *m)
{
	int fds[METRICS_DOORS] = {-1, -1};

	for (int i = 0; i < METRICS_DOORS; i++) {
		if (same_metrics(m, (enum metrics_door)i))
			continue;
		fds[i] = m->doors.metrics_fd[i];
		m->doors.metrics_fd[i] = m->former_metrics[i];
	}
	doors_close_metrics(fds, m->next_config);
}

static void settle_metrics(struct monitor *m)
{
	for (int i = 0; i < METRICS_DOORS && m->options.worker_socket; i++) {
		const char *name = doors_metrics_name((enum metrics_door)i);

		if (same_metrics(m, (enum metrics_door)i))
			continue;
		inherit_forget(name);
		if (m->doors.metrics_fd[i] >= 0)
			inherit_keep(name, m->doors.metrics_fd[i]);
	}
	doors_close_metrics(m->former_metrics, m->config);
}

static void on_succeeded(void *arg, bool ready)
{
	struct monitor *m = arg;
	struct err e;

	if (!ready) {
		if (m->services.redirect &&
		    redirect_configure(m->services.redirect, m->config, &e) < 0)
			log_event(LOG_CRIT, "reload", log_word("why", e.text));
		restore_metrics(m);
		monitor_drop_next(m);
		err_set(&e,
			"a worker with this configuration ended before it was ready, and the log "
			"says why; the earlier one goes on");
		reload_over(m, &e);
		return;
	}
	settle_metrics(m);
	enrolments_close(m->enroll);
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
	worker_limit_files(m->config);
	log_level(LOG_ERR + m->config->log_level);
	audit_configure(m->services.audit, m->config);
	if (monitor_enroll_configured(m, &e) < 0)
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
	monitor_make_report_directory(m, m->next_config);
	if (change_metrics(m, e) < 0)
		goto fail_configured;
	if (crew_succeed(m->crew, m->next_config, m->next_lists, on_succeeded, e) == 0)
		return 0;
	restore_metrics(m);
fail_configured:
	if (m->services.redirect) {
		struct err ignored; /* the first one is what is to be told */
		if (redirect_configure(m->services.redirect, m->config, &ignored) < 0)
			log_event(LOG_CRIT, "reload", log_word("why", ignored.text));
	}
fail:
	monitor_drop_next(m);
	return -1;
}

void monitor_reload(void *arg, uint64_t ticket)
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
