/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's policy, compiled natively: a table of what people expect, then every combination. */
#include "../../bpf/policy.bpf.h"

#include <criterion/criterion.h>

struct row {
	const char *what;
	struct facts facts;
	enum verdict verdict;
	enum reason reason;
};

#define STREAM .attempt = ATTEMPT_STREAM
#define OURS .enrolled = true, .port_masked = true
#define ALIVE .listener = true, .room = true

static const struct row table[] = {
	{"nobody's", {STREAM}, VERDICT_PASS, REASON_NOT_ENROLLED},
	{"nobody's, to a masked port",
	 {STREAM, .port_masked = true, ALIVE},
	 VERDICT_PASS,
	 REASON_NOT_ENROLLED},
	{"an agent's, to its model", {STREAM, OURS, ALIVE}, VERDICT_REDIRECT, REASON_REDIRECTED},
	{"to another port", {STREAM, .enrolled = true, ALIVE}, VERDICT_PASS, REASON_PORT},
	{"to an excluded network",
	 {STREAM, OURS, ALIVE, .excluded = true},
	 VERDICT_PASS,
	 REASON_EXCLUDED},
	{"the daemon's own", {STREAM, OURS, ALIVE, .own = true}, VERDICT_PASS, REASON_OWN},
	{"the daemon's own while nobody listens",
	 {STREAM, OURS, .own = true},
	 VERDICT_PASS,
	 REASON_OWN},
	{"the daemon is dead", {STREAM, OURS}, VERDICT_DENY, REASON_NO_LISTENER},
	{"the daemon is dead, fail: open",
	 {STREAM, OURS, .fail_open = true},
	 VERDICT_PASS,
	 REASON_FAIL_OPEN},
	{"no room", {STREAM, OURS, .listener = true}, VERDICT_DENY, REASON_NO_ROOM},
	{"no room, fail: open",
	 {STREAM, OURS, .listener = true, .fail_open = true},
	 VERDICT_PASS,
	 REASON_FAIL_OPEN},
	{"fail: open masks while it can",
	 {STREAM, OURS, ALIVE, .fail_open = true},
	 VERDICT_REDIRECT,
	 REASON_REDIRECTED},
	{"address ordering by a datagram connect",
	 {.attempt = ATTEMPT_DATAGRAM_CONNECT, OURS},
	 VERDICT_PASS,
	 REASON_UDP_CONNECT},
	{"QUIC", {.attempt = ATTEMPT_DATAGRAM_SEND, OURS}, VERDICT_DENY, REASON_UDP},
	{"QUIC, whatever listens",
	 {.attempt = ATTEMPT_DATAGRAM_SEND, OURS, ALIVE},
	 VERDICT_DENY,
	 REASON_UDP},
	{"QUIC, fail: open",
	 {.attempt = ATTEMPT_DATAGRAM_SEND, OURS, .fail_open = true},
	 VERDICT_DENY,
	 REASON_UDP},
	{"DNS", {.attempt = ATTEMPT_DATAGRAM_SEND, .enrolled = true}, VERDICT_PASS, REASON_PORT},
	{"datagram to an excluded network",
	 {.attempt = ATTEMPT_DATAGRAM_SEND, OURS, .excluded = true},
	 VERDICT_PASS,
	 REASON_EXCLUDED},
	{"ping", {.attempt = ATTEMPT_PORTLESS, OURS}, VERDICT_PASS, REASON_PORT},
};

Test(policy, table)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct ruling r = decide(&table[i].facts);

		cr_expect_eq(r.verdict, table[i].verdict, "%s", table[i].what);
		cr_expect_eq(r.reason, table[i].reason, "%s", table[i].what);
	}
}

#define COMBINATIONS (4 << 7)

static struct facts combination(int n)
{
	return (struct facts){.attempt = (enum attempt)(n >> 7),
			      .own = n & 1,
			      .enrolled = n & 2,
			      .fail_open = n & 4,
			      .port_masked = n & 8,
			      .excluded = n & 16,
			      .listener = n & 32,
			      .room = n & 64};
}

/* Closed by default: what is enrolled and to be masked passes by no way but those configured. */
Test(policy, closed_by_default)
{
	for (int n = 0; n < COMBINATIONS; n++) {
		struct facts f = combination(n);
		bool to_be_masked = f.enrolled && !f.own && f.port_masked && !f.excluded;
		bool carries = f.attempt == ATTEMPT_STREAM || f.attempt == ATTEMPT_DATAGRAM_SEND;

		if (!to_be_masked || !carries || (f.fail_open && f.attempt == ATTEMPT_STREAM))
			continue;
		cr_expect_neq(decide(&f).verdict, VERDICT_PASS, "combination %d", n);
	}
}

/* Who is not concerned is let alone, and nothing is redirected to nobody or without a note. */
Test(policy, touches_only_its_own)
{
	for (int n = 0; n < COMBINATIONS; n++) {
		struct facts f = combination(n);
		struct ruling r = decide(&f);

		if (!f.enrolled || f.own || !f.port_masked || f.excluded)
			cr_expect_eq(r.verdict, VERDICT_PASS, "combination %d", n);
		if (r.verdict == VERDICT_REDIRECT)
			cr_expect(f.attempt == ATTEMPT_STREAM && f.listener && f.room,
				  "combination %d", n);
	}
}

/* Each reason belongs to one verdict: counters by reason are enough to tell what happened. */
Test(policy, a_reason_tells_the_verdict)
{
	int verdict_of[REASON_COUNT];

	for (int i = 0; i < REASON_COUNT; i++)
		verdict_of[i] = -1;
	for (int n = 0; n < COMBINATIONS; n++) {
		struct facts f = combination(n);
		struct ruling r = decide(&f);

		if (verdict_of[r.reason] < 0)
			verdict_of[r.reason] = (int)r.verdict;
		cr_expect_eq(verdict_of[r.reason], (int)r.verdict, "combination %d", n);
	}
	for (int i = 0; i < REASON_COUNT; i++)
		cr_expect_geq(verdict_of[i], 0, "reason %d is never given", i);
}

/* Whoever gathers facts stops at the first that settles the matter; later ones must not count. */
Test(policy, later_facts_do_not_matter)
{
	for (int n = 0; n < COMBINATIONS; n++) {
		struct facts f = combination(n), less = f;
		struct ruling whole = decide(&f), part;

		if (f.own || !f.enrolled)
			less = (struct facts){
				.attempt = f.attempt, .own = f.own, .enrolled = f.enrolled};
		else if (!f.port_masked || f.excluded || f.attempt != ATTEMPT_STREAM)
			less.listener = less.room = false;
		part = decide(&less);
		cr_expect(part.verdict == whole.verdict && part.reason == whole.reason,
			  "combination %d", n);
	}
}
