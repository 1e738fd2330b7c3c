/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_line.h"
#include "awsmask/abi.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <time.h>

static const char hash_key[] = ",\"hash\":\"";
#define HASH_TAIL (sizeof(hash_key) - 1 + AUDIT_HASH_LEN + 2) /* with "} */

void audit_chain_begin(struct audit_chain *c)
{
	c->seq = 0;
	memset(c->head, '0', AUDIT_HASH_LEN);
	c->head[AUDIT_HASH_LEN] = 0;
}

/* Asked for by its name each time it takes as long as hashing half a line. */
static EVP_MD *sha256;

static void find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int audit_hash(const void *p, size_t n, char hex[static AUDIT_HASH_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint8_t digest[SHA256_DIGEST_LENGTH];

	pthread_once(&once, find_sha256);
	if (!EVP_Digest(p, n, digest, NULL, sha256 ? sha256 : EVP_sha256(), NULL))
		return -1;
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[AUDIT_HASH_LEN] = 0;
	return 0;
}

/* ---- writing */

struct writer {
	char *at, *end;
	bool failed; /* it would be longer than AUDIT_LINE_MAX */
};

struct piece {
	const char *p;
	size_t n;
};
#define PIECE(text) ((struct piece){(text), sizeof(text) - 1})
#define KEY(name) PIECE(",\"" name "\":")

static bool has_room(struct writer *w, size_t n)
{
	w->failed |= (size_t)(w->end - w->at) < n;
	return !w->failed;
}

static void put(struct writer *w, struct piece piece)
{
	if (!has_room(w, piece.n))
		return;
	memcpy(w->at, piece.p, piece.n);
	w->at += piece.n;
}

static void put_char(struct writer *w, char c)
{
	put(w, (struct piece){&c, 1});
}

/* At least so many digits. */
static void put_digits(struct writer *w, uint64_t n, size_t least)
{
	char text[24];
	size_t at = sizeof(text);

	for (; n || sizeof(text) - at < least; n /= 10)
		text[--at] = (char)('0' + n % 10);
	put(w, (struct piece){text + at, sizeof(text) - at});
}

/* Readers of JSON know no number beyond. */
static uint64_t bounded(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : n;
}

static void put_number(struct writer *w, struct piece key, uint64_t n)
{
	put(w, key);
	put_digits(w, bounded(n), 1);
}

/* Names come from anywhere: what is no printable ASCII shows as '?'. */
static void put_escaped(struct writer *w, const char *text)
{
	static const bool plain[256] = {
		[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

	if (!has_room(w, 2 * strlen(text)))
		return;
	for (; *text; text++) {
		char c = *text;

		if (!plain[(uint8_t)c]) {
			if (c == '"' || c == '\\')
				*w->at++ = '\\';
			else
				c = '?';
		}
		*w->at++ = c;
	}
}

static void put_quoted(struct writer *w, const char *text)
{
	put_char(w, '"');
	put_escaped(w, text);
	put_char(w, '"');
}

static void put_text(struct writer *w, struct piece key, const char *text)
{
	if (!*text)
		return;
	put(w, key);
	put_quoted(w, text);
}

static void put_time(struct writer *w, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || tm.tm_year >= 8100)
		tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	put(w, PIECE(",\"time\":\""));
	put_digits(w, (uint64_t)tm.tm_year + 1900, 4);
	put_char(w, '-');
	put_digits(w, (uint64_t)tm.tm_mon + 1, 2);
	put_char(w, '-');
	put_digits(w, (uint64_t)tm.tm_mday, 2);
	put_char(w, 'T');
	put_digits(w, (uint64_t)tm.tm_hour, 2);
	put_char(w, ':');
	put_digits(w, (uint64_t)tm.tm_min, 2);
	put_char(w, ':');
	put_digits(w, (uint64_t)tm.tm_sec, 2);
	put_char(w, '.');
	put_digits(w, ms % 1000, 3);
	put(w, PIECE("Z\""));
}

static void put_counts(struct writer *w, struct piece key, const struct audit_count *counts,
		       uint32_t count)
{
	if (!count)
		return;
	put(w, key);
	for (uint32_t i = 0; i < count; i++) {
		put_char(w, i ? ',' : '{');
		put_quoted(w, counts[i].label);
		put_char(w, ':');
		put_digits(w, counts[i].n, 1);
	}
	put_char(w, '}');
}

static void put_placeholders(struct writer *w, const struct audit_record *r)
{
	if (r->placeholder_count)
		put(w, KEY("placeholders"));
	for (uint32_t i = 0; i < r->placeholder_count; i++) {
		put(w, i ? PIECE(",\"") : PIECE("[\""));
		put_escaped(w, r->placeholders[i].label);
		put_char(w, '_');
		put_digits(w, r->placeholders[i].n, 3);
		put_char(w, '"');
	}
	if (r->placeholder_count)
		put_char(w, ']');
	if (r->more_placeholders)
		put_number(w, KEY("more_placeholders"), r->more_placeholders);
}

static void put_usage(struct writer *w, const struct usage *u)
{
	static const char *const names[USAGE_COUNT] = {
#define X(name, key, word) "\"" word "\":",
		USAGE_COUNTS(X)
#undef X
	};
	struct piece between = KEY("usage");
	char first = '{';

	put_text(w, KEY("model"), u->model);
	for (int i = 0; i < USAGE_COUNT; i++) {
		if (!(u->known >> i & 1))
			continue;
		put(w, between);
		put_char(w, first);
		put_number(w, (struct piece){names[i], strlen(names[i])}, u->counts[i]);
		between = PIECE("");
		first = ',';
	}
	if (first == ',')
		put_char(w, '}');
}

static void put_known(struct writer *w, const struct audit_record *r, enum audit_number from,
		      enum audit_number to)
{
	static const char *const names[AUDIT_NUMBER_COUNT] = {
		",\"uid\":",	  ",\"pid\":",	     ",\"port\":",
		",\"status\":",	  ",\"restored\":",  ",\"unknown_placeholders\":",
		",\"bytes_in\":", ",\"bytes_out\":", ",\"duration_ms\":",
		",\"added_us\":", ",\"bytes\":"};

	for (unsigned i = from; i <= to; i++)
		if (r->known >> i & 1)
			put_number(w, (struct piece){names[i], strlen(names[i])}, r->numbers[i]);
}

static void put_record(struct writer *w, const struct audit_record *r)
{
	put_text(w, KEY("event"), audit_event_word(r->event));
	put_known(w, r, AUDIT_UID, AUDIT_PID);
	put_text(w, KEY("comm"), r->comm);
	put_text(w, KEY("cgroup"), r->cgroup);
	put_text(w, KEY("container"), r->container);
	put_text(w, KEY("target"), r->target);
	put_known(w, r, AUDIT_PORT, AUDIT_PORT);
	put_text(w, KEY("method"), r->method);
	put_text(w, KEY("path"), r->path);
	put_text(w, KEY("subject"), r->subject);
	put_text(w, KEY("verdict"), audit_verdict_word(r->verdict));
	put_text(w, KEY("reason"), r->reason);
	put_text(w, KEY("mode"), r->observe ? POLICY_OBSERVE_WORD : "");
	put_known(w, r, AUDIT_STATUS, AUDIT_STATUS);
	if (r->stream)
		put(w, PIECE(",\"stream\":true"));
	put_counts(w, KEY("masked"), r->masked, r->masked_count);
	put_counts(w, KEY("observed"), r->observed, r->observed_count);
	put_placeholders(w, r);
	put_known(w, r, AUDIT_RESTORED, AUDIT_BYTES);
	put_usage(w, &r->usage);
}

int audit_line(struct audit_chain *c, const struct audit_record *r,
	       const struct audit_line_facts *facts, struct buf *out)
{
	char *begin = (char *)buf_reserve(out, AUDIT_LINE_MAX);
	struct writer w = {.at = begin, .end = begin ? begin + AUDIT_LINE_MAX : NULL};
	struct audit_chain next = {.seq = c->seq + 1};

	if (!begin)
		return -1;
	put_number(&w, PIECE("{\"v\":1,\"seq\":"), next.seq);
	put_time(&w, r->time_ms);
	put_text(&w, KEY("host"), facts->host);
	put_record(&w, r);
	if (facts->sha256)
		put_text(&w, KEY("sha256"), facts->sha256);
	if (facts->lost)
		put_number(&w, KEY("lost"), facts->lost);
	put_text(&w, KEY("prev"), c->head);
	if (audit_hash(begin, (size_t)(w.at - begin), next.head))
		return -1;
	put(&w, PIECE(hash_key));
	put(&w, (struct piece){next.head, AUDIT_HASH_LEN});
	put(&w, PIECE("\"}\n"));
	if (w.failed)
		return -1;
	buf_grew(out, (size_t)(w.at - begin));
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
	if (!found.seq || audit_hash(line, body, found.head) || line[at] != ',' ||
	    memcmp(line + body, hash_key, sizeof(hash_key) - 1) != 0 ||
	    memcmp(line + body + sizeof(hash_key) - 1, found.head, AUDIT_HASH_LEN) != 0 ||
	    memcmp(line + len - 2, "\"}", 2) != 0)
		return 0;
	*c = found;
	return 1;
}
