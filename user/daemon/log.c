/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"
#include "clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 3072
#define NAME_MAX_BYTES 256
#define EVENTS_MAX 256 /* told apart; there are fewer */

static _Atomic int least = LOG_INFO; /* a reload sets it while other threads log */

static const char *const level_words[] = {"emerg",   "alert",  "crit", "error",
					  "warning", "notice", "info", "debug"};

void log_level(int level)
{
	least = level;
}

bool log_wants(int level)
{
	return level <= least;
}

/* ---- how often */

static struct limit {
	uint64_t event; /* its hash; 0: nobody's yet */
	uint64_t since_ms;
	unsigned told;
	uint64_t untold;
} limits[EVENTS_MAX];
static pthread_mutex_t limiting = PTHREAD_MUTEX_INITIALIZER;

static uint64_t hash_of(const char *event)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *event; event++)
		h = (h ^ (uint8_t)*event) * 0x100000001b3ull;
	return h ? h : 1;
}

static struct limit *limit_of(const char *event)
{
	uint64_t h = hash_of(event);

	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		struct limit *l = &limits[(h + i) % EVENTS_MAX];

		if (!l->event)
			l->event = h;
		if (l->event == h)
			return l;
	}
	return NULL;
}

/* Whether another line of it may be told; *untold: how many could not since the last one. */
static bool may_tell(const char *event, uint64_t *untold)
{
	uint64_t now = clock_ms();
	struct limit *l;
	bool may = true;

	*untold = 0;
	pthread_mutex_lock(&limiting);
	l = limit_of(event);
	if (l && now >= l->since_ms + LOG_WINDOW_MS) {
		l->since_ms = now;
		l->told = 0;
	}
	if (l) {
		may = l->told < LOG_BURST;
		l->told += may;
		*untold = l->untold;
		l->untold = may ? 0 : l->untold + 1;
	}
	pthread_mutex_unlock(&limiting);
	return may;
}

/* ---- how */

static bool to_journal(void)
{
	return getenv("JOURNAL_STREAM") != NULL;
}

static void put_name(FILE *f, const char *s)
{
	for (size_t i = 0; i < NAME_MAX_BYTES && s[i]; i++) {
		unsigned char c = (unsigned char)s[i];
		fputc(isalnum(c) || strchr("._:/@-", c) ? c : '?', f);
	}
}

static void put_quoted(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fputc('\\', f);
		fputc(c < 0x20 || c == 0x7f ? ' ' : c, f);
	}
	fputc('"', f);
}

void log_fields(int level, const char *event, const struct log_field *fields, unsigned n)
{
	char line[LINE_MAX_BYTES];
	uint64_t untold = 0;
	FILE *f;
	long len;

	if (!log_wants(level) || (level > LOG_CRIT && !may_tell(event, &untold)))
		return;
	f = fmemopen(line, sizeof(line) - 1, "w");
	if (!f)
		return;
	if (to_journal())
		fprintf(f, "<%d>", level);
	fprintf(f, "level=%s event=%s", level_words[level & 7], event);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, " %s=", fields[i].key);
		if (fields[i].kind == LOG_FIELD_NUMBER)
			fprintf(f, "%" PRIu64, fields[i].number);
		else if (fields[i].kind == LOG_FIELD_NAME)
			put_name(f, fields[i].text);
		else
			put_quoted(f, fields[i].text);
	}
	if (untold)
		fprintf(f, " untold=%" PRIu64, untold);
	fflush(f);
	len = ftell(f);
	fclose(f);
	if (len < 0 || len > (long)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\n';
	/* One write per line keeps lines of threads and processes whole. */
	if (write(STDERR_FILENO, line, (size_t)len + 1) < 0)
		return;
}
