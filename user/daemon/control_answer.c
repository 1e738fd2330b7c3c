/* SPDX-License-Identifier: Apache-2.0 */
/* What `status` and `list` answer: facts and counts, never values. */
#include "cgroup.h"
#include "control_job.h"
#include "metrics_text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAMES_MAX 256 /* of targets in an answer; a target is at most 253 bytes */
#define NAMES_BYTES 16384

/* Where it was cut off, a character may have been: JSON takes no half of one. */
static void cut_character(char *text)
{
	size_t len = strlen(text);

	while (len && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
		len--;
	if (len && (unsigned char)text[len - 1] >= 0xc0)
		len--;
	text[len] = '\0';
}

json_t *control_refusal(const char *format, ...)
{
	char text[1024];
	json_t *answer;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n >= (int)sizeof(text))
		cut_character(text);
	answer = json_pack("{s:b, s:s}", "ok", 0, "error", text);
	if (!answer)
		answer = json_pack("{s:b, s:s}", "ok", 0, "error",
				   "refused; why cannot be put into JSON: a name is no UTF-8");
	/* Never NULL, which would be no refusal at all. This one cannot fail. */
	return answer ? answer : json_false();
}

static json_t *ports_json(const uint16_t *ports, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(ports[i]));
	return list;
}

/* As many as keep the answer's line within its bound. */
static json_t *names_json(char *const *names, size_t n)
{
	json_t *list = json_array();
	size_t bytes = 0;

	for (size_t i = 0; i < n && i < NAMES_MAX; i++) {
		bytes += strlen(names[i]);
		if (bytes > NAMES_BYTES)
			break;
		json_array_append_new(list, json_string(names[i]));
	}
	return list;
}

