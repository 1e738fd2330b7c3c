/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_WORKER_H
#define AWSMASK_WORKER_H
/*
 * The unprivileged process: one loop per core, each with its own listening sockets, origin pool,
 * leaf cache and channel to the monitor; what they share is immutable or guards itself.
 */
#include "audit_send.h"
#include "board.h"
#include "cgroup_names.h"
#include "config.h"
#include "leaf.h"
#include "memos.h"
#include "origin.h"
#include "orphan.h"
#include "own_hello.h"
#include "policies.h"
#include "privsep.h"
#include "report.h"
#include "scope_use.h"
#include "stats.h"
#include "target_addr.h"
#include "tls.h"
#include "vault_sqlite.h"

#define WORKER_THREADS_MAX CONFIG_THREADS_MAX

enum metrics_door { METRICS_UNIX, METRICS_TCP, METRICS_DOORS };

/* What the monitor leaves open across exec, handed over in the argument of --worker. */
struct worker_boot {
	unsigned threads;
	int config_fd;		   /* the configuration, as text */
	int key_fd;		   /* the vault's key, VAULT_KEY_SIZE bytes */
	int lists_fd;		   /* content of the lists' files (config_list.h) ... */
	uint32_t lists_generation; /* ... and which one */
	int control_fd;
	int stats_fd;			      /* what every worker counts in (stats.h) */
	int board_fd;			      /* where their flows are shown (board.h) */
	int orphans[ORPHANS_ENDS];	      /* what another worker has accepted in vain */
	int metrics_fd[METRICS_DOORS];	      /* listening; -1: none */
	int channel[WORKER_THREADS_MAX];      /* to the monitor, one per thread */
	int transparent4[WORKER_THREADS_MAX]; /* listening; -1: none */
	int transparent6[WORKER_THREADS_MAX];
	int explicit_fd; /* shared by no other: thread 0 accepts; -1: none */
};

/* One process. */
struct worker {
	const struct config *config;
	struct types *types;
	struct catalogue *catalogue;
	struct policies *policies;
	struct vault *vault;
	struct scope_uses *uses;
	struct memos *memos; /* NULL: nothing is remembered */
	struct cgroup_names *cgroups;
	struct report *report;
	struct target_addrs *target_addrs;
	struct own_hellos *hellos;
	struct tls tls;
	struct stats *stats; /* shared with the workers before and after */
	struct stats_slots slots;
	struct board *board;
	int orphans_in; /* where connections are left to the next worker */
	struct stats_gauges gauges;
	uint64_t netns_cookie; /* of the listeners' network namespace */
	uint64_t started_ns;
	uint64_t started; /* seconds since 1970 */
	struct exchange_config enforce, observe;
	_Atomic size_t open_conns;
	_Atomic size_t
		open_exchanges; /* of connections that are asked for something now and then */
	_Atomic unsigned ca_generation; /* grows when the monitor has read another CA */
};

/* One loop. */
struct conn;
struct worker_thread {
	uv_loop_t loop;
	struct worker *worker;
	struct privsep *privsep;
	struct leaf_cache *leaves;
	struct origin_pool *origins;
	struct audit_sender *audit; /* NULL: nothing is recorded */
	struct conn *conns;	    /* all of them, so that they can be closed at the end */
	uv_idle_t turn;		    /* one request is scanned in each round of the loop ... */
	struct conn *to_scan;	    /* ... of these */
	uv_timer_t quiet;	    /* until memory that requests took goes back */
	struct conn *scanning, *to_scan_apart; /* large ones: the one at work, those that wait */
	uint64_t told_since; /* ms; lines about observed requests since then, and those held back */
	unsigned told, untold;
	bool draining; /* who is between two requests is let go */
	bool stopping;
};

/* As many descriptors as so many connections take, if they may be had. */
void worker_limit_files(const struct config *c);

/* The process's main: never returns before it is told to stop or loses the monitor. Exit status. */
int worker_main(const struct worker_boot *boot);

#endif
