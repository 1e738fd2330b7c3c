/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of tampering with an audit log is found, where it was done; what happens by itself is none. */
#include "../../user/ctl/audit_verify.h"
#include "audit_rig.h"

#include <jansson.h>

TestSuite(audit_verify, .init = tempdir_make, .fini = tempdir_remove);

static struct audit_verify v;

/* The log at a.jsonl. */
static bool sound(const char *head)
{
	struct audit_text t;
	struct audit_log *log;
	struct err e;
	int r;

	log = audit_log_open(in_tempdir("a.jsonl"), &e);
	cr_assert_not_null(log, "%s", e.text);
	audit_verify_free(&v);
	audit_verify_begin(&v, head);
	while ((r = audit_log_next(log, &t, &e)) == 1 && audit_verify_line(&v, &t))
		;
	cr_assert_geq(r, 0, "%s", e.text);
	audit_log_close(log);
	return audit_verify_end(&v);
}

static void broken_at(const char *file, uint64_t line, const char *why)
{
	cr_assert(!sound(NULL));
	cr_assert_str_eq(v.file, in_tempdir(file));
	cr_assert_eq(v.number, line, "line %u: %s", (unsigned)v.number, v.why);
	cr_assert_not_null(strstr(v.why, why), "%s", v.why);
}

/* Lines of the log, apart, without LFs. */
struct lines {
	char *text, *at[64];
	size_t n;
};

static void take_lines(struct lines *l)
{
	size_t len;

	l->text = read_whole(in_tempdir("a.jsonl"), &len);
	l->n = 0;
	for (char *p = strtok(l->text, "\n"); p; p = strtok(NULL, "\n"))
		l->at[l->n++] = p;
}

static void put_lines(struct lines *l)
{
	FILE *f = fopen(in_tempdir("a.jsonl"), "w");

	for (size_t i = 0; i < l->n; i++)
		fprintf(f, "%s\n", l->at[i]);
	fclose(f);
	free(l->text);
}

static void drop_line(struct lines *l, size_t i)
{
	memmove(&l->at[i], &l->at[i + 1], (l->n - i - 1) * sizeof(l->at[0]));
	l->n--;
}

static void insert_line(struct lines *l, size_t i, char *line)
{
	memmove(&l->at[i + 1], &l->at[i], (l->n - i) * sizeof(l->at[0]));
	l->at[i] = line;
	l->n++;
}

Test(audit_verify, what_was_written_is_sound)
{
	make_log(in_tempdir("a.jsonl"), 5);
	cr_assert(sound(NULL), "%s", v.why);
	cr_assert_eq(v.records, 5u);
	cr_assert_eq(v.first, 1u);
	cr_assert_eq(v.chain.seq, 5u);
	cr_assert_str_eq(v.since, "2026-09-21T14:13:20.123Z");
	cr_assert_str_eq(v.until, "2026-09-21T14:13:20.127Z");
}

/* One digit of each line in turn. */
Test(audit_verify, a_changed_byte)
{
	for (size_t i = 0; i < 5; i++) {
		struct lines l;

		make_log(in_tempdir("a.jsonl"), 5);
		take_lines(&l);
		*strstr(l.at[i], "\"uid\":1") = '\'';
		put_lines(&l);
		broken_at("a.jsonl", i + 1, "");
		take_lines(&l);
		*strstr(l.at[i], "'uid") = '"';
		strstr(l.at[i], "\"uid\":1")[6] = '2';
		put_lines(&l);
		broken_at("a.jsonl", i + 1, "it was changed");
		unlink(in_tempdir("a.jsonl"));
	}
}

/* Whoever changes a line and writes its hash anew has to do so with all behind it. */
Test(audit_verify, a_line_written_anew)
{
	struct audit_line_facts facts = {.host = "h"};
	struct audit_chain c;
	struct audit_record r = a_record(7);
	struct lines l;
	struct buf out;

	make_log(in_tempdir("a.jsonl"), 5);
	take_lines(&l);
	cr_assert_eq(audit_line_check(l.at[1], strlen(l.at[1]), &c), 1);
	buf_init(&out, AUDIT_LINE_MAX);
	cr_assert_eq(audit_line(&c, &r, &facts, &out), 0);
	out.data[out.tail - 1] = 0;
	l.at[2] = (char *)buf_bytes(&out);
	put_lines(&l);
	buf_free(&out);
	broken_at("a.jsonl", 4, "does not follow");
}

