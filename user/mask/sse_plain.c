/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk.h"
#include "sse_event.h"

/*
 * Nothing comes of an event in which no "_" stands before a digit, neither as it is nor once escapes are
 * undone, and nothing is held back of a string whose last byte is none of a placeholder's. Of the escapes
 * only \u makes bytes of placeholders, and only \\ can begin an escape in JSON text inside a string. A CR
 * is left to those who know all ends of lines.
 */
static bool is_suspect(uint8_t c, uint8_t next)
{
	bool digit = c >= '0' && c <= '9';

	if (c == '\\')
		return next == 'u' || next == '\\';
	if (c == '_' && next >= '0' && next <= '9')
		return true;
	return c == '\r' || (next == '"' && (c == '_' || digit || (c >= 'A' && c <= 'Z')));
}

/* The same of CHUNK bytes at once. */
static inline unsigned suspects(const uint8_t *p)
{
	unsigned underscores = chunk_find(p, '_');
	unsigned escapes = chunk_find(p + 1, 'u') | chunk_find(p + 1, '\\');

	return chunk_find(p, '\r') | (chunk_find(p, '\\') & escapes) |
	       (underscores & chunk_digits(p + 1)) |
	       ((underscores | chunk_digits(p) | chunk_upper(p)) & chunk_find(p + 1, '"'));
}

/* Words stand before most values, and these before few: message_start and its like. */
bool sse_event_tells(const uint8_t *raw, size_t len)
{
	static const char *const begins[] = {
		"event: message_", "event:message_", "data: {\"type\":\"message_",
		"data: {\"type\": \"message_", "data:{\"type\":\"message_"};

	/* Of most events one byte says that they are none. */
	if (len < 14 || (raw[0] == 'e' && raw[6] != 'm' && raw[7] != 'm'))
		return false;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (len >= strlen(begins[i]) && memcmp(raw, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/*
 * Of the ends of events at `at`, the last one that `max` bytes allow, and behind which no event begins that tells
 * something; `whole` when there is none. *stop: no later one counts.
 */
static size_t last_end(const uint8_t *p, size_t n, unsigned ends, size_t at, size_t whole,
		       size_t max, bool *stop)
{
	for (; ends && !*stop; ends &= ends - 1) {
		size_t end = at + (unsigned)__builtin_ctz(ends) + 2;

		*stop = end - whole > max;
		if (*stop)
			break;
		whole = end;
		*stop = sse_event_tells(p + whole, n - whole);
	}
	return whole;
}

/* Up to CHUNK bytes from `at` on, and one behind them: what ends there, what is suspect there. */
static void look(const uint8_t *p, size_t n, size_t at, unsigned *ends, unsigned *bad)
{
	*ends = *bad = 0;
	if (n - at > CHUNK) {
		*bad = suspects(p + at);
		*ends = chunk_find(p + at, '\n') & chunk_find(p + at + 1, '\n');
		return;
	}
	for (unsigned i = 0; at + i + 1 < n; i++) {
		*bad |= (unsigned)is_suspect(p[at + i], p[at + i + 1]) << i;
		*ends |= (unsigned)(p[at + i] == '\n' && p[at + i + 1] == '\n') << i;
	}
}

size_t sse_plain_events(const uint8_t *p, size_t n, size_t max, size_t *seen)
{
	size_t whole = 0;
	bool stop = sse_event_tells(p, n);

	*seen = 0;
	for (size_t at = 0; at < n && !stop; at += CHUNK) {
		unsigned ends, bad;

		look(p, n, at, &ends, &bad);
		if (bad)
			ends &= (1u << __builtin_ctz(bad)) - 1;
		whole = last_end(p, n, ends, at, whole, max, &stop);
		if (bad && !stop) {
			*seen = at + (unsigned)__builtin_ctz(bad);
			return whole;
		}
		*seen = at;
	}
	if (!stop)
		*seen = n;
	return whole;
}
