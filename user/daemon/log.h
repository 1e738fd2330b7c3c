/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_LOG_H
#define AWSMASK_LOG_H
/*
 * Structured lines on stderr; journald takes them from there, with a "<N>" priority before each. Payload
 * cannot get in: there is no field for bytes, only the typed ones below.
 *
 *	log_event(LOG_NOTICE, "flow-refused", log_word("why", refusal_word(r)), log_number("uid", uid));
 *
 * Nobody can flood it: of one event there are LOG_BURST lines in LOG_WINDOW_MS at most, unless it is critical. Those
 * held back are counted in the next one, as `untold`.
 */
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#define LOG_BURST 500
#define LOG_WINDOW_MS 10000

struct log_field {
	const char *key;
	enum { LOG_FIELD_NUMBER = 1, LOG_FIELD_WORD, LOG_FIELD_NAME } kind;
	uint64_t number;
	const char *text;
};

static inline struct log_field log_number(const char *key, uint64_t n)
{
	return (struct log_field){key, LOG_FIELD_NUMBER, n, 0};
}

/* A constant of the program, or an operator's sentence (struct err). */
static inline struct log_field log_word(const char *key, const char *word)
{
	return (struct log_field){key, LOG_FIELD_WORD, 0, word};
}

/* A NUL-terminated name that came from outside (host, comm, path): printed with everything but
 * [A-Za-z0-9._:/@-] as '?', cut at 256. */
static inline struct log_field log_name(const char *key, const char *name)
{
	return (struct log_field){key, LOG_FIELD_NAME, 0, name};
}

void log_level(int syslog_level); /* least severe level that is printed; LOG_INFO at start */
bool log_wants(int level);	  /* whether it would be: for what is costly to say */
void log_fields(int level, const char *event, const struct log_field *fields, unsigned n);

/* What a span of payload is made of must not type-check as a field (I8). */
#define log_event(level, event, ...)                                                               \
	log_fields(level, event, (const struct log_field[]){__VA_ARGS__},                          \
		   sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
