/* SPDX-License-Identifier: Apache-2.0 */
/* What `awsmaskctl top` shows: the daemon as a whole, and one of the views. */
#include "../daemon/vault_sqlite.h"
#include "awsmask/abi.h"
#include "rates.h"
#include "top_private.h"

#include <stdlib.h>
#include <string.h>

const char *top_view_word(enum top_view view)
{
	static const char *const words[TOP_VIEW_COUNT] = {
#define X(name, word) word,
		TOP_VIEWS(X)
#undef X
	};
	return words[view];
}

static double per_second(const struct top *t, const char *group, const char *key)
{
	return rate_of(t->now.status, t->before.status, t->now.at - t->before.at, group, key);
}

/* ---- the head */

static double refusals_per_second(const struct top *t)
{
	const json_t *refusals = json_object_get(t->now.status, "refusals");
	double all = per_second(t, "counters", "flows_refused");
	const char *reason;
	json_t *n;

	json_object_foreach((json_t *)refusals, reason, n)
	{
		all += per_second(t, "refusals", reason);
	}
	return all;
}

static void about(struct sheet *s, const struct top *t)
{
	const json_t *status = t->now.status;
	size_t workers = json_array_size(t->now.workers), draining = 0, i;
	char up[SHORT_MAX], memory[SHORT_MAX], leaving[64] = "";
	json_t *worker;

	json_array_foreach(t->now.workers, i, worker)
	{
		draining += json_is_true(json_object_get(worker, "draining"));
	}
	if (draining)
		snprintf(leaving, sizeof(leaving), ", %zu of them draining", draining);
	sheet_add(s, TONE_HEAD, "awsmask %s  %s, fail %s  up %s%s%s  %zu worker%s%s",
		  text(status, "version"), text(status, "mode"), text(status, "fail"),
		  short_age(up, (uint64_t)number(status, "uptime_seconds") * 1000),
		  t->now.memory ? "  memory " : "",
		  t->now.memory ? short_bytes(memory, (double)t->now.memory) : "", workers,
		  workers == 1 ? "" : "s", leaving);
}

static void traffic(struct sheet *s, const struct top *t)
{
	char requests[SHORT_MAX], masked[SHORT_MAX], restored[SHORT_MAX], refused[SHORT_MAX],
		events[SHORT_MAX];
	double refusals = refusals_per_second(t);

	sheet_add(s, refusals > 0 ? TONE_WARN : TONE_PLAIN,
		  "flows %" JSON_INTEGER_FORMAT
		  " open   per second: requests %s  masked %s  restored %s  events %s  refused %s",
		  t->now.total, short_count(requests, per_second(t, "counters", "requests")),
		  short_count(masked, per_second(t, "counters", "masked")),
		  short_count(restored, per_second(t, "counters", "restored")),
		  short_count(events, per_second(t, "counters", "stream_events")),
		  short_count(refused, refusals));
}

/* Of what came between the two moments; 0 if there was no earlier one. */
static struct histogram latency(const struct top *t, const char *name, bool interval)
{
	struct histogram now = {.n = 0}, before = {.n = 0};

	if (histogram_read(&now, json_object_get(json_object_get(t->now.status, "latencies"),
						 name)) == 0 &&
	    interval &&
	    histogram_read(&before, json_object_get(json_object_get(t->before.status, "latencies"),
						    name)) == 0)
		histogram_since(&now, &before);
	return now;
}

static void latencies(struct sheet *s, const struct top *t)
{
	struct histogram added = latency(t, "request_added_seconds", true);
	struct histogram event = latency(t, "stream_first_event_seconds", true);
	char a[SHORT_MAX], b[SHORT_MAX], c[SHORT_MAX], d[SHORT_MAX];

	sheet_add(s, TONE_PLAIN, "added  half within %s, 99%% within %s   first event  %s, %s",
		  short_quantile(a, &added, 0.5), short_quantile(b, &added, 0.99),
		  short_quantile(c, &event, 0.5), short_quantile(d, &event, 0.99));
}

/* NULL: it has none. */
static const char *vault_error(const json_t *vault)
{
	const char *error = json_string_value(json_object_get(vault, "last_error"));

	return error && strcmp(error, VAULT_NO_ERROR) != 0 ? error : NULL;
}

