/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_STATS_H
#define AWSMASK_STATS_H
/*
 * What is counted. Counts only, never values (I8); any thread adds, any thread reads.
 *
 * Counters stand in memory that the monitor makes and every worker maps: what a draining worker still
 * counts goes on in the same sums, and one that crashes takes nothing with it. A monitor leaves them to
 * the next, so they begin at zero with the first daemon, or with one that counts other things.
 * Gauges are one worker's own.
 */
#include "../mask/detect.h"
#include "../wire/exchange.h"

#include <stdatomic.h>

#define STATS_COUNTERS(X)                                                                          \
	X(flows_accepted, "client connections accepted")                                           \
	X(flows_unknown, "connections closed because no flow was known for them")                  \
	X(flows_opened, "connections to targets, opened")                                          \
	X(flows_spliced, "connections to other hosts, passed through")                             \
	X(flows_refused, "connections refused")                                                    \
	X(requests, "requests to targets")                                                         \
	X(request_bytes, "bytes of requests' bodies, as clients sent them")                        \
	X(answer_bytes, "bytes of answers' bodies, as clients got them")                           \
	X(spliced_bytes, "bytes passed through, both ways")                                        \
	X(stream_events, "events of streams that went to clients")                                 \
	X(restored, "placeholders restored in answers")                                            \
	X(unknown_placeholders, "placeholders in answers that the scope does not know")            \
	X(blocked, "values for which policy refuses a request")                                    \
	X(signed_passed, "identifiers inside signed blocks, passed verbatim")                      \
	X(texts_recalled,                                                                          \
	  "pieces of requests that came before, and were not scanned, or compressed, again")       \
	X(bytes_recalled, "bytes of them")                                                         \
	X(texts_remembered, "pieces that were scanned, and are not when they come again")          \
	X(origin_connections, "connections made to origins")                                       \
	X(origin_reused, "requests sent over a pooled origin connection")                          \
	X(handshake_failures, "clients that broke off the TLS handshake (is the CA trusted?)")     \
	X(audit_records, "records written to the audit log")                                       \
	X(audit_lost, "records of the audit log that could not be kept until they were written")   \
	X(audit_failures, "attempts to write the audit log that failed")                           \
	X(audit_unforwarded, "records that journald or syslog did not take")

/* Those that are told apart by type elsewhere. */
#define STATS_SUMS(X)                                                                              \
	X(masked, "values replaced in requests")                                                   \
	X(observed, "values found and left as they are: only observed")

#define STATS_GAUGES(X)                                                                            \
	X(flows_active, "connections open now")                                                    \
	X(origins_open, "connections to origins open now")                                         \
	X(origins_idle, "those of them that wait in a pool")                                       \
	X(memo_bytes, "bytes in which scanned requests are remembered")

/* Statuses of origins' answers; one that stands alone is not in its class. */
#define STATS_ANSWERS(X)                                                                           \
	X(INFORMATIONAL, "1xx", 100, 199)                                                          \
	X(SUCCESS, "2xx", 200, 299)                                                                \
	X(REDIRECTION, "3xx", 300, 399)                                                            \
	X(UNAUTHORIZED, "401", 401, 401)                                                           \
	X(FORBIDDEN, "403", 403, 403)                                                              \
	X(TOO_MANY, "429", 429, 429)                                                               \
	X(CLIENT_ERROR, "4xx", 400, 499)                                                           \
	X(OVERLOADED, "529", 529, 529)                                                             \
	X(SERVER_ERROR, "5xx", 500, 999)

enum stats_answer {
#define X(name, word, low, high) STATS_ANSWER_##name,
	STATS_ANSWERS(X)
#undef X
		STATS_ANSWER_COUNT
};

#define STATS_BUCKETS 14
/* name, meaning, upper bounds in microseconds */
#define STATS_HISTOGRAMS(X)                                                                        \
	X(REQUEST_ADDED, "request_added_seconds",                                                  \
	  "from a request's last byte to its first byte to the origin: masking, and a connection " \
	  "to the origin where none was pooled",                                                   \
	  50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000,       \
	  5000000)                                                                                 \
	X(FIRST_EVENT, "stream_first_event_seconds",                                               \
	  "from a request's last byte to the first event of its answer: mostly the model's own "   \
	  "time",                                                                                  \
	  100000, 250000, 500000, 1000000, 1500000, 2000000, 3000000, 5000000, 8000000, 13000000,  \
	  20000000, 30000000, 60000000, 300000000)

enum stats_histogram_name {
#define X(name, ...) HISTOGRAM_##name,
	STATS_HISTOGRAMS(X)
#undef X
		HISTOGRAM_COUNT
};

struct stats_histogram_info {
	const char *name, *meaning;
	uint64_t bounds_us[STATS_BUCKETS];
};
extern const struct stats_histogram_info stats_histograms[HISTOGRAM_COUNT];

struct stats_histogram {
	_Atomic uint64_t buckets[STATS_BUCKETS + 1]; /* not cumulative; the last is beyond all */
	_Atomic uint64_t sum_ns;
};

/* Types by slots: those of the catalogue are their numbers, own ones follow in the order in which the
 * first worker that had them came. One more for whatever found no slot. */
#define STATS_SLOTS (TYPE_MAX + 1)

struct stats {
	uint64_t layout; /* of what counts the same things in the same places */
#define X(name, meaning) _Atomic uint64_t name;
	STATS_COUNTERS(X)
	STATS_SUMS(X)
#undef X
	_Atomic uint64_t refusals[REFUSAL_COUNT];
	_Atomic uint64_t answers[STATS_ANSWER_COUNT];
	struct stats_histogram histograms[HISTOGRAM_COUNT];
	_Atomic uint64_t masked_by_type[STATS_SLOTS], observed_by_type[STATS_SLOTS];
	/* The audit log's: of audit_lost, those that a record has told of; whether the last attempt failed. */
	_Atomic uint64_t audit_lost_told;
	_Atomic uint32_t audit_broken;
	_Atomic uint32_t own_count;
	char own_labels[TYPES_OWN_MAX][LABEL_MAX + 1];
};

/* Which slots one worker's own types have. All zero: it has none. */
struct stats_slots {
	uint16_t own[TYPES_OWN_MAX];
};

struct stats_gauges {
#define X(name, meaning) _Atomic uint64_t name;
	STATS_GAUGES(X)
#undef X
	_Atomic uint64_t
		leaf_not_after; /* seconds since 1970; of the leaf shown last; 0: none yet */
};

static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void stat_sub(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_sub_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void stats_observe(struct stats *s, enum stats_histogram_name name, uint64_t ns);
/* An origin's answer. */
void stats_answer(struct stats *s, unsigned status);

static inline unsigned stats_slot(const struct stats_slots *slots, unsigned type)
{
	return type < TYPE_COUNT ? type : slots->own[type - TYPE_COUNT];
}
/* Whose counters these are; NULL: nobody's, yet. */
const char *stats_slot_label(const struct stats *s, unsigned slot);
/* Find the slots of a worker's own types, or give them some. One worker at a time does. */
void stats_find_slots(struct stats *s, const struct types *types, struct stats_slots *slots);

/* Memory that starts at zero, and cannot be made smaller by those who have it. A descriptor, or -1 and errno. */
__attribute__((warn_unused_result)) int stats_make(void);
/* Whether it is such memory, of this layout: another version may have made it. */
bool stats_is_ours(int fd);
/* NULL and errno. */
__attribute__((warn_unused_result)) struct stats *stats_map(int fd);
void stats_unmap(struct stats *s); /* may be NULL */

#endif
