/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_verify.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TORN_MAX ((size_t)64 << 20) /* a batch of lines is no larger */

void audit_verify_begin(struct audit_verify *v, const char *wanted)
{
	*v = (struct audit_verify){.wanted = wanted};
	audit_chain_begin(&v->chain);
	buf_init(&v->torn_bytes, TORN_MAX);
}

void audit_verify_free(struct audit_verify *v)
{
	buf_free(&v->torn_bytes);
}

__attribute__((format(printf, 4, 5))) static bool break_at(struct audit_verify *v, const char *file,
							   uint64_t number, const char *format, ...)
{
	va_list args;

	v->broken = true;
	v->number = number;
	snprintf(v->file, sizeof(v->file), "%s", file);
	va_start(args, format);
	vsnprintf(v->why, sizeof(v->why), format, args);
	va_end(args);
	return false;
}

static bool break_torn(struct audit_verify *v)
{
	return break_at(v, v->torn_file, v->torn_number, "%s", v->torn_why);
}

/* What it is instead of a record, as far as can be told. */
static const char *what_is_wrong(const struct audit_text *t)
{
	json_t *j = json_loadb(t->text, t->len, 0, NULL);
	bool record = json_is_string(json_object_get(j, "hash")) &&
		      json_is_integer(json_object_get(j, "seq"));

	json_decref(j);
	return record	  ? "it was changed: its hash is not that of its bytes"
	       : t->whole ? "it is no record, and none behind it says that it was torn"
			  : "it is no whole record, and there are files behind it";
}

/* Kept until a record says what it is. */
static bool take_torn(struct audit_verify *v, const struct audit_text *t)
{
	if (!buf_len(&v->torn_bytes)) {
		snprintf(v->torn_file, sizeof(v->torn_file), "%s", t->file);
		v->torn_number = t->number;
		v->torn_why = what_is_wrong(t);
	}
	if (buf_append(&v->torn_bytes, t->text, t->len) < 0 ||
	    (t->whole && buf_puts(&v->torn_bytes, "\n") < 0))
		return break_torn(v);
	v->open_end = !t->whole;
	return true;
}

/* The record `torn` closes what stands before it with an LF of its own. */
static bool tells_of(const struct audit_verify *v, const json_t *record)
{
	size_t len = buf_len(&v->torn_bytes);
	const char *said = json_string_value(json_object_get(record, "sha256"));
	char hash[AUDIT_HASH_LEN + 1];

	if (!len || !said ||
	    json_integer_value(json_object_get(record, "bytes")) != (json_int_t)len - 1)
		return false;
	return audit_hash(buf_bytes(&v->torn_bytes), len - 1, hash) == 0 && strcmp(hash, said) == 0;
}

static bool judge_torn(struct audit_verify *v, const struct audit_text *t, const json_t *record)
{
	const char *event = json_string_value(json_object_get(record, "event"));
	bool says = event && strcmp(event, "torn") == 0;

	if (!says && !buf_len(&v->torn_bytes))
		return true;
	if (!says)
		return break_torn(v);
	if (!tells_of(v, record))
		return break_at(v, t->file, t->number,
				"it tells of a torn line, and what stands before it is another");
	v->torn++;
	buf_clear(&v->torn_bytes);
	v->open_end = false;
	return true;
}

/* Its place behind the one before it. */
static bool judge_place(struct audit_verify *v, const struct audit_text *t,
			const struct audit_chain *here, const char *prev)
{
	if (!v->records && here->seq > 1) {
		v->first = here->seq; /* older files were taken away, as `keep` has it */
		return true;
	}
	if (!v->records)
		v->first = here->seq;
	if (here->seq <= v->chain.seq)
		return break_at(v, t->file, t->number,
				"its number is %" PRIu64 ", and the record before it has %" PRIu64
				" already: it was moved here, or put in",
				here->seq, v->chain.seq);
	if (here->seq > v->chain.seq + 1)
		return break_at(v, t->file, t->number, "%" PRIu64 " records are missing before it",
				here->seq - v->chain.seq - 1);
	if (strcmp(prev, v->chain.head) != 0)
		return break_at(
			v, t->file, t->number,
			"it does not follow the record before it: one of them is another's");
	return true;
}

static void take_facts(struct audit_verify *v, const json_t *record)
{
	const char *time = json_string_value(json_object_get(record, "time"));

	v->lost += (uint64_t)json_integer_value(json_object_get(record, "lost"));
	if (!time)
		return;
	if (!*v->since)
		snprintf(v->since, sizeof(v->since), "%s", time);
	snprintf(v->until, sizeof(v->until), "%s", time);
}

static bool take_record(struct audit_verify *v, const struct audit_text *t,
			const struct audit_chain *here)
{
	json_t *record = json_loadb(t->text, t->len, 0, NULL);
	const char *prev = json_string_value(json_object_get(record, "prev"));
	bool good = prev ? judge_torn(v, t, record) && judge_place(v, t, here, prev)
			 : break_at(v, t->file, t->number, "it is no record");

	if (good) {
		take_facts(v, record);
		v->records++;
		v->chain = *here;
		v->wanted_found |= v->wanted && strcasecmp(v->wanted, here->head) == 0;
	}
	json_decref(record);
	return good;
}

bool audit_verify_line(struct audit_verify *v, const struct audit_text *t)
{
	struct audit_chain here;

	if (v->broken)
		return false;
	if (t->whole && audit_line_check(t->text, t->len, &here) == 1)
		return take_record(v, t, &here);
	return take_torn(v, t);
}

bool audit_verify_end(struct audit_verify *v)
{
	if (v->broken)
		return false;
	/* A line that is being written has no end yet. One whole line that is no record is none such. */
	if (buf_len(&v->torn_bytes) &&
	    (!v->open_end || memchr(buf_bytes(&v->torn_bytes), '\n', buf_len(&v->torn_bytes))))
		return break_torn(v);
	if (!v->wanted || v->wanted_found)
		return true;
	return break_at(v, "", 0,
			"the chain does not lead through this head: the log was written anew, or "
			"cut off before it");
}
