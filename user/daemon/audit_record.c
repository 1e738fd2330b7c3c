/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_record.h"
#include "shared.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *audit_event_word(uint32_t event)
{
	static const char *const words[AUDIT_EVENT_COUNT] = {
#define X(name, word) word,
		AUDIT_EVENTS(X)
#undef X
	};

	return event < AUDIT_EVENT_COUNT ? words[event] : "";
}

const char *audit_verdict_word(uint32_t verdict)
{
	static const char *const words[AUDIT_VERDICT_COUNT] = {
#define X(name, word) word,
		AUDIT_VERDICTS(X)
#undef X
	};

	return verdict < AUDIT_VERDICT_COUNT ? words[verdict] : "";
}

void audit_begin(struct audit_record *r, enum audit_event event, enum audit_verdict verdict)
{
	struct timespec now;

	memset(r, 0, sizeof(*r));
	clock_gettime(CLOCK_REALTIME, &now);
	r->event = event;
	r->verdict = verdict;
	r->time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void audit_text(char *field, size_t size, const char *text)
{
	size_t n = text ? strnlen(text, size - 1) : 0;

	if (n)
		memcpy(field, text, n);
	field[n] = 0;
}

void audit_count(struct audit_count *counts, uint32_t *count, const char *label, uint64_t n)
{
	uint32_t most = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	struct audit_count *last = &counts[AUDIT_TYPES_MAX - 1];

	if (*count < AUDIT_TYPES_MAX - 1) {
		audit_text(counts[*count].label, sizeof(counts->label), label);
		counts[(*count)++].n = most;
		return;
	}
	if (*count < AUDIT_TYPES_MAX) {
		audit_text(last->label, sizeof(last->label), "other");
		last->n = 0;
		(*count)++;
	}
	last->n = most > UINT32_MAX - last->n ? UINT32_MAX : last->n + most;
}

#define HEAD offsetof(struct audit_record, comm) /* numbers; texts and arrays follow */

static size_t count_bytes(uint32_t n)
{
	return n * sizeof(struct audit_count);
}

static uint8_t *put(uint8_t *to, const void *p, size_t n)
{
	memcpy(to, p, n);
	return to + n;
}

/* Its NUL included, whether or not there is one. */
static uint8_t *put_text(uint8_t *to, const char *text, size_t room)
{
	to = put(to, text, strnlen(text, room - 1));
	*to = 0;
	return to + 1;
}

size_t audit_pack(const struct audit_record *r, uint8_t *to)
{
	uint8_t *at = put(to + sizeof(uint64_t), r, HEAD);
	uint64_t size;

#define X(text) at = put_text(at, r->text, sizeof(r->text));
	AUDIT_TEXTS(X)
#undef X
	at = put(at, r->masked, count_bytes(r->masked_count));
	at = put(at, r->observed, count_bytes(r->observed_count));
	at = put(at, r->placeholders, count_bytes(r->placeholder_count));
	size = (uint64_t)(at - to);
	memcpy(to, &size, sizeof(size));
	return (size_t)size;
}

size_t audit_packed_size(const uint8_t *p)
{
	uint64_t size;

	memcpy(&size, p, sizeof(size));
	return (size_t)size;
}

static const uint8_t *get(const uint8_t *from, void *p, size_t n)
{
	memcpy(p, from, n);
	return from + n;
}

/* NULL stays NULL: it did not end before. */
static const uint8_t *get_text(const uint8_t *from, const uint8_t *end, char *text, size_t room)
{
	size_t left = from ? (size_t)(end - from) : 0;
	const char *past = left ? memccpy(text, from, 0, left < room ? left : room) : NULL;

	return past ? from + (past - text) : NULL;
}

size_t audit_unpack(struct audit_record *r, const uint8_t *p, size_t n)
{
	const uint8_t *end;
	uint64_t size;

	if (n < sizeof(size) + HEAD)
		return 0;
	memcpy(&size, p, sizeof(size));
	if (size < sizeof(size) + HEAD || size > n)
		return 0;
	end = p + size;
	p = get(p + sizeof(size), r, HEAD);
#define X(text) p = get_text(p, end, r->text, sizeof(r->text));
	AUDIT_TEXTS(X)
#undef X
	if (!p || r->masked_count > AUDIT_TYPES_MAX || r->observed_count > AUDIT_TYPES_MAX ||
	    r->placeholder_count > AUDIT_PLACEHOLDERS_MAX ||
	    (size_t)(end - p) != count_bytes(r->masked_count) + count_bytes(r->observed_count) +
					 count_bytes(r->placeholder_count))
		return 0;
	p = get(p, r->masked, count_bytes(r->masked_count));
	p = get(p, r->observed, count_bytes(r->observed_count));
	get(p, r->placeholders, count_bytes(r->placeholder_count));
	return (size_t)size;
}

uint64_t audit_layout(void)
{
	static const char *const words[] = {
#define X(name, word) word,
		AUDIT_EVENTS(X) AUDIT_VERDICTS(X)
#undef X
#define X(name, key, word) word,
			USAGE_COUNTS(X)
#undef X
	};
	static const size_t places[] = {sizeof(struct audit_record),
					sizeof(struct audit_count),
					offsetof(struct audit_record, known),
					offsetof(struct audit_record, time_ms),
					offsetof(struct audit_record, numbers),
					offsetof(struct audit_record, masked_count),
					offsetof(struct audit_record, usage),
#define X(text) offsetof(struct audit_record, text), sizeof(((struct audit_record *)0)->text),
					AUDIT_TEXTS(X)
#undef X
						offsetof(struct audit_record, masked),
					offsetof(struct audit_record, observed),
					AUDIT_NUMBER_COUNT};
	uint64_t hash = shared_mix(0xcbf29ce484222325ull, "texts without their room");
	char text[24];

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		hash = shared_mix(hash, words[i]);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(text, sizeof(text), "%zu", places[i]);
		hash = shared_mix(hash, text);
	}
	return hash;
}

static void bound_counts(struct audit_count *counts, uint32_t *count, uint32_t max)
{
	if (*count > max)
		*count = max;
	for (uint32_t i = 0; i < *count; i++)
		counts[i].label[sizeof(counts[i].label) - 1] = 0;
}

void audit_bound(struct audit_record *r)
{
	if (r->event >= AUDIT_EVENT_COUNT)
		r->event = AUDIT_REQUEST;
	if (r->verdict >= AUDIT_VERDICT_COUNT)
		r->verdict = AUDIT_NONE;
	bound_counts(r->masked, &r->masked_count, AUDIT_TYPES_MAX);
	bound_counts(r->observed, &r->observed_count, AUDIT_TYPES_MAX);
	bound_counts(r->placeholders, &r->placeholder_count, AUDIT_PLACEHOLDERS_MAX);
	r->usage.model[sizeof(r->usage.model) - 1] = 0;
#define X(text) r->text[sizeof(r->text) - 1] = 0;
	AUDIT_TEXTS(X)
#undef X
}
