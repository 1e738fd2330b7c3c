/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fields.h"
#include "config_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 4096
#define MEMBER(m) .offset = offsetof(struct config, m), .size = sizeof(((struct config *)0)->m)
#define LIST(m, n)                                                                                 \
	.offset = offsetof(struct config, m), .size = sizeof(*((struct config *)0)->m),            \
	.count_offset = offsetof(struct config, n)

static const char *const mode_words[] = {POLICY_ENFORCE_WORD, POLICY_OBSERVE_WORD, NULL};
static const char *const fail_words[] = {"closed", "open", NULL};
static const char *const scope_words[] = {"uid", "cgroup", "host", NULL};
static const char *const other_words[] = {"splice", "deny", NULL};
static const char *const boolean_words[] = {"false", "true", NULL};
static const char *const forward_words[] = {"none", "journald", "syslog", NULL};
static const char *const level_words[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const binary_words[] = {"refuse", "allow", NULL};

static const struct config_field listen_fields[] = {
	{"transparent", KIND_PORT, MEMBER(listen_transparent)},
	{"explicit", KIND_LISTEN, MEMBER(listen_explicit)},
	{.key = NULL},
};
static const struct config_field origin_fields[] = {
	{"address", KIND_ORIGIN, MEMBER(origin.address)},
	{"ca_file", KIND_FILE, MEMBER(origin.ca_file)},
	{.key = NULL},
};
static const struct config_field vault_fields[] = {
	{"sqlite", KIND_PATH, MEMBER(vault_sqlite)},
	{.key = NULL},
};
static const struct config_field report_fields[] = {
	{"sqlite", KIND_FILE, MEMBER(report_sqlite)},
	{"keep", KIND_DAYS, MEMBER(report_keep), .min = 1, .max = 3650},
	{.key = NULL},
};
static const struct config_field audit_fields[] = {
	{"file", KIND_FILE, MEMBER(audit.file)},
	{"size", KIND_SIZE, MEMBER(audit.size), .min = 16384, .max = (size_t)1 << 40},
	{"keep", KIND_NUMBER, MEMBER(audit.keep), .min = 1, .max = 100000},
	{"forward", KIND_WORD, MEMBER(audit.forward), .words = forward_words},
	{.key = NULL},
};
static const struct config_field ca_fields[] = {
	{"dir", KIND_PATH, MEMBER(ca_dir)},
	{.key = NULL},
};
static const struct config_field config_log_fields[] = {
	{"level", KIND_WORD, MEMBER(log_level), .words = level_words},
	{.key = NULL},
};
static const struct config_field control_fields[] = {
	{"socket", KIND_PATH, MEMBER(control_socket), .max = 107}, /* sun_path and its NUL */
	{.key = NULL},
};
static const struct config_field metrics_fields[] = {
	{"socket", KIND_FILE, MEMBER(metrics.socket)},
	{"listen", KIND_LOOPBACK, MEMBER(metrics.listen)},
	{.key = NULL},
};
static const struct config_field limits_fields[] = {
	{"body", KIND_SIZE, MEMBER(limit_body), .min = 1024, .max = (size_t)1 << 30},
	{"connections", KIND_NUMBER, MEMBER(limits.connections), .min = 1, .max = 1000000},
	{"scope_connections", KIND_NUMBER, MEMBER(limits.scope_connections), .min = 1,
	 .max = 1000000},
	{"memory", KIND_SIZE, MEMBER(limits.memory), .min = 1 << 20, .max = (size_t)1 << 40},
	{"scope_memory", KIND_SIZE, MEMBER(limits.scope_memory), .min = 1 << 20,
	 .max = (size_t)1 << 40},
	{"memo", KIND_SIZE, MEMBER(limit_memo), .max = (size_t)1 << 32},
	{.key = NULL},
};

static const struct config_field allow_fields[] = {
	{"literals", KIND_LITERALS, LIST(allow.literals, allow.count), .max = LIST_MAX},
	{"file", KIND_FILE, MEMBER(allow.file)},
	{.key = NULL},
};

#define TYPE_MEMBER(m)                                                                             \
	.offset = offsetof(struct config_type, m), .size = sizeof(((struct config_type *)0)->m)
#define TYPE_LIST(m, n)                                                                            \
	.offset = offsetof(struct config_type, m), .size = sizeof(char *),                         \
	.count_offset = offsetof(struct config_type, n)

const char *const config_action_words[] = {"mask", "block", "observe", "allow", NULL};

const struct config_field config_type_fields[] = {
	{"action", KIND_WORD, TYPE_MEMBER(action), .words = config_action_words},
	{.key = "targets", .kind = KIND_TARGETS},
	{"expression", KIND_TEXT, TYPE_MEMBER(expression)},
	{"anchors", KIND_ANCHORS, TYPE_LIST(anchors, anchor_count), .max = OWN_ANCHORS_MAX},
	{"literals", KIND_LITERALS, TYPE_LIST(list.literals, list.count), .max = LIST_MAX},
	{"file", KIND_FILE, TYPE_MEMBER(list.file)},
	{.key = NULL},
};

const struct config_field config_fields[] = {
	{"mode", KIND_WORD, MEMBER(mode), .words = mode_words},
	{"fail", KIND_SWITCH, MEMBER(fail_open), .words = fail_words},
	{"scope", KIND_WORD, MEMBER(scope), .words = scope_words},
	{"ports", KIND_PORTS, LIST(ports, port_count), .min = 1, .max = AWSMASK_MAX_PORTS},
	{"exclude", KIND_NETS, LIST(exclude, exclude_count), .max = AWSMASK_MAX_EXCLUDES},
	{"targets", KIND_HOSTS, LIST(targets, target_count), .min = 1, .max = LIST_MAX},
	{"other_hosts", KIND_SWITCH, MEMBER(deny_other_hosts), .words = other_words},
	{"proxy_ports", KIND_PORTS, LIST(proxy_ports, proxy_port_count), .max = AWSMASK_MAX_PORTS},
	{"enroll", KIND_CGROUPS, LIST(enroll, enroll_count), .max = AWSMASK_MAX_CGROUPS},
	{.key = "types", .kind = KIND_TYPES},
	{"allow", KIND_MAP, .fields = allow_fields},
	{"keep_examples", KIND_SWITCH, MEMBER(keep_examples), .words = boolean_words},
	{"listen", KIND_MAP, .fields = listen_fields},
	{"origin", KIND_MAP, .fields = origin_fields},
	{"vault", KIND_MAP, .fields = vault_fields},
	{"report", KIND_MAP, .fields = report_fields},
	{"audit", KIND_MAP, .fields = audit_fields},
	{"ca", KIND_MAP, .fields = ca_fields},
	{"log", KIND_MAP, .fields = config_log_fields},
	{"control", KIND_MAP, .fields = control_fields},
	{"metrics", KIND_MAP, .fields = metrics_fields},
	{"limits", KIND_MAP, .fields = limits_fields},
	{"threads", KIND_NUMBER, MEMBER(threads), .max = CONFIG_THREADS_MAX},
	{"binary", KIND_SWITCH, MEMBER(allow_binary), .words = binary_words},
	{.key = NULL},
};

static void expected_words(const struct config_field *f, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; f->words[i] && used < size; i++) {
		const char *between = i == 0 ? "" : f->words[i + 1] ? ", " : " or ";
		int n = snprintf(text + used, size - used, "%s%s", between, f->words[i]);
		used += (size_t)n;
	}
}

