/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_RECORD_H
#define AWSMASK_AUDIT_RECORD_H
/*
 * One record of the audit log, as it goes from hand to hand: numbers and names, never a value (I8). Without pointers,
 * so that who writes it need not believe who made it.
 */
#include "../mask/types.h"
#include "../mask/usage.h"

#include <stdint.h>

/* What happened. */
#define AUDIT_EVENTS(X)                                                                            \
	X(REQUEST, "request")                                                                      \
	X(FLOW, "flow")                                                                            \
	X(ENROLL, "enroll")                                                                        \
	X(UNENROLL, "unenroll")                                                                    \
	X(RELOAD, "reload")                                                                        \
	X(CA_RELOAD, "ca-reload")                                                                  \
	X(START, "start")                                                                          \
	X(STOP, "stop")                                                                            \
	X(TORN, "torn")

enum audit_event {
#define X(name, word) AUDIT_##name,
	AUDIT_EVENTS(X)
#undef X
		AUDIT_EVENT_COUNT
};

#define AUDIT_VERDICTS(X)                                                                          \
	X(NONE, "")                                                                                \
	X(MASKED, "masked")                                                                        \
	X(PASSED, "passed")                                                                        \
	X(SPLICED, "spliced")                                                                      \
	X(REFUSED, "refused")                                                                      \
	X(DONE, "done")

enum audit_verdict {
#define X(name, word) AUDIT_##name,
	AUDIT_VERDICTS(X)
#undef X
		AUDIT_VERDICT_COUNT
};

#define AUDIT_TYPES_MAX 24 /* told apart in a record; what goes beyond is summed up as "other" */
#define AUDIT_PLACEHOLDERS_MAX 64

/* The numbers of a record: bits of its `known` say which of them it has. */
enum audit_number {
	AUDIT_UID,
	AUDIT_PID,
	AUDIT_PORT,
	AUDIT_STATUS,
	AUDIT_RESTORED,
	AUDIT_UNKNOWN,
	AUDIT_BYTES_IN,
	AUDIT_BYTES_OUT,
	AUDIT_DURATION_MS,
	AUDIT_ADDED_US,
	AUDIT_BYTES, /* passed through; of a torn line */
	AUDIT_NUMBER_COUNT
};

struct audit_count {
	char label[LABEL_MAX + 1];
	uint32_t n; /* how many; of placeholders, which one */
};

struct audit_record { /* all zero: nothing is known; texts end with a NUL */
	uint32_t event, verdict;
	uint32_t known; /* a bit per enum audit_number */
	uint32_t observe, stream;
	uint64_t time_ms; /* since 1970 */
	uint64_t numbers[AUDIT_NUMBER_COUNT];
	uint32_t masked_count, observed_count, placeholder_count; /* of the arrays below */
	uint32_t more_placeholders;
	struct usage usage;
	char comm[16];
	char method[16];
	char container[64];
	char cgroup[256];
	char target[256];
	char path[256];
	char reason[256];
	char subject[256]; /* what was changed */
	struct audit_count masked[AUDIT_TYPES_MAX], observed[AUDIT_TYPES_MAX];
	struct audit_count placeholders[AUDIT_PLACEHOLDERS_MAX];
};

/* Its texts, which end with a NUL within their room: most of that is none of them. */
#define AUDIT_TEXTS(X)                                                                             \
	X(comm) X(method) X(container) X(cgroup) X(target) X(path) X(reason) X(subject)

static inline void audit_number(struct audit_record *r, enum audit_number which, uint64_t n)
{
	r->known |= 1u << which;
	r->numbers[which] = n;
}

/* As the log and its readers spell them; of a number that is none: "". */
const char *audit_event_word(uint32_t event);
const char *audit_verdict_word(uint32_t verdict);

/* Another event, now. */
void audit_begin(struct audit_record *r, enum audit_event event, enum audit_verdict verdict);
/* Copied, and cut if it is too long; NULL is "". */
void audit_text(char *field, size_t size, const char *text);
/* So many of a type, summed up as "other" where there is no more room. */
void audit_count(struct audit_count *counts, uint32_t *count, const char *label, uint64_t n);
/*
 * Without what its texts and arrays have room for, which is most of it, and its length first: to another process, or to
 * wait. It can be written (audit_bound()). At most AUDIT_PACKED_MAX bytes; returns how many.
 */
#define AUDIT_PACKED_MAX (sizeof(uint64_t) + sizeof(struct audit_record))
size_t audit_pack(const struct audit_record *r, uint8_t *to);
/* Of one that was packed here. */
size_t audit_packed_size(const uint8_t *p);
/* The first one of these bytes, whose texts end; what *r held behind them stays. Returns how many it took, or 0: it is
 * none; *r is unspecified then. */
size_t audit_unpack(struct audit_record *r, const uint8_t *p, size_t n);
/*
 * What a datagram of records begins with. This alone is the same in all versions: a worker may be of an earlier one than
 * the monitor, or of a later one.
 */
struct audit_head {
	uint64_t layout; /* audit_layout() of who sends it: what stands where in a record */
	uint64_t count;	 /* of the records that follow */
};
uint64_t audit_layout(void);
/* Whatever it holds, it can be written: counts are within the arrays, and texts end. */
void audit_bound(struct audit_record *r);

#endif
