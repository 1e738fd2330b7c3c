/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

enum metric_type { COUNTER, GAUGE, HISTOGRAM };

/* HELP's text escapes backslash and newline (text format 0.0.4); ours has neither. */
static void begin(FILE *out, const char *name, enum metric_type type, const char *help)
{
	static const char *const words[] = {"counter", "gauge", "histogram"};

	fprintf(out, "# HELP awsmask_%s %s\n# TYPE awsmask_%s %s\n", name, help, name, words[type]);
}

static void one(FILE *out, const char *name, enum metric_type type, const char *help, uint64_t n)
{
	begin(out, name, type, help);
	fprintf(out, "awsmask_%s %" PRIu64 "\n", name, n);
}

/* A worker that is somebody else's by now could have written anything there: at most `max` bytes count. */
static void label_value(FILE *out, const char *text, size_t max)
{
	for (size_t i = 0; i < max && text[i]; i++) {
		if (text[i] == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (text[i] == '"' || text[i] == '\\')
			fputc('\\', out);
		fputc(text[i] & 0x80 ? '?' : text[i], out);
	}
}

static void labelled(FILE *out, const char *name, const char *label, const char *value, size_t max,
		     uint64_t n)
{
	fprintf(out, "awsmask_%s{%s=\"", name, label);
	label_value(out, value, max);
	fprintf(out, "\"} %" PRIu64 "\n", n);
}

/* ---- what the daemon is */

static void about(FILE *out, const struct metrics_source *s, const struct priv_facts *f)
{
	static const char *const scopes[] = {
		[SCOPE_UID] = "uid", [SCOPE_CGROUP] = "cgroup", [SCOPE_HOST] = "host"};
	const struct config *c = s->config;

	begin(out, "build_info", GAUGE, "always 1; the label says which version this is");
	fputs("awsmask_build_info{version=\"" AWSMASK_VERSION "\"} 1\n", out);
	begin(out, "config_info", GAUGE, "always 1; the labels say how it is configured");
	fprintf(out, "awsmask_config_info{mode=\"%s\",fail=\"%s\",scope=\"%s\"} 1\n",
		policy_mode_word(c->mode), c->fail_open ? "open" : "closed", scopes[c->scope]);
	one(out, "start_time_seconds", GAUGE, "when the daemon was started, since 1970",
	    f->started);
	one(out, "worker_start_time_seconds", GAUGE,
	    "when the worker that serves was started, since 1970", s->started);
	one(out, "worker_restarts_total", COUNTER,
	    "workers that ended unasked, and in whose place another was started", f->restarts);
	one(out, "workers_draining", GAUGE, "earlier workers that finish the connections they have",
	    f->draining);
}

/* ---- what it does */

static void counters(FILE *out, const struct stats *s)
{
#define X(name, meaning) one(out, #name "_total", COUNTER, meaning, stat_get(&s->name));
	STATS_COUNTERS(X)
#undef X
}

static void gauges(FILE *out, const struct metrics_source *s)
{
	uint64_t open = stat_get(&s->gauges->origins_open);
	uint64_t idle = stat_get(&s->gauges->origins_idle);

	one(out, "flows_active", GAUGE,
	    "client connections open now; not those of workers that drain",
	    stat_get(&s->gauges->flows_active));
	one(out, "flows_limit", GAUGE, "limits.connections", s->config->limits.connections);
	one(out, "memo_bytes", GAUGE, "bytes in which scanned requests are remembered",
	    stat_get(&s->gauges->memo_bytes));
	one(out, "memo_limit_bytes", GAUGE, "limits.memo", s->config->limit_memo);
	begin(out, "origin_connections_open", GAUGE, "connections to origins open now");
	labelled(out, "origin_connections_open", "state", "idle", 4, idle);
	labelled(out, "origin_connections_open", "state", "busy", 4, open > idle ? open - idle : 0);
}

/* Of hundreds of types a host sees a few: the others would be series of zeros. */
static void by_type(FILE *out, const struct stats *s, const char *name, const char *help,
		    const _Atomic uint64_t *counts)
{
	begin(out, name, COUNTER, help);
	for (unsigned slot = 0; slot < STATS_SLOTS; slot++) {
		const char *label = stats_slot_label(s, slot);
		uint64_t n = stat_get(&counts[slot]);

		if (label && n)
			labelled(out, name, "type", label, LABEL_MAX, n);
	}
}

static void by_reason(FILE *out, const struct stats *s)
{
	static const char *const answers[STATS_ANSWER_COUNT] = {
#define X(name, word, low, high) word,
		STATS_ANSWERS(X)
#undef X
	};

	begin(out, "refusals_total", COUNTER, "requests that were refused, by reason");
	for (int i = 0; i < REFUSAL_COUNT; i++) {
		const char *word = refusal_word((enum refusal)i);

		labelled(out, "refusals_total", "reason", word, strlen(word),
			 stat_get(&s->refusals[i]));
	}
	begin(out, "origin_answers_total", COUNTER,
	      "answers of origins by status; one that stands alone is not in its class");
	for (int i = 0; i < STATS_ANSWER_COUNT; i++)
		labelled(out, "origin_answers_total", "code", answers[i], 3,
			 stat_get(&s->answers[i]));
}

/* The count is that of the buckets as they were read, so that the two agree while others count. */
static void histogram(FILE *out, const struct stats *s, enum stats_histogram_name which)
{
	const struct stats_histogram_info *info = &stats_histograms[which];
	const struct stats_histogram *h = &s->histograms[which];
	uint64_t sum = stat_get(&h->sum_ns), count = 0;

	begin(out, info->name, HISTOGRAM, info->meaning);
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		count += stat_get(&h->buckets[i]);
		fprintf(out, "awsmask_%s_bucket{le=\"%g\"} %" PRIu64 "\n", info->name,
			(double)info->bounds_us[i] / 1e6, count);
	}
	count += stat_get(&h->buckets[STATS_BUCKETS]);
	fprintf(out, "awsmask_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", info->name, count);
	fprintf(out, "awsmask_%s_sum %" PRIu64 ".%09" PRIu64 "\n", info->name, sum / 1000000000,
		sum % 1000000000);
	fprintf(out, "awsmask_%s_count %" PRIu64 "\n", info->name, count);
}

