/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's policy, compiled natively. Two bytes are one attempt's facts. A connection of an enrolled
 * cgroup to a masked port never passes but by a stated exception (I1), and what is not enrolled is left
 * alone.
 */
#include "../../bpf/policy.bpf.h"
#include "fuzz.h"

static struct facts facts_of(const uint8_t bytes[static 2])
{
	return (struct facts){
		.attempt = (enum attempt)(bytes[0] & 3),
		.own = bytes[1] & 1,
		.enrolled = bytes[1] & 2,
		.fail_open = bytes[1] & 4,
		.port_masked = bytes[1] & 8,
		.excluded = bytes[1] & 16,
		.listener = bytes[1] & 32,
		.room = bytes[1] & 64,
	};
}

static void check_ours(const struct facts *f, struct ruling r)
{
	bool there = f->listener && f->room;

	switch (f->attempt) {
	case ATTEMPT_STREAM:
		MUST((r.verdict == VERDICT_REDIRECT) == there);
		MUST(r.verdict != VERDICT_PASS || (f->fail_open && !there));
		MUST((r.reason == REASON_FAIL_OPEN) == (r.verdict == VERDICT_PASS));
		break;
	case ATTEMPT_DATAGRAM_SEND:
		MUST(r.verdict == VERDICT_DENY && r.reason == REASON_UDP);
		break;
	case ATTEMPT_DATAGRAM_CONNECT: /* sends nothing */
		MUST(r.verdict == VERDICT_PASS && r.reason == REASON_UDP_CONNECT);
		break;
	default:
		MUST(r.verdict == VERDICT_PASS && r.reason == REASON_PORT);
		break;
	}
}

/* What no policy is for stays as it was, whatever else is so. */
static void check_others(const struct facts *f, struct ruling r)
{
	MUST(r.verdict == VERDICT_PASS);
	MUST((r.reason == REASON_OWN) == f->own);
	MUST((r.reason == REASON_NOT_ENROLLED) == (!f->own && !f->enrolled));
	MUST(r.reason != REASON_EXCLUDED || f->excluded);
	MUST(r.reason != REASON_PORT || !f->port_masked || f->attempt == ATTEMPT_PORTLESS);
	MUST(r.reason != REASON_FAIL_OPEN && r.reason != REASON_REDIRECTED);
}

/* Less reason to let it pass never lets it pass. */
static void check_order(const struct facts *f, struct ruling r)
{
	struct facts stricter = *f;

	stricter.own = stricter.excluded = stricter.fail_open = false;
	stricter.enrolled = stricter.port_masked = true;
	MUST(r.verdict == VERDICT_PASS || decide(&stricter).verdict != VERDICT_PASS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 2 <= size; i += 2) {
		struct facts f = facts_of(data + i);
		struct ruling r = decide(&f);

		MUST(r.reason < REASON_COUNT);
		if (!f.own && f.enrolled && f.port_masked && !f.excluded)
			check_ours(&f, r);
		else
			check_others(&f, r);
		check_order(&f, r);
	}
	return 0;
}
