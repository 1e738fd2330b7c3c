/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_show.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS ((int64_t)86400 * 1000)

/* ---- when */

static int64_t unit_ms(char unit)
{
	return unit == 'm' ? 60000 : unit == 'h' ? 3600000 : unit == 'd' ? DAY_MS : 0;
}

static int parse_ago(const char *text, int64_t now_ms, int64_t *ms)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (n < 1 || n > 1000000 || end == text)
		return -1;
	if (!*end) /* days with today, as for `report` */
		*ms = now_ms - now_ms % DAY_MS - (n - 1) * DAY_MS;
	else if (unit_ms(*end) && !end[1])
		*ms = now_ms - n * unit_ms(*end);
	else
		return -1;
	return 0;
}

/* Of a record's own times, with or without a fraction, too. */
static int parse_time(const char *text, int64_t *ms)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct tm tm = {0};
		const char *rest = strptime(text, formats[i], &tm);
		long fraction = 0;

		if (!rest)
			continue;
		if (*rest == '.' && strspn(rest + 1, "0123456789") == 3) {
			fraction = strtol(rest + 1, NULL, 10);
			rest += 4;
		}
		if (*rest == 'Z')
			rest++;
		if (*rest)
			continue;
		*ms = (int64_t)timegm(&tm) * 1000 + fraction;
		return 0;
	}
	return -1;
}

/* RFC 3339 in UTC, a date, a number of days with today, or 90m, 6h, 7d ago; 0, or -1: it is none of them. */
static int read_time(const char *text, int64_t now_ms, int64_t *ms)
{
	return parse_ago(text, now_ms, ms) == 0 ? 0 : parse_time(text, ms);
}

/* ---- which */

static int take_time(const struct ctl *c, enum option_name which, const char *word, int64_t *ms)
{
	const char *text = c->option[which];

	if (!text || read_time(text, (int64_t)time(NULL) * 1000, ms) == 0)
		return STATUS_DONE;
	return ctl_usage_error(c,
			       "--%s is '%s', and can be a date such as 2026-11-01, a time such as "
			       "2026-11-01T08:30:00Z, or so long ago: 90m, 6h, 7d",
			       word, text);
}

static int take_user(const struct ctl *c, struct audit_filter *f)
{
	const char *text = c->option[OPTION_USER];
	const struct passwd *known;
	char *end;

	if (!text)
		return STATUS_DONE;
	f->by_user = true;
	f->uid = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end)
		return STATUS_DONE;
	known = getpwnam(text);
	if (!known)
		return ctl_usage_error(c, "there is no user '%s' here; a number can be given, too",
				       text);
	f->uid = known->pw_uid;
	return STATUS_DONE;
}

int audit_filter_take(const struct ctl *c, struct audit_filter *f)
{
	*f = (struct audit_filter){.cgroup = c->option[OPTION_CGROUP],
				   .verdict = c->option[OPTION_VERDICT],
				   .type = c->option[OPTION_TYPE],
				   .event = c->option[OPTION_EVENT],
				   .placeholder = c->option[OPTION_PLACEHOLDER]};
	if (take_time(c, OPTION_SINCE, "since", &f->since_ms) != STATUS_DONE ||
	    take_time(c, OPTION_UNTIL, "until", &f->until_ms) != STATUS_DONE)
		return STATUS_USAGE;
	return take_user(c, f);
}

static const char *text_of(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : "";
}

static bool is_in_time(const struct audit_filter *f, const json_t *record)
{
	int64_t ms;

	if (!f->since_ms && !f->until_ms)
		return true;
	if (parse_time(text_of(record, "time"), &ms) < 0)
		return false;
	return (!f->since_ms || ms >= f->since_ms) && (!f->until_ms || ms < f->until_ms);
}

static bool has_placeholder(const json_t *record, const char *placeholder)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(record, "placeholders"), i, item)
	{
		if (strcmp(json_string_value(item) ? json_string_value(item) : "", placeholder) ==
		    0)
			return true;
	}
	return false;
}