static json_t *counters_json(const struct stats *stats, const struct stats_gauges *gauges)
{
	json_t *all = json_object();

#define X(name, meaning)                                                                           \
	json_object_set_new(all, #name, json_integer((json_int_t)stat_get(&stats->name)));
	STATS_COUNTERS(X)
	STATS_SUMS(X)
#undef X
#define X(name, meaning)                                                                           \
	json_object_set_new(all, #name, json_integer((json_int_t)stat_get(&gauges->name)));
	STATS_GAUGES(X)
#undef X
	return all;
}

static json_t *refusals_json(const struct stats *stats)
{
	json_t *all = json_object();

	for (int i = 0; i < REFUSAL_COUNT; i++)
		json_object_set_new(all, refusal_word((enum refusal)i),
				    json_integer((json_int_t)stat_get(&stats->refusals[i])));
	return all;
}

/* `zeros`: those too of which nothing was counted. */
static json_t *types_json(const struct control_context *context, const _Atomic uint64_t *counters,
			  bool zeros)
{
	const struct types *types = context->types;
	json_t *all = json_object();

	for (unsigned i = 0; i < types_count(types); i++) {
		uint64_t n = stat_get(&counters[stats_slot(context->slots, i)]);

		if (n || zeros)
			json_object_set_new(all, types_info(types, (enum mask_type)i)->label,
					    json_integer((json_int_t)n));
	}
	return all;
}

/* As they stand: `counts` are of what took no longer than the bound beside it, the last one of what took longer. */
static json_t *histograms_json(const struct stats *stats)
{
	json_t *all = json_object();

	for (int i = 0; i < HISTOGRAM_COUNT; i++) {
		const struct stats_histogram *h = &stats->histograms[i];
		json_t *bounds = json_array(), *counts = json_array();

		for (unsigned k = 0; k <= STATS_BUCKETS; k++)
			json_array_append_new(counts,
					      json_integer((json_int_t)stat_get(&h->buckets[k])));
		for (unsigned k = 0; k < STATS_BUCKETS; k++)
			json_array_append_new(
				bounds, json_integer((json_int_t)stats_histograms[i].bounds_us[k]));
		json_object_set_new(all, stats_histograms[i].name,
				    json_pack("{s:o, s:o, s:I}", "bounds_us", bounds, "counts",
					      counts, "sum_ns", (json_int_t)stat_get(&h->sum_ns)));
	}
	return all;
}

static json_t *vault_json(struct vault *vault)
{
	struct vault_stats s = {0};
	const char *error;
	json_t *all;

	if (!vault)
		return json_null();
	vault_stats(vault, &s);
	all = json_pack("{s:I, s:I, s:I}", "scopes", (json_int_t)s.scopes, "entries",
			(json_int_t)s.entries, "bytes", (json_int_t)s.bytes);
	error = vault_last_error(vault);
	if (all && error && *error)
		json_object_set_new(all, "last_error", json_string(error));
	return all;
}

static json_t *report_json(const struct control_context *context)
{
	struct report_state s;
	json_t *all;

	if (!context->report)
		return json_null();
	report_state(context->report, &s);
	all = json_pack("{s:s, s:I, s:I, s:I}", "file", context->config->report_sqlite, "unwritten",
			(json_int_t)s.unwritten, "lost", (json_int_t)s.lost, "failures",
			(json_int_t)s.failures);
	if (all && *s.error)
		json_object_set_new(all, "last_error", json_string(s.error));
	return all;
}

static json_t *audit_json(const struct control_context *context)
{
	const struct stats *s = context->stats;
	json_t *all;

	if (!*context->config->audit.file)
		return json_null();
	all = json_pack("{s:s, s:I, s:I, s:I}", "file", context->config->audit.file, "records",
			(json_int_t)stat_get(&s->audit_records), "lost",
			(json_int_t)stat_get(&s->audit_lost), "failures",
			(json_int_t)stat_get(&s->audit_failures));
	if (all && atomic_load(&s->audit_broken))
		json_object_set_new(all, "last_error",
				    json_string("it cannot be written: the daemon's log says why"));
	return all;
}

static json_t *kernel_json(const uint64_t counters[static REASON_COUNT])
{
	static const char *const words[REASON_COUNT] = {
#define X(name, word) word,
		AWSMASK_REASONS(X)
#undef X
	};
	json_t *all = json_object();

	for (int i = 0; i < REASON_COUNT; i++)
		json_object_set_new(all, words[i], json_integer((json_int_t)counters[i]));
	return all;
}

/* Of network namespaces, as many as the monitor names at a time. */
static json_t *inodes_json(const struct priv_reply *reply)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < reply->u.netns.count && i < PRIV_NETNS_MAX; i++)
		json_array_append_new(list, json_integer((json_int_t)reply->u.netns.at[i].inode));
	return list;
}

static const char *scope_word(enum config_scope scope)
{
	return scope == SCOPE_UID ? "uid" : scope == SCOPE_CGROUP ? "cgroup" : "host";
}

json_t *control_status(const struct control_context *context,
		       const uint64_t counters[static REASON_COUNT], uint32_t enrolled,
		       uint32_t programs, const struct priv_reply *netns)
{
	const struct config *config = context->config;
	uint64_t uptime = (uv_hrtime() - context->started_ns) / 1000000000u;

	return json_pack(
		"{s:b, s:s, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:I, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}",
		"ok", 1, "version", AWSMASK_VERSION, "pid", (int)getpid(), "monitor",
		(int)getppid(), "uptime_seconds", (json_int_t)uptime, "mode",
		policy_mode_word(config->mode), "fail", config->fail_open ? "open" : "closed",
		"scope", scope_word(config->scope), "other_hosts",
		config->deny_other_hosts ? "deny" : "splice", "ports",
		ports_json(config->ports, config->port_count), "proxy_ports",
		ports_json(config->proxy_ports, config->proxy_port_count), "targets",
		names_json(config->targets, config->target_count), "target_count",
		(int)config->target_count, "enrolled", (json_int_t)enrolled, "counters",
		counters_json(context->stats, context->gauges), "refusals",
		refusals_json(context->stats), "masked_by_type",
		types_json(context, context->stats->masked_by_type, true), "observed_by_type",
		types_json(context, context->stats->observed_by_type, false), "latencies",
		histograms_json(context->stats), "vault", vault_json(context->vault), "report",
		report_json(context), "audit", audit_json(context), "kernel", kernel_json(counters),
		"namespaces", inodes_json(netns), "namespace_count",
		(json_int_t)netns->u.netns.total, "programs", (json_int_t)programs);
}

