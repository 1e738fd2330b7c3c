/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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
	snprintf(field, size, "%s", text ? text : "");
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

static void copy_counts(struct audit_count *to, const struct audit_count *from, uint32_t n)
{
	memcpy(to, from, n * sizeof(*to));
}

void audit_copy(struct audit_record *to, const struct audit_record *from)
{
	memcpy(to, from, offsetof(struct audit_record, masked));
	copy_counts(to->masked, from->masked, from->masked_count);
	copy_counts(to->observed, from->observed, from->observed_count);
	copy_counts(to->placeholders, from->placeholders, from->placeholder_count);
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
	r->comm[sizeof(r->comm) - 1] = 0;
	r->method[sizeof(r->method) - 1] = 0;
	r->container[sizeof(r->container) - 1] = 0;
	r->cgroup[sizeof(r->cgroup) - 1] = 0;
	r->target[sizeof(r->target) - 1] = 0;
	r->path[sizeof(r->path) - 1] = 0;
	r->reason[sizeof(r->reason) - 1] = 0;
	r->subject[sizeof(r->subject) - 1] = 0;
}
