/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted and told of a request: counts and places, never values. */
#include "conn_private.h"

#include <stdarg.h>

#define TELL_MS 10000 /* in so much time ... */
#define TELL_MAX 50   /* ... so many lines of observed requests, of each thread */
#define PLACES_MAX 8  /* in a line */

bool conn_observes(const struct conn *c)
{
	return c->flow.mode == POLICY_OBSERVE || c->thread->worker->config->mode == POLICY_OBSERVE;
}

/* Returns how many were found. */
static uint64_t count_types(struct conn *c, const struct mask_counts *counts)
{
	struct stats *s = c->thread->worker->stats;
	const struct stats_slots *slots = &c->thread->worker->slots;
	uint64_t masked = 0, observed = 0;
	bool observe = conn_observes(c);

	for (unsigned t = mask_counts_next(counts, 0); t < TYPE_MAX;
	     t = mask_counts_next(counts, t + 1)) {
		size_t found = mask_counts_found(counts, (enum mask_type)t);
		size_t replaced = observe ? 0 : counts->by_type[t];
		size_t seen = observe ? found : counts->observed[t];

		stat_add(&s->masked_by_type[stats_slot(slots, t)], replaced);
		stat_add(&s->observed_by_type[stats_slot(slots, t)], seen);
		masked += replaced;
		observed += seen;
	}
	stat_add(&s->masked, masked);
	stat_add(&s->observed, observed);
	stat_add(&s->blocked, counts->blocked);
	return masked + observed + (observe ? 0 : counts->blocked);
}

static const char *refused_word(int refusal)
{
	return refusal < 0 ? NULL : refusal_word((enum refusal)refusal);
}

static void report(struct conn *c, const struct exchange_facts *f)
{
	struct report_request q = {.day = report_today(),
				   .cgroup = c->who.accounted,
				   .target = conn_host_name(c),
				   .observe = conn_observes(c),
				   .passed_on = f->passed_on,
				   .refused = refused_word(f->refusal),
				   .unmaskable = refused_word(f->unmaskable),
				   .counts = &f->masked};

	report_count(c->thread->worker->report, &q);
}

void conn_count_connection(struct conn *c, enum report_outcome outcome, const char *why)
{
	const char *target = config_host_name(c->thread->worker->config, c->host);
	const struct report_connection q = {.day = report_today(),
					    .cgroup = c->who.accounted ? c->who.accounted : "",
					    .target = target ? target : "",
					    .observe = conn_observes(c),
					    .outcome = outcome,
					    .why = why};

	report_count_connection(c->thread->worker->report, &q);
}

void conn_count_events(struct conn *c)
{
	const struct exchange_facts *f;

	if (!c->exchange || c->working)
		return;
	f = exchange_facts(c->exchange);
	if (f->requests == c->counted || f->events == c->events)
		return;
	stat_add(&c->thread->worker->stats->stream_events, f->events - c->events);
	c->events = f->events;
}

void conn_count(struct conn *c)
{
	const struct exchange_facts *f = exchange_facts(c->exchange);
	struct stats *s = c->thread->worker->stats;
	uint64_t found;

	conn_count_events(c);
	c->events = 0;
	c->counted = f->requests;
	stat_add(&s->requests, 1);
	stat_add(&s->request_bytes, f->request_bytes);
	stat_add(&s->answer_bytes, f->answer_bytes);
	found = count_types(c, &f->masked);
	conn_show_counted(c, found);
	stat_add(&s->restored, f->unmasked.restored);
	stat_add(&s->unknown_placeholders, f->unmasked.unknown);
	stat_add(&s->signed_passed, f->masked.signed_passed);
	report(c, f);
	if (f->refusal < 0)
		stats_answer(s, f->status);
	if (f->refusal >= 0) {
		stat_add(&s->refusals[f->refusal], 1);
		conn_log(c, LOG_WARNING, "request-refused",
			 log_word("why", refusal_word((enum refusal)f->refusal)),
			 log_name("host", conn_host_name(c)));
	}
	conn_audit_request(c);
	c->begun_ns = c->added_ns = 0;
	conn_log(c, LOG_DEBUG, "request", log_name("host", conn_host_name(c)),
		 log_number("status", f->status), log_number("found", found),
		 log_number("restored", f->unmasked.restored));
}

/* ---- observed requests, one line each */

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
						      ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

static void add_place(char *text, size_t size, const struct types *types,
		      const struct exchange_finding *f)
{
	static const char *const parts[] = {[EXCHANGE_TARGET] = "target",
					    [EXCHANGE_HEADER] = "header",
					    [EXCHANGE_BODY] = "body",
					    [EXCHANGE_LINE] = "line"};

	add(text, size, "%s%s %s", *text ? ", " : "", types_info(types, f->type)->label,
	    parts[f->part]);
	if (f->part == EXCHANGE_HEADER || f->part == EXCHANGE_LINE)
		add(text, size, "[%zu]", f->index);
	if (*f->path.text)
		add(text, size, " %s", f->path.text);
	add(text, size, " +%zu", f->path.off);
}

static size_t add_types(char *text, size_t size, const struct types *types,
			const struct mask_counts *counts)
{
	size_t all = 0;

	for (unsigned t = mask_counts_next(counts, 0); t < types_count(types);
	     t = mask_counts_next(counts, t + 1)) {
		size_t found = mask_counts_found(counts, (enum mask_type)t);

		if (found)
			add(text, size, "%s%s=%zu", *text ? " " : "",
			    types_info(types, (enum mask_type)t)->label, found);
		all += found;
	}
	return all;
}

/* A flood of requests must not become one of lines. */
static bool may_tell(struct worker_thread *t)
{
	uint64_t now = uv_now(&t->loop);

	if (now >= t->told_since + TELL_MS) {
		t->told_since = now;
		t->told = 0;
	}
	if (t->told == TELL_MAX) {
		t->untold++;
		return false;
	}
	t->told++;
	return true;
}

/* One line for it, if something was found and there were not too many. */
static void tell(struct conn *c, const struct exchange_facts *f)
{
	struct worker_thread *t = c->thread;
	struct exchange_finding places[PLACES_MAX];
	const struct types *types = t->worker->types;
	char counts[640] = "", where[1200] = "";
	size_t n, found = add_types(counts, sizeof(counts), types, &f->masked);

	if (!found || !may_tell(t))
		return;
	n = exchange_findings(c->exchange, places, PLACES_MAX);
	for (size_t i = 0; i < n; i++)
		add_place(where, sizeof(where), types, &places[i]);
	conn_log(c, LOG_INFO, "observed", log_name("host", conn_host_name(c)),
		 log_number("found", found), log_number("known", f->masked.by_knowledge),
		 log_word("types", counts), log_word("places", where),
		 log_number("more", found - n), log_number("untold", t->untold));
	t->untold = 0;
}

void conn_tell(struct conn *c)
{
	const struct exchange_facts *f = exchange_facts(c->exchange);

	if (c->told == f->requests || !conn_observes(c))
		return;
	c->told = f->requests;
	if (log_wants(LOG_INFO))
		tell(c, f);
}