Test(audit_verify, lines_dropped_swapped_doubled)
{
	struct lines l;
	char *first;

	make_log(in_tempdir("a.jsonl"), 6);
	take_lines(&l);
	drop_line(&l, 2);
	drop_line(&l, 2);
	put_lines(&l);
	broken_at("a.jsonl", 3, "2 records are missing");
	unlink(in_tempdir("a.jsonl"));
	make_log(in_tempdir("a.jsonl"), 6);
	take_lines(&l);
	first = l.at[3];
	l.at[3] = l.at[4];
	l.at[4] = first;
	put_lines(&l);
	broken_at("a.jsonl", 4, "1 records are missing");
	unlink(in_tempdir("a.jsonl"));
	make_log(in_tempdir("a.jsonl"), 6);
	take_lines(&l);
	insert_line(&l, 4, l.at[1]);
	put_lines(&l);
	broken_at("a.jsonl", 5, "moved here, or put in");
}

Test(audit_verify, lines_put_in)
{
	static char *const texts[] = {"rubbish", "{\"v\":1}", "{\"v\":1,\"seq\":3,\"hash\":\"0\"}",
				      "\f"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (size_t at = 0; at <= 4; at++) {
			struct lines l;

			make_log(in_tempdir("a.jsonl"), 4);
			take_lines(&l);
			insert_line(&l, at, texts[i]);
			put_lines(&l);
			broken_at("a.jsonl", at + 1, "");
			unlink(in_tempdir("a.jsonl"));
		}
	}
}

/* The beginning may be taken away, which is what keeping some files alone comes to; it is said. */
Test(audit_verify, older_files_may_go)
{
	struct lines l;

	make_log(in_tempdir("a.jsonl"), 5);
	take_lines(&l);
	drop_line(&l, 0);
	put_lines(&l);
	cr_assert(sound(NULL));
	cr_assert_eq(v.first, 2u);
	cr_assert_eq(v.records, 4u);
}

Test(audit_verify, a_cut_end_takes_a_head)
{
	char head[AUDIT_HASH_LEN + 1];
	struct lines l;

	make_log(in_tempdir("a.jsonl"), 5);
	cr_assert(sound(NULL));
	memcpy(head, v.chain.head, sizeof(head));
	make_log(in_tempdir("a.jsonl"), 2);
	cr_assert(sound(head), "it went on since");
	take_lines(&l);
	l.n = 4;
	put_lines(&l);
	cr_assert(sound(NULL));
	cr_assert(!sound(head));
	cr_assert_not_null(strstr(v.why, "does not lead through"));
}

Test(audit_verify, a_log_written_anew_takes_a_head)
{
	char head[AUDIT_HASH_LEN + 1];
	struct audit_file *f;

	make_log(in_tempdir("a.jsonl"), 5);
	cr_assert(sound(NULL));
	memcpy(head, v.chain.head, sizeof(head));
	unlink(in_tempdir("a.jsonl"));
	f = a_file(in_tempdir("a.jsonl"), 1 << 20, 4);
	write_records(f, 30, 5);
	audit_file_free(f);
	cr_assert(sound(NULL));
	cr_assert(!sound(head));
}

Test(audit_verify, files_of_a_log_are_one_chain)
{
	struct audit_file *f = a_file(in_tempdir("a.jsonl"), 1000, 20);
	char **names;
	struct err e;
	ssize_t n;

	write_records(f, 0, 20);
	audit_file_free(f);
	cr_assert(sound(NULL), "%s", v.why);
	cr_assert_eq(v.records, 20u);
	n = audit_files(in_tempdir("a.jsonl"), &names, &e);
	cr_assert_geq(n, 4);
	unlink(names[2]);
	cr_assert(!sound(NULL));
	cr_assert_str_eq(v.file, names[3]);
	cr_assert_eq(v.number, 1u);
	cr_assert_not_null(strstr(v.why, "missing"));
	audit_files_free(names, (size_t)n);
}

