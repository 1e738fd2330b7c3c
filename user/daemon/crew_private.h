/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CREW_PRIVATE_H
#define AWSMASK_CREW_PRIVATE_H
/* What the parts of the crew share: crew.c (who comes and goes), crew_request.c (what they ask for). */
#include "crew.h"
#include "pulse.h"

enum crew_phase { CREW_WORKING, CREW_STOPPING, CREW_LEAVING };
enum member_state { MEMBER_STARTING, MEMBER_SERVING, MEMBER_DRAINING };

struct channel {
	uv_poll_t poll;
	int fd;
	struct member *member;
};

struct member {
	struct member *next;
	struct crew *crew;
	enum member_state state;
	bool alive;
	uint32_t id; /* what the host calls it */
	pid_t pid;   /* 0: not known yet */
	uint64_t started_ms;
	struct list_watch *lists; /* NULL: it drains, with the lists that it has */
	unsigned open;		  /* channels that the loop still knows */
	unsigned quiet;		  /* loops that will ask nothing more */
	struct channel channels[WORKER_THREADS_MAX];
};

struct crew {
	uv_loop_t *loop;
	struct crew_options options;
	struct crew_events events;
	struct host_link *host; /* NULL: none, or it is gone */
	struct member *members; /* the youngest first */
	uint32_t last_id;
	uint64_t restarts;			  /* that nobody asked for */
	void (*succeeded)(void *arg, bool ready); /* NULL: no succession is on its way */
	uint64_t backoff_ms;
	enum crew_phase phase;
	bool was_ready;
	uv_timer_t restart;
	uv_timer_t desertion;
	uv_timer_t arrival; /* of the one that is starting */
	uv_timer_t patience;
	struct pulse pulse; /* of the one that serves */
	/* Who waits for PRIV_RELOAD's answer. */
	struct channel *asking;
	uint32_t asking_id;
	struct ucred asker; /* pid 0: not known */
	uint64_t ticket;
};

/* Whether a message came on it; the crew knows what it means. */
void crew_on_request(uv_poll_t *poll, int status, int events);
/* It takes no more listeners of other network namespaces. */
void crew_forget_doors(const struct member *m);
void crew_signal(const struct member *m, int number);
/* The worker accepts from now on: those before it drain. */
void crew_member_ready(struct member *m);
/* Say so, if nobody is left whose end is waited for. */
void crew_end_if_left(struct crew *c);

#endif
