/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REPORT_H
#define AWSMASK_REPORT_H
/*
 * What was found in whose requests, kept from day to day. Any thread counts; every few seconds, and at
 * the end, what was counted goes to the file from a thread that no request waits for. While the file
 * cannot be written, sums are kept in memory, as far as they are not too many, and it is tried again.
 */
#include "report_tally.h"

#include <jansson.h>
#include <uv.h>

struct report;

/* `path` "": nothing is kept. The file is opened now, so that what is wrong with it is logged at the
 * start. NULL: memory is out. */
struct report *report_new(const char *path, unsigned keep_days, const struct types *types);
/* Writes what is left. */
void report_free(struct report *r);

void report_count(struct report *r, const struct report_request *q);
void report_count_connection(struct report *r, const struct report_connection *q);

/* Write every few seconds, from this loop's pool. 0, or -1. */
int report_start(struct report *r, uv_loop_t *loop);
void report_stop(struct report *r);

/* Write now, here: for the pool, tests, and the end. Days that are too old as of today are forgotten.
 * 0, or -1: it was said in the log, and what was counted is kept. */
int report_flush(struct report *r, int64_t today);

/* How it fares, for `status`. */
struct report_state {
	uint64_t unwritten; /* requests counted and not yet written */
	uint64_t lost;	    /* requests and connections that could not be: too much was unwritten */
	uint64_t failures;  /* to write */
	char error[sizeof(((struct err *)0)->text)]; /* of the last attempt; "": none */
};
void report_state(struct report *r, struct report_state *state);

/*
 * The answer to a question, on the loop of report_start(): what was counted is written first. `done`
 * is called later from that loop with {"ok": ...}, its owner's. NULL: memory is out.
 */
struct report_question;
struct report_question *report_ask(struct report *r, const struct report_query *q, uint64_t offset,
				   void (*done)(void *arg, json_t *answer), void *arg);
/* The answer is not wanted any more. */
void report_forget(struct report_question *question);

/*
 * Rows as JSON, from `offset` on, as many as fit into `room` bytes: "rows", how many there are in
 * "total", and the offset to go on with in "next" if there are more. Rows of sums have them by their
 * names, those of outcomes "outcome", "why" and "count". Beside them, and not part of `room`: "modes",
 * the sums of each mode with its "first" and "last" day; "outcomes", as such rows, of all of it;
 * "host" and "version" of the file. NULL and a sentence.
 */
json_t *report_rows(struct report_db *db, const struct report_query *q, uint64_t offset,
		    size_t room, struct err *e);

#endif
