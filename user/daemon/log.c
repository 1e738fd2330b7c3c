/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 3072
#define NAME_MAX_BYTES 256

static int least = LOG_INFO;

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
	FILE *f;
	long len;

	if (!log_wants(level))
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
