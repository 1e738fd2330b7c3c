/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SSE_H
#define AWSMASK_SSE_H
/*
 * Restoring in an event stream (WHATWG HTML, section 9.2, "Server-sent events"), event by event:
 * what a content block's deltas say together is restored as one text, also when a placeholder is
 * torn over deltas. An event without a placeholder, or the beginning of one, leaves at once and
 * byte for byte. Streamed messages are known by their events' `type`; the schema is for other data.
 */
#include "unmask.h"
#include "usage.h"

struct sse;

/* max_event bounds one event and what is held for it, bytes. NULL: memory is out. */
__attribute__((warn_unused_result)) struct sse *sse_new(struct vault_scope *scope,
							enum schema schema, size_t max_event);
void sse_free(struct sse *s);

/* Append to `out` what n more bytes of the stream let out. 0; -1: event too large or out full
 * (sticky). */
__attribute__((warn_unused_result)) int sse_feed(struct sse *s, const uint8_t *p, size_t n,
						 struct buf *out);
/* The stream ended, well or not: append what is held. 0, or -1 as above. */
__attribute__((warn_unused_result)) int sse_finish(struct sse *s, struct buf *out);

const struct unmask_counts *sse_counts(const struct sse *s);
/* What the events named message_start and message_delta have said so far. */
const struct usage *sse_usage(const struct sse *s);

#endif
