/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CREW_H
#define AWSMASK_CREW_H
/*
 * The monitor's worker processes: one that serves, started again when it crashes, and those whose
 * place another has taken, which finish the connections that they have.
 *
 *	STARTING -> SERVING -> DRAINING -> ended
 */
#include "monitor.h"
#include "spawn.h"

#include <uv.h>

#define CREW_DRAIN_MS (10 * 60 * 1000) /* who is silent for so long is cut by a draining worker */

struct crew;

struct crew_events {
	/* A worker accepts connections from now on. */
	void (*ready)(void *arg);
	/* Nobody has accepted any for too long: connects must not go on waiting. Again and again. */
	void (*deserted)(void *arg);
	/* After crew_stop() or crew_leave(), or because the first one ended before it was ready. No more events. */
	void (*ended)(void *arg, int status);
	/* The worker asked for the configuration to be read again; crew_answer() with this ticket. */
	void (*reload)(void *arg, uint64_t ticket);
	/* Whether workers may run where this process, their parent, does. 0, or -1 and a sentence. */
	int (*host_found)(void *arg, pid_t pid, struct err *e);
	void *arg;
};

struct crew_options {
	const struct worker_boot *doors;
	struct monitor_services *services; /* what their requests are answered with */
	const uint8_t *key;		   /* VAULT_KEY_SIZE bytes */
	struct host_link_options host;
	bool queued; /* connects may be waiting already: who deserted was before us */
};

/* What they point to must stay in place. NULL: memory is out. */
__attribute__((warn_unused_result)) struct crew *
crew_new(uv_loop_t *loop, const struct crew_options *options, const struct crew_events *events);

/* Start the first worker. services->config and services->lists are its settings. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int crew_start(struct crew *c, struct err *e);

/*
 * Start another worker with these settings, and let those before it drain once it is ready.
 * `done` is told from the loop whether it is: if not, those before it go on as if nothing had been.
 * They must stay in place until then; once it is ready, the caller makes them those of `services`,
 * and may let go of the earlier ones.
 * -1 and a sentence when it cannot be tried, also while another is on its way; then `done` is not
 * called.
 */
__attribute__((warn_unused_result)) int crew_succeed(struct crew *c, const struct config *config,
						     struct list_watch *lists,
						     void (*done)(void *arg, bool ready),
						     struct err *e);

/* Who asked for it; NULL: nobody by a request. */
const struct ucred *crew_asker(const struct crew *c, uint64_t ticket);
/* The answer to a worker's PRIV_RELOAD: NULL, or why not. One that has ended is not missed. */
void crew_answer(struct crew *c, uint64_t ticket, const struct err *why_not);

/* End them all: politely, and after five seconds without more ado. */
void crew_stop(struct crew *c);
/*
 * They accept no more and finish what they have without us. `ended` is told once nothing of theirs
 * needs an answer of ours any more, two seconds later at most.
 */
void crew_leave(struct crew *c);
/* Who is left finishes what it has. The loop runs no more. */
void crew_free(struct crew *c);

#endif
