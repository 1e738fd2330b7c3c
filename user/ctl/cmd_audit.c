/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_show.h"
#include "audit_verify.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define SHOWING                                                                                    \
	(OPTION_BIT(SINCE) | OPTION_BIT(UNTIL) | OPTION_BIT(USER) | OPTION_BIT(CGROUP) |           \
	 OPTION_BIT(VERDICT) | OPTION_BIT(TYPE) | OPTION_BIT(EVENT) | OPTION_BIT(PLACEHOLDER))

/* NULL and a sentence. */
static const char *configured(struct ctl *c, struct err *e)
{
	if (!ctl_config(c, e))
		return NULL;
	if (*c->config->audit.file)
		return c->config->audit.file;
	err_set(e, "no audit log is written: audit.file is \"\" in the configuration; a file can "
		   "be named");
	return NULL;
}

static struct audit_log *open_log(struct ctl *c, int argc, char **argv, struct err *e)
{
	const char *path;

	if (argc)
		return audit_log_open_files(argv, (size_t)argc, e);
	path = configured(c, e);
	return path ? audit_log_open(path, e) : NULL;
}

/* ---- verify */

static int say_verified(const struct ctl *c, const struct audit_verify *v, bool good)
{
	if (c->option[OPTION_JSON]) {
		json_t *j =
			json_pack("{s:b, s:I, s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:b}", "ok", good,
				  "records", (json_int_t)v->records, "first", (json_int_t)v->first,
				  "last", (json_int_t)v->chain.seq, "since", v->since, "until",
				  v->until, "head", v->chain.head, "torn", (json_int_t)v->torn,
				  "lost", (json_int_t)v->lost, "open_end", v->open_end);

		if (j && !good)
			json_object_update_new(j,
					       json_pack("{s:s, s:I, s:s}", "file", v->file, "line",
							 (json_int_t)v->number, "error", v->why));
		return ctl_print_json(j) == STATUS_DONE && good ? STATUS_DONE : STATUS_REFUSED;
	}
	if (!good && *v->file)
		printf("broken: %s, line %" PRIu64 ": %s\n", harmless(v->file), v->number,
		       harmless(v->why));
	else if (!good)
		printf("broken: %s\n", harmless(v->why));
	printf("%s%" PRIu64 " records", good ? "sound: " : "before that: ", v->records);
	if (v->records)
		printf(", %" PRIu64 " to %" PRIu64 ", from %s to %s\nhead: %s", v->first,
		       v->chain.seq, harmless(v->since), harmless(v->until),
		       harmless(v->chain.head));
	putchar('\n');
	if (v->first > 1)
		printf("older files were taken away: the first record here is number %" PRIu64 "\n",
		       v->first);
	if (v->torn)
		printf("%" PRIu64 " torn lines, each closed by a record that says so\n", v->torn);
	if (v->lost)
		printf("%" PRIu64 " records were lost before they could be written, as records "
		       "say\n",
		       v->lost);
	if (v->open_end && good)
		printf("the last line has no end: it is being written, or was torn\n");
	return good ? STATUS_DONE : STATUS_REFUSED;
}

static bool is_hash(const char *text)
{
	size_t n = 0;

	while (isxdigit((unsigned char)text[n]))
		n++;
	return n == AUDIT_HASH_LEN && !text[n];
}

static int verify(struct ctl *c, int argc, char **argv)
{
	const char *head = c->option[OPTION_HEAD];
	struct audit_verify v;
	struct audit_text t;
	struct audit_log *log;
	struct err e;
	int r, status;

	if (head && !is_hash(head))
		return ctl_usage_error(c, "--head is '%s', and can be 64 hexadecimal digits", head);
	log = open_log(c, argc, argv, &e);
	if (!log)
		return ctl_refuse(c, &e);
	audit_verify_begin(&v, head);
	while ((r = audit_log_next(log, &t, &e)) == 1 && audit_verify_line(&v, &t))
		;
	status = r < 0 ? ctl_refuse(c, &e) : say_verified(c, &v, audit_verify_end(&v));
	audit_verify_free(&v);
	audit_log_close(log);
	return status;
}