static void stores(struct sheet *s, const struct top *t)
{
	const json_t *vault = json_object_get(t->now.status, "vault");
	const json_t *counters = json_object_get(t->now.status, "counters");
	const char *error = vault_error(vault);
	json_int_t scopes = number(vault, "scopes");
	char bytes[SHORT_MAX], memo[SHORT_MAX];

	sheet_add(s, error ? TONE_BAD : TONE_PLAIN,
		  "vault %" JSON_INTEGER_FORMAT " values, %" JSON_INTEGER_FORMAT
		  " scope%s, %s%s%s   origins %" JSON_INTEGER_FORMAT " open, %" JSON_INTEGER_FORMAT
		  " idle   memo %s",
		  number(vault, "entries"), scopes, scopes == 1 ? "" : "s",
		  short_bytes(bytes, (double)number(vault, "bytes")), error ? "; failed: " : "",
		  harmless(error), number(counters, "origins_open"),
		  number(counters, "origins_idle"),
		  short_bytes(memo, (double)number(counters, "memo_bytes")));
}

void top_show_head(struct sheet *s, const struct top *t, int columns)
{
	(void)columns; /* what is too long is cut at the end, where the least stands */
	if (*t->absent)
		sheet_add(s, TONE_BAD, "%s%s", t->now.status ? "as it was; now: " : "",
			  harmless(t->absent));
	if (!t->now.status)
		return;
	about(s, t);
	traffic(s, t);
	latencies(s, t);
	stores(s, t);
}

/* ---- types */

struct type_line {
	const char *label;
	double rate, masked, observed;
};

static int by_use(const void *a, const void *b)
{
	const struct type_line *x = a, *y = b;
	double m = x->rate != y->rate ? x->rate : x->masked + x->observed;
	double n = x->rate != y->rate ? y->rate : y->masked + y->observed;

	return m != n ? (m < n) - (m > n) : strcmp(x->label, y->label);
}

static size_t add_types(const struct top *t, struct type_line *lines, size_t max)
{
	const json_t *masked = json_object_get(t->now.status, "masked_by_type");
	const json_t *observed = json_object_get(t->now.status, "observed_by_type");
	const char *label;
	json_t *n;
	size_t count = 0;

	json_object_foreach((json_t *)masked, label, n)
	{
		double all = json_number_value(n), seen = (double)number(observed, label);

		if (all + seen > 0 && count < max)
			lines[count++] =
				(struct type_line){.label = label,
						   .rate = per_second(t, "masked_by_type", label) +
							   per_second(t, "observed_by_type", label),
						   .masked = all,
						   .observed = seen};
	}
	return count;
}

static void show_types(struct sheet *s, const struct top *t)
{
	size_t max = json_object_size(json_object_get(t->now.status, "masked_by_type")), n;
	struct type_line *lines = calloc(max + 1, sizeof(*lines));
	char rate[SHORT_MAX], masked[SHORT_MAX], observed[SHORT_MAX];

	sheet_add(s, TONE_HEAD, "%-28s %10s %10s %10s", "TYPE", "PER SECOND", "MASKED", "OBSERVED");
	sheet_head_ends(s);
	n = lines ? add_types(t, lines, max) : 0;
	if (lines)
		qsort(lines, n, sizeof(*lines), by_use);
	for (size_t i = 0; i < n; i++)
		sheet_add(s, TONE_PLAIN, "%-28s %10s %10s %10s", harmless(lines[i].label),
			  short_count(rate, lines[i].rate), short_count(masked, lines[i].masked),
			  short_count(observed, lines[i].observed));
	if (n == 0)
		sheet_add(s, TONE_FAINT, "nothing has been found yet");
	free(lines);
}

/* ---- enrolments */