/* ---- torn lines */

static void tear(const char *text)
{
	make_log(in_tempdir("a.jsonl"), 3);
	append_text(in_tempdir("a.jsonl"), text);
}

Test(audit_verify, an_end_that_is_being_written)
{
	tear("{\"v\":1,\"seq\":4");
	cr_assert(sound(NULL));
	cr_assert(v.open_end);
	cr_assert_eq(v.records, 3u);
}

Test(audit_verify, a_torn_line_that_is_told_of)
{
	static const char *const texts[] = {"{\"v\":1,\"seq\":4", "x\ny", "\n\n", "x\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		tear(texts[i]);
		make_log(in_tempdir("a.jsonl"), 2);
		cr_assert(sound(NULL), "%zu: line %u: %s", i, (unsigned)v.number, v.why);
		cr_assert_eq(v.torn, 1u);
		cr_assert_eq(v.records, 6u);
		cr_assert(!v.open_end);
		unlink(in_tempdir("a.jsonl"));
	}
}

Test(audit_verify, what_was_torn_cannot_be_changed_either)
{
	struct lines l;

	tear("{\"v\":1,\"seq\":4");
	make_log(in_tempdir("a.jsonl"), 2);
	take_lines(&l);
	l.at[3][2] = 'w';
	put_lines(&l);
	broken_at("a.jsonl", 5, "tells of a torn line");
	take_lines(&l);
	drop_line(&l, 3);
	put_lines(&l);
	broken_at("a.jsonl", 4, "tells of a torn line");
}

Test(audit_verify, lost_records_are_summed_up)
{
	struct audit_file *f = a_file(in_tempdir("a.jsonl"), 1 << 20, 4);
	struct audit_record r = a_record(1);
	struct err e;

	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(audit_file_append(f, &r, 1, i, &e), 1u);
	audit_file_free(f);
	cr_assert(sound(NULL));
	cr_assert_eq(v.lost, 3u);
}

/* ---- reading while it is written */

static const char *next_seq(struct audit_log *log)
{
	static char text[32];
	struct audit_text t;
	struct err e;
	int r = audit_log_next(log, &t, &e);

	cr_assert_geq(r, 0, "%s", e.text);
	strcpy(text, "");
	if (r)
		sscanf(t.text, "{\"v\":1,\"seq\":%30[0-9]", text);
	return text;
}

Test(audit_verify, following_goes_over_files)
{
	struct audit_file *f = a_file(in_tempdir("a.jsonl"), 1000, 20);
	struct audit_log *log;
	char want[32];
	struct err e;

	write_records(f, 0, 2);
	log = audit_log_follow(in_tempdir("a.jsonl"), &e);
	cr_assert_not_null(log, "%s", e.text);
	cr_assert_str_eq(next_seq(log), "");
	for (unsigned seq = 3; seq < 40; seq += 13) {
		write_records(f, 0, 13);
		cr_assert_eq(audit_log_wait(log, &e), 0);
		for (unsigned i = seq; i < seq + 13; i++) {
			snprintf(want, sizeof(want), "%u", i);
			cr_assert_str_eq(next_seq(log), want);
		}
		cr_assert_str_eq(next_seq(log), "");
	}
	audit_log_close(log);
	audit_file_free(f);
}

Test(audit_verify, following_waits_for_the_whole_line)
{
	struct audit_log *log;
	struct lines l;
	struct err e;

	make_log(in_tempdir("b.jsonl"), 1);
	rename(in_tempdir("b.jsonl"), in_tempdir("a.jsonl"));
	take_lines(&l);
	write_whole(in_tempdir("a.jsonl"), "", 0);
	log = audit_log_follow(in_tempdir("a.jsonl"), &e);
	for (const char *p = l.at[0]; *p; p++) {
		char one[2] = {*p, 0};

		append_text(in_tempdir("a.jsonl"), one);
		cr_assert_str_eq(next_seq(log), "");
	}
	append_text(in_tempdir("a.jsonl"), "\n");
	cr_assert_str_eq(next_seq(log), "1");
	cr_assert_str_eq(next_seq(log), "");
	free(l.text);
	audit_log_close(log);
}
