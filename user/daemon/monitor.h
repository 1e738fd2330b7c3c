/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MONITOR_H
#define AWSMASK_MONITOR_H
/*
 * The privileged process: it holds the CA's key, the bpf maps and the listening sockets, sees no
 * network byte, and keeps the worker alive.
 */
#include "audit.h"
#include "ca.h"
#include "config.h"
#include "list_watch.h"
#include "netns_watch.h"
#include "peer.h"
#include "program_watch.h"
#include "privsep.h"
#include "redirect.h"
#include "worker.h"

#include <sys/types.h>

struct monitor_options {
	const char *config_path;
	bool config_optional; /* a missing file means the defaults */
	const char *user;     /* the worker's: a name or a number */
	bool replace;	      /* take over from the one that runs here, if one does */
	/* Of the unit that runs workers; NULL: their parent is started here. */
	const char *worker_socket;
	/* Of a command that is masked by this daemon alone: it does not outlive it. NULL: none. */
	const char *command_cgroup;
};

/* The process's main: runs in the foreground until SIGTERM or SIGINT. Exit status. */
int monitor_main(const struct monitor_options *options);

/* What answering the worker needs (privsep_serve.c). */
struct monitor_services {
	const struct config *config;
	struct redirect *redirect; /* NULL: no transparent listener is configured */
	struct netns_doors *doors; /* these two: NULL likewise */
	struct netns_watch *netns;
	struct program_watch *programs; /* NULL likewise, or this kernel marks no processes */
	uint64_t own_cgroup;
	struct list_watch *lists; /* of the configuration */
	struct ca *ca;
	struct audit *audit; /* NULL: it could not be opened */
	struct peer *peer;
	uint16_t listener_port;
	uint64_t started; /* seconds since 1970 */
};
/*
 * Enroll, and in enforce mode close what is older (sweep.h). 0, or -1. When it is enrolled but what
 * is older could not be looked at, 0 with `warning` saying so; else that is empty.
 */
__attribute__((warn_unused_result)) int monitor_enroll(struct monitor_services *m, uint64_t cgroup,
						       const struct policy *policy,
						       struct sweep_result *r, struct err *warning,
						       struct err *e);
/* The same for a program: its processes are marked, and their older connections are closed. */
__attribute__((warn_unused_result)) int
monitor_enroll_program(struct monitor_services *m, const char *path, const struct policy *policy,
		       struct program_enrolled *r, struct err *warning, struct err *e);
/* Whether who is at the other end of this connection may change something. 0, or -1 and why not. */
__attribute__((warn_unused_result)) int monitor_judge(struct monitor_services *m, int connection,
						      struct err *e);
/* Answer one request. Every field of it may be a lie. `connection`: what came beside it; -1: nothing. */
void privsep_serve(struct monitor_services *m, const struct priv_request *request, int connection,
		   struct priv_reply *reply);
/* The answer has gone: what can be had once is let go only now, for we may be killed at any time. */
void privsep_answered(struct monitor_services *m, const struct priv_request *request,
		      const struct priv_reply *reply);

/* Into the audit log: `who`, or NULL: not known, did that, or was refused for this reason. */
void monitor_record_change(struct monitor_services *m, enum audit_event event,
			   const struct ucred *who, const char *subject, const char *why_not);

/* ---- for privsep_serve.c and its like alone */

/* A request that changes something was answered so. */
void privsep_record(struct monitor_services *m, const struct priv_request *q, int connection,
		    const struct priv_reply *reply);

#define PRIVSEP_NOTHING_REDIRECTED                                                                 \
	"listen.transparent is 0: nothing can be redirected; set it to a port"

void privsep_refuse(struct priv_reply *reply, const char *why);
bool privsep_policy_ok(const struct policy *p);
/* Who descends from an enrolled program changes nothing either. 0, or -1 and why not. */
int privsep_judge_program(struct monitor_services *m, int connection, struct err *e);
uint32_t privsep_program_count(const struct monitor_services *m);
void privsep_serve_program(struct monitor_services *m, const struct priv_request *request,
			   struct priv_reply *reply);

#endif
