/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_STATS_H
#define AWSMASK_STATS_H
/* Counters of one worker process; any thread adds, any thread reads. Counts only, never values
 * (I8). */
#include "../mask/detect.h"
#include "../wire/exchange.h"

#include <stdatomic.h>

#define STATS_COUNTERS(X)                                                                          \
	X(flows_accepted, "client connections accepted")                                           \
	X(flows_unknown, "connections closed because no flow was known for them")                  \
	X(flows_opened, "connections to targets, opened")                                          \
	X(flows_spliced, "connections to other hosts, passed through")                             \
	X(flows_refused, "connections refused")                                                    \
	X(flows_active, "connections open now")                                                    \
	X(requests, "requests to targets")                                                         \
	X(masked, "values replaced in requests")                                                   \
	X(restored, "placeholders restored in answers")                                            \
	X(unknown_placeholders, "placeholders in answers that the scope does not know")            \
	X(observed, "values found and left as they are: only observed")                            \
	X(blocked, "values for which policy refuses a request")                                    \
	X(signed_passed, "identifiers inside signed blocks, passed verbatim")                      \
	X(texts_recalled, "texts of requests that came before, and were not scanned again")        \
	X(bytes_recalled, "bytes of them")                                                         \
	X(texts_remembered, "texts that were scanned, and are not when they come again")           \
	X(memo_bytes, "bytes that are held for that now")                                          \
	X(origin_connections, "connections made to origins")                                       \
	X(origin_reused, "requests sent over a pooled origin connection")                          \
	X(handshake_failures, "clients that broke off the TLS handshake (is the CA trusted?)")

struct stats {
#define X(name, meaning) _Atomic uint64_t name;
	STATS_COUNTERS(X)
#undef X
	_Atomic uint64_t refusals[REFUSAL_COUNT];
	_Atomic uint64_t masked_by_type[TYPE_MAX], observed_by_type[TYPE_MAX];
};

static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void stat_sub(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_sub_explicit(counter, n, memory_order_relaxed);
}

#endif
