/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_POLICY_BPF_H
#define AWSMASK_POLICY_BPF_H
/*
 * What becomes of one attempt to reach somebody: the whole policy, as a function of facts. No
 * helpers, no maps, so that a native test can walk the table.
 */
#include <stdbool.h>

#include "awsmask/abi.h"

enum attempt {
	ATTEMPT_STREAM,		  /* connect() of TCP or MPTCP */
	ATTEMPT_DATAGRAM_CONNECT, /* sets an address, sends nothing */
	ATTEMPT_DATAGRAM_SEND,
	ATTEMPT_PORTLESS, /* ping sockets */
};

struct facts {
	enum attempt attempt;
	bool own;	  /* below the daemon's own cgroup */
	bool enrolled;	  /* below an enrolled one */
	bool fail_open;	  /* that one's policy */
	bool port_masked; /* of the destination */
	bool excluded;	  /* the destination's network */
	bool listener;	  /* ours answers in this network namespace, for this family */
	bool room;	  /* the flow is remembered */
};

struct ruling {
	enum verdict verdict;
	enum reason reason;
};

static inline __attribute__((always_inline)) struct ruling ruling_of(enum verdict verdict,
								     enum reason reason)
{
	struct ruling r = {verdict, reason};

	return r;
}

/*
 * A fact is looked at only when those above it do not settle the matter, so whoever gathers them
 * may stop at the first that does.
 */
static inline __attribute__((always_inline)) struct ruling decide(const struct facts *f)
{
	if (f->own)
		return ruling_of(VERDICT_PASS, REASON_OWN);
	if (!f->enrolled)
		return ruling_of(VERDICT_PASS, REASON_NOT_ENROLLED);
	if (f->attempt == ATTEMPT_PORTLESS || !f->port_masked)
		return ruling_of(VERDICT_PASS, REASON_PORT);
	if (f->excluded)
		return ruling_of(VERDICT_PASS, REASON_EXCLUDED);
	if (f->attempt == ATTEMPT_DATAGRAM_CONNECT)
		return ruling_of(VERDICT_PASS, REASON_UDP_CONNECT);
	/* Also in observe mode and under `fail: open`: clients fall back to TCP, where they are
	 * seen. */
	if (f->attempt != ATTEMPT_STREAM)
		return ruling_of(VERDICT_DENY, REASON_UDP);
	if (f->listener && f->room)
		return ruling_of(VERDICT_REDIRECT, REASON_REDIRECTED);
	if (f->fail_open)
		return ruling_of(VERDICT_PASS, REASON_FAIL_OPEN);
	return ruling_of(VERDICT_DENY, f->listener ? REASON_NO_ROOM : REASON_NO_LISTENER);
}

#endif
