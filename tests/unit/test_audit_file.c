/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log on disk: one chain over files, restarts, torn lines and full disks. */
#include "audit_rig.h"

#include <signal.h>
#include <sys/resource.h>

TestSuite(audit_file, .init = tempdir_make, .fini = tempdir_remove);

static size_t lines_in(const uint8_t *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

static size_t lines_of(const char *text)
{
	return lines_in((const uint8_t *)text, strlen(text));
}

static struct audit_chain end_of(const char *path)
{
	struct audit_file *f = a_file(path, 1 << 20, 4);
	struct audit_record r = a_record(99);
	struct audit_chain c;
	struct err e;

	cr_assert_eq(audit_file_append(f, &r, 1, 0, &e), 1u, "%s", e.text);
	c = *audit_file_chain(f);
	audit_file_free(f);
	return c;
}

Test(audit_file, the_chain_goes_on_after_a_restart)
{
	const char *path = in_tempdir("sub/a.jsonl");
	size_t len;
	char *text;

	make_log(path, 3);
	make_log(path, 2);
	text = read_whole(path, &len);
	cr_assert_eq(lines_of(text), 5u);
	cr_assert_not_null(strstr(text, "\"seq\":5,"));
	cr_assert_eq(end_of(path).seq, 6u);
	free(text);
}

Test(audit_file, nobody_else_may_read_it)
{
	struct stat st;

	make_log(in_tempdir("sub/a.jsonl"), 1);
	cr_assert_eq(stat(in_tempdir("sub/a.jsonl"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600u);
	cr_assert_eq(stat(in_tempdir("sub"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0700u);
}

Test(audit_file, two_do_not_write_at_once)
{
	const char *path = in_tempdir("a.jsonl");
	struct audit_file *first = a_file(path, 1 << 20, 4), *second = a_file(path, 1 << 20, 4);
	struct audit_record r = a_record(7);
	struct err e;

	write_records(first, 0, 2);
	cr_assert_eq(audit_file_append(second, &r, 1, 0, &e), 0u);
	cr_assert(audit_file_busy(second));
	audit_file_free(first);
	cr_assert_eq(audit_file_append(second, &r, 1, 0, &e), 1u, "%s", e.text);
	cr_assert(!audit_file_busy(second));
	cr_assert_eq(audit_file_chain(second)->seq, 3u);
	audit_file_free(second);
}

/* Files are named after their first lines, as many are kept as are to be, and none is missing between. */
Test(audit_file, rotates_by_size)
{
	const char *path = in_tempdir("a.jsonl");
	struct audit_file *f = a_file(path, 1000, 3);
	char **names, *text;
	size_t len;
	struct err e;
	ssize_t n;

	write_records(f, 0, 40);
	cr_assert(audit_file_rotated(f));
	cr_assert(!audit_file_rotated(f));
	n = audit_files(path, &names, &e);
	cr_assert_eq(n, 4);
	cr_assert_str_eq(names[3], path);
	for (ssize_t i = 0; i < n; i++) {
		unsigned long long seq;

		text = read_whole(names[i], &len);
		cr_assert_eq(sscanf(text, "{\"v\":1,\"seq\":%llu,", &seq), 1);
		if (i < n - 1)
			cr_assert_eq(strtoull(strrchr(names[i], '.') + 1, NULL, 10), seq, "%s",
				     names[i]);
		free(text);
	}
	audit_files_free(names, (size_t)n);
	audit_file_free(f);
	cr_assert_eq(end_of(path).seq, 41u);
}

/* FILE itself is gone, or empty: older ones say where the chain stands. */
Test(audit_file, goes_on_from_older_files)
{
	const char *path = in_tempdir("a.jsonl");
	struct audit_file *f = a_file(path, 600, 3);

	write_records(f, 0, 7);
	audit_file_free(f);
	write_whole(path, "", 0);
	cr_assert_gt(end_of(path).seq, 5u);
}

Test(audit_file, a_torn_line_stays_and_is_told_of)
{
	const char *path = in_tempdir("a.jsonl");
	size_t len;
	char *text;

	make_log(path, 2);
	append_text(path, "{\"v\":1,\"seq\":3,\"time\":\"20");
	cr_assert_eq(end_of(path).seq, 4u);
	text = read_whole(path, &len);
	cr_assert_not_null(strstr(text, "\n{\"v\":1,\"seq\":3,\"time\":\"20\n{\"v\":1,\"seq\":3,"));
	cr_assert_not_null(strstr(text, "\"event\":\"torn\",\"bytes\":25,\"sha256\":\""));
	cr_assert_eq(lines_of(text), 5u);
	free(text);
}

/* A window is read from the end; what is torn may be larger than that. */
Test(audit_file, much_that_is_torn_is_passed_over)
{
	const char *path = in_tempdir("a.jsonl");
	char *much = malloc(900000);

	make_log(path, 2);
	memset(much, 'x', 899999);
	much[899999] = 0;
	append_text(path, much);
	free(much);
	cr_assert_eq(end_of(path).seq, 4u);
}

/* A file of which a crash left nothing but rubbish. */
Test(audit_file, rubbish_alone_begins_a_chain)
{
	const char *path = in_tempdir("a.jsonl");

	write_whole(path, "rub\0bish\n\n", 10);
	cr_assert_eq(end_of(path).seq, 2u);
}

Test(audit_file, lost_records_are_told_of_once)
{
	const char *path = in_tempdir("a.jsonl");
	struct audit_file *f = a_file(path, 1 << 20, 3);
	struct audit_record r[2] = {a_record(0), a_record(1)};
	char *text, *lf;
	struct err e;
	size_t len;

	cr_assert_eq(audit_file_append(f, r, 2, 17, &e), 2u);
	text = read_whole(path, &len);
	lf = strchr(text, '\n');
	cr_assert_not_null(strstr(text, "\"lost\":17,"));
	cr_assert_null(strstr(lf, "\"lost\""));
	free(text);
	audit_file_free(f);
}

/* The limit on a file's size ends a write in the middle, as a full disk does. */
Test(audit_file, a_write_that_comes_to_no_end_is_gone_on_from)
{
	const char *path = in_tempdir("a.jsonl");
	struct audit_file *f = a_file(path, 1 << 20, 3);
	struct audit_record r[8];
	struct rlimit before, small;
	size_t done, len;
	struct err e;
	char *text;

	for (unsigned i = 0; i < 8; i++)
		r[i] = a_record(i);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){1000, before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	done = audit_file_append(f, r, 8, 0, &e);
	cr_assert(done > 0 && done < 8, "%zu", done);
	cr_assert_gt(lines_in(buf_bytes(audit_file_lines(f)), buf_len(audit_file_lines(f))), 0u);
	cr_assert_eq(audit_file_append(f, r + done, 8 - done, 0, &e), 0u);
	setrlimit(RLIMIT_FSIZE, &before);
	cr_assert_eq(audit_file_append(f, r + done, 8 - done, 0, &e), 8 - done, "%s", e.text);
	cr_assert_eq(audit_file_chain(f)->seq, 9u, "eight, and one that tells of the torn one");
	text = read_whole(path, &len);
	cr_assert_eq(lines_of(text), 10u);
	cr_assert_eq((size_t)(strstr(text, "\"torn\"") != NULL), 1u);
	free(text);
	audit_file_free(f);
}

/* Somebody moves it away: what comes is in a new one, and the chain goes on. */
Test(audit_file, a_file_that_goes_away_is_made_anew)
{
	const char *path = in_tempdir("a.jsonl");
	struct audit_file *f = a_file(path, 1 << 20, 3);
	size_t len;
	char *text;

	write_records(f, 0, 2);
	cr_assert_eq(rename(path, in_tempdir("moved")), 0);
	write_records(f, 2, 1);
	text = read_whole(path, &len);
	cr_assert_eq(strncmp(text, "{\"v\":1,\"seq\":3,", 15), 0);
	free(text);
	audit_file_free(f);
}

Test(audit_file, other_files_beside_it_are_none_of_it)
{
	char **names;
	struct err e;

	make_log(in_tempdir("a.jsonl"), 1);
	write_whole(in_tempdir("a.jsonl.1"), "", 0);
	write_whole(in_tempdir("a.jsonl.000000000001.gz"), "", 0);
	write_whole(in_tempdir("b.jsonl.000000000001"), "", 0);
	write_whole(in_tempdir("a.jsonl.000000000002"), "", 0);
	cr_assert_eq(audit_files(in_tempdir("a.jsonl"), &names, &e), 2);
	cr_assert_str_eq(names[0], in_tempdir("a.jsonl.000000000002"));
	audit_files_free(names, 2);
}
