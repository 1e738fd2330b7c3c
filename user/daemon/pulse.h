/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PULSE_H
#define AWSMASK_PULSE_H
/*
 * Whether the worker that serves still answers: each of its threads says so every PULSE_MS. One that is
 * silent for PULSE_MISSED of them is stopped, or hangs.
 */
#include "worker.h"

#define PULSE_MS 2000
#define PULSE_MISSED 5

/* The monitor's. */
struct pulse {
	uv_timer_t timer; /* private, as all below */
	unsigned threads, missed[WORKER_THREADS_MAX];
	bool silent;
	void (*changed)(void *arg, bool answers);
	void *arg;
};

/* `changed` is called from the loop when it falls silent, and when it answers again. */
void pulse_init(struct pulse *p, uv_loop_t *loop, void (*changed)(void *arg, bool answers),
		void *arg);
/* A worker with so many threads serves from now on; it answers. */
void pulse_watch(struct pulse *p, unsigned threads);
/* It has ended. */
void pulse_stop(struct pulse *p);
/* This thread of it has said something. */
void pulse_heard(struct pulse *p, unsigned thread);

/* A thread's: begin to say so. The timer is the caller's to close. */
void pulse_begin(uv_timer_t *timer, uv_loop_t *loop, struct privsep *privsep);

#endif