static bool is_within(const char *path, const char *top)
{
	size_t len = top ? strlen(top) : 0;

	return path && len && strncmp(path, top, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

static unsigned flows_of(const struct top *t, const json_t *entry)
{
	const char *cgroup = json_string_value(json_object_get(entry, "cgroup"));
	const json_t *exe = json_object_get(entry, "exe");
	json_t *flow;
	unsigned n = 0;
	size_t i;

	json_array_foreach(t->now.flows, i, flow)
	{
		n += exe ? number(flow, "program") == number(entry, "id")
			 : is_within(json_string_value(json_object_get(flow, "cgroup")), cgroup);
	}
	return n;
}

static void enrolment_lines(struct sheet *s, const struct top *t, const json_t *entries,
			    const char *key, const char *prefix)
{
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		const char *name = text(entry, key);
		bool masks = strcmp(text(entry, "mode"), POLICY_ENFORCE_WORD) == 0;

		sheet_add(s, masks ? TONE_PLAIN : TONE_WARN,
			  "%8" JSON_INTEGER_FORMAT "  %-8s %-7s %6u  %s%s", number(entry, "id"),
			  text(entry, "mode"), text(entry, "fail"), flows_of(t, entry),
			  *name ? prefix : "", *name ? name : "(gone)");
	}
}

static void show_enrolments(struct sheet *s, const struct top *t)
{
	sheet_add(s, TONE_HEAD, "%8s  %-8s %-7s %6s  %s", "ID", "MODE", "FAIL", "FLOWS",
		  "CGROUP OR PROGRAM");
	sheet_head_ends(s);
	enrolment_lines(s, t, t->now.enrolled, "cgroup", "");
	enrolment_lines(s, t, t->now.programs, "exe", "exe:");
	if (json_array_size(t->now.enrolled) + json_array_size(t->now.programs) == 0)
		sheet_add(s, TONE_WARN, "no cgroup and no program is enrolled: nothing is masked");
}

/* ---- latency, and who causes it */

static void latency_line(struct sheet *s, const struct top *t, const char *name, const char *title)
{
	static const double shares[] = {0.5, 0.9, 0.99, 0.999};

	for (int interval = 1; interval >= 0; interval--) {
		struct histogram h = latency(t, name, interval);
		char line[WIDE] = "", out[SHORT_MAX];

		text_cell(line, sizeof(line), interval ? title : "  since the start", 24);
		text_cell(line, sizeof(line), short_count(out, (double)histogram_count(&h)), -8);
		for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++)
			text_cell(line, sizeof(line), short_quantile(out, &h, shares[i]), -11);
		sheet_add(s, TONE_PLAIN, "%s", line);
	}
}

static void worker_lines(struct sheet *s, const struct top *t)
{
	char age[SHORT_MAX], memory[SHORT_MAX];
	json_t *worker;
	size_t i;

	sheet_add(s, TONE_HEAD, "%8s %-8s %6s %6s %10s", "WORKER", "STATE", "AGE", "FLOWS",
		  "MEMORY");
	json_array_foreach(t->now.workers, i, worker)
	{
		bool draining = json_is_true(json_object_get(worker, "draining"));

		sheet_add(s, draining ? TONE_WARN : TONE_PLAIN,
			  "%8" JSON_INTEGER_FORMAT " %-8s %6s %6" JSON_INTEGER_FORMAT " %10s",
			  number(worker, "pid"), draining ? "draining" : "serving",
			  short_age(age, (uint64_t)number(worker, "age_ms")),
			  number(worker, "flows"),
			  number(worker, "memory")
				  ? short_bytes(memory, (double)number(worker, "memory"))
				  : "?");
	}
}

static void refusal_lines(struct sheet *s, const struct top *t)
{
	const json_t *refusals = json_object_get(t->now.status, "refusals");
	char rate[SHORT_MAX];
	const char *reason;
	json_t *n;
	bool any = false;

	sheet_add(s, TONE_HEAD, "%-24s %10s %10s", "REFUSED", "PER SECOND", "ALL");
	json_object_foreach((json_t *)refusals, reason, n)
	{
		if (!json_integer_value(n))
			continue;
		any = true;
		sheet_add(s, TONE_WARN, "%-24s %10s %10" JSON_INTEGER_FORMAT, harmless(reason),
			  short_count(rate, per_second(t, "refusals", reason)),
			  json_integer_value(n));
	}
	if (!any)
		sheet_add(s, TONE_FAINT, "no request was refused");
}

static void show_latency(struct sheet *s, const struct top *t)
{
	char line[WIDE] = "";
	static const char *const heads[] = {"COUNT", "50%", "90%", "99%", "99.9%"};

	text_cell(line, sizeof(line), "WITHIN", 24);
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		text_cell(line, sizeof(line), heads[i], i ? -11 : -8);
	sheet_add(s, TONE_HEAD, "%s", line);
	sheet_head_ends(s);
	latency_line(s, t, "request_added_seconds", "added to a request");
	latency_line(s, t, "stream_first_event_seconds", "until the first event");
	sheet_add(s, TONE_PLAIN, "%s", "");
	worker_lines(s, t);
	sheet_add(s, TONE_PLAIN, "%s", "");
	refusal_lines(s, t);
}

/* ---- all */

void top_show_view(struct sheet *s, const struct top *t, enum top_view view, int columns)
{
	if (!t->now.status)
		return;
	if (view == TOP_FLOWS)
		top_show_flows(s, t, columns);
	else if (view == TOP_TYPES)
		show_types(s, t);
	else if (view == TOP_ENROLMENTS)
		show_enrolments(s, t);
	else
		show_latency(s, t);
	sheet_filter(s, t->filter);
}

void top_show(struct sheet *s, const struct top *t, int columns)
{
	top_show_head(s, t, columns);
	sheet_add(s, TONE_PLAIN, "%s", "");
	top_show_view(s, t, t->view, columns);
}
