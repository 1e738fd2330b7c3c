/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_line.h"
#include "awsmask/abi.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <time.h>

static const char *const usage_words[USAGE_COUNT] = {
#define X(name, key, word) word,
	USAGE_COUNTS(X)
#undef X
};

static const char hash_key[] = ",\"hash\":\"";
#define HASH_TAIL (sizeof(hash_key) - 1 + AUDIT_HASH_LEN + 2) /* with "} */

void audit_chain_begin(struct audit_chain *c)
{
	c->seq = 0;
	memset(c->head, '0', AUDIT_HASH_LEN);
	c->head[AUDIT_HASH_LEN] = 0;
}

void audit_hash(const void *p, size_t n, char hex[static AUDIT_HASH_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(p, n, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[AUDIT_HASH_LEN] = 0;
}

/* ---- writing; a failure of memory stays with the buffer's owner */

struct writer {
	struct buf *out;
	bool failed;
};

static void put(struct writer *w, const char *text)
{
	w->failed |= buf_puts(w->out, text) < 0;
}

/* Readers of JSON know no number beyond. */
static uint64_t bounded(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : n;
}

static void put_number(struct writer *w, const char *key, uint64_t n)
{
	char text[64];

	snprintf(text, sizeof(text), ",\"%s\":%" PRIu64, key, bounded(n));
	put(w, text);
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Names come from anywhere: what is no printable ASCII shows as '?'. */
static void put_quoted(struct writer *w, const char *text)
{
	put(w, "\"");
	while (*text) {
		size_t n = 0;

		while (is_plain(text[n]))
			n++;
		w->failed |= buf_append(w->out, text, n) < 0;
		text += n;
		if (!*text)
			break;
		put(w, *text == '"' ? "\\\"" : *text == '\\' ? "\\\\" : "?");
		text++;
	}
	put(w, "\"");
}

static void put_text(struct writer *w, const char *key, const char *text)
{
	if (!*text)
		return;
	put(w, ",\"");
	put(w, key);
	put(w, "\":");
	put_quoted(w, text);
}

static void put_time(struct writer *w, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = {0};
	char day[32] = "", text[64];

	if (gmtime_r(&seconds, &tm) && tm.tm_year < 8100)
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", *day ? day : "1970-01-01T00:00:00",
		 (unsigned)(ms % 1000));
	put_text(w, "time", text);
}

static void put_counts(struct writer *w, const char *key, const struct audit_count *counts,
		       uint32_t count)
{
	const char *between = ":{";
	char number[16];

	if (!count)
		return;
	put(w, ",\"");
	put(w, key);
	put(w, "\"");
	for (uint32_t i = 0; i < count; i++, between = ",") {
		put(w, between);
		put_quoted(w, counts[i].label);
		snprintf(number, sizeof(number), ":%" PRIu32, counts[i].n);
		put(w, number);
	}
	put(w, "}");
}

static void put_placeholders(struct writer *w, const struct audit_record *r)
{
	const char *between = ",\"placeholders\":[";
	char text[LABEL_MAX + 16];

	for (uint32_t i = 0; i < r->placeholder_count; i++, between = ",") {
		put(w, between);
		snprintf(text, sizeof(text), "%s_%03" PRIu32, r->placeholders[i].label,
			 r->placeholders[i].n);
		put_quoted(w, text);
	}
	if (r->placeholder_count)
		put(w, "]");
	if (r->more_placeholders)
		put_number(w, "more_placeholders", r->more_placeholders);
}

static void put_usage(struct writer *w, const struct usage *u)
{
	const char *between = ",\"usage\":{";
	char text[64];

	put_text(w, "model", u->model);
	for (int i = 0; i < USAGE_COUNT; i++) {
		if (!(u->known >> i & 1))
			continue;
		snprintf(text, sizeof(text), "%s\"%s\":%" PRIu64, between, usage_words[i],
			 bounded(u->counts[i]));
		put(w, text);
		between = ",";
	}
	if (*between == ',' && !between[1])
		put(w, "}");
}

static void put_known(struct writer *w, const struct audit_record *r, enum audit_number from,
		      enum audit_number to)
{
	static const char *const keys[AUDIT_NUMBER_COUNT] = {
		"uid",	    "pid",	 "port",
		"status",   "restored",	 "unknown_placeholders",
		"bytes_in", "bytes_out", "duration_ms",
		"added_us", "bytes"};

	for (unsigned i = from; i <= to; i++)
		if (r->known >> i & 1)
			put_number(w, keys[i], r->numbers[i]);
}

static void put_record(struct writer *w, const struct audit_record *r)
{
	put_text(w, "event", audit_event_word(r->event));
	put_known(w, r, AUDIT_UID, AUDIT_PID);
	put_text(w, "comm", r->comm);
	put_text(w, "cgroup", r->cgroup);
	put_text(w, "container", r->container);
	put_text(w, "target", r->target);
	put_known(w, r, AUDIT_PORT, AUDIT_PORT);
	put_text(w, "method", r->method);
	put_text(w, "path", r->path);
	put_text(w, "subject", r->subject);
	put_text(w, "verdict", audit_verdict_word(r->verdict));
	put_text(w, "reason", r->reason);
	put_text(w, "mode", r->observe ? POLICY_OBSERVE_WORD : "");
	put_known(w, r, AUDIT_STATUS, AUDIT_STATUS);
	if (r->stream)
		put(w, ",\"stream\":true");
	put_counts(w, "masked", r->masked, r->masked_count);
	put_counts(w, "observed", r->observed, r->observed_count);
	put_placeholders(w, r);
	put_known(w, r, AUDIT_RESTORED, AUDIT_BYTES);
	put_usage(w, &r->usage);
}

int audit_line(struct audit_chain *c, const struct audit_record *r,
	       const struct audit_line_facts *facts, struct buf *out)
{
	size_t before = buf_len(out);
	struct writer w = {.out = out};
	struct audit_chain next = {.seq = c->seq + 1};

	put(&w, "{\"v\":1");
	put_number(&w, "seq", next.seq);
	put_time(&w, r->time_ms);
	put_text(&w, "host", facts->host);
	put_record(&w, r);
	if (facts->sha256)
		put_text(&w, "sha256", facts->sha256);
	if (facts->lost)
		put_number(&w, "lost", facts->lost);
	put_text(&w, "prev", c->head);
	if (!w.failed)
		audit_hash(buf_bytes(out) + before, buf_len(out) - before, next.head);
	put(&w, hash_key);
	put(&w, next.head);
	put(&w, "\"}\n");
	if (w.failed) {
		buf_truncate(out, before);
		return -1;
	}
	*c = next;
	return 0;
}

/* ---- reading */

int audit_line_check(const char *line, size_t len, struct audit_chain *c)
{
	static const char begin[] = "{\"v\":1,\"seq\":";
	struct audit_chain found = {.seq = 0};
	size_t at = sizeof(begin) - 1, body;

	if (len < at + HASH_TAIL || len > AUDIT_LINE_MAX || memcmp(line, begin, at) != 0)
		return 0;
	body = len - HASH_TAIL;
	for (; at < body && line[at] >= '0' && line[at] <= '9'; at++)
		if (__builtin_mul_overflow(found.seq, 10, &found.seq) ||
		    __builtin_add_overflow(found.seq, (uint64_t)(line[at] - '0'), &found.seq))
			return 0;
	audit_hash(line, body, found.head);
	if (!found.seq || line[at] != ',' ||
	    memcmp(line + body, hash_key, sizeof(hash_key) - 1) != 0 ||
	    memcmp(line + body + sizeof(hash_key) - 1, found.head, AUDIT_HASH_LEN) != 0 ||
	    memcmp(line + len - 2, "\"}", 2) != 0)
		return 0;
	*c = found;
	return 1;
}