/* Those that depend on nothing. */
static const char *fixed_sentence(enum config_kind kind)
{
	switch (kind) {
	case KIND_PORT:
		return "a port number from 1 to 65535, or 0 for no listener";
	case KIND_PORTS:
		return "port numbers from 1 to 65535";
	case KIND_LISTEN:
		return "an address and port such as 127.0.0.1:8082 or [::1]:8082, or \"\"";
	case KIND_LOOPBACK:
		return "a loopback address and port such as 127.0.0.1:9464 or [::1]:9464, or \"\"";
	case KIND_ORIGIN:
		return "a host or address with its port such as gateway.example:443, or \"\"";
	case KIND_NETS:
		return "a network such as 10.0.0.0/8 or fe80::/10: prefix at least 1, no bits set "
		       "beyond it, no IPv6 prefix that holds all IPv4";
	case KIND_HOSTS:
		return "host names such as api.anthropic.com: no address, port, wildcard or final "
		       "dot";
	case KIND_CGROUPS:
		return "cgroup paths, globs or systemd unit names, or exe: and the absolute path "
		       "of "
		       "a program, without control characters";
	default:
		return "a mapping";
	}
}

static void expected_number(const struct config_field *f, char *text, size_t size)
{
	char low[32], high[32];

	if (f->kind == KIND_NUMBER) {
		snprintf(text, size, "a number from %zu to %zu", f->min, f->max);
	} else if (f->kind == KIND_DAYS) {
		snprintf(text, size, "a time from %zud to %zud, such as 30d", f->min, f->max);
	} else {
		config_size_text(f->min, low);
		config_size_text(f->max, high);
		snprintf(text, size, "a size from %s to %s, such as 4096, 512KiB or 64MiB", low,
			 high);
	}
}

void config_expected(const struct config_field *f, char *text, size_t size)
{
	switch (f->kind) {
	case KIND_WORD:
	case KIND_SWITCH:
		expected_words(f, text, size);
		return;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DAYS:
		expected_number(f, text, size);
		return;
	case KIND_PATH:
		snprintf(text, size, "an absolute path shorter than %zu bytes",
			 f->max ? f->max + 1 : f->size);
		return;
	case KIND_FILE:
		snprintf(text, size, "an absolute path shorter than %zu bytes, or \"\"", f->size);
		return;
	case KIND_TEXT:
		snprintf(text, size, "text of at most %zu bytes without control characters",
			 f->size - 1);
		return;
	case KIND_LITERALS:
		snprintf(text, size,
			 "values of %d to %d bytes and at most %d words, without control "
			 "characters",
			 KNOWN_LEAST, KNOWN_MAX, KNOWN_STOPS);
		return;
	case KIND_ANCHORS:
		snprintf(text, size, "2 to %d bytes with which matches begin", OWN_ANCHOR_MAX);
		return;
	default:
		snprintf(text, size, "%s", fixed_sentence(f->kind));
		return;
	}
}