json_t *control_metrics(const struct control_context *context, const struct priv_facts *facts)
{
	const struct metrics_source source = {.config = context->config,
					      .stats = context->stats,
					      .gauges = context->gauges,
					      .vault = context->vault,
					      .report = context->report,
					      .started = context->started};
	char *text = metrics_text(&source, facts);
	json_t *answer = text ? json_pack("{s:b, s:s}", "ok", 1, "text", text)
			      : control_refusal("memory is out");

	free(text);
	return answer;
}

static json_t *enrolment_json(uint64_t id, const struct policy *policy)
{
	char path[PATH_MAX];
	json_t *known = NULL;

	if (cgroup_path_of(id, path, sizeof(path)) == 0)
		known = json_string(path); /* NULL when the name is no UTF-8 */
	return json_pack("{s:I, s:o, s:s, s:s}", "id", (json_int_t)id, "cgroup",
			 known ? known : json_null(), "mode", policy_mode_word(policy->mode),
			 "fail", policy->flags & POLICY_FAIL_OPEN ? "open" : "closed");
}

json_t *control_page(uint32_t offset, const struct priv_reply *reply)
{
	uint32_t count = reply->u.list.count, total = reply->u.list.total;
	size_t room = CTL_LINE_MAX - 256;
	json_t *entries = json_array();
	uint32_t i;

	for (i = 0; i < count && i < PRIV_LIST_MAX; i++) {
		json_t *entry = enrolment_json(reply->u.list.ids[i], &reply->u.list.policies[i]);
		size_t bytes = entry ? json_dumpb(entry, NULL, 0, JSON_COMPACT) + 1 : 0;

		/* At least one, so that asking again comes to an end: none is larger than the room.
		 */
		if (i > 0 && bytes > room) {
			json_decref(entry);
			break;
		}
		room -= bytes < room ? bytes : room;
		json_array_append_new(entries, entry);
	}
	if (i > 0 && offset + i < total)
		return json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "total", (json_int_t)total,
				 "next", (json_int_t)offset + i, "enrolled", entries);
	return json_pack("{s:b, s:I, s:o}", "ok", 1, "total", (json_int_t)total, "enrolled",
			 entries);
}

json_t *control_programs(uint32_t offset, const struct priv_reply *reply)
{
	uint32_t count = reply->u.programs.count, total = reply->u.programs.total;
	json_t *entries = json_array(), *answer;

	if (count > PRIV_PROGRAMS_MAX)
		count = PRIV_PROGRAMS_MAX;
	for (uint32_t i = 0; i < count; i++) {
		const struct program *p = &reply->u.programs.programs[i];
		json_t *path = json_stringn(p->path, strnlen(p->path, sizeof(p->path)));

		json_array_append_new(
			entries, json_pack("{s:I, s:o, s:s, s:s}", "id",
					   (json_int_t)reply->u.programs.ids[i], "exe",
					   path ? path : json_null(), /* the name is no UTF-8 */
					   "mode", policy_mode_word(p->policy.mode), "fail",
					   p->policy.flags & POLICY_FAIL_OPEN ? "open" : "closed"));
	}
	answer = json_pack("{s:b, s:I, s:o}", "ok", 1, "total", (json_int_t)total, "programs",
			   entries);
	if (answer && count && offset + count < total)
		json_object_set_new(answer, "next", json_integer((json_int_t)offset + count));
	return answer;
}
