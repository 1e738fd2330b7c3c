/* SPDX-License-Identifier: Apache-2.0 */
/* The writing thread: that it keeps up with many, and loses none out of turn. */
#include "../../user/daemon/audit_writer.h"
#include "../../user/daemon/clock.h"
#include "audit_rig.h"

#include <unistd.h>

static struct stats stats;

TestSuite(audit_writer, .init = tempdir_make, .fini = tempdir_remove);

static struct audit_writer *a_writer(void)
{
	static struct config config;
	struct audit_writer *w;

	snprintf(config.audit.file, sizeof(config.audit.file), "%s", in_tempdir("a.jsonl"));
	config.audit.size = 64 << 20;
	w = audit_writer_new(&config, &stats);
	cr_assert_not_null(w);
	return w;
}

/* Until so many are written; for less than the second in which the disk has its turn once. */
static void await_records(uint64_t n)
{
	uint64_t until = clock_ms() + 900;

	while (stat_get(&stats.audit_records) < n && clock_ms() < until)
		usleep(1000);
}

/* Those that come after a round are not left waiting for the next sync: by then there would be no room. */
Test(audit_writer, many_do_not_wait_for_the_disk)
{
	struct audit_writer *w;
	const unsigned piece = AUDIT_WAIT_MAX * 3 / 4;
	struct audit_record r = a_record(0);
	unsigned n = 1;

	w = a_writer();
	audit_writer_add(w, &r);
	await_records(1);
	for (int round = 0; round < 3; round++, n += piece) {
		for (unsigned i = 0; i < piece; i++)
			audit_writer_add(w, &r);
		await_records(n + piece);
	}
	audit_writer_close(w);
	cr_expect_eq(stat_get(&stats.audit_lost), 0u);
	cr_expect_eq(stat_get(&stats.audit_records), n);
}

static void add(struct audit_writer *w, unsigned from, unsigned to)
{
	for (; from < to; from++) {
		struct audit_record r = a_record(from);

		audit_writer_add(w, &r);
	}
}

/* What cannot be written waits, before what comes meanwhile; of that the youngest are lost. */
Test(audit_writer, what_was_not_written_keeps_its_place)
{
	struct audit_writer *w;
	char key[32], *text, *at;
	uint64_t until;
	size_t len;

	cr_assert_eq(mkdir(in_tempdir("a.jsonl"), 0700), 0); /* in the way of the file */
	w = a_writer();
	add(w, 0, 1500);
	until = clock_ms() + 10000;
	while (!stat_get(&stats.audit_failures) && clock_ms() < until)
		usleep(1000);
	add(w, 1500, 2500);
	cr_assert_eq(rmdir(in_tempdir("a.jsonl")), 0);
	audit_writer_close(w);
	cr_expect_eq(stat_get(&stats.audit_lost), 2500u - AUDIT_WAIT_MAX);
	cr_expect_eq(stat_get(&stats.audit_records), (uint64_t)AUDIT_WAIT_MAX);
	at = text = read_whole(in_tempdir("a.jsonl"), &len);
	for (unsigned n = 0; n < AUDIT_WAIT_MAX; n++, at = strchr(at, '\n') + 1) {
		snprintf(key, sizeof(key), "\"uid\":%u,", 1000 + n);
		cr_assert_not_null(strstr(at, key), "record %u", n);
		cr_assert_lt(strstr(at, key), strchr(at, '\n'), "record %u", n);
	}
	cr_expect_eq(*at, 0);
	free(text);
}
