/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MONITOR_PRIVATE_H
#define AWSMASK_MONITOR_PRIVATE_H
/* What the parts of the monitor share: monitor.c (its life), monitor_reload.c (other settings). */
#include "crew.h"
#include "enrolments.h"
#include "handover.h"
#include "inherit.h"
#include "monitor.h"
#include "own_cgroup.h"
#include "resolver_watch.h"
#include "start_watch.h"

struct monitor {
	uv_loop_t loop;
	struct monitor_options options;
	struct config *config;
	struct monitor_services services;
	struct worker_boot doors;
	struct inheritance inherited; /* until they are taken */
	bool queued;		      /* some were: connects may be waiting in them */
	struct handover *handover;    /* NULL: systemd keeps what is to be inherited */
	int predecessor;	      /* who still serves beside us; -1: nobody */
	bool leaving;		      /* to a successor, which the doors stay open for */
	struct stats *stats;	      /* as workers count in them */
	struct crew *crew;
	struct resolver_watch *resolver;
	struct enrolments *enroll; /* NULL: nothing is redirected */
	uint8_t key[VAULT_KEY_SIZE];
	uid_t uid;
	gid_t gid;
	bool was_ready;
	int status;
	struct own_cgroup cgroup;
	struct start_watch *start; /* until it has started */
	uv_signal_t terminate, interrupt, hangup;
	/* What is to take the place of the above, while its worker starts. */
	struct config *next_config;
	struct list_watch *next_lists;
	struct ca *next_ca;
	int former_metrics[METRICS_DOORS]; /* what stands in `doors` meanwhile are its own */
	uint64_t reload_ticket;		   /* who asked for it; 0: a signal */
	int claim;			   /* held open: no second daemon starts meanwhile */
};

unsigned monitor_threads(const struct config *c);
int monitor_enroll_configured(struct monitor *m, struct err *e);
/* Beside the vault as a rule, and of no weight: without a report everything else works. */
void monitor_make_report_directory(const struct monitor *m, const struct config *c);

/* Be replaced when somebody asks for it. 0, or -1 and a sentence. */
int monitor_await_successor(struct monitor *m, struct err *e);
/* With --replace: what the one that runs here has, if one does. 0, or -1 and a sentence. */
int monitor_succeed(struct monitor *m, struct err *e);

/* The port that the kernel is to send connections to; 0: none. 0, or -1 and a sentence. */
int monitor_announce(struct monitor *m, uint16_t port, struct err *e);

/* Read the configuration again and have a worker take over with it; crew_answer() has the ticket. */
void monitor_reload(void *arg, uint64_t ticket);
/* Whatever of a reload is under way. */
void monitor_drop_next(struct monitor *m);

#endif
