/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONTROL_JOB_H
#define AWSMASK_CONTROL_JOB_H
/*
 * One request of awsmaskctl, from its line to its answer: parsed, judged, put to the monitor in as
 * many calls as it takes, answered. No sockets here.
 */
#include "awsmask/ctl.h"
#include "control.h"

#include <jansson.h>

enum control_command {
#define X(name, word, changes) CONTROL_##name,
	CTL_COMMANDS(X)
#undef X
		CONTROL_COMMAND_COUNT
};

/*
 * What the job waits for from the monitor:
 *
 *	changing commands   ACT -> done (the monitor judges who asks)
 *	status              COUNTERS -> TOTAL -> PROGRAMS -> NETNS -> done
 *	metrics             FACTS -> done
 *	list, programs      PAGE or PROGRAMS -> done
 *	flows               done (the board says)
 *	report              REPORT -> done (the report is asked, not the monitor)
 *
 * Any refusal leads to done at once.
 */
enum job_phase {
	JOB_DONE,
	JOB_ACT,
	JOB_COUNTERS,
	JOB_TOTAL,
	JOB_NETNS,
	JOB_PAGE,
	JOB_PROGRAMS,
	JOB_FACTS,
	JOB_REPORT
};

struct control_job {
	const struct control_context *context;
	int connection; /* who asks; the owner's */
	enum control_command command;
	enum job_phase phase;
	uint32_t ticket; /* of the call under way; 0: none */
	uint64_t offset; /* in the list of enrolments, or the rows of a report */
	struct report_query query;
	struct report_question *question;   /* under way; NULL: none */
	uint64_t cgroup;		    /* to be changed */
	char program[AWSMASK_PROGRAM_PATH]; /* the same; "": a cgroup is */
	struct policy policy;
	uint64_t counters[REASON_COUNT];
	uint32_t enrolled, programs; /* how many */
	json_t *answer;		     /* when done */
	void (*done)(void *owner);   /* never called from inside control_job_begin() */
	void *owner;
};

/*
 * Begin with the line. The job is either done on return (phase JOB_DONE, `answer` set), or
 * done(owner) is called later from the loop. `answer` is the owner's to drop. NULL: memory is out.
 */
void control_job_begin(struct control_job *job, const char *line, size_t len);
/* Let go of the call under way. */
void control_job_cancel(struct control_job *job);

/* {"ok": false, "error": "..."}. Never NULL: when memory is out, some JSON that is no object. */
__attribute__((format(printf, 1, 2))) json_t *control_refusal(const char *format, ...);

/* Answers from what is known (control_answer.c). NULL: memory is out. */
json_t *control_status(const struct control_context *context,
		       const uint64_t counters[static REASON_COUNT], uint32_t enrolled,
		       uint32_t programs, const struct priv_reply *netns);
json_t *control_metrics(const struct control_context *context, const struct priv_facts *facts);
json_t *control_page(uint32_t offset, const struct priv_reply *reply);
json_t *control_flows(const struct control_context *context, uint32_t offset); /* control_flows.c */
json_t *control_programs(uint32_t offset, const struct priv_reply *reply);

#endif
