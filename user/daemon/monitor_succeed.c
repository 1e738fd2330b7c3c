/* SPDX-License-Identifier: Apache-2.0 */
/* One monitor in the place of another. */
#include "doors.h"
#include "log.h"
#include "monitor_private.h"

static void give_door(void *arg, const char *name, int fd)
{
	struct monitor *m = arg;

	handover_give(m->handover, name, fd);
}

static void on_wanted(void *arg)
{
	struct monitor *m = arg;

	log_event(LOG_NOTICE, "successor", log_word("then", "it gets what is in use"));
	doors_each(&m->doors, give_door, m);
	if (m->services.doors)
		netns_doors_each(m->services.doors, give_door, m);
	handover_give(m->handover, "claim", m->claim);
	if (m->services.audit)
		handover_give(m->handover, AUDIT_DOOR, audit_door(m->services.audit));
}

/* What it may have told the kernel by then is said anew. */
static void stay(struct monitor *m)
{
	struct err e;

	log_event(LOG_ERR, "successor-failed", log_word("then", "this one goes on as before"));
	if (m->services.redirect && (redirect_configure(m->services.redirect, m->config, &e) < 0 ||
				     monitor_announce(m, m->config->listen_transparent, &e) < 0))
		log_event(LOG_CRIT, "successor-failed", log_word("why", e.text));
}

static void on_over(void *arg, bool succeeded)
{
	struct monitor *m = arg;

	if (!succeeded) {
		stay(m);
		return;
	}
	log_event(LOG_NOTICE, "succeeded", log_word("then", "this one finishes what it has"));
	m->leaving = true;
	crew_leave(m->crew);
}

int monitor_await_successor(struct monitor *m, struct err *e)
{
	const struct handover_events events = {on_wanted, on_over, m};

	m->handover = handover_open(&m->loop, m->config->control_socket, &m->inherited, &events, e);
	return m->handover ? 0 : -1;
}

int monitor_succeed(struct monitor *m, struct err *e)
{
	int got = handover_receive(m->config->control_socket, &m->inherited, &m->predecessor, e);

	/* Until we serve, it does: nothing of its is ours to take away. */
	m->leaving = got == 1;
	return got < 0 ? -1 : 0;
}