/* Plain where no YAML syntax could be meant, else double-quoted; texts hold no control bytes. */
static void print_text(FILE *f, const char *text)
{
	bool plain = *text && *text != '-';

	for (const char *p = text; *p; p++)
		plain = plain && (isalnum((unsigned char)*p) || strchr("._/-", *p));
	if (plain) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', f);
		fputc(*p, f);
	}
	fputc('"', f);
}

static void print_element(FILE *out, const struct config_field *f, const void *element)
{
	char text[64];

	if (f->kind == KIND_PORTS) {
		fprintf(out, "%u", *(const uint16_t *)element);
	} else if (f->kind == KIND_NETS) {
		config_net_text(element, text);
		print_text(out, text);
	} else {
		print_text(out, *(char *const *)element);
	}
}

static void print_list(FILE *out, const struct config_field *f, const char *base)
{
	const char *elements = *(char *const *)(base + f->offset);
	size_t count = *(const size_t *)(base + f->count_offset);

	fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputs(", ", out);
		print_element(out, f, elements + i * f->size);
	}
	fputc(']', out);
}

static void print_number(FILE *out, const struct config_field *f, const char *at)
{
	char text[32];
	size_t n = f->size == sizeof(size_t) ? *(const size_t *)at : *(const unsigned *)at;

	if (f->kind == KIND_SIZE)
		config_size_text(n, text);
	else
		snprintf(text, sizeof(text), "%zu%s", n, f->kind == KIND_DAYS ? "d" : "");
	fputs(text, out);
}

static void print_targets(FILE *out, const struct config_type *t)
{
	fputc('{', out);
	for (size_t i = 0; i < t->target_count; i++) {
		fputs(i ? ", " : "", out);
		print_text(out, t->targets[i].host);
		fprintf(out, ": %s", config_action_words[t->targets[i].action]);
	}
	fputc('}', out);
}

static bool is_said(const struct config_field *f, const char *base)
{
	if (f->kind == KIND_WORD)
		return *(const int *)(base + f->offset) != CONFIG_NO_ACTION;
	if (f->kind == KIND_TARGETS)
		return ((const struct config_type *)base)->target_count > 0;
	if (config_kind_is_list(f->kind))
		return *(const size_t *)(base + f->count_offset) > 0;
	return *(base + f->offset) != 0;
}

static void print_value(FILE *out, const struct config_field *f, const char *base);

static void print_types(FILE *out, const struct config *c)
{
	if (!c->type_count)
		fputs("{}", out);
	for (size_t i = 0; i < c->type_count; i++) {
		const char *base = (const char *)&c->types[i], *between = "{";

		fprintf(out, "\n  %s: ", c->types[i].name);
		for (const struct config_field *f = config_type_fields; f->key; f++) {
			if (!is_said(f, base))
				continue;
			fprintf(out, "%s%s: ", between, f->key);
			print_value(out, f, base);
			between = ", ";
		}
		fputc('}', out);
	}
}

static void print_value(FILE *out, const struct config_field *f, const char *base)
{
	const char *at = base + f->offset;

	switch (f->kind) {
	case KIND_WORD:
		fputs(f->words[*(const int *)at], out);
		return;
	case KIND_SWITCH:
		fputs(f->words[*(const bool *)at], out);
		return;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DAYS:
		print_number(out, f, at);
		return;
	case KIND_PORT:
		fprintf(out, "%u", *(const uint16_t *)at);
		return;
	case KIND_PORTS:
	case KIND_NETS:
	case KIND_HOSTS:
	case KIND_CGROUPS:
	case KIND_LITERALS:
	case KIND_ANCHORS:
		print_list(out, f, base);
		return;
	case KIND_PATH:
	case KIND_FILE:
	case KIND_LISTEN:
	case KIND_LOOPBACK:
	case KIND_ORIGIN:
	case KIND_TEXT:
		print_text(out, at);
		return;
	case KIND_TYPES:
		print_types(out, (const struct config *)base);
		return;
	case KIND_TARGETS:
		print_targets(out, (const struct config_type *)base);
		return;
	case KIND_MAP:
		fputc('{', out);
		for (const struct config_field *s = f->fields; s->key; s++) {
			fprintf(out, "%s%s: ", s == f->fields ? "" : ", ", s->key);
			print_value(out, s, base);
		}
		fputc('}', out);
		return;
	}
}

char *config_print(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (const struct config_field *f = config_fields; f->key; f++) {
		fprintf(out, "%s:", f->key);
		if (f->kind != KIND_TYPES || !c->type_count)
			fputc(' ', out);
		print_value(out, f, (const char *)c);
		fputc('\n', out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
