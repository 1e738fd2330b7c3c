/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SSE_EVENT_H
#define AWSMASK_SSE_EVENT_H
/*
 * The inside of sse.h: one event of a stream, taken apart and put together, and what the data of a
 * streamed message's event says.
 */
#include "unmask.h"

/* How this stream writes what the format leaves open. */
struct sse_dialect {
	uint8_t eol[2];
	uint8_t eol_len;
	bool space; /* after a field's colon */
	bool named; /* events have an `event` field */
};

struct sse_data_line {
	size_t off, len; /* of the value */
};

struct sse_event {
	const uint8_t *raw; /* its lines, the blank one included */
	size_t len;
	struct buf lines; /* struct sse_data_line: the `data` fields */
	struct buf joined;
	struct sse_dialect dialect;
	bool is_error; /* named "error" */
};

/* Where the line ends that goes on at raw[i]: at its LF or CR, or at len. */
size_t sse_line_end(const uint8_t *raw, size_t i, size_t len);

/*
 * Take an event apart; `raw` stays in place while the event is in use. `e` is zeroed or has been
 * parsed into before. 0, or -1: memory is out.
 */
__attribute__((warn_unused_result)) int sse_event_parse(struct sse_event *e, const uint8_t *raw,
							size_t len);
void sse_event_free(struct sse_event *e);

static inline size_t sse_event_lines(const struct sse_event *e)
{
	return buf_len(&e->lines) / sizeof(struct sse_data_line);
}

static inline const struct sse_data_line *sse_event_line(const struct sse_event *e, size_t i)
{
	return (const struct sse_data_line *)(const void *)buf_bytes(&e->lines) + i;
}

/* The event's data: its lines joined with \n. There must be one. 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int sse_event_data(struct sse_event *e, const uint8_t **data,
						       size_t *len);

/*
 * Append the event with other data of as many lines, all other bytes as they are. 0, or -1: out is
 * full.
 */
__attribute__((warn_unused_result)) int
sse_event_put(const struct sse_event *e, const uint8_t *data, size_t len, struct buf *out);
/* Append the event, its data restored as plain text, line by line. 0, or -1: out is full. */
__attribute__((warn_unused_result)) int sse_event_put_text(const struct sse_event *e,
							   struct unmask *u, struct buf *out);

/*
 * Whether the event that begins here may tell of the message as a whole: it is named message_..., or its data
 * begins with such a type. Neither needs more than the event's first bytes.
 */
bool sse_event_tells(const uint8_t *raw, size_t len);

/*
 * How many of p[0..n), which begins where an event does, are whole events that leave as they came: no string
 * of theirs has a placeholder of any scope, or the beginning of one at its end. Events of more than `max` bytes
 * are none of them, nor is one that tells of the message. *seen: before there another look is in vain.
 */
size_t sse_plain_events(const uint8_t *p, size_t n, size_t max, size_t *seen);

/* The delta kinds whose strings continue one another. */
struct sse_delta_kind {
	const char *type, *field;
	bool is_nested;
};

enum sse_message_kind {
	SSE_OTHER,
	SSE_DELTA, /* of a kind in the table, at `index` */
	SSE_BLOCK, /* a block begins or ends at `index` */
	SSE_BREAK, /* all blocks are over */
};

struct sse_message {
	enum sse_message_kind kind;
	bool is_message; /* of a streamed message at all: SCHEMA_EVENT */
	uint32_t index;
	const struct sse_delta_kind *delta;
	size_t text_off; /* in the data: the delta's string */
};

/* 1: *m is filled. 0: the data is not JSON, *m is untouched. */
int sse_message_read(const uint8_t *data, size_t len, struct sse_message *m);

/* Append the beginning and the end of a delta event, between which its string's content goes. */
__attribute__((warn_unused_result)) int sse_delta_begin(const struct sse_dialect *d,
							const struct sse_delta_kind *kind,
							uint32_t index, struct buf *out);
__attribute__((warn_unused_result)) int sse_delta_end(const struct sse_dialect *d, struct buf *out);

#endif