/* ---- show, follow */

struct showing {
	const struct ctl *ctl;
	struct audit_filter filter;
	uint64_t shown, bad, unlisted; /* lines; records with placeholders that are not listed */
};

static void show_record(struct showing *s, json_t *record)
{
	if (s->filter.placeholder && json_object_get(record, "more_placeholders"))
		s->unlisted++;
	if (!audit_filter_wants(&s->filter, record))
		return;
	if (s->ctl->option[OPTION_JSON]) {
		json_dumpf(record, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
	} else {
		if (!s->shown)
			audit_show_head();
		audit_show(record);
	}
	s->shown++;
}

static void show_line(struct showing *s, const struct audit_text *t)
{
	json_t *record = json_loadb(t->text, t->len, 0, NULL);

	if (json_is_object(record))
		show_record(s, record);
	else if (t->whole)
		s->bad++;
	json_decref(record);
}

static void say_rest(const struct showing *s)
{
	if (!s->shown && !s->ctl->option[OPTION_JSON])
		ctl_note("no record is as asked for");
	if (s->bad)
		ctl_note("%" PRIu64 " lines are no records; `awsmaskctl audit verify` says more",
			 s->bad);
	if (s->unlisted)
		ctl_note("%" PRIu64 " records list the first of their placeholders alone: this one "
			 "may be among the others",
			 s->unlisted);
}

static int show(struct ctl *c, int argc, char **argv)
{
	struct showing s = {.ctl = c};
	struct audit_log *log;
	struct audit_text t;
	struct err e;
	int r;

	if (audit_filter_take(c, &s.filter) != STATUS_DONE)
		return STATUS_USAGE;
	log = open_log(c, argc, argv, &e);
	if (!log)
		return ctl_refuse(c, &e);
	while ((r = audit_log_next(log, &t, &e)) == 1 && !ferror(stdout))
		show_line(&s, &t);
	audit_log_close(log);
	if (r < 0)
		return ctl_refuse(c, &e);
	say_rest(&s);
	return STATUS_DONE;
}

static int follow(struct ctl *c, int argc, char **argv)
{
	struct showing s = {.ctl = c};
	struct audit_log *log;
	struct audit_text t;
	const char *path;
	struct err e;
	int r = 0;

	if (argc > 1)
		return ctl_usage_error(c, "follow takes one file: the one that is written");
	if (audit_filter_take(c, &s.filter) != STATUS_DONE)
		return STATUS_USAGE;
	path = argc ? argv[0] : configured(c, &e);
	log = path ? audit_log_follow(path, &e) : NULL;
	if (!log)
		return ctl_refuse(c, &e);
	while (r >= 0 && !ferror(stdout)) {
		while ((r = audit_log_next(log, &t, &e)) == 1)
			show_line(&s, &t);
		fflush(stdout);
		if (r == 0 && !ferror(stdout))
			r = audit_log_wait(log, &e);
	}
	audit_log_close(log);
	return r < 0 ? ctl_refuse(c, &e) : STATUS_REFUSED;
}

int cmd_audit(struct ctl *c, int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(struct ctl *c, int argc, char **argv);
		unsigned long long not_for;
	} verbs[] = {
		{"verify", verify, SHOWING},
		{"show", show, OPTION_BIT(HEAD)},
		{"follow", follow, OPTION_BIT(HEAD)},
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[0], verbs[i].word) != 0)
			continue;
		for (int o = 0; o < OPTION_COUNT; o++)
			if (c->option[o] && verbs[i].not_for >> o & 1)
				return ctl_usage_error(c, "`audit %s` does not take that option",
						       argv[0]);
		return verbs[i].run(c, argc - 1, argv + 1);
	}
	return ctl_usage_error(c, "'%s' is none of verify, show, follow", argv[0]);
}
