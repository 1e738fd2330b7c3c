/* SPDX-License-Identifier: Apache-2.0 */
/* The writing thread: that it keeps up with many. */
#include "../../user/daemon/audit_writer.h"
#include "../../user/daemon/clock.h"
#include "audit_rig.h"

#include <unistd.h>

static struct stats stats;

TestSuite(audit_writer, .init = tempdir_make, .fini = tempdir_remove);

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
	static struct config config;
	struct audit_writer *w;
	const unsigned piece = AUDIT_WAIT_MAX * 3 / 4;
	struct audit_record r = a_record(0);
	unsigned n = 1;

	snprintf(config.audit.file, sizeof(config.audit.file), "%s", in_tempdir("a.jsonl"));
	config.audit.size = 64 << 20;
	w = audit_writer_new(&config, &stats);
	cr_assert_not_null(w);
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