bool audit_filter_wants(const struct audit_filter *f, const json_t *record)
{
	const json_t *uid = json_object_get(record, "uid");

	return is_in_time(f, record) &&
	       (!f->by_user ||
		(json_is_integer(uid) && (uint64_t)json_integer_value(uid) == f->uid)) &&
	       (!f->cgroup || strstr(text_of(record, "cgroup"), f->cgroup)) &&
	       (!f->verdict || strcmp(text_of(record, "verdict"), f->verdict) == 0) &&
	       (!f->event || strcmp(text_of(record, "event"), f->event) == 0) &&
	       (!f->type || json_object_get(json_object_get(record, "masked"), f->type) ||
		json_object_get(json_object_get(record, "observed"), f->type)) &&
	       (!f->placeholder || has_placeholder(record, f->placeholder));
}

/* ---- how */

/* What was not written by awsmaskd may hold anything. Returns how many bytes were put. */
static int put_plain(const char *text)
{
	return printf("%s", harmless(text));
}

static void put_column(const char *text, int width)
{
	for (int n = put_plain(*text ? text : "-"); n < width; n++)
		putchar(' ');
	printf("  ");
}

static void put_user(const json_t *record)
{
	const json_t *uid = json_object_get(record, "uid");
	const struct passwd *known =
		json_is_integer(uid) ? getpwuid((uid_t)json_integer_value(uid)) : NULL;
	char number[32] = "";

	if (json_is_integer(uid))
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(uid));
	put_column(known ? known->pw_name : number, 8);
}

/* Parts of the last column, each behind the one before. */
struct parts {
	const char *between;
};

static void next_part(struct parts *p)
{
	printf("%s", p->between);
	p->between = "; ";
}

static void put_words(struct parts *p, const json_t *record)
{
	const char *const keys[] = {"method", "path", "subject", "reason"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *text = text_of(record, keys[i]);

		if (!*text)
			continue;
		if (i == 1 && *text_of(record, "method"))
			putchar(' ');
		else
			next_part(p);
		put_plain(text);
	}
}

static void put_counts(struct parts *p, const char *word, json_t *counts)
{
	const char *key, *between = " ";
	json_t *n;

	if (!json_object_size(counts))
		return;
	next_part(p);
	put_plain(word);
	json_object_foreach(counts, key, n)
	{
		printf("%s", between);
		put_plain(key);
		printf(" %" JSON_INTEGER_FORMAT, json_integer_value(n));
		between = ", ";
	}
}

static void put_number(struct parts *p, const json_t *record, const char *key, const char *word)
{
	const json_t *n = json_object_get(record, key);

	if (!json_is_integer(n) || !json_integer_value(n))
		return;
	next_part(p);
	printf("%s%" JSON_INTEGER_FORMAT, word, json_integer_value(n));
}

static void put_tokens(struct parts *p, const json_t *record)
{
	const json_t *usage = json_object_get(record, "usage");

	if (!usage)
		return;
	next_part(p);
	printf("%" JSON_INTEGER_FORMAT " tokens in, %" JSON_INTEGER_FORMAT " out",
	       json_integer_value(json_object_get(usage, "input")),
	       json_integer_value(json_object_get(usage, "output")));
}

void audit_show_head(void)
{
	printf("%-24s  %-8s  %-15s  %-9s  %-7s  %-17s  %s\n", "TIME", "USER", "PROGRAM", "EVENT",
	       "VERDICT", "TARGET", "WHAT");
}

void audit_show(json_t *record)
{
	struct parts p = {.between = ""};

	put_column(text_of(record, "time"), 24);
	put_user(record);
	put_column(text_of(record, "comm"), 15);
	put_column(text_of(record, "event"), 9);
	put_column(text_of(record, "verdict"), 7);
	put_column(text_of(record, "target"), 17);
	put_words(&p, record);
	put_number(&p, record, "status", "status ");
	put_counts(&p, "masked", json_object_get(record, "masked"));
	put_counts(&p, "observed", json_object_get(record, "observed"));
	put_number(&p, record, "restored", "restored ");
	put_tokens(&p, record);
	put_number(&p, record, "lost", "records lost before it: ");
	putchar('\n');
}