/* ---- what it keeps */

static void vault(FILE *out, const struct metrics_source *s)
{
	struct vault_stats v = {0};
	struct statfs fs;

	if (!s->vault)
		return;
	vault_stats(s->vault, &v);
	one(out, "vault_scopes", GAUGE, "scopes that are open", v.scopes);
	one(out, "vault_values", GAUGE, "values known in them", v.entries);
	one(out, "vault_bytes", GAUGE, "size of the vault's file and its log", v.bytes);
	if (statfs(s->config->vault_sqlite, &fs) == 0)
		one(out, "vault_free_bytes", GAUGE,
		    "room that is left where the vault is; without any, requests are refused",
		    (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize);
}

static void report(FILE *out, const struct metrics_source *s)
{
	struct report_state r;

	if (!s->report)
		return;
	report_state(s->report, &r);
	one(out, "report_unwritten", GAUGE, "requests that are not in the report's file yet",
	    (uint64_t)r.unwritten);
	one(out, "report_lost_total", COUNTER,
	    "requests and connections that this worker could not put into the report",
	    (uint64_t)r.lost);
}

/* ---- the kernel's side, and the certificates */

static void host(FILE *out, const struct metrics_source *s, const struct priv_facts *f)
{
	static const char *const words[REASON_COUNT] = {
#define X(name, word) word,
		AWSMASK_REASONS(X)
#undef X
	};
	uint64_t leaf = stat_get(&s->gauges->leaf_not_after);

	one(out, "enrolled_cgroups", GAUGE, "cgroups that are enrolled", f->cgroups);
	one(out, "enrolled_programs", GAUGE, "programs that are enrolled", f->programs);
	one(out, "network_namespaces", GAUGE, "other network namespaces that are served",
	    f->namespaces);
	begin(out, "kernel_connects_total", COUNTER,
	      "what became of connects and datagrams, since awsmask was put into this kernel");
	for (int i = 0; i < REASON_COUNT; i++)
		labelled(out, "kernel_connects_total", "reason", words[i], strlen(words[i]),
			 f->kernel[i]);
	one(out, "ca_not_after_timestamp_seconds", GAUGE,
	    "when this host's authority expires, since 1970", f->ca_not_after);
	if (leaf)
		one(out, "leaf_not_after_timestamp_seconds", GAUGE,
		    "when the certificate that a client was shown last expires, since 1970", leaf);
}

char *metrics_text(const struct metrics_source *s, const struct priv_facts *facts)
{
	const struct stats *stats = s->stats;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool failed;

	if (!out)
		return NULL;
	about(out, s, facts);
	counters(out, stats);
	gauges(out, s);
	by_type(out, stats, "masked_values_total", "values replaced in requests, by type",
		stats->masked_by_type);
	by_type(out, stats, "observed_values_total",
		"values found in requests and left as they are, by type", stats->observed_by_type);
	by_reason(out, stats);
	for (int i = 0; i < HISTOGRAM_COUNT; i++)
		histogram(out, stats, (enum stats_histogram_name)i);
	vault(out, s);
	report(out, s);
	host(out, s, facts);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return NULL;
	}
	return text;
}
