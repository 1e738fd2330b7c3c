/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"

#include <stdio.h>

#define BLOCK 4096
#define DELTA 24

/* The end of a piece of about so many raw bytes; escapes stay whole, lines too if asked. */
static size_t piece_end(const uint8_t *raw, size_t len, size_t at, size_t want, bool lines)
{
	size_t end = at;

	while (end < len && (end - at < want || (lines && memcmp(raw + end - 2, "\\n", 2) != 0)))
		end += raw[end] == '\\' && end + 1 < len ? 2 : 1;
	return end;
}

void gen_answer(struct buf *out, const uint8_t *raw, size_t len)
{
	size_t at, end;

	gen_puts(out, "{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\","
		      "\"model\":\"claude-bench\",\"content\":[");
	for (at = 0; at < len; at = end) {
		end = piece_end(raw, len, at, BLOCK, true);
		gen_puts(out,
			 at ? ",{\"type\":\"text\",\"text\":\"" : "{\"type\":\"text\",\"text\":\"");
		gen_put(out, raw + at, end - at);
		gen_puts(out, "\"}");
	}
	gen_puts(out, "],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
		      "\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}");
}

static const char stream_head[] =
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench\","
	"\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-bench\",\"content\":[],"
	"\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,"
	"\"output_tokens\":1}}}\n\n"
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
	"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
static const char stream_tail[] =
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
	"\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}\n\n"
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

static const char stamped_ping[] =
	"event: ping\ndata: {\"type\":\"ping\",\"at\":\"~0000000000000000~\"}\n\n";

void gen_stream(const uint8_t *raw, size_t len, bool stamped,
		void (*event)(void *arg, const char *p, size_t n), void *arg)
{
	size_t at, end;
	char line[384];
	int n;

	event(arg, stream_head, sizeof(stream_head) - 1);
	for (at = 0; at < len; at = end) {
		end = piece_end(raw, len, at, DELTA, false);
		n = snprintf(
			line, sizeof(line),
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
			"\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%.*s\"}}\n\n%s",
			(int)(end - at), (const char *)raw + at, stamped ? stamped_ping : "");
		event(arg, line, (size_t)n);
	}
	event(arg, stream_tail, sizeof(stream_tail) - 1);
}

void gen_said(struct buf *out, const uint8_t *answer, size_t len)
{
	static const char key[] = "\"text\":\"";
	const uint8_t *end = answer + len, *p = answer, *from;

	while ((p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1))) {
		from = p += sizeof(key) - 1;
		while (p < end && *p != '"')
			p += *p == '\\' && p + 1 < end ? 2 : 1;
		gen_put(out, from, (size_t)(p - from));
	}
}
